"""Reductions and scans: axes, keepdim, dtypes, empty and 0-d inputs, layouts, NaN and infinities."""

import torch

from .record import ALL, FLOATS, INTEGERS, LAYOUTS, NUMBERS, In, dtype_of, laid_out, values_of

SHAPES = [(), (1,), (17,), (3, 5), (2, 3, 4), (2, 1, 3, 2), (1, 2, 2, 1, 3), (0,), (2, 0), (0, 3)]
SINGLE = {"prod", "argmax", "argmin", "max", "min"}  # take one axis, not a list


def axes_of(rank):
    """Axes that a reduction of this rank is tried with."""
    if rank == 0:
        return [0, -1]
    if rank == 1:
        return [0, -1]
    if rank == 2:
        return [0, 1, -1, (0, 1)]
    return [0, rank - 1, -2, (0, rank - 1), (1, 0), tuple(range(rank))]


def magnitude_of(inputs, factor=1.0):
    """Of the sums over any axes."""
    total = 0.0
    for i in inputs:
        t = i.make().double()
        total = max(total, t[torch.isfinite(t)].abs().sum().item())
    return factor * max(total, 1.0)


def sum_like(r, op, dtypes, exact_fill, number):
    fn = getattr(torch, op)
    single = op in SINGLE
    empty_ok = op in ("sum", "prod", "any", "all", "count_nonzero", "mean", "var", "std")

    def case(inputs, args, call, magnitude=None):
        r.case(op, inputs, args, fn=call, magnitude=magnitude)

    for dtype in dtypes:
        for i, shape in enumerate(SHAPES):
            if dtype not in ("float32", "int64", "bool") and i % 3 != number % 3:
                continue
            empty = 0 in shape
            if empty and not empty_ok:
                continue
            x = In(dtype, shape, f"{exact_fill}:{number + i}")
            magnitude = (
                magnitude_of([x], x.make().abs().max().item() if op in ("var",) and x.make().numel() else 1.0)
                if op in ("mean", "var", "std")
                else None
            )
            r.case(op, [x], [], fn=fn, magnitude=magnitude)
            for dim in axes_of(len(shape)):
                if single and not isinstance(dim, int):
                    continue
                for keepdim in (False, True):
                    if keepdim and dtype != "float32" and i % 2:
                        continue
                    if op == "count_nonzero":
                        if not keepdim:
                            r.case(op, [x], [dim], fn=fn)
                    else:
                        dims = dim if isinstance(dim, int) or single else list(dim)
                        r.case(
                            op, [x], [dims, keepdim], fn=lambda x, d, k: fn(x, dim=d, keepdim=k), magnitude=magnitude
                        )


def record(r):
    sum_like(r, "sum", ALL, "u", 0)
    sum_like(r, "prod", ALL, "k", 1)
    for op, number in (("mean", 2), ("var", 3), ("std", 4)):
        sum_like(r, op, FLOATS, "u", number)
    for op, number in (("amax", 5), ("amin", 6)):
        sum_like(r, op, ALL, "u", number)
    for op, number in (("max", 7), ("min", 8)):
        extremes_along(r, op, number)
    for op, number in (("argmax", 9), ("argmin", 10)):
        positions(r, op, number)
    for op, number in (("any", 11), ("all", 12)):
        sum_like(r, op, ALL, "k", number)
    sum_like(r, "count_nonzero", ALL, "k", 13)
    layouts(r)
    with_dtype(r)
    nan_and_infinity(r)
    norms(r)
    logsumexp(r)
    corrections(r)
    long_rows(r)


def extremes_along(r, op, number):
    fn = getattr(torch, op)
    for dtype in ALL:
        if dtype == "float16" or dtype == "bool":
            shapes = SHAPES[2:4]
        else:
            shapes = SHAPES[:7] if dtype in ("float32", "int64") else SHAPES[2:5]
        for i, shape in enumerate(shapes):
            x = In(dtype, shape, f"u:{number + i}")
            if dtype in FLOATS or dtype in INTEGERS:
                x = distinct(dtype, shape, number + i)
            r.case(op, [x], [], fn=fn)
            for dim in axes_of(len(shape)):
                if isinstance(dim, int) and dtype != "bool":
                    r.case(op, [x], [dim, i % 2 == 0], fn=fn)
        r.case(op + ".other", [In(dtype, (2, 3), "u:1"), In(dtype, (3,), "u:2")], fn=fn)


