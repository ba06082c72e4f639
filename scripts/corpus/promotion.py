"""Type promotion: every pair of dtypes, as tensors, 0-d tensors and numbers; conversions; writes to another type."""

import torch

from .record import ALL, FLOATS, INTEGERS, In, dtype_of, values_of

NUMBERS = [True, 3, 2.5]


def record(r):
    pairs(r)
    numbers(r)
    conversions(r)
    writes(r)


def pairs(r):
    shapes = [((2, 2), (2,)), ((2,), ()), ((), (2,)), ((), ())]
    for a in ALL:
        for b in ALL:
            for i, (s, t) in enumerate(shapes):
                inputs = [In(a, s, "p:1"), In(b, t, "p:2")]
                r.case("add", inputs, refused="maybe")
                r.case("result_type", inputs, fn=lambda x, y: torch.empty(0, dtype=torch.result_type(x, y)))
                if i < 2:
                    r.case("mul", inputs, refused="maybe")
                    r.case("eq", inputs)
                    r.case("div", inputs)
                    r.case("maximum", inputs)
                r.case("where", [In("bool", s, "u:3")] + inputs)
                if i == 0:
                    r.case("lt", inputs)
                    r.case("logical_and", inputs)
                    r.case(
                        "cat", [In(a, (2,), "p:1"), In(b, (3,), "p:2")], [0], fn=lambda x, y, d: torch.cat([x, y], d)
                    )
                    r.case("atan2", inputs, refused="maybe")
                if a not in FLOATS and b not in FLOATS and i < 2:
                    r.case("bitwise_or", inputs)
                if i < 2:
                    r.case("sub", inputs, refused="maybe")
                    r.case("floor_divide", inputs, refused="maybe")
                    r.case("remainder", inputs, refused="maybe")


def numbers(r):
    for dtype in ALL:
        for number in NUMBERS:
            for shape in ((2,), ()):
                x = [In(dtype, shape, "p:4")]
                for op in ("add", "mul", "div", "eq", "ge"):
                    r.case(op, x, [number])
                r.case("add.left", x, [number], fn=lambda x, s: s + x)
                r.case("result_type", x, [number], fn=lambda x, s: torch.empty(0, dtype=torch.result_type(x, s)))
                for op in ("sub", "floor_divide", "pow"):
                    r.case(op, x, [number], refused="maybe")
                r.case("sub.left", x, [number], fn=lambda x, s: s - x, refused="maybe")
            for other in NUMBERS:
                r.case("where.numbers", [In("bool", (3,), "u:3")], [number, other], fn=torch.where)


def conversions(r):
    for a in ALL:
        for b in ALL:
            r.case("to", [In(a, (9,), "k:11" if b != "uint8" else "p:11")], [dtype_of(b)], fn=lambda x, t: x.to(t))
            if a in FLOATS and b in FLOATS + ["bool"]:
                values = [
                    "nan",
                    "inf",
                    "-inf",
                    "0.0",
                    "-0.0",
                    "1.0",
                    "0.1",
                    "65504.0",
                    "65519.0",
                    "65520.0",
                    "1e-7",
                    "5.9e-8",
                    "2.9e-8",
                    "3.3895314e38",
                    "3.4e38",
                    "1e-40",
                    "1.00390625",
                    "1.01171875",
                ]
                if a == "float64":
                    values += ["1e300", "3.4028235677973366e38", "1e-46", "0.1234567890123"]
                r.case("to", [values_of(a, values)], [dtype_of(b)], fn=lambda x, t: x.to(t))
            elif a in FLOATS and b in INTEGERS:
                values = ["0.9", "1.5", "2.99", "100.0", "-0.0"] + ([] if b == "uint8" else ["-0.9", "-1.5", "-100.0"])
                r.case("to", [values_of(a, values)], [dtype_of(b)], fn=lambda x, t: x.to(t))
            elif a in INTEGERS and b in INTEGERS + FLOATS:
                info = torch.iinfo(dtype_of(a))
                values = [info.min, info.max, info.max - 1, 0, 1, info.max // 3]
                r.case("to", [values_of(a, values)], [dtype_of(b)], fn=lambda x, t: x.to(t))
            r.case("copy_", [In(a, (2, 3), "p:1"), In(b, (3,), "p:2")], fn=lambda x, y: x.copy_(y))


def writes(r):
    """In-place results of another type are converted, or refused."""
    for a in ALL:
        for b in ALL:
            for op in ("add_", "mul_"):
                r.case(op, [In(a, (2,), "p:5"), In(b, (2,), "p:6")], fn=getattr(torch.Tensor, op), refused="maybe")
            r.case(
                "add.out",
                [In(a, (2,), "p:5"), In(a, (2,), "p:6"), In(b, (2,), "p:6")],
                fn=lambda x, y, out: torch.add(x, y, out=out),
                refused="maybe",
            )
        for number in NUMBERS:
            r.case("add_.scalar", [In(a, (2,), "p:7")], [number], fn=lambda x, s: x.add_(s), refused="maybe")
