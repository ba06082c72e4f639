"""Elementwise functions of two and three tensors: dtypes, broadcasting, layouts, numbers on either side, special
values, in place."""

import torch

from .record import ALL, FLOATS, INTEGERS, LAYOUTS, NUMBERS, In, extremes, laid_out, special, values_of

# name -> (fill left, fill right, dtypes)
BINARY = {
    "add": ("u", "u", ALL),
    "sub": ("u", "u", NUMBERS),
    "mul": ("u", "u", ALL),
    "div": ("u", "p", ALL),
    "floor_divide": ("u", "p", NUMBERS),
    "remainder": ("u", "p", NUMBERS),
    "fmod": ("u", "p", NUMBERS),
    "minimum": ("u", "u", ALL),
    "maximum": ("u", "u", ALL),
    "fmin": ("u", "u", ALL),
    "fmax": ("u", "u", ALL),
    "hypot": ("u", "u", FLOATS),
    "atan2": ("u", "u", ALL),
    "copysign": ("u", "u", ALL),
    "logaddexp": ("u", "u", ["float32", "float64", "float16", "bfloat16"]),
    "xlogy": ("u", "p", ALL),
    "pow": ("p", "u", FLOATS),
    "heaviside": ("u", "u", NUMBERS),
    "eq": ("k", "k", ALL),
    "ne": ("k", "k", ALL),
    "lt": ("k", "k", ALL),
    "le": ("k", "k", ALL),
    "gt": ("k", "k", ALL),
    "ge": ("k", "k", ALL),
    "logical_and": ("k", "k", ALL),
    "logical_or": ("k", "k", ALL),
    "logical_xor": ("k", "k", ALL),
    "bitwise_and": ("u", "u", ["bool"] + INTEGERS),
    "bitwise_or": ("u", "u", ["bool"] + INTEGERS),
    "bitwise_xor": ("u", "u", ["bool"] + INTEGERS),
    "bitwise_left_shift": ("k", "v", INTEGERS),
    "bitwise_right_shift": ("u", "v", INTEGERS),
    "clamp_min": ("u", "u", NUMBERS),
    "clamp_max": ("u", "u", NUMBERS),
}
BROADCASTS = [
    ((), ()),
    ((5,), ()),
    ((), (2, 3)),
    ((3, 1), (1, 4)),
    ((2, 3), (3,)),
    ((2, 1, 4), (3, 1)),
    ((1, 2, 1, 3), (2, 2, 1)),
    ((2, 1, 2, 1, 2), (1, 2, 1, 3, 1)),
    ((0,), (1,)),
    ((2, 0), (1, 1)),
    ((0, 3), (3,)),
    ((17,), (17,)),
]
SCALAR_RIGHT = [
    "add",
    "sub",
    "mul",
    "div",
    "floor_divide",
    "remainder",
    "fmod",
    "pow",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "clamp_min",
    "clamp_max",
    "copysign",
    "xlogy",
]
SCALAR_LEFT = {
    "add": lambda x, s: s + x,
    "sub": lambda x, s: s - x,
    "mul": lambda x, s: s * x,
    "div": lambda x, s: torch.div(torch.tensor(s), x),
    "floor_divide": lambda x, s: s // x,
    "remainder": lambda x, s: s % x,
    "pow": lambda x, s: s**x,
    "xlogy": lambda x, s: torch.xlogy(s, x),
}
IN_PLACE = [
    "add",
    "sub",
    "mul",
    "div",
    "floor_divide",
    "remainder",
    "fmod",
    "pow",
    "atan2",
    "copysign",
    "hypot",
    "xlogy",
    "heaviside",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "bitwise_left_shift",
    "bitwise_right_shift",
    "clamp_min",
    "clamp_max",
]


def filled(op, side, dtype, seed, n=6):
    fill = BINARY[op][side]
    if fill == "v":
        return "v:" + ",".join(str(i % 7) for i in range(n))
    return f"{fill}:{seed}"


def tensor(op, side, dtype, shape, seed, layout="contiguous"):
    n = 1
    for s in shape:
        n *= s
    if BINARY[op][side] == "v":
        layout = "contiguous"
    return laid_out(dtype, shape, filled(op, side, dtype, seed, n), layout)


