"""What is refused, and in which words; and which dtypes every elementwise function takes."""

import torch
import torch.nn.functional as F

from . import binary, unary, views
from .record import ALL, INTEGERS, In, T, dtype_of, values_of
from .indexing import i64

S = slice


def x(*shape, dtype="float32"):
    return In(dtype, shape, "p:1")


def record(r):
    dtypes(r)
    shapes(r)
    axes(r)
    indices(r)
    types(r)
    values(r)


def dtypes(r):
    """What the other families leave out: taken or refused, both are recorded."""
    for op, (_, _, taken) in unary.UNARY.items():
        for dtype in ALL:
            if dtype not in taken:
                r.case(op, [x(2, dtype=dtype)], fn=unary.FUNCTIONS.get(op) or getattr(torch, op), refused="maybe")
        in_place = getattr(torch.Tensor, op + "_", None)
        if in_place and op not in unary.NOT_IN_PLACE:
            for dtype in ALL:
                r.case(op + "_", [x(2, dtype=dtype)], fn=in_place, refused="maybe")
    for op, (_, _, taken) in binary.BINARY.items():
        for dtype in ALL:
            if dtype not in taken:
                r.case(op, [x(2, dtype=dtype), x(2, dtype=dtype)], refused="maybe")
    for op in ("lerp", "addcmul", "addcdiv", "clamp"):
        for dtype in ALL:
            r.case(op, [x(2, dtype=dtype)] * 3, refused="maybe")
    for op in ("mean", "var", "std", "logsumexp", "softmax", "log_softmax", "prod", "sum", "norm"):
        for dtype in ALL:
            args = {"logsumexp": [0], "softmax": [0], "log_softmax": [0], "norm": [2]}.get(op, [])
            r.case(op, [x(2, dtype=dtype)], args, fn=getattr(torch, op), refused="maybe", magnitude=10.0)
    for op, shapes in (("mm", ((2, 3), (3, 2))), ("dot", ((3,), (3,))), ("matmul", ((2, 3), (3,)))):
        for a in ALL:
            for b in ("bool", "int64", "float32", "float16"):
                r.case(op, [x(*shapes[0], dtype=a), x(*shapes[1], dtype=b)], refused="maybe", magnitude=100.0)


