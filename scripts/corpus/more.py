"""Further functions: variants of elementwise functions, reductions, shapes, order, products, writes at indices."""

import torch

from .indexing import i64
from .record import ALL, FLOATS, INTEGERS, LAYOUTS, NUMBERS, In, T, laid_out, special, values_of
from .reductions import distinct, magnitude_of

REAL = ["float32", "float64"]


def record(r):
    pointwise(r)
    reductions(r)
    shapes(r)
    order(r)
    products(r)
    writes(r)


def pointwise(r):
    for dtype in NUMBERS:
        x = [In(dtype, (2, 3), "u:1"), In(dtype, (3,), "k:2"), In(dtype, (2, 1), "p:3")]
        for value in (2, -3) + ((0.5,) if dtype in FLOATS else ()):
            if dtype == "uint8" and value < 0:
                continue
            if dtype in INTEGERS or dtype in REAL:
                r.case("addcmul.value", x, [value], fn=lambda x, y, z, v: torch.addcmul(x, y, z, value=v))
            if dtype in REAL:
                r.case("addcdiv.value", x, [value], fn=lambda x, y, z, v: torch.addcdiv(x, y, z, value=v))
        r.case("rsub", x[:2], [2], fn=lambda x, y, a: torch.rsub(x, y, alpha=a))
        r.case("rsub", x[:1], [5, 2], fn=lambda x, y, a: torch.rsub(x, y, alpha=a))
        r.case("float_power", [x[2], In(dtype, (2, 1), "p:5")])
        r.case("float_power", x[2:], [2.5])
        r.case("ldexp", [x[0], values_of("int32", [0, 1, -3])])
    for dtype in ALL:
        x = [In(dtype, (2, 3), "u:1")]
        if dtype != "bool":
            r.case("positive", x)
        r.case("sgn", x)
        if dtype != "bool":
            r.case("isin", [In(dtype, (3, 4), "k:1"), In(dtype, (5,), "k:2")])
    for dtype in REAL:
        r.case("logaddexp2", [In(dtype, (3, 4), "w:1"), In(dtype, (4,), "w:2")])
        r.case("sinc", [In(dtype, (3, 4), "w:1")])
        r.case("sinc", [values_of(dtype, ["0.0", "nan", "0.5"])])
        for decimals in (0, 1, 2, -1):
            r.case("round.decimals", [In(dtype, (3, 4), "w:1")], [decimals], fn=lambda x, d: torch.round(x, decimals=d))
    for dtype in FLOATS:
        r.case(
            "nan_to_num.values",
            [special(dtype)],
            [1.5, 100.0, -100.0],
            fn=lambda x, a, b, c: torch.nan_to_num(x, nan=a, posinf=b, neginf=c),
        )


def reductions(r):
    for dtype in ALL:
        r.case("aminmax", [In(dtype, (3, 4), "u:1")], fn=lambda x: torch.aminmax(x))
        for dim in (0, -1):
            r.case(
                "aminmax",
                [In(dtype, (3, 4), "u:1")],
                [dim, True],
                fn=lambda x, d, k: torch.aminmax(x, dim=d, keepdim=k),
            )
    rows = ["1.0", "nan", "2.5", "nan", "nan", "nan", "3.0", "-1.0", "0.25"]
    for dtype in FLOATS:
        x = values_of(dtype, rows, (3, 3))
        for op in ("nansum", "nanmean"):
            for args in ([], [0, False], [1, True], [[0, 1], False]):
                r.case(op, [x], args, fn=lambda x, *a, op=op: getattr(torch, op)(x, *a), magnitude=10.0)
        x = In(dtype, (3, 5), "u:1")
        for op in ("var_mean", "std_mean"):
            for args in ([0, False], [1, True], [[0, 1], False]):
                r.case(
                    op,
                    [x],
                    args,
                    fn=lambda x, d, k, op=op: getattr(torch, op)(x, dim=d, keepdim=k),
                    magnitude=magnitude_of([x], 4.0),
                )
    for dtype in REAL:
        for p in (0, 1, 2, 3, float("inf"), float("-inf")):
            r.case("dist", [In(dtype, (3, 4), "u:1"), In(dtype, (4,), "u:2")], [p], magnitude=100.0)