def distinct(dtype, shape, seed):
    """Values without ties, so that positions are those of every implementation."""
    n = 1
    for s in shape:
        n *= s
    order = sorted(range(n), key=lambda i: (i * 7919 + seed * 104729 + 31) % 1000003)
    offset = 0 if dtype == "uint8" else n // 2
    values = [(v - offset) / (2 if dtype in FLOATS else 1) for v in order]
    return values_of(dtype, values if dtype in FLOATS else [int(v) for v in values], shape)


def positions(r, op, number):
    fn = getattr(torch, op)
    for dtype in NUMBERS:
        shapes = SHAPES[:7] if dtype in ("float32", "int64") else SHAPES[2:5]
        for i, shape in enumerate(shapes):
            x = distinct(dtype, shape, number + i)
            r.case(op, [x], [], fn=fn)
            for dim in axes_of(len(shape)):
                if isinstance(dim, int):
                    r.case(op, [x], [dim, i % 2 == 1], fn=fn)
    # The first one of several, and NaN.
    for dtype in ("float32", "float64", "bfloat16"):
        r.case(op, [values_of(dtype, ["1.0", "nan", "3.0", "nan", "-inf"])], [], fn=fn)
        r.case(op, [values_of(dtype, ["1.0", "nan", "3.0", "2.0", "5.0", "-inf"], (2, 3))], [1, False], fn=fn)


def layouts(r):
    for op in ("sum", "mean", "amax", "amin", "any", "prod"):
        for layout in LAYOUTS[1:]:
            for dim in ([0], [1], [2], [0, 2]):
                dim = dim[0] if len(dim) == 1 else dim
                if op == "prod" and isinstance(dim, list):
                    continue
                x = laid_out("float32", (3, 4, 5), "k:3", layout)
                r.case(
                    op,
                    [x],
                    [dim, False],
                    fn=lambda x, d, k, op=op: getattr(torch, op)(x, dim=d, keepdim=k),
                    magnitude=magnitude_of([x]),
                )


def with_dtype(r):
    for op in ("sum", "prod", "mean"):
        for dtype in ALL:
            for to in ALL:
                if op == "mean" and to not in FLOATS:
                    continue
                # Out of its range the conversion of a float to an integer is not defined.
                x = In(dtype, (2, 3), "p:3")
                if op == "mean":
                    r.case(
                        op + ".dtype",
                        [x],
                        [dtype_of(to)],
                        fn=lambda x, t: torch.mean(x, dtype=t),
                        magnitude=magnitude_of([x]),
                    )
                elif op == "sum" or dtype == "bool":
                    r.case(op + ".dtype", [x], [dtype_of(to)], fn=lambda x, t, op=op: getattr(torch, op)(x, dtype=t))
                    r.case(
                        op + ".dtype",
                        [x],
                        [dtype_of(to), 1, True],
                        fn=lambda x, t, d, k, op=op: getattr(torch, op)(x, dim=d, keepdim=k, dtype=t),
                    )


def nan_and_infinity(r):
    rows = ["1.0", "nan", "2.0", "inf", "1.0", "2.0", "-inf", "inf", "3.0", "-inf", "0.0", "-0.0"]
    for dtype in FLOATS:
        x = values_of(dtype, rows, (4, 3))
        for op in ("sum", "mean", "prod", "amax", "amin", "any", "all", "var", "std"):
            r.case(
                op, [x], [1, False], fn=lambda x, d, k, op=op: getattr(torch, op)(x, dim=d, keepdim=k), magnitude=10.0
            )
            r.case(op, [x], [], fn=getattr(torch, op), magnitude=10.0)
        r.case("count_nonzero", [x], [1])
        for op in ("max", "min"):
            r.case(op, [x], [0, False], fn=getattr(torch, op))
        r.case("logsumexp", [x], [1, False], fn=lambda x, d, k: torch.logsumexp(x, d, k))