def shapes(r):
    for op in ("add", "mul", "maximum", "atan2", "eq"):
        for a, b in (((2, 3), (2, 4)), ((3,), (4,)), ((2, 1, 3), (4, 2)), ((0,), (2,)), ((2, 3), (3, 2))):
            r.case(op, [x(*a), x(*b)], refused=True)
    r.case("where", [In("bool", (2, 3), "u:1"), x(2, 3), x(4)], refused=True)
    for a, b in (((2, 3), (4,)), ((2,), (2, 3)), ((), (2,))):
        r.case("add_", [x(*a), x(*b)], fn=torch.Tensor.add_, refused=True)
        r.case("copy_", [x(*a), x(*b)], fn=lambda x, y: x.copy_(y), refused=True)
    for op, pairs in (
        (
            "matmul",
            (
                ((2, 3), (4, 2)),
                ((3,), (4,)),
                ((2, 3), (2,)),
                ((3,), (2, 3)),
                ((2, 2, 3), (3, 3, 2)),
                ((), (3,)),
                ((2,), ()),
            ),
        ),
        ("mm", (((2, 3), (4, 2)), ((3,), (3, 2)), ((2, 3), (3,)), ((1, 2, 3), (3, 2)))),
        ("bmm", (((2, 3, 4), (3, 4, 2)), ((2, 3, 4), (2, 3, 2)), ((2, 3), (2, 3, 2)), ((2, 3, 4), (4, 2)))),
        ("mv", (((2, 3), (2,)), ((2, 3), (3, 1)), ((3,), (3,)))),
        ("dot", (((3,), (4,)), ((2, 3), (3,)), ((3,), (3, 1)), ((), (3,)))),
        ("outer", (((2, 3), (3,)), ((3,), (2, 3)))),
    ):
        for a, b in pairs:
            r.case(op, [x(*a), x(*b)], refused=True)
    for c, a, b in (((3,), (2, 3), (3, 2)), ((2, 2), (2, 3), (4, 2)), ((2, 2), (3,), (3, 2)), ((5, 2), (2, 3), (3, 2))):
        r.case("addmm", [x(*c), x(*a), x(*b)], [1, 1], fn=lambda c, a, b, *_: torch.addmm(c, a, b), refused=True)
    r.case("linear", [x(2, 3), x(4, 5)], fn=F.linear, refused=True)
    for shape, to in (
        ((12,), [5, -1]),
        ((12,), [-1, -1]),
        ((12,), [5]),
        ((2, 3), [4, 2]),
        ((0,), [-1, 0]),
        ((12,), [-2, 6]),
        ((), [2]),
    ):
        r.case("view", [x(*shape)], [to], fn=views.call("view"), refused=True)
        r.case("reshape", [x(*shape)], [to], fn=torch.reshape, refused=True)
    r.case("view", [In("float32", (2, 3), "u:1", ["permute:1,0"])], [[6]], fn=views.call("view"), refused=True)
    for shape, to in (
        ((3,), [2, 4]),
        ((2, 3), [3]),
        ((2, 3), [-1, 2, 3]),
        ((2, 3), [2, 4]),
        ((1,), [-2]),
        ((3,), [-1, 3]),
    ):
        r.case("expand", [x(*shape)], [to], fn=views.call("expand"), refused=True)
    for shapes_, dim in (
        ([(3, 4), (2, 4)], 1),
        ([(3, 4), (3, 4, 1)], 0),
        ([(3, 4), (3, 5)], 0),
        ([(2,), (3,)], 1),
        ([(2,), (3,)], -2),
        ([(2,), ()], 0),
        ([(), ()], 0),
    ):
        r.case("cat", [x(*s) for s in shapes_], [dim], fn=lambda *a: torch.cat(list(a[:-1]), a[-1]), refused=True)
    for shapes_, dim in (
        ([(3, 4), (2, 4)], 0),
        ([(3,), (3, 1)], 0),
        ([(3,), (3,)], 2),
        ([(3,), (3,)], -3),
        ([(), (1,)], 0),
    ):
        r.case("stack", [x(*s) for s in shapes_], [dim], fn=lambda *a: torch.stack(list(a[:-1]), a[-1]), refused=True)
    for op, args in (
        ("permute", [[0, 1, 2]]),
        ("permute", [[0]]),
        ("permute", [[0, 0]]),
        ("permute", [[0, 2]]),
        ("permute", [[0, -2]]),
        ("unflatten", [0, [2, 2]]),
        ("unflatten", [0, [-1, -1]]),
        ("unflatten", [2, [2]]),
        ("unflatten", [0, []]),
        ("flatten", [1, 0]),
        ("movedim", [[0, 1], [0]]),
        ("movedim", [[0, 0], [0, 1]]),
    ):
        r.case(op, [x(2, 3)], args, fn=views.call(op), refused=True)
    r.case("t", [x(2, 3, 4)], fn=torch.t, refused=True)
    r.case("mT", [x(3)], fn=lambda x: x.mT, refused="maybe")
    for op, args in (("split", [0]), ("split", [-1]), ("chunk", [0]), ("chunk", [-1])):
        r.case(op, [x(5)], args, fn=getattr(torch, op), refused=True)
    r.case("split", [x()], [1], fn=torch.split, refused=True)
    r.case("chunk", [x()], [1], fn=torch.chunk, refused=True)
    r.case("unbind", [x()], fn=torch.unbind, refused=True)
    for pad in ([1], [1, 1, 1], [1, 1, 1, 1], [-3, 0]):
        r.case("pad", [x(2)], [pad, "constant", None], fn=F.pad, refused=True)
    r.case("layer_norm", [x(2, 3)], [[4]], fn=lambda x, n: F.layer_norm(x, n), refused=True)
    r.case("layer_norm", [x(2, 3), x(2)], [[3]], fn=lambda x, w, n: F.layer_norm(x, n, w), refused=True)


