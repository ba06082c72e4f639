#!/usr/bin/env python3
"""Records what NumPy gives for the random programs of tests/views (its program.h says what they are).

Usage: build/peers/bin/python scripts/record-view-programs.py [--count N] [--tool build/dev/bin/lazuli-view-programs]
       ... --show SEED      prints every variable after every statement instead

Writes tests/data/view_programs.txt: one digest per seed, from 0. The tests replay the programs with Lazuli.
"""
import argparse
import pathlib
import subprocess

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
TYPES = {"f32": np.float32, "i32": np.int32, "f64": np.float64, "i64": np.int64, "u8": np.uint8,
         "f16": np.float16, "i16": np.int16, "i8": np.int8, "b": np.bool_}
NAN = {2: 0x7E00, 4: 0x7FC00000, 8: 0x7FF8000000000000}
MASK = (1 << 64) - 1


def mixed(x):
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def mixed_array(x):
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def category(dtype):
    return {"b": 0, "i": 1, "u": 1, "f": 2}[np.dtype(dtype).kind]


def promoted(a, b):
    """The type that two arrays are computed in: of 0-d arrays beside others the category alone counts."""
    x, y = a.dtype, b.dtype
    if (a.ndim == 0) != (b.ndim == 0):
        big, small = (x, y) if b.ndim == 0 else (y, x)
        if category(small) <= category(big):
            return big
        return small
    if x == y:
        return x
    if category(x) != category(y):
        return x if category(x) > category(y) else y
    return np.promote_types(x, y)


def cast(a, to):
    to = np.dtype(to)
    if a.dtype == to:
        return a.copy()
    if category(to) == 0:
        return a != 0
    if category(a.dtype) == 2 and category(to) == 1:  # towards zero, as far as the type goes; NaN is 0
        info = np.iinfo(to)
        x = np.nan_to_num(np.trunc(a.astype(np.float64)), nan=0.0, posinf=np.inf, neginf=-np.inf)
        low, high = x <= float(info.min), x >= float(info.max)
        inside = np.where(low | high, 0.0, x).astype(np.int64).astype(to)
        return np.where(low, to.type(info.min), np.where(high, to.type(info.max), inside)).astype(to)
    return a.astype(to)


def dims(text):
    return () if text == "-" else tuple(int(n) for n in text.split(","))


