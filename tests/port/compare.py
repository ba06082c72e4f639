"""Runs a program and compares what it prints with a recorded text, line by line; numbers may differ by one in the fifth
digit, which is where they are rounded.

Usage: compare.py PROGRAM EXPECTED
"""

import math
import subprocess
import sys


def same(a, b):
    if a == b:
        return True
    words, others = a.split(), b.split()
    if len(words) != len(others):
        return False
    for x, y in zip(words, others):
        if x == y:
            continue
        try:
            if not math.isclose(float(x), float(y), rel_tol=1.01e-4):
                return False
        except ValueError:
            return False
    return True


def main():
    program, expected = sys.argv[1:]
    run = subprocess.run([program], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        sys.exit(f"{program} ended with {run.returncode}: {run.stderr}")
    got = run.stdout.splitlines()
    with open(expected, encoding="utf-8") as text:
        want = [line.rstrip("\n") for line in text if not line.startswith("#")]
    wrong = 0
    for i in range(max(len(got), len(want))):
        g = got[i] if i < len(got) else "(nothing)"
        w = want[i] if i < len(want) else "(nothing)"
        if not same(g, w):
            print(f"line {i + 1}\n  PyTorch: {w}\n  Lazuli:  {g}")
            wrong += 1
    print(f"{len(want)} lines, {wrong} differ")
    sys.exit(wrong != 0)


if __name__ == "__main__":
    main()