def axes(r):
    """Axes out of range, and named twice."""
    for op in (
        "softmax",
        "log_softmax",
        "squeeze",
        "unsqueeze",
        "argmax",
        "prod",
        "unbind",
        "sum",
        "mean",
        "amax",
        "any",
        "logsumexp",
        "var",
        "flip",
        "max",
        "count_nonzero",
    ):
        for shape, dim in (((2, 3), 2), ((2, 3), -3), ((), 1), ((), -2), ((3,), 5)):
            if op == "flip":
                dims = [dim]
            else:
                dims = dim
            r.case(
                op,
                [x(*shape)],
                [dims],
                fn=lambda x, d, op=op: getattr(torch, op)(x, d) if op != "var" else torch.var(x, dim=d),
                refused="if",
                magnitude=10.0,
            )
    for op in ("sum", "mean", "amax", "var", "logsumexp", "count_nonzero"):
        r.case(op, [x(2, 3)], [[0, 0]], fn=lambda x, d, op=op: getattr(torch, op)(x, dim=d), refused=True)
        r.case(op, [x(2, 3)], [[1, -1]], fn=lambda x, d, op=op: getattr(torch, op)(x, dim=d), refused=True)
    r.case("flip", [x(2, 3)], [[0, 0]], fn=torch.flip, refused=True)
    for op, args in (
        ("transpose", [0, 2]),
        ("transpose", [-3, 0]),
        ("movedim", [0, 2]),
        ("select", [2, 0]),
        ("narrow", [2, 0, 1]),
        ("flatten", [0, 2]),
        ("split", [1, 2]),
        ("chunk", [2, 2]),
        ("slice", [2, 0, 1, 1]),
    ):
        r.case(op, [x(2, 3)], args, fn=views.call(op), refused=True)
    for op in ("amax", "amin", "max", "min", "argmax", "argmin"):
        for shape in ((0,), (2, 0)):
            r.case(op, [x(*shape)], [], fn=getattr(torch, op), refused=True)
            r.case(op, [x(*shape)], [len(shape) - 1], fn=getattr(torch, op), refused=True)


def indices(r):
    for shape, index in (
        ((5,), [5]),
        ((5,), [-6]),
        ((3, 4), [0, 4]),
        ((3, 4), [0, 0, 0]),
        ((), [0]),
        ((5,), [S(None, None, -1)]),
        ((5,), [S(None, None, 0)]),
        ((3, 4), [S(None), S(None), S(None)]),
        ((0,), [0]),
        ((2, 3, 4), [1, 1, 1, 1]),
    ):
        _refused(r, "index", [x(*shape)], index)
    for shape, index, tensors in (
        ((5,), [T(1), T(2)], [i64(0), i64(0)]),
        ((3, 4), [T(1), T(2)], [i64(0, 1), i64(0, 1, 2)]),
        ((5,), [T(1)], [values_of("float32", [0.0, 1.0])]),
        ((5,), [T(1)], [i64(5)]),
        ((3, 4), [S(None), T(1)], [i64(0, -5)]),
    ):
        _refused(r, "index", [x(*shape)] + tensors, index)
    for shape, value in (((3, 4), (3,)), ((3, 4), (2, 3, 4))):
        r.case("copy_", [x(*shape), x(*value)], fn=lambda x, y: x.copy_(y), refused=True)
    for args in ([0, 5], [0, -6], [1, 0]):
        r.case("select", [x(5)], args, fn=torch.select, refused=True)
    for args in ([0, 3, 3], [0, -6, 1], [0, 0, -1], [0, 6, 0]):
        r.case("narrow", [x(5)], args, fn=torch.narrow, refused=True)
    for step in (0, -1):
        r.case("slice", [x(5)], [0, 0, 5, step], fn=views.call("slice"), refused=True)
    take = lambda op: lambda x, i, *a: getattr(torch, op)(x, *a[-1:], i, *a[:-1])  # noqa: E731
    r.case("index_select", [x(5), i64(5)], [0], fn=take("index_select"), refused=True)
    r.case("index_select", [x(5), i64(0, 1, shape=(1, 2))], [0], fn=take("index_select"), refused=True)
    r.case("index_select", [x(5), values_of("float32", [0.0])], [0], fn=take("index_select"), refused=True)
    r.case("index_select", [x(5), i64(0)], [1], fn=take("index_select"), refused=True)
    r.case("gather", [x(3, 4), i64(3, shape=(1, 1))], [0], fn=take("gather"), refused=True)
    r.case("gather", [x(3, 4), i64(0)], [0], fn=take("gather"), refused=True)
    r.case("gather", [x(3, 4), i64(0, 0, 0, 0, 0, shape=(1, 5))], [0], fn=take("gather"), refused=True)
    r.case("gather", [x(3, 4), values_of("float32", [0.0], (1, 1))], [0], fn=take("gather"), refused=True)
    r.case("embedding", [x(3, 4), values_of("float32", [0.0])], fn=lambda w, i: F.embedding(i, w), refused=True)
    r.case("embedding", [x(3), i64(0)], fn=lambda w, i: F.embedding(i, w), refused=True)
    r.case(
        "scatter_add",
        [x(3, 4), i64(0, 0, shape=(1, 2)), x(1, 1)],
        [0],
        fn=lambda x, i, s, d: torch.scatter_add(x, d, i, s),
        refused=True,
    )
    r.case(
        "scatter_add",
        [x(3, 4), i64(0, 0, shape=(1, 2)), x(1, 2, dtype="int64")],
        [0],
        fn=lambda x, i, s, d: torch.scatter_add(x, d, i, s),
        refused=True,
    )
    r.case("scatter_add", [x(3), i64(3), x(1)], [0], fn=lambda x, i, s, d: torch.scatter_add(x, d, i, s), refused=True)
    r.case(
        "index_add", [x(3, 2), i64(0, 1), x(1, 2)], [0], fn=lambda x, i, s, d: torch.index_add(x, d, i, s), refused=True
    )
    r.case(
        "index_add", [x(3, 2), i64(3), x(1, 2)], [0], fn=lambda x, i, s, d: torch.index_add(x, d, i, s), refused=True
    )
    r.case(
        "index_add", [x(3, 2), i64(0), x(1, 3)], [0], fn=lambda x, i, s, d: torch.index_add(x, d, i, s), refused=True
    )


