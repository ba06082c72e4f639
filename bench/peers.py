"""Frameworks of Python as contestants of lazuli-bench: one to a process, named on the command line.

    peers.py NumPy|numexpr|torch|torch.compile|JAX|MLX|tinygrad FILE

Answers the requests of bench/protocol.h; the cases are in bench/frameworks. A framework takes the operands once, into memory of its own, and is timed by the
call, results ready; where it can write into memory that exists already, it does.
"""

import importlib
import os
import sys
import time

import numpy as np

DTYPES = {"float32": np.float32, "float64": np.float64, "bfloat16": np.uint16, "int8": np.int8, "uint8": np.uint8, "int32": np.int32, "int64": np.int64}


class Place:
    def __init__(self, text):
        _, self.name, self.type, dims, offset = text.split(":")
        self.dims = [] if dims == "-" else [int(d) for d in dims.split("x")]
        self.offset = int(offset)

    def array(self, shared):
        dtype = np.dtype(DTYPES[self.type])
        count = int(np.prod(self.dims, dtype=np.int64))
        return shared[self.offset : self.offset + count * dtype.itemsize].view(dtype).reshape(self.dims)


class Job:
    def __init__(self, words):
        self.name, self.size = words[:2]
        self.cold = self.name.startswith("latency/cold_")  # compiled anew for every run
        settings = dict(w.split("=", 1) for w in words[2:] if "=" in w)
        self.threads, self.copies = int(settings["threads"]), int(settings["copies"])
        self.inputs = [Place(w) for w in words if w.startswith("in:")]
        self.outputs = [Place(w) for w in words if w.startswith("out:")]


# Where each class is, so that a process loads its own framework only.
FRAMEWORKS = {
    "NumPy": ("arrays", "NumPy"),
    "numexpr": ("arrays", "NumExpr"),
    "torch": ("pytorch", "Torch"),
    "torch.compile": ("pytorch", "TorchCompile"),
    "JAX": ("jax", "Jax"),
    "MLX": ("mlx", "Mlx"),
    "tinygrad": ("tinygrad", "Tinygrad"),
}


def framework(name):
    module, kind = FRAMEWORKS[name]
    return getattr(importlib.import_module("frameworks." + module), kind)()


class Contestant:
    def __init__(self, framework, shared):
        self.framework, self.shared = framework, shared
        self.forget()

    def forget(self):
        self.job = self.run = None
        self.operands, self.value = [], None

    def answer(self, words):
        verb, rest = words[0], words[1:]
        if verb == "version":
            return self.framework.version
        if verb == "prepare":
            self.forget()
            job = Job(rest)
            run = self.framework.function(job)
            if run is None:
                return "skip"
            self.job, self.run = job, run
            def take():
                return [self.framework.take(p.array(self.shared), p) for p in job.inputs]

            self.operands = [take() for _ in range(job.copies)]
            for _ in range(3):  # compilers measure and specialise in the first calls
                run(*self.operands[0])
            self.operands[0] = take()  # some work in place
            return "ready call"
        if verb == "publish":
            values = self.run(*self.operands[0])
            for place, value in zip(self.job.outputs, values if isinstance(values, (tuple, list)) else [values], strict=True):
                place.array(self.shared)[...] = self.framework.give(value)
            return "done"
        if verb == "run":
            turn, untimed, repeats = int(rest[1]), int(rest[2]), int(rest[3])
            run, operands, copies = self.run, self.operands, self.job.copies
            for r in range(turn, turn + untimed):
                self.value = run(*operands[r % copies])
            turn += untimed
            start = time.perf_counter_ns()
            for r in range(turn, turn + repeats):
                self.value = run(*operands[r % copies])
            return str(time.perf_counter_ns() - start)
        if verb == "forget":
            self.forget()
            return "done"
        raise ValueError("unknown request " + verb)


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in FRAMEWORKS:
        print(__doc__, file=sys.stderr)
        return 2
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what frameworks print is no answer
    shared = np.memmap(sys.argv[2], dtype=np.uint8, mode="r+")
    contestant = Contestant(framework(sys.argv[1]), shared)
    for line in sys.stdin:
        try:
            text = contestant.answer(line.split())
        except Exception as e:  # told to the coordinator, which goes on without this one
            text = "error " + " ".join(f"{type(e).__name__}: {e}".split())
        print(text, file=answers, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