def record(r):
    for number, (op, (_, _, dtypes)) in enumerate(BINARY.items()):
        first = "float32" if "float32" in dtypes else "int64"
        for i, (a, b) in enumerate(BROADCASTS):
            r.case(op, [tensor(op, 0, first, a, number + i), tensor(op, 1, first, b, number + i + 100)])
        for i, left in enumerate(LAYOUTS):
            r.case(
                op,
                [
                    tensor(op, 0, first, (3, 4), number, left),
                    tensor(op, 1, first, (3, 4), number + 9, LAYOUTS[(i * 2 + number) % 5]),
                ],
            )
        for dtype in dtypes:
            r.case(op, [tensor(op, 0, dtype, (3, 5), number + 200), tensor(op, 1, dtype, (3, 5), number + 300)])
            r.case(
                op,
                [tensor(op, 0, dtype, (2, 1, 3), number + 201, "permuted"), tensor(op, 1, dtype, (2, 1), number + 301)],
            )
            if dtype in FLOATS:
                numbers = ["nan", "inf", "-inf", "0.0", "-0.0", "1.0", "-1.0", "2.5", "-3.0"]
                signs = numbers[1:] if op == "copysign" else numbers  # the sign of NaN
                r.case(op, [values_of(dtype, numbers, (9, 1)), values_of(dtype, signs, (1, len(signs)))])
            elif dtype in INTEGERS and op not in (
                "floor_divide",
                "remainder",
                "fmod",
                "bitwise_left_shift",
                "bitwise_right_shift",
                "div",
                "xlogy",
                "copysign",
                "atan2",
            ):
                x = extremes(dtype)
                y = extremes(dtype)
                y.shape = [9, 1]
                r.case(op, [x, y])
        if op in SCALAR_RIGHT:
            numbers = [2, 3.5, -1.25] if op not in ("pow", "xlogy") else [2, 0.5, -1.0, 3, 1.75, 0]
            for dtype in dtypes:
                for s in numbers:
                    if dtype in INTEGERS and op in ("xlogy",):
                        continue
                    if dtype == "bool" and op == "copysign":
                        continue
                    r.case(op, [tensor(op, 0, dtype, (2, 3), number + 11)], [s])
        if op in SCALAR_LEFT:
            for dtype in dtypes:
                for s in (2, 3.5):
                    if dtype == "bool":
                        continue
                    r.case(op + ".left", [tensor(op, 1, dtype, (2, 3), number + 12)], [s], fn=SCALAR_LEFT[op])
        if op in IN_PLACE:
            in_place = getattr(torch.Tensor, op + "_")
            for dtype in dtypes:
                if dtype not in FLOATS and op in ("div", "atan2", "copysign", "xlogy"):
                    continue
                r.case(
                    op + "_",
                    [tensor(op, 0, dtype, (2, 3), number, "permuted"), tensor(op, 1, dtype, (3,), number + 5)],
                    fn=in_place,
                )
    # Division by every sign, and integers at their limits.
    for dtype in FLOATS:
        x, y = ["7.0", "-7.0", "0.3", "-0.3", "6.0", "100.0"], ["2.0", "-2.0", "0.1", "-0.1", "3.0", "7.5"]
        for op in ("floor_divide", "remainder", "fmod"):
            r.case(op, [values_of(dtype, x, (6, 1)), values_of(dtype, y)])
    for dtype in INTEGERS[1:]:
        x, y = [7, -7, 6, -6, 1, -1, 0, 127, -128], [2, -2, 3, -3, 5, 7]
        for op in ("floor_divide", "remainder", "fmod", "div"):
            r.case(op, [values_of(dtype, x, (9, 1)), values_of(dtype, y)])
    for mode in ("floor", "trunc"):
        for dtype in NUMBERS:
            r.case(
                "div.mode",
                [tensor("div", 0, dtype, (3, 4), 31), tensor("div", 1, dtype, (4,), 32)],
                [mode],
                fn=lambda x, y, m: torch.div(x, y, rounding_mode=m),
            )
            r.case(
                "div.mode",
                [tensor("div", 0, dtype, (3, 4), 33)],
                [3, mode],
                fn=lambda x, y, m: torch.div(x, y, rounding_mode=m),
            )
    # Powers of integers and the exponents with a formula of their own.
    for dtype in INTEGERS:
        r.case("pow", [values_of(dtype, [0, 1, 2, 3, 5, 7], (6, 1)), values_of(dtype, [0, 1, 2, 3, 7])])
        for s in (0, 1, 2, 3, 5, 0.5):
            r.case("pow", [values_of(dtype, [0, 1, 2, 3, 5, 7])], [s])
    for dtype in FLOATS:
        for s in (0, 1, 2, 3, -1, -2, 0.5, -0.5, 2.5, 4.0, float("inf"), float("nan")):
            if s in (0.5, -0.5) and dtype in (
                "float16",
                "bfloat16",
            ):  # PyTorch takes the square root of the wider types only
                continue
            r.case("pow", [special(dtype)], [s])
        for s in (0, 1, 2.0, -2.0, 0.5, float("inf")):
            r.case("pow.left", [special(dtype)], [s], fn=SCALAR_LEFT["pow"])
    # x + alpha * y.
    for dtype in ALL:
        for alpha in ([2, -3] if dtype in INTEGERS[1:] + FLOATS else [2]):
            if dtype == "bool":
                continue
            for op in ("add", "sub"):
                r.case(
                    op + ".alpha",
                    [In(dtype, (3, 4), "u:5"), In(dtype, (4,), "u:6")],
                    [alpha],
                    fn=lambda x, y, a, op=op: getattr(torch, op)(x, y, alpha=a),
                )
    ternary(r)


