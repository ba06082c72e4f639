"""Other forms of what the other families hold: in place, with out, other names."""

import numpy as np
import torch

from .indexing import i64
from .record import ALL, In, laid_out

REAL = ["float32", "float64"]
NAMES = {
    "absolute": "u",
    "arccos": "q",
    "arccosh": "p",
    "arcsin": "q",
    "arcsinh": "w",
    "arctan": "w",
    "arctanh": "q",
    "fix": "u",
    "negative": "u",
    "arctan2": "uu",
    "divide": "up",
    "greater": "kk",
    "greater_equal": "kk",
    "less": "kk",
    "less_equal": "kk",
    "multiply": "uu",
    "not_equal": "kk",
    "subtract": "uu",
    "true_divide": "up",
}


def record(r):
    for op, fills in NAMES.items():
        for dtype in ("float32", "float64", "int32"):
            if fills in ("q", "w") and dtype == "int32":
                continue
            r.case(op, [In(dtype, (3, 4), f"{f}:{i}") for i, f in enumerate(fills)])
    for dtype in REAL:
        x = In(dtype, (3, 5), "w:1")
        r.case("cbrt", [x], fn=lambda x: torch.from_numpy(np.cbrt(x.numpy())))
    out(r)
    in_place(r)
    shapes(r)


def out(r):
    """Into a tensor of the right shape, in several layouts."""
    for op in ("exp", "sqrt", "neg", "floor", "tanh"):
        for layout in ("contiguous", "permuted", "strided"):
            r.case(
                op + ".out",
                [In("float32", (3, 4), "p:1"), laid_out("float32", (3, 4), "u:2", layout)],
                fn=lambda x, o, op=op: getattr(torch, op)(x, out=o),
            )
    for op in ("add", "sub", "mul", "div", "maximum", "atan2", "pow"):
        for layout in ("contiguous", "permuted", "strided"):
            r.case(
                op + ".out",
                [In("float32", (3, 1), "p:1"), In("float32", (4,), "p:2"), laid_out("float32", (3, 4), "u:2", layout)],
                fn=lambda x, y, o, op=op: getattr(torch, op)(x, y, out=o),
            )
    for op in ("matmul", "mm"):
        for layout in ("contiguous", "permuted", "strided"):
            r.case(
                op + ".out",
                [
                    In("float32", (3, 4), "k:1"),
                    In("float32", (4, 2), "k:2"),
                    laid_out("float32", (3, 2), "u:2", layout),
                ],
                fn=lambda x, y, o, op=op: getattr(torch, op)(x, y, out=o),
                magnitude=300.0,
            )
    for op in ("sum", "mean", "amax", "amin", "any", "all"):
        for layout in ("contiguous", "strided"):
            dtype = "bool" if op in ("any", "all") else "float32"
            r.case(
                op + ".out",
                [In(dtype, (3, 4), "k:1"), laid_out(dtype, (3,), "k:2", layout)],
                [1],
                fn=lambda x, o, d, op=op: getattr(torch, op)(x, d, out=o),
                magnitude=30.0,
            )


def in_place(r):
    for layout in ("contiguous", "permuted", "strided"):
        for dtype in ("float32", "int64"):
            x = laid_out(dtype, (4, 3), "u:1", layout)
            m, i = In("bool", (4, 3), "u:5"), i64(2, 0)
            s = In(dtype, (2, 3), "k:2")
            r.case("masked_fill_", [x, m], [1], fn=torch.Tensor.masked_fill_)
            r.case("masked_scatter_", [x, m, In(dtype, (12,), "k:1")], fn=torch.Tensor.masked_scatter_)
            r.case("index_copy_", [x, i, s], [0], fn=lambda x, i, s, d: x.index_copy_(d, i, s))
            r.case("index_fill_", [x, i], [0, 1], fn=lambda x, i, d, v: x.index_fill_(d, i, v))
            r.case(
                "scatter_", [x, i64(0, 3, 1, 2, 1, 0, shape=(2, 3)), s], [0], fn=lambda x, i, s, d: x.scatter_(d, i, s)
            )
            r.case(
                "scatter_reduce_",
                [x, i64(0, 3, 1, 2, 1, 0, shape=(2, 3)), s],
                [0, "amax", True],
                fn=lambda x, i, s, d, how, k: x.scatter_reduce_(d, i, s, how, include_self=k),
            )
            r.case(
                "put_",
                [x, i64(0, -1, 5), In(dtype, (3,), "k:1")],
                [True],
                fn=lambda x, i, s, a: x.put_(i, s, accumulate=a),
            )
            r.case("cumsum_", [laid_out(dtype, (4, 3), "k:1", layout)], [0], fn=lambda x, d: x.cumsum_(d))
            r.case("cumprod_", [laid_out(dtype, (4, 3), "k:1", layout)], [1], fn=lambda x, d: x.cumprod_(d))
            r.case("clamp_", [x], [-1, 2], fn=lambda x, a, b: x.clamp_(a, b))
            a, b = In(dtype, (4, 2), "k:3"), In(dtype, (2, 3), "k:4")
            r.case(
                "addmm_",
                [x, a, b],
                [2, 3],
                fn=lambda c, a, b, beta, alpha: c.addmm_(a, b, beta=beta, alpha=alpha),
                magnitude=2000.0,
            )
            r.case(
                "addr_",
                [x, In(dtype, (4,), "k:3"), In(dtype, (3,), "k:4")],
                [2, 3],
                fn=lambda c, a, b, beta, alpha: c.addr_(a, b, beta=beta, alpha=alpha),
                magnitude=2000.0,
            )
    for op in ("eq", "lt", "logical_and", "logical_not"):
        for dtype in ("float32", "int64", "bool"):
            inputs = [In(dtype, (3, 4), "k:1")] + ([] if op == "logical_not" else [In(dtype, (4,), "k:2")])
            r.case(op + "_", inputs, fn=getattr(torch.Tensor, op + "_"))


def shapes(r):
    for dtype in ALL:
        x = In(dtype, (2, 3, 4), "u:1")
        r.case("swapaxes", [x], [0, 2])
        r.case("swapdims", [x], [1, -1])
        r.case("moveaxis", [x], [0, 2])
        r.case("split_with_sizes", [x], [[1, 3], 2])
        r.case("expand_as", [In(dtype, (3, 1), "u:1"), x], fn=lambda x, y: x.expand_as(y))
        r.case("reshape_as", [In(dtype, (4, 6), "u:1"), x], fn=lambda x, y: x.reshape_as(y))
        r.case("view_as", [In(dtype, (24,), "u:1"), x], fn=lambda x, y: x.view_as(y))
        r.case("type_as", [In("float32", (3,), "p:1"), x], fn=lambda x, y: x.type_as(y))
