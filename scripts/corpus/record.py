"""Cases and their text form. tests/corpus/corpus.h describes the format and must read what this writes."""

import numpy as np
import torch

from .differences import refused_otherwise, taken_otherwise

ALL = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64"]
FLOATS = ["float16", "bfloat16", "float32", "float64"]
INTEGERS = ["uint8", "int8", "int16", "int32", "int64"]
NUMBERS = INTEGERS + FLOATS


def dtype_of(name):
    return getattr(torch, name)


def name_of(dtype):
    return str(dtype).removeprefix("torch.")


def random_bits(seed, n):
    """Element i of a counter formula: a function of seed and i alone."""
    with np.errstate(over="ignore"):
        z = (np.uint64(seed) * np.uint64(1000003) + np.arange(n, dtype=np.uint64) + np.uint64(1)) * np.uint64(
            0x9E3779B97F4A7C15
        )
        z ^= z >> np.uint64(30)
        z *= np.uint64(0xBF58476D1CE4E5B9)
        z ^= z >> np.uint64(27)
        z *= np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return z


def filled(fill, dtype, n):
    """n elements of the named fill as a 1-D tensor."""
    kind, _, rest = fill.partition(":")
    t = dtype_of(dtype)
    if kind == "v":
        values = rest.split(",") if rest else []
        if dtype == "bool":
            return torch.tensor([v == "1" for v in values], dtype=t)
        if dtype in INTEGERS:
            return torch.tensor([int(v) for v in values], dtype=t)
        exact = torch.tensor([float(v) for v in values], dtype=torch.float64)
        return exact if dtype == "float64" else exact.float().to(t)
    z = random_bits(int(rest), n)
    signed = dtype not in ("uint8", "bool")
    if kind == "k":  # small whole numbers
        if dtype == "bool":
            return torch.from_numpy((z >> np.uint64(63)).astype(np.int64)).to(t)
        v = (z >> np.uint64(60)).astype(np.int64) - (8 if signed else 0)
        return torch.from_numpy(v).to(t)
    if kind == "u":  # multiples of 1/32 in [-4, 4); bytes for integers
        if dtype == "bool":
            return torch.from_numpy((z >> np.uint64(63)).astype(np.int64)).to(t)
        v = (z >> np.uint64(56)).astype(np.int64) - (128 if signed else 0)
        return torch.from_numpy(v if dtype in INTEGERS else v / 32).to(t)
    if kind == "p":  # positive
        if dtype == "bool":
            return torch.ones(n, dtype=torch.bool)
        if dtype in INTEGERS:
            return torch.from_numpy((z >> np.uint64(60)).astype(np.int64) + 1).to(t)
        return torch.from_numpy(((z >> np.uint64(56)).astype(np.int64) + 1) / 64).to(t)
    assert dtype in FLOATS
    if kind == "q":  # in [-1, 1)
        return torch.from_numpy(((z >> np.uint64(56)).astype(np.int64) - 128) / 128).to(t)
    if kind == "w":  # 24 bits in [-8, 8), floats only
        return torch.from_numpy(((z >> np.uint64(40)).astype(np.int64) - (1 << 23)) / (1 << 20)).float().to(t)
    raise ValueError(fill)


def apply_step(t, step):
    """A view; the same table stands in tests/corpus/corpus.cpp."""
    op, *rest = step.split(":")
    if op == "permute":
        return t.permute([int(d) for d in rest[0].split(",")])
    if op == "expand":
        return t.expand([int(d) for d in rest[0].split(",")])
    if op == "slice":
        dim, start, stop, stride = (int(r) for r in rest)
        return t[(slice(None),) * dim + (slice(start, stop, stride),)]
    if op == "select":
        return t.select(int(rest[0]), int(rest[1]))
    if op == "view":
        return t.view([int(d) for d in rest[0].split(",")])
    raise ValueError(step)


class In:
    """An input: a contiguous base of a dtype, shape and fill, and view steps on it."""

    def __init__(self, dtype, shape, fill="u:1", steps=()):
        self.dtype, self.shape, self.fill, self.steps = dtype, list(shape), fill, list(steps)

    def make(self):
        n = int(np.prod(self.shape, dtype=np.int64))
        t = filled(self.fill, self.dtype, n).reshape(self.shape)
        for step in self.steps:
            t = apply_step(t, step)
        return t

    def line(self):
        return " ".join(["i", self.dtype, shape_text(self.shape), self.fill] + self.steps)


def values_of(dtype, values, shape=None):
    """An input of listed values."""
    if dtype == "bool":
        text = ["1" if v else "0" for v in values]
    else:
        text = [str(v) for v in values]
    return In(dtype, shape if shape is not None else [len(values)], "v:" + ",".join(text))


SPECIAL = [
    "nan",
    "inf",
    "-inf",
    "0.0",
    "-0.0",
    "1.0",
    "-1.0",
    "0.5",
    "-0.5",
    "1.5",
    "2.5",
    "-2.5",
    "0.1",
    "1e-40",
    "3.0e38",
    "-1e-38",
    "1e-5",
    "100.0",
    "1e10",
]
SPECIAL_HALF = [
    "nan",
    "inf",
    "-inf",
    "0.0",
    "-0.0",
    "1.0",
    "-1.0",
    "0.5",
    "-0.5",
    "1.5",
    "2.5",
    "-2.5",
    "0.1",
    "6e-8",
    "65504.0",
    "-6e-5",
    "1e-3",
    "100.0",
]


def special(dtype, extra=()):
    return values_of(dtype, (SPECIAL_HALF if dtype in ("float16", "bfloat16") else SPECIAL) + list(extra))


