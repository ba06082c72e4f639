"""The text of tensors, exact: dtypes, ranks, widths, NaN and infinities, scientific notation, summaries, options."""

import torch

from .record import ALL, FLOATS, INTEGERS, LAYOUTS, In, laid_out, values_of

SHAPES = [
    (),
    (1,),
    (5,),
    (12,),
    (40,),
    (0,),
    (2, 3),
    (1, 1),
    (3, 0),
    (0, 3),
    (2, 2, 3),
    (2, 0, 2),
    (1, 2, 2, 2),
    (2, 1, 2, 1, 2),
    (7, 13),
]
LARGE = [
    (1001,),
    (1000,),
    (2000, 2),
    (40, 40),
    (7, 200),
    (200, 7),
    (3, 400),
    (30, 6, 8),
    (2, 3, 400),
    (11, 10, 10),
    (6, 6, 6, 6),
    (1, 1, 1500),
    (5, 5, 5, 5, 5),
    (7, 7, 7, 7),
    (1001, 1),
    (0, 2000),
    (2000, 0),
]
VALUES = [
    "0.0",
    "-0.0",
    "1.0",
    "-1.0",
    "0.5",
    "100.0",
    "1000.0",
    "1001.0",
    "99999.0",
    "1e8",
    "1.5e8",
    "1e9",
    "-1e9",
    "1e10",
    "0.1",
    "0.001",
    "0.0001",
    "0.00009",
    "1e-5",
    "1e-10",
    "1e-40",
    "3.4e38",
    "nan",
    "inf",
    "-inf",
    "123456.789",
    "-0.00012345",
    "16777216.0",
    "0.99999",
    "0.999951",
    "9.99995",
    "2.5",
    "0.33333333",
]
ROWS = [
    ["1.0", "2.0"],
    ["1.0", "2.5"],
    ["1.0", "10.0", "100.0"],
    ["1.0", "1000.0"],
    ["1.0", "1001.0"],
    ["0.5", "1000.0"],
    ["0.5", "501.0"],
    ["0.001", "1.0"],
    ["0.001", "1.1"],
    ["0.0001", "0.5"],
    ["0.00009", "0.05"],
    ["1e-5", "1e-4"],
    ["1.0", "1e8"],
    ["1.0", "1e9"],
    ["1.5", "1e8"],
    ["1e8", "2e8"],
    ["1e9", "2e9"],
    ["0.0", "1e-5"],
    ["0.0", "0.5"],
    ["0.0", "0.0"],
    ["-0.0", "0.0"],
    ["0.0", "-0.0", "1.0"],
    ["nan", "1.0"],
    ["nan", "0.5"],
    ["inf", "1.0"],
    ["-inf", "0.5"],
    ["nan", "inf", "-inf"],
    ["nan", "nan"],
    ["inf", "1e10"],
    ["nan", "1e-10", "1.0"],
    ["-1.0", "1.0"],
    ["-1.5", "10.25"],
    ["-100.0", "0.001"],
    ["-1e10", "1e-10"],
    ["1e38", "1e-38"],
    ["0.0", "inf", "0.25", "-1000.5"],
    ["99999.5", "1.0"],
    ["1234.5", "2.0"],
    ["-0.5", "nan", "3.0"],
    ["1e-40", "1.0"],
    ["3.0", "-inf"],
    ["100000.0", "100001.0"],
    ["100000.0", "99999.0", "1e5"],
    ["0.1", "0.2", "0.30000001"],
    ["1e16", "1.0"],
]


def text_of(x, precision=None, threshold=None, edge=None, width=None, sci=None):
    torch.set_printoptions(profile="default")
    torch.set_printoptions(precision=precision, threshold=threshold, edgeitems=edge, linewidth=width, sci_mode=sci)
    text = str(x.make())
    torch.set_printoptions(profile="default", sci_mode=None)
    torch._tensor_str.PRINT_OPTS.sci_mode = None
    return text


