"""New tensors: ranges, constants, and those like another one."""

import torch

from .record import ALL, FLOATS, INTEGERS, In, dtype_of, laid_out


def made(r, op, args, dtype=None, fn=None):
    fn = fn or getattr(torch, op)
    r.case(
        op,
        [],
        list(args) + ([dtype_of(dtype)] if dtype else []),
        fn=lambda *a: fn(*args, dtype=dtype_of(dtype)) if dtype else fn(*args),
    )


def record(r):
    for args in (
        [5],
        [0],
        [2, 7],
        [1, 10, 3],
        [10, 1, -3],
        [-2, 3],
        [0.0, 1.0, 0.25],
        [1.5],
        [0.5, 4],
        [1, 0, -0.25],
        [5.0, 5.0],
        [0, 1, 0.1],
    ):
        made(r, "arange", args)
        for dtype in ALL[1:]:
            if dtype not in FLOATS and any(isinstance(a, float) for a in args):
                continue
            if dtype == "uint8" and any(a < 0 for a in args):
                continue
            made(r, "arange", args, dtype)
    for args in (
        [0, 1, 5],
        [0, 10, 11],
        [-2.5, 2.5, 6],
        [1, 0, 4],
        [3, 3, 3],
        [0, 1, 1],
        [0, 1, 0],
        [0, 1, 2],
        [-1, 1, 7],
        [0.1, 0.9, 9],
        [0, 100, 33],
    ):
        made(r, "linspace", args)
        for dtype in FLOATS:
            made(r, "linspace", args, dtype)
    for args in ([0, 2, 3], [-1, 1, 5], [0, 1, 1], [0, 3, 4], [0, 1, 0]):
        made(r, "logspace", args)
        made(r, "logspace", args, "float64")
        r.case("logspace.base", [], args + [2.0], fn=lambda *a: torch.logspace(*a[:-1], base=a[-1]))
    for args in ([3], [2, 4], [4, 2], [0], [1], [0, 3]):
        made(r, "eye", args)
        for dtype in ALL:
            made(r, "eye", args, dtype)
    for op in ("zeros", "ones"):
        for shape in ([], [3], [2, 3], [2, 0], [1, 2, 1, 2, 1]):
            made(r, op, [shape])
            for dtype in ALL:
                made(r, op, [shape], dtype)
    for value in (True, 3, -2, 2.5, float("nan"), float("inf")):
        for shape in ([], [2, 2], [0]):
            made(r, "full", [shape, value])
            for dtype in ALL:
                if dtype not in FLOATS + ["bool"] and (
                    value != value or abs(value) == float("inf") or (dtype == "uint8" and value < 0)
                ):
                    continue
                made(r, "full", [shape, value], dtype)
    for op in ("zeros_like", "ones_like", "full_like"):
        for dtype in ALL:
            for layout in ("contiguous", "permuted"):
                x = laid_out(dtype, (2, 3), "u:1", layout)
                args = [3] if op == "full_like" else []
                r.case(op, [x], args, fn=lambda x, *a, op=op: getattr(torch, op)(x, *a))
            for to in ("float64", "bool", "int32"):
                x = In(dtype, (2,), "u:1")
                args = [3] if op == "full_like" else []
                r.case(
                    op, [x], args + [dtype_of(to)], fn=lambda x, *a, op=op: getattr(torch, op)(x, *a[:-1], dtype=a[-1])
                )
    for dtype in ALL:
        x = In(dtype, (2,), "u:1")
        for op in ("new_zeros", "new_ones"):
            r.case(op, [x], [[2, 2]], fn=lambda x, s, op=op: getattr(x, op)(s))
        r.case("new_full", [x], [[2, 2], 1], fn=lambda x, s, v: x.new_full(s, v))
        for op in ("fill_", "zero_"):
            for layout in ("contiguous", "strided"):
                x = laid_out(dtype, (2, 3), "u:1", layout)
                r.case(op, [x], [1] if op == "fill_" else [], fn=lambda x, *a, op=op: getattr(x, op)(*a))
    for shapes in ([(2,), (3,)], [(2,), (3,), (2,)], [(1,), (3,)], [(), (3,)], [(4,)]):
        for indexing in ("ij", "xy"):
            r.case(
                "meshgrid",
                [In("float32", s, f"u:{i}") for i, s in enumerate(shapes)],
                [indexing],
                fn=lambda *a: torch.meshgrid(*a[:-1], indexing=a[-1]),
            )
    for args in ([3, 3], [3, 4, 1], [4, 3, -1]):
        for op in ("tril_indices", "triu_indices"):
            r.case(op, [], args, fn=getattr(torch, op))
