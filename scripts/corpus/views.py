"""Views: their elements, strides and offsets, and what a write through them does to the base."""

import torch

from .record import ALL, LAYOUTS, In, laid_out

# op -> (shape, arguments) list
VIEWS = {
    "view": [
        ((12,), ([3, 4],)),
        ((12,), ([3, -1],)),
        ((12,), ([-1],)),
        ((3, 4), ([2, 6],)),
        ((3, 4), ([2, 3, 2],)),
        ((2, 3, 4), ([6, 4],)),
        ((2, 3, 4), ([2, 12],)),
        ((1,), ([],)),
        ((), ([1, 1],)),
        ((0, 3), ([3, 0],)),
        ((2, 1, 3), ([2, 3],)),
        ((1, 6), ([2, 3, 1],)),
        ((2, 2, 2, 2), ([4, 1, 4],)),
    ],
    "reshape": [
        ((12,), ([3, 4],)),
        ((12,), ([3, 2, -1],)),
        ((3, 4), ([4, 3],)),
        ((2, 3, 4), ([-1],)),
        ((0, 3), ([0],)),
        ((), ([1],)),
        ((1, 1), ([],)),
        ((2, 2, 3), ([4, 3],)),
    ],
    "flatten": [
        ((2, 3, 4), ()),
        ((2, 3, 4), (1,)),
        ((2, 3, 4), (0, 1)),
        ((2, 3, 4), (-2, -1)),
        ((), ()),
        ((5,), ()),
        ((2, 0, 3), ()),
        ((2, 3, 4), (1, 1)),
    ],
    "unflatten": [((12,), (0, [3, 4])), ((2, 12), (1, [3, -1])), ((6, 2), (-2, [2, 3])), ((2, 6), (1, [1, 6, 1]))],
    "permute": [
        ((2, 3, 4), ([1, 2, 0],)),
        ((2, 3, 4), ([-1, 0, 1],)),
        ((2, 3), ([1, 0],)),
        ((), ([],)),
        ((5,), ([0],)),
        ((2, 1, 3, 2), ([3, 1, 0, 2],)),
        ((1, 2, 2, 1, 3), ([4, 3, 2, 1, 0],)),
        ((2, 0, 3), ([2, 0, 1],)),
    ],
    "transpose": [
        ((2, 3), (0, 1)),
        ((2, 3, 4), (0, 2)),
        ((2, 3, 4), (-1, -2)),
        ((2, 3, 4), (1, 1)),
        ((), (0, -1)),
        ((2, 0), (0, 1)),
    ],
    "movedim": [
        ((2, 3, 4), (0, 2)),
        ((2, 3, 4), (-1, 0)),
        ((2, 3, 4), ([0, 1], [1, 2])),
        ((2, 3, 4, 1), ([3, 0], [0, 3])),
    ],
    "t": [((2, 3), ()), ((4,), ()), ((), ()), ((0, 2), ())],
    "T": [((2, 3), ()), ((2, 3, 4), ())],
    "mT": [((2, 3), ()), ((2, 3, 4), ()), ((2, 2, 0, 3), ())],
    "squeeze": [
        ((1, 3, 1), ()),
        ((2, 3), ()),
        ((1, 1), ()),
        ((), ()),
        ((1, 3, 1), (0,)),
        ((1, 3, 1), (-1,)),
        ((2, 3), (1,)),
        ((), (0,)),
        ((1, 0, 2), ()),
    ],
    "unsqueeze": [
        ((3,), (0,)),
        ((3,), (1,)),
        ((3,), (-1,)),
        ((3,), (-2,)),
        ((2, 3), (1,)),
        ((), (0,)),
        ((), (-1,)),
        ((0,), (1,)),
    ],
    "select": [
        ((3,), (0, 1)),
        ((3, 4), (0, 2)),
        ((3, 4), (1, -1)),
        ((3, 4), (-1, 0)),
        ((2, 3, 4), (1, 1)),
        ((2, 1, 3, 2), (2, -3)),
        ((3, 0), (0, 1)),
    ],
    "slice": [
        ((5,), (0, 1, 4, 1)),
        ((5,), (0, None, None, 2)),
        ((5,), (0, -3, None, 1)),
        ((5,), (0, None, -1, 1)),
        ((5,), (0, 3, 1, 1)),
        ((5,), (0, -100, 100, 3)),
        ((3, 4), (1, 1, 3, 1)),
        ((3, 4), (-1, 0, 4, 3)),
        ((2, 3, 4), (1, 1, None, 1)),
        ((0, 2), (0, 0, 5, 1)),
        ((5,), (0, 5, 9, 1)),
        ((5,), (0, 2, 3, 7)),
    ],
    "narrow": [
        ((5,), (0, 1, 3)),
        ((3, 4), (1, 0, 2)),
        ((3, 4), (-1, 2, 2)),
        ((3, 4), (0, -2, 1)),
        ((3, 4), (0, 3, 0)),
        ((2, 3, 4), (2, 1, 3)),
    ],
    "diagonal": [
        ((3, 4), ()),
        ((4, 3), ()),
        ((3, 3), (1,)),
        ((3, 3), (-1,)),
        ((3, 4), (3,)),
        ((2, 3, 4), (0, 1, 2)),
        ((2, 3, 4), (1, 0, 2)),
        ((2, 3, 3), (0, -2, -1)),
        ((3, 3), (3,)),
        ((2, 3, 4), (-1, 2, 0)),
    ],
    "unfold": [
        ((7,), (0, 3, 2)),
        ((7,), (0, 3, 1)),
        ((3, 5), (1, 2, 2)),
        ((4, 3), (0, 2, 1)),
        ((2, 3, 4), (-1, 4, 1)),
        ((5,), (0, 5, 1)),
    ],
    "as_strided": [
        ((12,), ([3, 4], [4, 1])),
        ((12,), ([3, 4], [1, 3])),
        ((12,), ([2, 2], [6, 2], 1)),
        ((12,), ([], [], 5)),
        ((3, 4), ([3], [5])),
        ((12,), ([2, 3], [3, 2], 2)),
    ],
}
# Views that overlap themselves refuse writes.
READ_ONLY = {
    "expand": [
        ((3, 1), ([3, 4],)),
        ((1,), ([5],)),
        ((3,), ([2, 3],)),
        ((3,), ([2, -1],)),
        ((), ([2, 2],)),
        ((2, 1, 3), ([2, 4, 3],)),
        ((1, 3), ([0, 3],)),
        ((3, 1), ([-1, 4],)),
        ((2, 3), ([2, 3],)),
    ],
}
LISTS = {
    "split": [
        ((7,), (3,)),
        ((7,), (7,)),
        ((7,), (10,)),
        ((3, 4), (2, 1)),
        ((3, 4), (1, -2)),
        ((0, 2), (3,)),
        ((2, 3, 4), (3, 2)),
    ],
    "split.sizes": [((7,), ([3, 4],)), ((3, 4), ([1, 0, 3], 1)), ((3, 4), ([1, 2], 0))],
    "chunk": [
        ((7,), (3,)),
        ((7,), (7,)),
        ((7,), (9,)),
        ((3, 4), (2, 1)),
        ((3, 4), (3, -1)),
        ((2, 3, 4), (2, 0)),
        ((10,), (4,)),
    ],
    "tensor_split": [((7,), (3,)), ((3, 4), (2, 1)), ((7,), ([2, 5],)), ((3, 4), ([1], -1))],
    "unbind": [((3,), ()), ((3, 2), ()), ((3, 2), (1,)), ((2, 3, 4), (-2,)), ((0, 2), ())],
}