def norms(r):
    for p in (2, 1, 0, 3, 0.5, float("inf"), float("-inf"), -1.0):
        for dtype in FLOATS:
            if dtype in ("float16", "bfloat16") and p in (3, 0.5, -1.0):
                continue
            x = In(dtype, (3, 4), "u:21" if p not in (-1.0,) else "p:21")
            magnitude = magnitude_of([x], 4.0 if p == 0.5 else 1.0)
            r.case("norm", [x], [p], fn=torch.norm, magnitude=magnitude)
            for dim in (0, 1, [0, 1]):
                for keepdim in (False, True):
                    r.case(
                        "norm",
                        [x],
                        [p, dim, keepdim],
                        fn=lambda x, p, d, k: torch.norm(x, p, dim=d, keepdim=k),
                        magnitude=magnitude,
                    )
    for dtype in ("float32", "float64"):
        r.case("norm", [In(dtype, (), "u:3")], [2], fn=torch.norm)
        r.case("norm", [In(dtype, (0,), "u:3")], [2], fn=torch.norm)
        r.case("norm", [values_of(dtype, ["nan", "1.0"])], [2], fn=torch.norm)
        r.case("norm", [values_of(dtype, ["inf", "1.0"])], [2], fn=torch.norm)
    r.case("norm", [values_of("float32", [str(float(i)) for i in range(12)])], [2], fn=torch.norm, magnitude=506.0)


def logsumexp(r):
    for dtype in FLOATS:
        for shape, dims in (((5,), [0]), ((3, 4), [0, 1, [0, 1]]), ((2, 3, 4), [1, [0, 2]]), ((), [0])):
            for dim in dims:
                for keepdim in (False, True):
                    r.case(
                        "logsumexp",
                        [In(dtype, shape, "u:3")],
                        [dim, keepdim],
                        fn=lambda x, d, k: torch.logsumexp(x, d, k),
                    )
    r.case(
        "logsumexp",
        [values_of("float32", ["1000.0", "1000.0", "-1000.0"])],
        [0, False],
        fn=lambda x, d, k: torch.logsumexp(x, d, k),
    )
    r.case(
        "logsumexp", [values_of("float32", ["-inf", "-inf"])], [0, False], fn=lambda x, d, k: torch.logsumexp(x, d, k)
    )


def corrections(r):
    for op in ("var", "std"):
        fn = getattr(torch, op)
        for dtype in FLOATS:
            x = In(dtype, (4, 5), "u:9")
            for correction in (0, 1, 2):
                for dim in (0, 1, [0, 1]):
                    r.case(
                        op + ".correction",
                        [x],
                        [dim, correction, correction == 1],
                        fn=lambda x, d, c, k: fn(x, dim=d, correction=c, keepdim=k),
                        magnitude=magnitude_of([x], 4.0),
                    )
            for unbiased in (False, True):
                r.case(op + ".unbiased", [x], [unbiased], fn=fn, magnitude=magnitude_of([x], 4.0))


def long_rows(r):
    """Sums over more elements than any implementation adds one after the other."""
    for n in (1000, 2049, 5000):
        for dtype in ("float32", "float64"):
            for op in ("sum", "mean"):
                x = In(dtype, (n,), "w:5")
                r.case(op, [x], [], fn=getattr(torch, op), magnitude=magnitude_of([x]) / 4)
            x = In(dtype, (3, n), "w:6")
            r.case(
                "sum",
                [x],
                [1, False],
                fn=lambda x, d, k: torch.sum(x, dim=d, keepdim=k),
                magnitude=magnitude_of([x]) / 4,
            )
            x = In(dtype, (n, 3), "w:6")
            r.case(
                "sum",
                [x],
                [0, False],
                fn=lambda x, d, k: torch.sum(x, dim=d, keepdim=k),
                magnitude=magnitude_of([x]) / 4,
            )
    for dtype in INTEGERS + ["bool"]:
        r.case("sum", [In(dtype, (3000,), "u:8")], [], fn=torch.sum)
