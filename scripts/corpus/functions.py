"""Compositions: softmax and its kin, normalisation, losses, comparing, scans, sorting."""

import torch
import torch.nn.functional as F

from .record import ALL, FLOATS, LAYOUTS, NUMBERS, In, dtype_of, laid_out, special, values_of
from .reductions import distinct


def record(r):
    for op in ("softmax", "log_softmax"):
        fn = getattr(torch, op)
        for dtype in FLOATS:
            for shape, dims in (
                ((5,), (0, -1)),
                ((3, 4), (0, 1)),
                ((2, 3, 4), (0, 1, 2)),
                ((), (0,)),
                ((2, 0), (0, 1)),
                ((1, 1), (1,)),
                ((1, 2, 2, 1, 3), (1, 4)),
            ):
                for dim in dims:
                    r.case(op, [In(dtype, shape, "w:1")], [dim], fn=fn)
            r.case(op, [values_of(dtype, ["1000.0", "999.0", "-1000.0"])], [0], fn=fn)
            r.case(op, [values_of(dtype, ["-inf", "0.0", "1.0"])], [0], fn=fn)
            r.case(op, [values_of(dtype, ["nan", "0.0", "1.0"])], [0], fn=fn)
            r.case(op, [values_of(dtype, ["inf", "0.0", "1.0"])], [0], fn=fn)
        for layout in LAYOUTS[1:]:
            r.case(op, [laid_out("float32", (3, 4), "w:1", layout)], [1], fn=fn)
        for dtype in ("float16", "float32", "float64"):
            r.case(op, [In("int64", (2, 3), "k:1")], [1, dtype_of(dtype)], fn=lambda x, d, t, fn=fn: fn(x, d, dtype=t))
    for dtype in FLOATS:
        for shape, normal in (((3, 4), [4]), ((2, 3, 4), [3, 4]), ((2, 3, 4), [4]), ((5,), [5]), ((0, 4), [4])):
            x = In(dtype, shape, "u:1")
            r.case("layer_norm", [x], [normal], fn=lambda x, n: F.layer_norm(x, n))
            r.case("layer_norm", [x, In(dtype, normal, "u:2")], [normal], fn=lambda x, w, n: F.layer_norm(x, n, w))
            r.case(
                "layer_norm",
                [x, In(dtype, normal, "u:2"), In(dtype, normal, "u:3")],
                [normal, 0.1],
                fn=lambda x, w, b, n, e: F.layer_norm(x, n, w, b, e),
            )
        r.case("gelu.approximate", [In(dtype, (3, 4), "w:2")], ["tanh"], fn=lambda x, a: F.gelu(x, approximate=a))
        r.case("gelu.approximate", [In(dtype, (3, 4), "w:2")], ["none"], fn=lambda x, a: F.gelu(x, approximate=a))
        for slope in (0.01, 0.5, -1.0):
            if slope == 0.01 and dtype in ("float16", "bfloat16"):  # numbers beside half types
                continue
            r.case("leaky_relu", [In(dtype, (3, 4), "u:2")], [slope], fn=F.leaky_relu)
        r.case("leaky_relu", [special(dtype)], [0.25], fn=F.leaky_relu)
    losses(r)
    comparing(r)
    scans(r)
    sorting(r)


def losses(r):
    for dtype in ("float32", "float64", "float16", "bfloat16"):
        for reduction in ("none", "mean", "sum"):
            for shape in ((4, 3), (2, 3, 2), (3,), ()):
                x, y = In(dtype, shape, "u:1"), In(dtype, shape, "u:2")
                r.case(
                    "mse_loss", [x, y], [reduction], fn=lambda x, y, m: F.mse_loss(x, y, reduction=m), magnitude=1000.0
                )
                r.case("l1_loss", [x, y], [reduction], fn=lambda x, y, m: F.l1_loss(x, y, reduction=m), magnitude=100.0)
                for delta in (1.0, 0.5):
                    r.case(
                        "huber_loss",
                        [x, y],
                        [reduction, delta],
                        fn=lambda x, y, m, d: F.huber_loss(x, y, reduction=m, delta=d),
                        magnitude=100.0,
                    )
                r.case(
                    "binary_cross_entropy_with_logits",
                    [x, In(dtype, shape, "p:2")],
                    [reduction],
                    fn=lambda x, y, m: F.binary_cross_entropy_with_logits(x, y, reduction=m),
                    magnitude=100.0,
                )
            if dtype in ("float16", "bfloat16"):
                continue
            x = values_of(dtype, ["0.0", "1.0", "0.25", "0.5", "0.75", "0.125"], (2, 3))
            y = values_of(dtype, ["0.0", "1.0", "1.0", "0.5", "0.0", "0.25"], (2, 3))
            r.case(
                "binary_cross_entropy",
                [x, y],
                [reduction],
                fn=lambda x, y, m: F.binary_cross_entropy(x, y, reduction=m),
                magnitude=20.0,
            )
            for shape, targets in (
                ((3, 4), values_of("int64", [1, 0, 3])),
                ((4,), values_of("int64", [2], ())),
                ((2, 4, 3), values_of("int64", [1, 0, 3, 2, 2, 1], (2, 3))),
                ((3, 4), values_of("int64", [1, -100, 3])),
            ):
                x = In(dtype, shape, "w:3")
                r.case(
                    "cross_entropy",
                    [x, targets],
                    [reduction, 0.0],
                    fn=lambda x, y, m, s: F.cross_entropy(x, y, reduction=m),
                    magnitude=100.0,
                )
                r.case(
                    "cross_entropy",
                    [x, targets],
                    [reduction, 0.1],
                    fn=lambda x, y, m, s: F.cross_entropy(x, y, reduction=m, label_smoothing=s),
                    magnitude=100.0,
                )
                w = In(dtype, (4,), "p:4")
                r.case(
                    "cross_entropy",
                    [x, targets, w],
                    [reduction, 0.0],
                    fn=lambda x, y, w, m, s: F.cross_entropy(x, y, weight=w, reduction=m),
                    magnitude=100.0,
                )
                r.case(
                    "nll_loss",
                    [x, targets],
                    [reduction],
                    fn=lambda x, y, m: F.nll_loss(x, y, reduction=m),
                    magnitude=100.0,
                )
            r.case(
                "cross_entropy",
                [In(dtype, (3, 4), "w:3"), In(dtype, (3, 4), "p:5")],
                [reduction, 0.0],
                fn=lambda x, y, m, s: F.cross_entropy(x, y, reduction=m),
                magnitude=1000.0,
            )