def call(op):
    if op == "T":
        return lambda x: x.permute(*range(x.dim() - 1, -1, -1))
    if op == "mT":
        return lambda x: x.mT
    if op == "view":
        return lambda x, s: x.view(s)
    if op == "slice":
        return lambda x, d, a, b, s: torch.ops.aten.slice(x, d, a, b, s)
    if op == "split.sizes":
        return torch.split
    return lambda x, *a: getattr(x, op)(*a)


def place_of(v):
    """Strides and offset, as far as they mean something: not of axes of size 1, nor where there are no elements."""
    if v.numel() == 0:
        return torch.tensor([], dtype=torch.int64)
    return torch.tensor([st for st, size in zip(v.stride(), v.shape) if size != 1] + [v.storage_offset()])


def reading(op):
    fn = call(op)

    def read(x, *args):
        v = fn(x, *args)
        return [v, place_of(v)]

    return read


def writing(op):
    fn = call(op)

    def write(x, *args):
        fn(x, *args).add_(100)
        return x

    return write


def viewable(op, shape, layout, args):
    try:
        call(op)(laid_out("float32", shape, "u:1", layout).make(), *args)
        return True
    except RuntimeError:
        return False


def copied(op, args):
    """Windows that overlap, which PyTorch writes in some order and Lazuli refuses to write (docs/differences.md), and axes
    that interleave. Only the elements are recorded; tests/views writes to the latter."""
    if op == "unfold":
        return args[2] < args[1]
    if op == "as_strided":
        return args == ([2, 3], [3, 2], 2)
    return False