def ternary(r):
    shapes = [
        ((3, 4), (3, 4), (3, 4)),
        ((3, 1), (4,), ()),
        ((), (2, 3), (2, 1)),
        ((2, 1, 3), (2, 1), (3,)),
        ((0, 3), (3,), (1,)),
        ((17,), (17,), (17,)),
    ]
    for op, fills, dtypes in (
        ("lerp", "uuq", FLOATS),
        ("addcmul", "uuu", NUMBERS),
        ("addcdiv", "uup", FLOATS),
        ("clamp", "ukk", NUMBERS),
        ("where", "uuu", ALL),
    ):
        for dtype in dtypes:
            for i, shape in enumerate(shapes if dtype in ("float32", "int64", "float64") else shapes[:2]):
                inputs = [In(dtype, s, f"{f}:{i * 3 + j}") for j, (s, f) in enumerate(zip(shape, fills))]
                if op == "where":
                    inputs[0].dtype = "bool"
                if op == "clamp" and i % 2:
                    inputs = [
                        inputs[0],
                        In(dtype, shape[1], f"v:{','.join(['2'] * max(1, _count(shape[1])))}"),
                        inputs[2],
                    ]
                r.case(op, inputs)
            if op != "where":
                r.case(op, [laid_out(dtype, (3, 4), f"{f}:{j + 40}", LAYOUTS[j + 1]) for j, f in enumerate(fills)])
        if op == "where":
            continue
        for dtype in FLOATS:
            numbers = ["nan", "inf", "-inf", "0.0", "-0.0", "1.0", "-2.5", "0.3"]
            r.case(
                op,
                [
                    values_of(dtype, numbers, (8, 1)),
                    values_of(dtype, numbers),
                    values_of(
                        dtype,
                        [
                            1.0,
                        ],
                    ),
                ],
            )
    for dtype in NUMBERS:
        for low, high in ((1, 3), (3, 1), (0.5, 2), (None, 2), (1, None)):
            if dtype in INTEGERS and isinstance(low, float):
                continue
            r.case("clamp", [In(dtype, (3, 4), "u:8")], [low, high], fn=torch.clamp)
    for dtype in ALL:
        for s in (2, 2.5, True):
            condition = In("bool", (2, 3), "u:3")
            r.case("where.right", [condition, In(dtype, (2, 3), "u:4")], [s], fn=lambda c, x, s: torch.where(c, x, s))
            r.case("where.left", [condition, In(dtype, (3,), "u:4")], [s], fn=lambda c, x, s: torch.where(c, s, x))
    for weight in (0.0, 0.25, 0.5, 1.0, -2.0):
        for dtype in FLOATS:
            r.case("lerp.weight", [In(dtype, (2, 3), "u:1"), In(dtype, (3,), "u:2")], [weight], fn=torch.lerp)


def _count(shape):
    n = 1
    for s in shape:
        n *= s
    return n
