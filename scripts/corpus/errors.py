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
    more(r)


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


def more(r):
    """Of the functions of shapes, order, indices and products."""

    def refused(op, inputs, args=(), fn=None):
        r.case(op, inputs, args, fn=fn, refused="if", magnitude=1e3)

    method = lambda op: lambda x, *a: getattr(x, op)(*a)  # noqa: E731
    for op, args in (
        ("roll", [[1, 2], [0]]),
        ("roll", [[1], [2]]),
        ("repeat", [[2]]),
        ("repeat", [[-1, 1]]),
        ("rot90", [1, [0, 0]]),
        ("rot90", [1, [0]]),
        ("rot90", [1, [0, 2]]),
        ("diagonal", [0, 0, 0]),
        ("diagonal", [0, 0, 2]),
        ("unfold", [0, 3, 1]),
        ("unfold", [0, 1, 0]),
        ("unfold", [2, 1, 1]),
        ("tensor_split", [0]),
        ("as_strided", [[2, 2], [1]]),
        ("as_strided", [[9], [1]]),
        ("as_strided", [[2], [-1]]),
        ("split.sizes", [[1, 2]]),
        ("split.sizes", [[1, -1, 2]]),
        ("broadcast_to", [[4, 2]]),
        ("diag_embed", [0, 0, 0]),
    ):
        refused(op, [x(2, 3)], args, views.call(op))
    refused("diag", [x(2, 2, 2)], [], method("diag"))
    refused("trace", [x(2)])
    refused("fliplr", [x(3)])
    refused("flipud", [x()])
    for op in ("cumsum", "cumprod", "cummax", "logcumsumexp", "sort", "argsort", "median", "mode"):
        for shape, dim in (((2, 3), 2), ((2, 3), -3), ((), 1)):
            refused(op, [x(*shape)], [dim])
    refused("cumsum", [x(2, dtype="bool")], [3])
    for args in ([4, 1, True], [-1, 0, True], [1, 2, True]):
        refused("topk", [x(2, 3)], args, lambda x, k, d, largest: torch.topk(x, k, d, largest))
    for args in ([0, 1, False], [4, 1, False], [1, 2, False]):
        refused("kthvalue", [x(2, 3)], args, lambda x, k, d, keep: torch.kthvalue(x, k, d, keep))
    refused("median", [x(2, 0)], [1], lambda x, d: torch.median(x, d))
    for q in (-0.1, 1.5):
        refused("quantile", [x(3)], [q], torch.quantile)
    refused("quantile", [x(3, dtype="int64")], [0.5], torch.quantile)
    refused("quantile", [x(0)], [0.5], torch.quantile)
    refused(
        "quantile",
        [x(3)],
        [0.5, 0, False, "cubic"],
        lambda x, q, d, k, how: torch.quantile(x, q, d, k, interpolation=how),
    )
    refused("bincount", [x(3)], [], torch.bincount)
    refused("bincount", [x(2, 2, dtype="int64")], [], torch.bincount)
    refused("bincount", [values_of("int64", [1, -1])], [], torch.bincount)
    refused("bincount", [values_of("int64", [1, 1]), x(3)], [], torch.bincount)
    refused("searchsorted", [x(2, 3), x(3, 2)], [False, False], lambda s, v, *_: torch.searchsorted(s, v))
    for op, shapes_ in (
        ("hstack", [(2, 3), (3, 2)]),
        ("vstack", [(2,), (3,)]),
        ("dstack", [(2,), (3,)]),
        ("column_stack", [(2,), (3,)]),
    ):
        refused(op, [x(*s) for s in shapes_], [], lambda *a, op=op: getattr(torch, op)(a))
    refused("broadcast_tensors", [x(2), x(3)], [], torch.broadcast_tensors)
    for c, a, b in (((3,), (2, 3), (4,)), ((2,), (2, 3), (3, 1)), ((5,), (2, 3), (3,))):
        refused("addmv", [x(*c), x(*a), x(*b)], [1, 1], lambda c, a, b, *_: torch.addmv(c, a, b))
    for text, shapes_ in (
        ("ij,jk->ik", [(2, 3), (4, 2)]),
        ("ij->ij", [(2,)]),
        ("ij,jk->il", [(2, 3), (3, 2)]),
        ("ij", [(2, 3), (3, 2)]),
        ("i.j->ij", [(2, 3)]),
        ("ij->iij", [(2, 3)]),
        ("i1->i", [(2, 3)]),
        ("ij,jk->ik", [(2, 3)]),
    ):
        refused("einsum", [x(*s) for s in shapes_], [text], lambda *a: torch.einsum(a[-1], list(a[:-1])))
    refused("tensordot", [x(2, 3), x(2, 3)], [1], lambda a, b, n: torch.tensordot(a, b, dims=n))
    refused("tensordot.dims", [x(2, 3), x(2, 3)], [[0], [0, 1]], lambda a, b, m, n: torch.tensordot(a, b, dims=(m, n)))
    refused("inner", [x(2, 3), x(2, 2)])
    refused("cross", [x(2), x(2)], [0], lambda a, b, d: torch.cross(a, b, dim=d))
    refused("matrix_power", [x(2, 3)], [2], torch.matrix_power)
    m = In("bool", (2, 3), "u:1")
    refused("masked_fill", [x(2, 3), x(2, 3)], [1], torch.masked_fill)
    refused("masked_fill", [x(2, 3), In("bool", (4,), "u:1")], [1], torch.masked_fill)
    refused("masked_fill.tensor", [x(2, 3), m, x(2)], [], torch.masked_fill)
    refused("masked_select", [x(2, 3), x(2, 3)], [], torch.masked_select)
    refused("masked_select", [x(2, 4), m], [], torch.masked_select)
    refused("masked_scatter", [x(2, 3), In("bool", (2, 3), "p:1"), x(2)], [], torch.masked_scatter)
    refused("take", [x(3), x(1)], [], torch.take)
    refused("index_copy", [x(3, 2), i64(0, 1), x(1, 2)], [0], lambda x, i, s, d: torch.index_copy(x, d, i, s))
    refused("index_fill", [x(3, 2), x(1)], [0, 1], lambda x, i, d, v: torch.index_fill(x, d, i, v))
    refused("scatter", [x(3, 2), i64(0, 0, shape=(1, 2)), x(1, 1)], [0], lambda x, i, s, d: torch.scatter(x, d, i, s))
    refused("scatter", [x(3, 2), i64(0), x(1, 2)], [0], lambda x, i, s, d: torch.scatter(x, d, i, s))
    refused(
        "scatter_reduce",
        [x(3), i64(0), x(1)],
        [0, "median", True],
        lambda x, i, s, d, m, k: torch.scatter_reduce(x, d, i, s, m, include_self=k),
    )
    for mask_shape in ((3,), (2, 4), (2, 3, 1)):
        _refused(r, "index", [x(2, 3), In("bool", mask_shape, "p:1")], [T(1)])
    refused("select_scatter", [x(2, 3), x(2)], [0, 0])
    refused("slice_scatter", [x(3, 3), x(1, 3)], [0, 0, 2, 1])
    refused("diagonal_scatter", [x(3, 3), x(2)], [0])
    refused("float_power", [x(2), x(3)])
    refused("repeat_interleave", [x(2, 3), i64(1, 2, 3)], [0])
    refused("repeat_interleave", [x(2, 3), i64(1, -2)], [0])
    refused("aminmax", [x(2, 0)], [1, False], lambda x, d, k: torch.aminmax(x, dim=d, keepdim=k))
    refused("dist", [x(2), x(3)], [2], torch.dist)