def record(r):
    for op, calls in {**VIEWS, **READ_ONLY}.items():
        for number, (shape, args) in enumerate(calls):
            for i, dtype in enumerate(("float32", ALL[(number * 3 + len(op)) % 10])):
                x = In(dtype, shape, f"u:{number}")
                if copied(op, args):
                    r.case(op + ".values", [x], args, fn=call(op))
                    continue
                # reshape copies where it must; where copies lie is not part of the API.
                r.case(op, [x], args, fn=call(op) if op in ("reshape", "flatten") else reading(op))
                if op not in READ_ONLY and i == 0 and 0 not in shape:
                    r.case(op + ".write", [x], args, fn=writing(op))
            if len(shape) > 1 and 0 not in shape and op != "as_strided":
                for layout in LAYOUTS[1:]:
                    x = laid_out("int32", shape, f"u:{number + 20}", layout)
                    if copied(op, args):
                        r.case(op + ".values", [x], args, fn=call(op))
                    elif viewable(op, shape, layout, args):
                        r.case(op, [x], args, fn=call(op) if op in ("reshape", "flatten") else reading(op))
                        if layout != "expanded" and op not in READ_ONLY and op not in ("reshape", "flatten"):
                            r.case(op + ".write", [x], args, fn=writing(op))
    for op, calls in LISTS.items():
        for number, (shape, args) in enumerate(calls):
            for layout in ("contiguous", "permuted"):
                x = laid_out("float32", shape, f"u:{number}", layout)
                r.case(op, [x], args, fn=call(op))

                def write(x, *args, op=op):
                    for i, part in enumerate(call(op)(x, *args)):
                        part.add_(100 * (i + 1))
                    return x

                r.case(op + ".write", [x], args, fn=write)
    moved(r)
    contiguity(r)
    overlapping(r)


def moved(r):
    """What gives new tensors."""
    calls = {
        "flip": [
            ((5,), ([0],)),
            ((2, 3), ([0],)),
            ((2, 3), ([1],)),
            ((2, 3), ([0, 1],)),
            ((2, 3, 4), ([-1, 0],)),
            ((), ([],)),
            ((0, 2), ([0],)),
            ((2, 3), ([],)),
        ],
        "roll": [
            ((5,), ([2],)),
            ((5,), ([-1],)),
            ((2, 3), ([1],)),
            ((2, 3), ([1], [0])),
            ((2, 3), ([1, -1], [0, 1])),
            ((2, 3, 4), ([7], [2])),
            ((0, 2), ([1], [0])),
        ],
        "rot90": [
            ((2, 3), ()),
            ((2, 3), (2,)),
            ((2, 3), (-1,)),
            ((2, 3), (4,)),
            ((2, 3, 4), (1, [1, 2])),
            ((2, 3, 4), (3, [2, 0])),
        ],
        "repeat": [
            ((3,), ([2],)),
            ((3,), ([2, 2],)),
            ((2, 3), ([2, 1],)),
            ((), ([3],)),
            ((2, 3), ([1, 1, 2],)),
            ((2,), ([0],)),
            ((2, 1), ([2, 3, 2],)),
        ],
        "tile": [
            ((3,), ([2],)),
            ((2, 3), ([2],)),
            ((2, 3), ([2, 2],)),
            ((3,), ([2, 2],)),
            ((), ([2],)),
            ((2, 3), ([1, 1, 2],)),
        ],
        "tril": [((3, 3), ()), ((3, 4), (1,)), ((4, 3), (-1,)), ((2, 3, 3), ()), ((3, 3), (5,)), ((0, 3), ())],
        "triu": [((3, 3), ()), ((3, 4), (1,)), ((4, 3), (-1,)), ((2, 3, 3), ()), ((3, 3), (-5,)), ((0, 3), ())],
        "diag": [((3,), ()), ((3,), (1,)), ((3,), (-2,)), ((3, 3), ()), ((3, 4), (1,)), ((4, 3), (-1,))],
        "repeat_interleave": [((3,), (2,)), ((2, 3), (2,)), ((2, 3), (2, 0)), ((2, 3), (3, 1))],
    }
    for op, cases in calls.items():
        for number, (shape, args) in enumerate(cases):
            for dtype in ("float32", "int64", ALL[(number + len(op)) % 10]):
                r.case(op, [In(dtype, shape, f"u:{number}")], args, fn=call(op))
            if len(shape) > 1 and 0 not in shape:
                for layout in ("permuted", "strided", "expanded"):
                    r.case(op, [laid_out("float32", shape, f"u:{number}", layout)], args, fn=call(op))


def contiguity(r):
    for layout in LAYOUTS:
        for shape in ((4,), (3, 4), (2, 3, 4), (1, 4), (3, 1)):
            x = [laid_out("float32", shape, "u:2", layout)]
            r.case("is_contiguous", x, fn=lambda x: torch.tensor(x.is_contiguous()))
            r.case("clone", x, fn=torch.clone)
            r.case("contiguous", x, fn=lambda x: x.contiguous())


def overlapping(r):
    """Assignments between parts of one tensor are as if the source were copied first."""
    for shape in ((6,), (5, 3)):
        for a, b in (((1, None), (None, -1)), ((None, -1), (1, None)), ((2, None), (None, -2)), ((0, 2), (1, 3))):

            def shift(x, a0, a1, b0, b1):
                x[a0:a1] = x[b0:b1].clone()
                return x

            r.case("shift", [In("float32", shape, "u:3")], [*a, *b], fn=shift)
            r.case("shift", [In("int64", shape, "u:3")], [*a, *b], fn=shift)
    r.case("swap_rows", [In("float32", (4, 3), "u:4")], fn=lambda x: x.copy_(x.clone().flip([0])))
    r.case("add_transposed", [In("float32", (3, 3), "u:4")], fn=lambda x: x.add_(x.clone().t()))