def comparing(r):
    for dtype in FLOATS:
        x = values_of(dtype, ["1.0", "2.0", "nan", "inf", "-inf", "inf", "0.0", "100.0"])
        y = values_of(dtype, ["1.0", "2.5", "nan", "inf", "inf", "1.0", "-0.0", "101.0"])
        for rtol, atol, nan in ((1e-5, 1e-8, False), (0.1, 0.0, True), (0.0, 1.0, False), (0.01, 0.5, True)):
            r.case("isclose", [x, y], [rtol, atol, nan], fn=torch.isclose)
            r.case("allclose", [x, y], [rtol, atol, nan], fn=torch.allclose)
            r.case("allclose", [x, x], [rtol, atol, nan], fn=torch.allclose)
    for dtype in ALL[1:6]:
        r.case("isclose", [In(dtype, (2, 3), "k:1"), In(dtype, (3,), "k:2")], [0.1, 1.0, False], fn=torch.isclose)
    for dtype in ALL:
        x = In(dtype, (2, 3), "k:1")
        r.case("equal", [x, x], fn=torch.equal)
        r.case("equal", [x, In(dtype, (2, 3), "k:2")], fn=torch.equal)
        r.case("equal", [x, In(dtype, (3, 2), "k:1")], fn=torch.equal)
        r.case("equal", [In(dtype, (0,), "k:1"), In(dtype, (0,), "k:2")], fn=torch.equal)


def scans(r):
    for op in ("cumsum", "cumprod"):
        for dtype in ALL:
            for shape, dims in (((6,), (0,)), ((3, 4), (0, 1, -1)), ((2, 3, 4), (1,)), ((), (0,)), ((0,), (0,))):
                for dim in dims:
                    r.case(op, [In(dtype, shape, "k:1")], [dim], fn=getattr(torch, op), magnitude=1000.0)
    for op in ("cummax", "cummin"):
        for dtype in NUMBERS:
            for shape, dims in (((6,), (0,)), ((3, 4), (0, 1))):
                for dim in dims:
                    r.case(op, [distinct(dtype, shape, 3)], [dim], fn=getattr(torch, op))
    for dtype in FLOATS:
        r.case("logcumsumexp", [In(dtype, (3, 4), "u:1")], [1])


def unique(x):
    return torch.unique(x, return_inverse=True, return_counts=True)


def sorting(r):
    for dtype in NUMBERS:
        for shape, dims in (((7,), (0, -1)), ((3, 4), (0, 1)), ((2, 3, 4), (1,)), ((1,), (0,))):
            x = distinct(dtype, shape, 5)
            for dim in dims:
                for descending in (False, True):
                    r.case("sort", [x], [dim, descending], fn=lambda x, d, k: torch.sort(x, d, k))
                    r.case("argsort", [x], [dim, descending], fn=lambda x, d, k: torch.argsort(x, d, k))
                    for k in (1, 2):
                        if shape != (1,) or k == 1:
                            r.case(
                                "topk",
                                [x],
                                [k, dim, descending],
                                fn=lambda x, k, d, largest: torch.topk(x, k, d, largest),
                            )
                r.case("median", [x], [dim, False], fn=lambda x, d, k: torch.median(x, d, k))
                r.case("kthvalue", [x], [1, dim, False], fn=lambda x, n, d, k: torch.kthvalue(x, n, d, k))
            r.case("median", [x], [], fn=torch.median)
        r.case("unique", [In(dtype, (10,), "k:3")], fn=unique)
        r.case("unique", [In(dtype, (2, 5), "k:3")], fn=unique)
    for dtype in FLOATS:
        x = values_of(dtype, ["1.0", "nan", "-inf", "inf", "0.0", "2.0"])
        for descending in (False, True):
            r.case("sort", [x], [0, descending], fn=lambda x, d, k: torch.sort(x, d, k))
    for dtype in ("int64", "float32", "bool"):  # ties keep their order where it is asked for
        for descending in (False, True):
            r.case(
                "sort.stable",
                [In(dtype, (20,), "k:3")],
                [0, descending],
                fn=lambda x, d, k: torch.sort(x, dim=d, descending=k, stable=True),
            )
