"""Elementwise functions of one tensor: every dtype, ranks 0 to 5, layouts, empty, special values, in place."""

import torch

from .record import ALL, FLOATS, INTEGERS, LAYOUTS, NUMBERS, In, extremes, laid_out, special, values_of

# name -> (fill of floats, fill of integers, dtypes)
EVERYWHERE = ("u", "u", ALL)
UNARY = {
    "neg": ("u", "u", NUMBERS),
    "abs": ("u", "u", NUMBERS),
    "sign": ("u", "u", ALL),
    "square": ("u", "u", NUMBERS),
    "reciprocal": ("p", "p", ALL),
    "sqrt": ("p", "p", ALL),
    "rsqrt": ("p", "p", ALL),
    "deg2rad": ("w", "u", ALL),
    "rad2deg": ("w", "u", ALL),
    "exp": ("w", "k", ALL),
    "exp2": ("w", "k", ALL),
    "expm1": ("w", "k", ALL),
    "log": ("p", "p", ALL),
    "log2": ("p", "p", ALL),
    "log10": ("p", "p", ALL),
    "log1p": ("p", "p", ALL),
    "sin": ("w", "u", ALL),
    "cos": ("w", "u", ALL),
    "tan": ("w", "u", ALL),
    "asin": ("q", "v:0,1,1,0", ALL),
    "acos": ("q", "v:0,1,1,0", ALL),
    "atan": ("w", "u", ALL),
    "sinh": ("w", "k", ALL),
    "cosh": ("w", "k", ALL),
    "tanh": ("w", "k", ALL),
    "asinh": ("w", "u", ALL),
    "acosh": ("p", "p", ALL),
    "atanh": ("q", "v:0,1,1,0", ALL),
    "erf": ("w", "k", ALL),
    "erfc": ("w", "k", ALL),
    "lgamma": ("p", "p", ALL),
    "digamma": ("p", "p", ALL),
    "sigmoid": ("w", "k", ALL),
    "logit": ("p", "p", ALL),
    "relu": ("u", "u", NUMBERS),
    "silu": ("w", None, FLOATS),
    "gelu": ("w", None, FLOATS),
    "softplus": ("w", None, FLOATS),
    "floor": ("u", "u", NUMBERS),
    "ceil": ("u", "u", NUMBERS),
    "trunc": ("u", "u", NUMBERS),
    "round": ("u", "u", NUMBERS),
    "frac": ("u", None, FLOATS),
    "nan_to_num": EVERYWHERE,
    "isnan": EVERYWHERE,
    "isinf": EVERYWHERE,
    "isfinite": EVERYWHERE,
    "isposinf": EVERYWHERE,
    "isneginf": EVERYWHERE,
    "signbit": EVERYWHERE,
    "logical_not": EVERYWHERE,
    "bitwise_not": (None, "u", ["bool"] + INTEGERS),
}
FUNCTIONS = {
    "silu": torch.nn.functional.silu,
    "gelu": torch.nn.functional.gelu,
    "softplus": torch.nn.functional.softplus,
}
NOT_IN_PLACE = {
    "isnan",
    "isinf",
    "isfinite",
    "isposinf",
    "isneginf",
    "signbit",
    "logical_not",
    "gelu",
    "softplus",
    "silu",
}
SHAPES = [(), (17,), (3, 5), (2, 3, 4), (2, 1, 3, 2), (1, 2, 2, 1, 3), (0,), (2, 0, 3)]


def special_of(op, dtype):
    """Special values, less those whose result docs/differences.md explains."""
    x = special(dtype)
    values = x.fill[2:].split(",")
    if op == "signbit":  # the sign of NaN
        values.remove("nan")
    if op in ("erf", "gelu") and dtype in ("float16", "bfloat16"):  # PyTorch rounds what is below the normal numbers
        values = [v for v in values if v not in ("6e-8", "-6e-5")]
    if op == "gelu":  # PyTorch gives NaN at infinity, and infinity where 2x is
        values = [v for v in values if v not in ("inf", "3.0e38")]
    return values_of(dtype, values)


def record(r):
    for number, (op, (float_fill, int_fill, dtypes)) in enumerate(UNARY.items()):
        fn = FUNCTIONS.get(op) or getattr(torch, op)

        def fill_of(dtype, seed, n=0):
            fill = float_fill if dtype in FLOATS else int_fill
            if fill.startswith("v"):
                values = [v for v in fill[2:].split(",")]
                return "v:" + ",".join(values[i % len(values)] for i in range(n))
            return f"{fill}:{seed}"

        for dtype in dtypes:
            if int_fill == "v:0,1,1,0" and dtype not in FLOATS:
                r.case(op, [In(dtype, (2, 2), int_fill)], fn=fn)
            elif dtype == "float32":
                for i, shape in enumerate(SHAPES):
                    r.case(op, [In(dtype, shape, fill_of(dtype, number + i))], fn=fn)
                for layout in LAYOUTS[1:]:
                    r.case(op, [laid_out(dtype, (3, 4), fill_of(dtype, number), layout)], fn=fn)
            else:
                r.case(op, [In(dtype, (3, 5), fill_of(dtype, number + 50))], fn=fn)
                r.case(op, [laid_out(dtype, (2, 3), fill_of(dtype, number + 60), LAYOUTS[1 + number % 4])], fn=fn)
            if dtype in FLOATS:
                r.case(op, [special_of(op, dtype)], fn=fn)
            elif dtype in INTEGERS and int_fill == "u" and dtype not in ("int32", "int64"):
                r.case(op, [extremes(dtype)], fn=fn)
        in_place = getattr(torch.Tensor, op + "_", None)
        if in_place and op not in NOT_IN_PLACE:
            for layout in ("contiguous", "permuted", "strided"):
                for dtype in ("float32", "float64", "bfloat16"):
                    if dtype in dtypes:
                        r.case(op + "_", [laid_out(dtype, (2, 5), fill_of(dtype, 7), layout)], fn=in_place)
    # Halves round to even; whole numbers just above 2^23 stay themselves.
    for op in ("round", "floor", "ceil", "trunc", "frac"):
        for dtype in ("float32", "float64"):
            r.case(
                op,
                [
                    values_of(
                        dtype,
                        [
                            0.5,
                            1.5,
                            2.5,
                            -0.5,
                            -1.5,
                            0.49999997,
                            8388609.0,
                            -8388609.0,
                            4503599627370497.0,
                            -0.2,
                            0.0,
                            -0.0,
                        ],
                    )
                ],
            )
