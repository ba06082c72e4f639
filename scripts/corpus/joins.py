"""cat, stack and their kin, and pad."""

import torch

from .record import ALL, LAYOUTS, In, laid_out

LISTS = [  # shapes and axis
    ([(2,), (3,)], 0),
    ([(2,)], 0),
    ([(2, 3), (2, 3)], 0),
    ([(2, 3), (2, 3)], 1),
    ([(2, 3), (1, 3), (3, 3)], 0),
    ([(2, 3), (2, 1)], -1),
    ([(0,), (3,)], 0),
    ([(0,), (2, 3)], 0),
    ([(2, 0), (2, 3)], 1),
    ([(0, 3), (0, 3)], 0),
    ([(2, 1, 3), (2, 2, 3)], 1),
    ([(2, 1, 3), (2, 1, 3)], -3),
    ([(1, 2, 2, 1, 3), (1, 2, 2, 1, 2)], 4),
]


def joined(op):
    return lambda *all: getattr(torch, op)(list(all[:-1]), all[-1])


def record(r):
    for number, (shapes, dim) in enumerate(LISTS):
        for dtype in ("float32", "int64", ALL[number % 10]):
            r.case("cat", [In(dtype, s, f"u:{number + i}") for i, s in enumerate(shapes)], [dim], fn=joined("cat"))
        for layout in LAYOUTS[1:]:
            if all(0 not in s and len(s) > 1 for s in shapes):
                r.case(
                    "cat",
                    [laid_out("float32", s, f"u:{number + i}", layout) for i, s in enumerate(shapes)],
                    [dim],
                    fn=joined("cat"),
                )
    for shape, dims in (
        ((), (0, -1)),
        ((3,), (0, 1, -1, -2)),
        ((2, 3), (0, 1, 2, -1)),
        ((2, 0), (0, 1, 2)),
        ((2, 3, 2), (0, 3, -2)),
        ((1, 2, 1, 2), (0, 2, 4)),
    ):
        for dim in dims:
            for n in (1, 2, 3):
                r.case("stack", [In("float32", shape, f"u:{i}") for i in range(n)], [dim], fn=joined("stack"))
            r.case(
                "stack",
                [
                    laid_out("float32", shape, f"u:{i}", LAYOUTS[i % 5] if 0 not in shape else "contiguous")
                    for i in range(2)
                ],
                [dim],
                fn=joined("stack"),
            )
            r.case("stack", [In("int32", shape, "u:1"), In("float16", shape, "u:2")], [dim], fn=joined("stack"))
    for op in ("hstack", "vstack", "dstack"):
        for shapes in ([(), ()], [(2,), (3,)], [(2,), (2,)], [(2, 3), (2, 3)], [(2, 1, 3), (2, 1, 3)], [(1,)]):
            if op != "hstack" and shapes == [(2,), (3,)]:
                continue
            for dtype in ("float32", "int64"):
                r.case(
                    op,
                    [In(dtype, s, f"u:{i}") for i, s in enumerate(shapes)],
                    fn=lambda *t, op=op: getattr(torch, op)(t),
                )
    pads = [
        ((5,), [1, 2]),
        ((5,), [-1, 2]),
        ((5,), [-1, -2]),
        ((2, 3), [1, 1]),
        ((2, 3), [1, 0, 0, 2]),
        ((2, 3, 4), [0, 1, 2, 0, 1, 1]),
        ((2, 3, 4), [-1, 1, 1, -1]),
        ((0, 3), [1, 1, 2, 2]),
        ((2, 3), [0, 0]),
        ((1, 2, 2, 1), [1, 1, 1, 1]),
    ]
    for shape, pad in pads:
        for dtype in ALL:
            for value in ([None] if dtype != "float32" else [None, 1.5, float("-inf"), float("nan")]):
                r.case("pad", [In(dtype, shape, "u:3")], [pad, "constant", value], fn=torch.nn.functional.pad)
    for mode, cases in (
        ("reflect", [((2, 5), [2, 1]), ((2, 3, 4), [1, 2]), ((1, 2, 4, 3), [1, 2, 3, 1])]),
        ("replicate", [((2, 5), [2, 1]), ((2, 3, 4), [1, 5]), ((1, 2, 4, 3), [1, 2, 3, 1])]),
        ("circular", [((2, 3, 5), [2, 1]), ((1, 2, 4, 3), [1, 2, 3, 1])]),
    ):
        for shape, pad in cases:
            for dtype in ("float32", "float64"):
                r.case("pad", [In(dtype, shape, "u:3")], [pad, mode, None], fn=torch.nn.functional.pad)