def _refused(r, op, inputs, index):
    def call(*all):
        return all[0][tuple(all[len(inputs) :])]

    r.case(op, inputs, index, fn=call, refused=True)


def types(r):
    for dtype in INTEGERS + ["bool"]:
        for op in ("add_", "mul_", "pow_", "sub_", "div_"):
            r.case(op, [x(2, dtype=dtype), x(2)], fn=getattr(torch.Tensor, op), refused=True)
        r.case("add_.scalar", [x(2, dtype=dtype)], [1.5], fn=lambda x, s: x.add_(s), refused=True)
    r.case("gather", [x(2), i64(0)], [3], fn=lambda x, i, d: torch.gather(x, d, i), refused=True)
    r.case("add_.scalar", [In("float32", (1, 3), "u:1", ["expand:2,3"])], [1], fn=lambda x, s: x.add_(s), refused=True)
    r.case("fill_", [In("float32", (3,), "u:1", ["expand:2,3"])], [1], fn=lambda x, s: x.fill_(s), refused="maybe")
    r.case("copy_", [In("float32", (3,), "u:1", ["expand:2,3"]), x(2, 3)], fn=lambda x, y: x.copy_(y), refused=True)


def values(r):
    for dtype in INTEGERS:
        for op in ("floor_divide", "remainder", "fmod"):
            r.case(op, [values_of(dtype, [1, 2]), values_of(dtype, [1, 0])], refused=True)
            r.case(op, [values_of(dtype, [1, 2])], [0], refused=True)
        r.case("pow", [values_of(dtype, [1, 2])], [-1], refused=True)
        info = torch.iinfo(dtype_of(dtype))
        if dtype != "int64":
            r.case("add", [values_of(dtype, [1, 2])], [info.max + 1], refused="maybe")
            r.case("add", [values_of(dtype, [1, 2])], [info.min - 1], refused="maybe")
    for op, args in (
        ("arange", [1, 0]),
        ("arange", [0, 5, 0]),
        ("arange", [0, 5, -1]),
        ("arange", [0.0, float("nan")]),
        ("arange", [0.0, float("inf")]),
        ("linspace", [0, 1, -1]),
        ("logspace", [0, 1, -1]),
        ("eye", [-1]),
        ("zeros", [[-1]]),
        ("ones", [[2, -3]]),
    ):
        r.case(op, [], args, fn=getattr(torch, op), refused=True)
    r.case("div.mode", [x(2), x(2)], ["up"], fn=lambda x, y, m: torch.div(x, y, rounding_mode=m), refused=True)
    r.case("gelu.approximate", [x(2)], ["sigmoid"], fn=lambda x, m: F.gelu(x, approximate=m), refused=True)
    r.case(
        "cross_entropy", [x(2, 3), i64(0, 3)], ["mean", 0.0], fn=lambda x, y, *_: F.cross_entropy(x, y), refused=True
    )
    r.case("cross_entropy", [x(2, 3), i64(0)], ["mean", 0.0], fn=lambda x, y, *_: F.cross_entropy(x, y), refused=True)
    r.case("nll_loss", [x(2, 3), i64(0)], ["mean"], fn=lambda x, y, *_: F.nll_loss(x, y), refused=True)
    r.case("mse_loss", [x(2, 3), x(2, 4)], ["mean"], fn=lambda x, y, *_: F.mse_loss(x, y), refused=True)