def shapes(r):
    for number, dtype in enumerate(ALL):
        layout = LAYOUTS[number % 5]
        x = laid_out(dtype, (2, 3), "u:1", layout)
        for op in ("fliplr", "flipud", "ravel", "atleast_1d", "atleast_2d", "atleast_3d"):
            r.case(op, [x])
        for shape in ((), (3,)):
            for op in ("atleast_1d", "atleast_2d", "atleast_3d", "ravel"):
                r.case(op, [In(dtype, shape, "u:1")])
        for args in ([], [1], [-1], [0, 0, 2]):
            r.case("diag_embed", [x], args)
        r.case("diagflat", [x])
        r.case("diagflat", [In(dtype, (3,), "u:1")], [-1])
        for to in ([2, 3], [4, 2, 3], [2, 2, 2, 3]):
            r.case("broadcast_to", [x], [to])
        r.case(
            "broadcast_tensors", [x, In(dtype, (3,), "u:2"), In(dtype, (4, 1, 1), "u:3")], fn=torch.broadcast_tensors
        )
        r.case("column_stack", [In(dtype, (2,), "u:2"), x], fn=lambda *a: torch.column_stack(a))
        r.case("repeat_interleave", [x, i64(1, 2)], [0])
        r.case("repeat_interleave", [x, i64(0, 2, 1)], [1])
        r.case("diff", [laid_out(dtype, (3, 4), "k:1", layout)], [1, 0], fn=lambda x, n, d: torch.diff(x, n, d))
        r.case("diff", [In(dtype, (6,), "k:1")], [2, -1], fn=lambda x, n, d: torch.diff(x, n, d))
    for dtype in REAL:
        r.case(
            "trapezoid",
            [In(dtype, (3, 4), "u:1")],
            [0.5, 0],
            fn=lambda y, dx, d: torch.trapezoid(y, dx=dx, dim=d),
            magnitude=100.0,
        )
        r.case("trapezoid", [In(dtype, (3, 4), "u:1")], fn=torch.trapezoid, magnitude=100.0)


def order(r):
    for dtype in NUMBERS:
        r.case("msort", [distinct(dtype, (4, 3), 2)])
        r.case(
            "unique_consecutive",
            [In(dtype, (20,), "k:3")],
            fn=lambda x: torch.unique_consecutive(x, return_inverse=True, return_counts=True),
        )
        r.case(
            "searchsorted",
            [values_of(dtype, ["1", "3", "3", "5", "8"]), values_of(dtype, ["0", "1", "3", "4", "9"])],
            [False, False],
            fn=lambda s, v, i, k: torch.searchsorted(s, v, out_int32=i, right=k),
        )
        r.case(
            "searchsorted",
            [values_of(dtype, ["1", "3", "3", "5", "8"]), values_of(dtype, ["3", "8"])],
            [True, True],
            fn=lambda s, v, i, k: torch.searchsorted(s, v, out_int32=i, right=k),
        )
        r.case(
            "bucketize",
            [values_of(dtype, ["3", "8", "0", "4"], (2, 2)), values_of(dtype, ["1", "3", "5"])],
            [False, True],
            fn=lambda v, b, i, k: torch.bucketize(v, b, out_int32=i, right=k),
        )
    for dtype in REAL:
        x = values_of(dtype, ["3.0", "nan", "1.0", "2.0", "7.0", "5.0"], (2, 3))
        r.case("nanmedian", [x], fn=torch.nanmedian)
        r.case("nanmedian", [x], [1, False], fn=torch.nanmedian)
        r.case("median", [x], fn=torch.median)
        for q in (0.0, 0.25, 0.5, 0.9, 1.0):
            for dim in (None, 0, 1):
                r.case(
                    "quantile",
                    [distinct(dtype, (3, 5), 4)],
                    [q, dim, dim == 1],
                    fn=lambda x, q, d, k: torch.quantile(x, q, dim=d, keepdim=k),
                )
            for how in ("lower", "higher", "midpoint", "nearest"):
                r.case(
                    "quantile",
                    [distinct(dtype, (7,), 4)],
                    [q, 0, False, how],
                    fn=lambda x, q, d, k, how: torch.quantile(x, q, dim=d, keepdim=k, interpolation=how),
                )
    for dtype in INTEGERS:
        x = In(dtype, (12,), "p:3")
        r.case("bincount", [x], fn=torch.bincount)
        r.case("bincount", [x], [20], fn=lambda x, n: torch.bincount(x, minlength=n))
        r.case("bincount", [x, In("float32", (12,), "k:3")], [0], fn=lambda x, w, n: torch.bincount(x, w, n))
    for dtype in ("int64", "float32"):
        r.case(
            "mode", [values_of(dtype, ["1", "2", "2", "3", "3", "3", "1", "1", "4"], (3, 3))], [1, False], fn=torch.mode
        )