def extremes(dtype):
    info = torch.iinfo(dtype_of(dtype))
    return values_of(dtype, [info.min, info.max, 0, 1, 2, info.max - 1, info.min + 1, 7, 3])


def laid_out(dtype, shape, fill, layout):
    """An input of this final shape, reached through another layout."""
    shape = list(shape)
    if layout == "contiguous" or not shape:
        return In(dtype, shape, fill)
    if layout == "permuted":
        order = list(range(len(shape)))[::-1]
        return In(dtype, [shape[d] for d in order], fill, ["permute:" + ",".join(map(str, order))])
    if layout == "strided":
        base = shape[:-1] + [2 * shape[-1] + 1]
        return In(dtype, base, fill, [f"slice:{len(shape) - 1}:1:{2 * shape[-1] + 1}:2"])
    if layout == "expanded":
        return In(dtype, [1] + shape[1:], fill, ["expand:" + ",".join(map(str, shape))])
    if layout == "offset":
        return In(dtype, [shape[0] + 2] + shape[1:], fill, [f"slice:0:1:{shape[0] + 1}:1"])
    raise ValueError(layout)


LAYOUTS = ["contiguous", "permuted", "strided", "expanded", "offset"]


class T:
    """An argument that is an input, by its number."""

    def __init__(self, number):
        self.number = number


def shape_text(shape):
    return "x".join(map(str, shape)) if len(shape) else "-"


def arg_text(a):
    if isinstance(a, T):
        return f"t:{a.number}"
    if isinstance(a, bool):
        return f"b:{int(a)}"
    if isinstance(a, int):
        return f"i:{a}"
    if isinstance(a, float):
        return f"f:{a!r}"
    if a is None:
        return "n"
    if a is Ellipsis:
        return "e"
    if isinstance(a, slice):
        return "c:" + ":".join("_" if b is None else str(b) for b in (a.start, a.stop, a.step))
    if isinstance(a, torch.dtype):
        return "d:" + name_of(a)
    if isinstance(a, (list, tuple)):
        return "l:" + ",".join(map(str, a))
    if isinstance(a, str):
        return "s:" + a
    raise TypeError(type(a))


def element_texts(t):
    t = t.detach().contiguous().reshape(-1)
    if t.dtype == torch.bool:
        return ["1" if v else "0" for v in t.tolist()]
    if not t.dtype.is_floating_point:
        return [str(v) for v in t.tolist()]
    if t.dtype == torch.float64:
        texts = [repr(v) for v in t.tolist()]
    else:
        texts = [str(v) for v in t.float().numpy()]
    return [s[:-2] if s.endswith(".0") else s for s in texts]


def runs(texts):
    out, i = [], 0
    while i < len(texts):
        j = i
        while j < len(texts) and texts[j] == texts[i]:
            j += 1
        out.append(texts[i] if j == i + 1 else f"{texts[i]}*{j - i}")
        i = j
    return " ".join(out)


def first_line(e):
    return str(e).split("\n")[0].rstrip()


class Recorder:
    def __init__(self, family):
        self.family, self.count, self.numbers, self.left_out = family, 0, {}, {}
        self.lines = [
            f"# {family}: PyTorch {torch.__version__}, NumPy {np.__version__}. " "Written by scripts/record-corpus.py."
        ]

    def text(self):
        left_out = [f"# {n} left out: {row} (docs/differences.md)" for row, n in sorted(self.left_out.items())]
        return "\n".join(self.lines[:1] + left_out + self.lines[1:]) + "\n"

    def begin(self, op, args, inputs):
        number = self.numbers[op] = self.numbers.get(op, 0) + 1
        self.count += 1
        self.lines.append(" ".join([f"= {op}.{number}"] + [arg_text(a) for a in args]))
        self.lines += [i.line() for i in inputs]

    def case(self, op, inputs, args=(), fn=None, refused=False, magnitude=None):
        """Runs fn(*inputs, *args) (default: torch.<op>) and records its tensors; where `refused`, its error. refused="maybe":
        either; "if": only if it is refused."""
        fn = fn or getattr(torch, op)
        tensors = [i.make() for i in inputs]
        plain = [tensors[a.number] if isinstance(a, T) else a for a in args]
        try:
            result = fn(*tensors, *plain)
        except (RuntimeError, IndexError, TypeError, ValueError, NotImplementedError) as e:
            if not refused:
                raise AssertionError(f"{op} {[i.line() for i in inputs]} {args}: {e}") from e
            row = refused_otherwise(op, inputs, args, first_line(e))
            if row:
                self.left_out[row] = self.left_out.get(row, 0) + 1
                return
            self.begin(op, args, inputs)
            self.lines.append("e " + first_line(e))
            return
        if refused == "if":
            return
        row = taken_otherwise(op, inputs, args)
        if row:
            self.left_out[row] = self.left_out.get(row, 0) + 1
            return
        assert not refused or refused == "maybe", f"{op} {[i.line() for i in inputs]} {args}: not refused"
        self.begin(op, args, inputs)
        if magnitude is not None:
            self.lines.append(f"b {float(magnitude)!r}")
        if isinstance(result, (torch.Tensor, bool)):
            result = [result]
        for r in result:
            if not isinstance(r, torch.Tensor):
                r = torch.tensor(r)
            self.lines.append(f"r {name_of(r.dtype)} {shape_text(r.shape)} {runs(element_texts(r))}".rstrip())

    def printed(self, inputs, args, text, op="print"):
        self.begin(op, args, inputs)
        self.lines.append("p " + text.replace("\\", "\\\\").replace("\n", "\\n"))