def record(r):
    def case(x, *options):
        options = list(options)
        while options and options[-1] is None:
            options.pop()
        r.printed([x], options, text_of(x, *options))

    for dtype in ALL:
        for number, shape in enumerate(SHAPES):
            case(In(dtype, shape, f"{'ku'[number % 2]}:{number}"))
    for number, shape in enumerate(LARGE):
        for i, dtype in enumerate(("float32", "int64", ALL[number % 10])):
            case(In(dtype, shape, f"{'wu'[i % 2] if dtype in FLOATS else 'u'}:{number}"))
    for dtype in ("float32", "float64"):
        for value in VALUES:
            case(values_of(dtype, [value], ()))
            case(values_of(dtype, [value]))
        for row in ROWS:
            case(values_of(dtype, row))
    for dtype in ("float16", "bfloat16"):
        for row in ROWS:
            if all(
                float(v) != float(v) or abs(float(v)) in (0.0, float("inf")) or 6e-5 < abs(float(v)) < 65000
                for v in row
            ):
                case(values_of(dtype, row))
    for row in ROWS[::3]:
        case(values_of("float32", row * 6, (len(row), 6)))
    for dtype in INTEGERS:
        info = torch.iinfo(getattr(torch, dtype))
        for row in ([info.min, info.max], [0], [info.min], [info.max, 0], [1, 10, 100], [0, 0, 0]):
            case(values_of(dtype, row))
            case(values_of(dtype, row, ()) if len(row) == 1 else values_of(dtype, row, (len(row), 1)))
        if dtype != "uint8":
            case(values_of(dtype, [-1, 2, -30, 4], (2, 2)))
    for row in ([0, 1], [1, 1], [0, 0], [1], [0]):
        case(values_of("bool", row))
    for layout in LAYOUTS[1:]:
        for dtype in ("float32", "int32", "float64"):
            case(laid_out(dtype, (3, 4), "u:3", layout))
            case(laid_out(dtype, (40, 30), "u:3", layout))
    for dtype in FLOATS:
        for value in VALUES:
            if dtype in ("float32", "float64") or float(value) != float(value) or 6e-5 < abs(float(value)) < 65000:
                x = values_of(dtype, [value], ())
                r.printed([x], [], f"{x.make()}", op="format")
    for dtype in ALL:
        for shape in ((), (2,)):
            x = In(dtype, shape, "u:6")
            r.printed([x], [], f"{x.make()}", op="format")
    for shape in SHAPES:
        x = In("float32", shape, "u:1")
        r.printed([x], [], str(x.make().shape), op="size")
    # Lines are broken where the line width is full.
    for n in (6, 7, 8, 9, 10, 11, 12, 18, 19, 20, 25, 26, 27, 80):
        for dtype in ("float32", "int64", "bool", "float64", "int16"):
            case(In(dtype, (n,), "w:2" if dtype in FLOATS else "u:2"))
    options(case)


def options(case):
    small, mixed, large = (
        In("float32", (3, 4), "w:1"),
        values_of("float32", ["0.001", "1000.5", "-3.0", "nan"]),
        In("float32", (50, 50), "w:2"),
    )
    for precision in (0, 1, 2, 3, 6, 8, 10):
        for x in (
            small,
            mixed,
            In("float64", (5,), "w:4"),
            values_of("float32", ["1e10", "1.0"]),
            In("int64", (3,), "u:1"),
        ):
            case(x, precision)
    for threshold in (0, 3, 4, 5, 100, 2500, 3000):
        for x in (small, values_of("int64", list(range(10))), In("float32", (2, 3, 4), "u:1")):
            case(x, None, threshold)
    for edge in (1, 2, 4, 5, 10):
        for x in (
            large,
            In("int64", (2000,), "u:1"),
            In("float32", (12, 12, 12), "u:1"),
            values_of("float32", list(map(float, range(10)))),
        ):
            case(x, None, 100, edge)
    for width in (10, 20, 40, 60, 79, 81, 120, 200):
        for x in (In("float32", (30,), "w:1"), In("int64", (4, 20), "u:1"), In("float64", (3,), "w:1"), large):
            case(x, None, None, None, width)
    for sci in (True, False):
        for x in (
            small,
            mixed,
            values_of("float32", ["1e10", "1e-10"]),
            values_of("float64", ["1.0", "2.0"]),
            values_of("float32", ["0.5"], ()),
            values_of("float32", ["nan", "inf"]),
            In("int64", (3,), "u:1"),
            values_of("float16", ["1.0", "0.25"]),
            values_of("float32", ["0.0"]),
        ):
            case(x, None, None, None, None, sci)
            case(x, 2, None, None, None, sci)
