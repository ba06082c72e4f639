#!/usr/bin/env python3
"""Records what PyTorch gives, for tests that replay it without Python (tests/corpus).

    scripts/setup-peers.sh && build/peers/bin/python scripts/record-corpus.py [family ...]

Writes tests/data/corpus/<family>.txt. The same versions give the same files. The format is described in
tests/corpus/corpus.h; what is left out on purpose, in docs/differences.md.
"""

import importlib
import pathlib
import sys
import warnings

warnings.simplefilter("ignore")
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from corpus.record import Recorder  # noqa: E402

FAMILIES = [
    "unary",
    "binary",
    "promotion",
    "reductions",
    "views",
    "indexing",
    "joins",
    "products",
    "creation",
    "functions",
    "more",
    "forms",
    "surface",
    "gradients",
    "errors",
    "printing",
]


def main():
    import torch

    torch.set_num_threads(1)
    folder = pathlib.Path(__file__).parent.parent / "tests" / "data" / "corpus"
    folder.mkdir(parents=True, exist_ok=True)
    total = 0
    for family in sys.argv[1:] or FAMILIES:
        recorder = Recorder(family)
        importlib.import_module(f"corpus.{family}").record(recorder)
        text = recorder.text()
        (folder / f"{family}.txt").write_text(text)
        print(f"{family:12} {recorder.count:6} cases {len(text) / 1024:8.0f} KiB")
        total += recorder.count
    print(f"{'all':12} {total:6} cases")


if __name__ == "__main__":
    main()
