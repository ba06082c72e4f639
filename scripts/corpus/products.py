"""Products of matrices and vectors."""

import torch

from .record import FLOATS, INTEGERS, LAYOUTS, In, laid_out

MATMUL = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3, 4)),
    ((1, 1), (1, 1)),
    ((5, 2, 3), (3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((2, 3), (5, 3, 4)),
    ((3,), (5, 3, 4)),
    ((5, 2, 3), (3,)),
    ((2, 1, 2, 3), (3, 3, 4)),
    ((2, 1, 2, 3), (1, 3, 3, 2)),
    ((1, 2, 1, 2, 3), (2, 1, 2, 3, 2)),
    ((0, 3), (3, 4)),
    ((2, 0), (0, 4)),
    ((2, 3), (3, 0)),
    ((0,), (0,)),
    ((0, 2, 3), (3, 4)),
    ((17, 9), (9, 33)),
    ((3, 100), (100, 2)),
    ((1, 64), (64, 1)),
]


def magnitude(a, b):
    """Of the sums of products, at most."""
    x, y = a.make().double().abs(), b.make().double().abs()
    if x.numel() == 0 or y.numel() == 0:
        return 1.0
    return max(1.0, (x.max() * y.max()).item() * x.shape[-1])


def pair(r, op, a, b, args=(), fn=None):
    r.case(op, [a, b], args, fn=fn, magnitude=magnitude(a, b))


def record(r):
    for number, (s, t) in enumerate(MATMUL):
        for dtype in ("float32", "float64", "int64"):
            pair(r, "matmul", In(dtype, s, f"k:{number}"), In(dtype, t, f"k:{number + 1}"))
        pair(r, "matmul", In("float32", s, f"w:{number}"), In("float32", t, f"w:{number + 1}"))
        for layout in LAYOUTS[1:]:
            if len(s) > 1 and len(t) > 1 and 0 not in s + t and number < 16:
                pair(
                    r,
                    "matmul",
                    laid_out("float32", s, f"k:{number}", layout),
                    laid_out("float32", t, f"k:{number + 2}", "permuted"),
                )
    for dtype in FLOATS + INTEGERS:
        fill = "k" if dtype not in ("int8", "uint8") else "k"
        pair(r, "mm", In(dtype, (3, 5), fill + ":1"), In(dtype, (5, 2), fill + ":2"))
        pair(r, "mm", laid_out(dtype, (3, 5), fill + ":3", "permuted"), laid_out(dtype, (5, 4), fill + ":4", "strided"))
        pair(r, "matmul", In(dtype, (4, 3), fill + ":5"), In(dtype, (3,), fill + ":6"))
        pair(r, "bmm", In(dtype, (2, 3, 4), fill + ":1"), In(dtype, (2, 4, 2), fill + ":2"))
        pair(r, "mv", In(dtype, (3, 4), fill + ":1"), In(dtype, (4,), fill + ":2"))
        pair(r, "dot", In(dtype, (7,), fill + ":1"), In(dtype, (7,), fill + ":2"))
        pair(r, "outer", In(dtype, (3,), fill + ":1"), In(dtype, (4,), fill + ":2"))
        pair(r, "outer", In(dtype, (0,), fill + ":1"), In(dtype, (4,), fill + ":2"))
        for c in ((3, 2), (2,), (1, 2), (3, 1), ()):
            for beta, alpha in ((1, 1), (2, 3), (0, 2)) + (((0.5, -1.5),) if dtype in FLOATS else ()):
                a, b = In(dtype, (3, 4), fill + ":1"), In(dtype, (4, 2), fill + ":2")
                r.case(
                    "addmm",
                    [In(dtype, c, fill + ":3"), a, b],
                    [beta, alpha],
                    fn=lambda c, a, b, beta, alpha: torch.addmm(c, a, b, beta=beta, alpha=alpha),
                    magnitude=magnitude(a, b) * 4,
                )
        if dtype in FLOATS:
            x, w, b = In(dtype, (5, 3), "k:1"), In(dtype, (4, 3), "k:2"), In(dtype, (4,), "k:3")
            for shape in ((5, 3), (3,), (2, 2, 3), (0, 3)):
                x = In(dtype, shape, "k:1")
                r.case("linear", [x, w], fn=torch.nn.functional.linear, magnitude=64.0 * 3)
                r.case("linear", [x, w, b], fn=torch.nn.functional.linear, magnitude=64.0 * 4)
    for shape, inner in (((3, 700), 700), ((2, 1500), 1500)):
        a, b = In("float32", shape, "w:3"), In("float32", (inner, 3), "w:4")
        pair(r, "matmul", a, b)
        pair(r, "matmul", In("float64", shape, "w:3"), In("float64", (inner, 3), "w:4"))
    more(r)


def more(r):
    for dtype in ("float32", "float64", "int64"):
        for beta, alpha in ((1, 1), (2, 3), (0, 1)):
            a, b = In(dtype, (2, 3, 4), "k:1"), In(dtype, (2, 4, 2), "k:2")
            for c in ((2, 3, 2), (3, 2), (1,)):
                r.case(
                    "baddbmm",
                    [In(dtype, c, "k:3"), a, b],
                    [beta, alpha],
                    fn=lambda c, a, b, beta, alpha: torch.baddbmm(c, a, b, beta=beta, alpha=alpha),
                    magnitude=magnitude(a, b) * 4,
                )
        r.case("trace", [In(dtype, (3, 3), "k:1")])
        r.case("trace", [In(dtype, (2, 4), "k:2")])
        for text, shapes in EINSUM:
            inputs = [In(dtype, s, f"k:{i}") for i, s in enumerate(shapes)]
            r.case("einsum", inputs, [text], fn=lambda *a: torch.einsum(a[-1], list(a[:-1])), magnitude=4096.0)
        for n in (0, 1, 2):
            r.case(
                "tensordot",
                [In(dtype, (2, 3), "k:1"), In(dtype, {0: (4,), 1: (3, 2), 2: (2, 3)}[n], "k:2")],
                [n],
                fn=lambda a, b, n: torch.tensordot(a, b, dims=n),
                magnitude=512.0,
            )
        r.case(
            "tensordot.dims",
            [In(dtype, (2, 3, 4), "k:1"), In(dtype, (4, 2, 5), "k:2")],
            [[2, 0], [0, 1]],
            fn=lambda a, b, x, y: torch.tensordot(a, b, dims=(x, y)),
            magnitude=512.0,
        )
        r.case(
            "tensordot.dims",
            [In(dtype, (2, 3, 4), "k:1"), In(dtype, (3, 2), "k:2")],
            [[1], [0]],
            fn=lambda a, b, x, y: torch.tensordot(a, b, dims=(x, y)),
            magnitude=512.0,
        )


EINSUM = [
    ("ij,jk->ik", [(2, 3), (3, 4)]),
    ("ij,jk", [(2, 3), (3, 4)]),
    ("ij->ji", [(2, 3)]),
    ("ij->", [(2, 3)]),
    ("ij->j", [(2, 3)]),
    ("ii->i", [(3, 3)]),
    ("ii->", [(3, 3)]),
    ("i,j->ij", [(2,), (3,)]),
    ("i,i->", [(3,), (3,)]),
    ("bij,bjk->bik", [(2, 2, 3), (2, 3, 2)]),
    ("bij,bij->b", [(2, 2, 3), (2, 2, 3)]),
    ("...ij,...jk->...ik", [(2, 2, 3), (3, 2)]),
    ("ij,j->i", [(2, 3), (3,)]),
    ("ij,kj,lj->ikl", [(2, 3), (2, 3), (2, 3)]),
    ("ba", [(2, 3)]),
    ("bhqd,bhkd->bhqk", [(1, 2, 3, 2), (1, 2, 2, 2)]),
]