def products(r):
    for dtype in ("float32", "float64", "int64"):
        a, b = In(dtype, (2, 3, 4), "k:1"), In(dtype, (2, 4, 2), "k:2")
        m, v, w = In(dtype, (3, 4), "k:1"), In(dtype, (4,), "k:2"), In(dtype, (3,), "k:3")
        for beta, alpha in ((1, 1), (2, 3), (0, 1)):
            r.case(
                "addbmm",
                [In(dtype, (3, 2), "k:3"), a, b],
                [beta, alpha],
                fn=lambda c, a, b, beta, alpha: torch.addbmm(c, a, b, beta=beta, alpha=alpha),
                magnitude=2000.0,
            )
            r.case(
                "addmv",
                [w, m, v],
                [beta, alpha],
                fn=lambda c, a, b, beta, alpha: torch.addmv(c, a, b, beta=beta, alpha=alpha),
                magnitude=2000.0,
            )
            r.case(
                "addr",
                [m, w, v],
                [beta, alpha],
                fn=lambda c, a, b, beta, alpha: torch.addr(c, a, b, beta=beta, alpha=alpha),
                magnitude=2000.0,
            )
        for s, t in (((4,), (4,)), ((2, 4), (4,)), ((2, 4), (3, 4)), ((2, 3, 4), (2, 4)), ((), (2, 2))):
            r.case("inner", [In(dtype, s, "k:1"), In(dtype, t, "k:2")], magnitude=500.0)
        for s, t in (((2,), (3,)), ((2, 2), (2, 3)), ((2,), (2, 3)), ((1, 2, 2), (2, 1, 3))):
            r.case("kron", [In(dtype, s, "k:1"), In(dtype, t, "k:2")])
        r.case(
            "cross",
            [In(dtype, (3,), "k:1"), In(dtype, (3,), "k:2")],
            [0],
            fn=lambda a, b, d: torch.cross(a, b, dim=d),
            magnitude=200.0,
        )
        r.case(
            "cross",
            [In(dtype, (2, 3), "k:1"), In(dtype, (2, 3), "k:2")],
            [1],
            fn=lambda a, b, d: torch.cross(a, b, dim=d),
            magnitude=200.0,
        )
        if dtype != "int64":
            r.case(
                "chain_matmul",
                [In(dtype, (2, 3), "k:1"), In(dtype, (3, 4), "k:2"), In(dtype, (4, 2), "k:3")],
                magnitude=10000.0,
            )
        for n in (0, 1, 2, 3, 5):
            r.case("matrix_power", [In(dtype, (3, 3), "k:1")], [n], fn=torch.matrix_power, magnitude=1e5)


def writes(r):
    for dtype in ALL:
        x = In(dtype, (4, 3), "u:1")
        m = In("bool", (4, 3), "u:5")
        r.case("masked_fill.tensor", [x, m, In(dtype, (), "k:1")], fn=torch.masked_fill)
        r.case("masked_scatter", [x, m, In(dtype, (12,), "k:1")], fn=torch.masked_scatter)
        r.case(
            "put",
            [x, i64(0, -1, 5), In(dtype, (3,), "k:1")],
            [False],
            fn=lambda x, i, s, a: torch.Tensor.put(x, i, s, accumulate=a),
        )
        r.case("argwhere", [In(dtype, (3, 4), "k:1")])
        r.case("select_scatter", [x, In(dtype, (3,), "k:1")], [0, 2])
        r.case("slice_scatter", [x, In(dtype, (2, 3), "k:1")], [0, 1, 4, 2])
        r.case("diagonal_scatter", [x, In(dtype, (3,), "k:1")], [0])
        if dtype in INTEGERS + REAL:
            for index in (i64(0, 2, 0), i64(3, 3, 3)):

                def add(x, i, v, _):
                    return x.index_put_((i,), v, accumulate=True)

                r.case("index_put_.accumulate", [x, index, In(dtype, (3, 3), "k:2")], [T(1)], fn=add)