class Machine:
    def __init__(self):
        self.variables, self.bases, self.digest = {}, {}, 0

    def number(self, v, text):
        n = int(text)
        return v.dtype.type(n / 2 if v.dtype.kind == "f" else n)

    def owner(self, v):
        while v.base is not None:
            v = v.base
        return v

    def base(self, name):
        return self.bases[name]

    def store(self, name, value, row=None):
        """All writes: NaN has one pattern in what is written, and anywhere in an array that was made of floats."""
        v, base = self.variables[name], self.base(name)
        if row is not None:
            v = v[row, ...]
        assert v.flags.writeable or v.size == 0
        if v.size:
            value = np.broadcast_to(value, v.shape).copy()
            if v.dtype.kind == "f":
                value = np.where(np.isnan(value), np.array(NAN[v.dtype.itemsize], f"u{v.dtype.itemsize}").view(v.dtype),
                                 value).astype(v.dtype)
            v[...] = value
        if base.dtype.kind == "f":
            bits = base.view(f"u{base.dtype.itemsize}")
            bits[np.isnan(base)] = NAN[base.dtype.itemsize]
        if base.dtype.kind == "b":
            base[...] = base.view(np.uint8) != 0

    def run(self, line):
        w = line.split()
        if len(w) > 2 and w[1] == "=":
            return self.define(w[0], w[2], w[3:])
        op, name = w[0], w[1]
        v = self.variables[name]
        if op == "print":
            self.observe(v)
        elif op in ("eval", "escape", "refuse"):
            pass
        elif op == "drop":
            del self.variables[name]
        elif op == "unsqueeze_":
            self.variables[name] = np.expand_dims(v, int(w[2]))
        elif op == "squeeze_":
            self.variables[name] = np.squeeze(v, int(w[2]))
        elif op == "transpose_":
            self.variables[name] = np.swapaxes(v, int(w[2]), int(w[3]))
        elif op == "as_strided_":
            self.variables[name] = self.strided(name, dims(w[2]), dims(w[3]), int(w[4]))
        else:
            self.write(op, name, v, w)

    def write(self, op, name, v, w):
        if op == "fill":
            return self.store(name, self.number(v, w[2]))
        if op in ("iadds", "isubs", "imuls"):
            return self.store(name, self.compute(op[1:-1], v, np.array(self.number(v, w[2]))))
        if op in ("put", "puts"):
            row = cast(self.variables[w[3]], v.dtype) if op == "put" else self.number(v, w[3])
            return self.store(name, row, int(w[2]))
        if op == "mfill":
            return self.store(name, np.where(self.variables[w[2]], self.number(v, w[3]), v))
        x = self.variables[w[2]]
        if op == "copy":
            if w[2] == name:
                return None
            return self.store(name, cast(x, v.dtype))
        if op.endswith("_out"):
            return self.store(name, cast(self.compute(op[:-4], x, self.variables[w[3]]), v.dtype))
        self.store(name, cast(self.compute(op[1:], v, x), v.dtype))

    def compute(self, op, x, y):
        t = promoted(x, y)
        if op == "div" and category(t) < 2:
            t = np.dtype(np.float32)
        x, y = cast(x, t), cast(y, t)
        f = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "and": np.bitwise_and,
             "or": np.bitwise_or, "xor": np.bitwise_xor}[op]
        return np.asarray(f(x, y), t)

    def strided(self, name, shape, strides, offset):
        flat = self.base(name).reshape(-1)
        dtype = self.variables[name].dtype
        if flat.dtype != dtype:
            size = flat.nbytes // dtype.itemsize
            flat = flat.view(np.uint8)[:size * dtype.itemsize].view(dtype)
        return np.lib.stride_tricks.as_strided(flat[offset:], shape, [s * dtype.itemsize for s in strides])

    def define(self, name, op, w):
        if op == "new":
            t, shape, seed = np.dtype(TYPES[w[0]]), dims(w[1]), int(w[2])
            n = int(np.prod(shape, dtype=np.int64))
            values = []
            for i in range(n):
                k = (mixed((seed * 1000003 + i) & MASK) >> 40) % 17
                v = k % 2 if w[0] == "b" else k if w[0] == "u8" else k - 8
                values.append(v / 2 if t.kind == "f" else v)
            return self.fresh(name, np.array(values, t).reshape(shape))
        x = self.variables[w[0]]
        view = None
        if op == "slice":
            d, start, stop, step = map(int, w[1:])
            view = x[(slice(None),) * d + (slice(start, stop, step),)]
        elif op == "select":
            d, i = map(int, w[1:])
            view = x[(slice(None),) * d + (i, Ellipsis)]
        elif op == "permute":
            view = x.transpose(dims(w[1]))
        elif op == "unsqueeze":
            view = np.expand_dims(x, int(w[1]))
        elif op == "expand":
            shape = dims(w[1])
            extra = len(shape) - x.ndim
            strides = [0] * extra + [0 if n != x.shape[i] else x.strides[i] for i, n in enumerate(shape[extra:])]
            view = np.lib.stride_tricks.as_strided(x, shape, strides)
        elif op == "view":
            view = x.reshape(dims(w[1]))
            assert np.shares_memory(view, x)
        elif op == "diagonal":
            view = x.diagonal(*map(int, w[1:]))
            view.flags.writeable = True
        elif op == "unfold":
            d, size, step = map(int, w[1:])
            shape, strides = list(x.shape), list(x.strides)
            shape[d] = (shape[d] - size) // step + 1
            view = np.lib.stride_tricks.as_strided(x, shape + [size], strides[:d] + [strides[d] * step] +
                                                   strides[d + 1:] + [strides[d]])
        elif op == "as_strided":
            view = self.strided(w[0], dims(w[1]), dims(w[2]), int(w[3]))
        elif op == "bits":
            view = x.view(TYPES[w[1]])
        if view is not None:
            self.bases[name] = self.bases[w[0]]
            self.variables[name] = view
            return
        if op == "clone":
            out = x.copy()
        elif op == "cast":
            out = cast(x, TYPES[w[1]])
        elif op == "flip":
            out = np.flip(x, int(w[1])).copy()
        elif op == "gt":
            out = np.asarray(x > (int(w[1]) / 2 if x.dtype.kind == "f" else int(w[1])))
        elif op == "sum":
            out = np.asarray(x.sum(dtype=np.int64))
        elif op == "cat":
            out = np.concatenate([x, self.variables[w[1]]])
        else:
            out = self.compute(op, x, self.variables[w[1]])
        self.fresh(name, np.array(out, order="C"))

    def fresh(self, name, value):
        value = np.require(value, requirements=["C", "O", "W"])
        self.bases[name], self.variables[name] = value, value
        self.store(name, value.copy())

    def observe(self, v):
        t = v.dtype
        kind = 1 if t == np.uint8 else 2 if t == np.bool_ else t.itemsize * 8 + (t.kind == "f")
        h = mixed(kind)
        for n in v.shape:
            h = mixed(h ^ n)
        x = np.ascontiguousarray(v).reshape(-1)
        if t.kind == "f":
            bits = x.view(f"u{t.itemsize}").astype(np.uint64)
            bits[np.isnan(x)] = NAN[t.itemsize]
        else:
            bits = x.astype(np.int64).view(np.uint64)
        places = mixed_array(np.arange(1, x.size + 1, dtype=np.uint64))
        total = int(mixed_array(bits ^ places).sum(dtype=np.uint64))
        self.digest = mixed(self.digest ^ mixed(h ^ total))

    def finish(self):
        for name in sorted(self.variables):
            self.observe(self.variables[name])
        return self.digest


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--tool", default=str(ROOT / "build/dev/bin/lazuli-view-programs"))
    parser.add_argument("--show", type=int)
    args = parser.parse_args()
    np.seterr(all="ignore")
    first, count = (args.show, 1) if args.show is not None else (0, args.count)
    text = subprocess.run([args.tool, str(first), str(count)], check=True, capture_output=True, text=True).stdout
    digests, machine = [], None
    for line in text.splitlines() + ["program end"]:
        if line.startswith("program "):
            if machine:
                digests.append(machine.finish())
            machine = Machine()
            continue
        machine.run(line)
        if args.show is not None:
            print(line)
            for name, v in sorted(machine.variables.items()):
                sizes = "".join(f"{n}, " for n in v.shape)
                values = "".join("%.17g, " % x for x in v.reshape(-1).astype(np.float64))
                print(f"    {name} {v.dtype} ({sizes}) [{values}]")
    if args.show is not None:
        return print(f"{digests[0]:016x}")
    out = ROOT / "tests/data/view_programs.txt"
    head = (f"# What NumPy {np.__version__} gives for the programs of the seeds 0, 1, 2 ... of tests/views/program.h: a "
            "digest each.\n# Written by scripts/record-view-programs.py.\n")
    out.write_text(head + "".join(f"{d:016x}\n" for d in digests))


if __name__ == "__main__":
    main()
