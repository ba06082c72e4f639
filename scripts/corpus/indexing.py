"""x[...] reading and writing with integers, slices, None, Ellipsis and tensors; and the functions that read and add at
indices."""

import torch

from .record import ALL, LAYOUTS, In, T, laid_out, values_of

S = slice
BASIC = [  # shape, index
    ((5,), [1]),
    ((5,), [-1]),
    ((5,), [S(1, 4)]),
    ((5,), [S(None, None, 2)]),
    ((5,), [S(-3, None)]),
    ((5,), [S(10, None)]),
    ((5,), [None]),
    ((5,), [...]),
    ((5,), [None, S(0, 2), None]),
    ((3, 4), [1]),
    ((3, 4), [1, 2]),
    ((3, 4), [S(1, 3)]),
    ((3, 4), [S(None), 1]),
    ((3, 4), [..., 1]),
    ((3, 4), [S(0, 2), S(1, None)]),
    ((3, 4), [None]),
    ((3, 4), [S(None), None]),
    ((3, 4), [..., None]),
    ((3, 4), [1, None, 2]),
    ((3, 4), [S(None, None, 2), S(None, None, 3)]),
    ((2, 3, 4), [1]),
    ((2, 3, 4), [..., -1]),
    ((2, 3, 4), [1, ..., 2]),
    ((2, 3, 4), [S(None), 1, S(None, None, 2)]),
    ((2, 3, 4), [0, S(1, 3), None, 3]),
    ((2, 3, 4), [-1, -1, -1]),
    ((2, 1, 3, 2), [1, 0, ..., None]),
    ((1, 2, 2, 1, 3), [0, 1, ..., 2]),
    ((), [...]),
    ((), [None]),
    ((0, 3), [S(None), 1]),
    ((3, 4), [S(2, 1)]),
    ((3, 4), [S(-100, 100)]),
]
V = values_of


def i64(*values, shape=None):
    return V("int64", values, shape)


def mask(*values, shape=None):
    return V("bool", values, shape)


ADVANCED = [  # shape, index with T(n), tensors
    ((5,), [T(1)], [i64(0, 3, -1)]),
    ((5,), [T(1)], [i64(0, 3, 1, 1, shape=(2, 2))]),
    ((5,), [T(1)], [i64()]),
    ((5,), [T(1)], [i64(2, shape=())]),
    ((3, 4), [T(1)], [i64(2, 0)]),
    ((3, 4), [S(None), T(1)], [i64(1, -1, 0)]),
    ((3, 4), [..., T(1)], [i64(1, -1, 0)]),
    ((3, 4), [T(1), T(2)], [i64(0, 2), i64(1, 3)]),
    ((3, 4), [T(1), T(2)], [i64(0, 2, shape=(2, 1)), i64(1, 3, 0)]),
    ((3, 4), [T(1), 2], [i64(0, 2)]),
    ((3, 4), [1, T(1)], [i64(0, 2)]),
    ((3, 4), [T(1), S(1, 3)], [i64(0, 2)]),
    ((3, 4), [S(0, 2), T(1)], [i64(0, 2)]),
    ((3, 4), [T(1), None], [i64(0, 2)]),
    ((3, 4), [None, T(1)], [i64(0, 2)]),
    ((2, 3, 4), [T(1)], [i64(1, 0, 1)]),
    ((2, 3, 4), [S(None), T(1)], [i64(2, 0)]),
    ((2, 3, 4), [S(None), T(1), T(2)], [i64(2, 0), i64(1, 3)]),
    ((2, 3, 4), [T(1), S(None), T(2)], [i64(1, 0), i64(1, 3)]),
    ((2, 3, 4), [T(1), T(2), T(3)], [i64(1, 0), i64(2, 2), i64(3, -4)]),
    ((2, 3, 4), [T(1), ..., T(2)], [i64(1, 0), i64(1, 3)]),
    ((2, 3, 4), [0, S(None), T(1)], [i64(1, 3)]),
    ((2, 3, 4), [T(1), S(None), 0], [i64(1, 0)]),
    ((2, 3, 4), [..., T(1), S(1, 3)], [i64(2, 0, 1)]),
    ((2, 1, 3, 2), [T(1), S(None), T(2)], [i64(1, 0), i64(2, 0)]),
    ((5,), [T(1)], [mask(1, 0, 1, 1, 0)]),
    ((3, 4), [T(1)], [mask(1, 0, 1)]),
    ((3, 4), [S(None), T(1)], [mask(1, 0, 1, 1)]),
    ((3, 4), [T(1)], [mask(1, 0, 1, 1, 0, 0, 1, 0, 0, 1, 1, 0, shape=(3, 4))]),
    ((3, 4), [T(1), 1], [mask(1, 0, 1)]),
    ((3, 4), [T(1), T(2)], [mask(1, 0, 1), i64(0, 3)]),
    ((3,), [T(1)], [mask(0, 0, 0)]),
    ((2, 3, 4), [T(1)], [mask(1, 0, 1, 1, 0, 0, shape=(2, 3))]),
    ((2, 3, 4), [0, T(1)], [mask(1, 0, 1)]),
    ((3, 4), [T(1)], [V("int32", [2, 0])]),
    ((3, 4), [T(1)], [V("int32", [2, 0], (2, 1))]),
    ((0, 3), [S(None), T(1)], [i64(0, 2)]),
    ((0, 3), [T(1)], [i64()]),
]


def plain(args, tensors):
    out = []
    for a in args:
        out.append(tensors[a.number] if isinstance(a, T) else a)
    return tuple(out)


def indexed(r, op, inputs, index, do, value=None):
    """do(x, index) or do(x, index, value); the value is the last argument where there is one."""
    args = list(index) + ([value] if isinstance(value, (int, float)) else [])

    def call(*all):
        tensors, rest = all[: len(inputs)], list(all[len(inputs) :])
        if isinstance(value, (int, float)):
            rest.pop()
        return do(tensors[0], tuple(rest), tensors[-1] if value == "tensor" else value)

    r.case(op, inputs, args, fn=call)


def get(x, index, _):
    return x[index]


def put(x, index, value):
    x[index] = value
    return x


def record(r):
    for number, (shape, index) in enumerate(BASIC):
        for dtype in ("float32", ALL[number % 10]):
            indexed(r, "index", [In(dtype, shape, f"u:{number}")], index, get)
            indexed(r, "index_put_.number", [In(dtype, shape, f"u:{number}")], index, put, value=1)
        if len(shape) > 1 and 0 not in shape:
            for layout in LAYOUTS[1:]:
                indexed(r, "index", [laid_out("float32", shape, f"u:{number}", layout)], index, get)
                if layout != "expanded":
                    indexed(
                        r,
                        "index_put_.number",
                        [laid_out("float32", shape, f"u:{number}", layout)],
                        index,
                        put,
                        value=2.5,
                    )
        x = In("float32", shape, f"u:{number}")
        target = x.make()[tuple(index)].shape
        for value_shape in {tuple(target), (), tuple(target[1:]), tuple(1 for _ in target)}:
            indexed(r, "index_put_", [x, In("float32", value_shape, "u:99")], index, put, value="tensor")
        indexed(r, "index_put_", [x, In("int32", target, "u:98")], index, put, value="tensor")
    for number, (shape, index, tensors) in enumerate(ADVANCED):
        for dtype in ("float32", "int64", ALL[number % 10]):
            indexed(r, "index", [In(dtype, shape, f"u:{number}")] + tensors, index, get)
        if len(shape) > 1 and 0 not in shape:
            for layout in LAYOUTS[1:]:
                indexed(r, "index", [laid_out("float32", shape, f"u:{number}", layout)] + tensors, index, get)
        for dtype in ("float32", "int64"):
            indexed(r, "index_put_.tensors.number", [In(dtype, shape, f"u:{number}")] + tensors, index, put, value=7)
            x = In(dtype, shape, f"u:{number}")
            target = x.make()[plain(index, [None] + [t.make() for t in tensors])].shape
            indexed(r, "index_put_.tensors", [x] + tensors + [In(dtype, (), "u:4")], index, put, value="tensor")
            if len(set(target)) > 0 and 0 not in target:
                indexed(
                    r,
                    "index_put_.tensors",
                    [x] + tensors + [In(dtype, (1,) * len(target), "u:4")],
                    index,
                    put,
                    value="tensor",
                )
    functions(r)


def functions(r):
    for dtype in ALL:
        x = In(dtype, (4, 3), "u:1")
        r.case("index_select", [x, i64(2, 0, 2)], [0], fn=lambda x, i, d: torch.index_select(x, d, i))
        r.case("index_select", [x, i64(2, 0)], [-1], fn=lambda x, i, d: torch.index_select(x, d, i))
        r.case("gather", [x, i64(0, 3, 1, 2, 2, 0, shape=(2, 3))], [0], fn=lambda x, i, d: torch.gather(x, d, i))
        r.case("gather", [x, i64(0, 2, 1, 2, 2, 0, 1, 1, shape=(4, 2))], [1], fn=lambda x, i, d: torch.gather(x, d, i))
        r.case("take_along_dim", [x, i64(0, 3, 1, 2, 2, 0, shape=(2, 3))], [0], fn=torch.take_along_dim)
        r.case("take_along_dim", [x, i64(1, 5, 11)], [], fn=torch.take_along_dim)
        if dtype != "bool":
            r.case(
                "index_add",
                [x, i64(2, 0, 2), In(dtype, (3, 3), "k:2")],
                [0],
                fn=lambda x, i, s, d: torch.index_add(x, d, i, s),
            )
            r.case(
                "index_add",
                [x, i64(1, 0), In(dtype, (4, 2), "k:2")],
                [1, 2],
                fn=lambda x, i, s, d, a: torch.index_add(x, d, i, s, alpha=a),
            )
            r.case(
                "scatter_add",
                [x, i64(0, 3, 1, 2, 2, 0, shape=(2, 3)), In(dtype, (2, 3), "k:2")],
                [0],
                fn=lambda x, i, s, d: torch.scatter_add(x, d, i, s),
            )
            r.case(
                "scatter_add",
                [x, i64(0, 0, 0, 2, 2, 0, 1, 1, shape=(4, 2)), In(dtype, (4, 2), "k:2")],
                [1],
                fn=lambda x, i, s, d: torch.scatter_add(x, d, i, s),
            )
        m = In("bool", (4, 3), "u:5")
        r.case("masked_fill", [x, m], [1], fn=torch.masked_fill)
        r.case("masked_fill", [x, In("bool", (3,), "u:5")], [1], fn=torch.masked_fill)
        r.case("masked_select", [x, m], fn=torch.masked_select)
        r.case("masked_select", [In(dtype, (3,), "u:5"), m], fn=torch.masked_select)
        r.case("nonzero", [In(dtype, (3, 4), "k:6")], fn=torch.nonzero)
        r.case("take", [x, i64(0, -1, 5, 11, shape=(2, 2))], fn=torch.take)
        r.case(
            "scatter",
            [x, i64(0, 3, 1, 2, 1, 0, shape=(2, 3)), In(dtype, (2, 3), "k:2")],
            [0],
            fn=lambda x, i, s, d: torch.scatter(x, d, i, s),
        )
        r.case(
            "scatter.number",
            [x, i64(0, 2, 1, 2, 1, 0, 1, 1, shape=(4, 2))],
            [1, 1],
            fn=lambda x, i, d, v: torch.scatter(x, d, i, v),
        )
        r.case(
            "index_copy",
            [x, i64(2, 0), In(dtype, (2, 3), "k:2")],
            [0],
            fn=lambda x, i, s, d: torch.index_copy(x, d, i, s),
        )
        r.case("index_fill", [x, i64(2, 0)], [0, 1], fn=lambda x, i, d, v: torch.index_fill(x, d, i, v))
        for mode in ("sum", "prod", "mean", "amax", "amin"):
            if dtype != "bool":
                for self in (True, False):
                    r.case(
                        "scatter_reduce",
                        [
                            In(dtype, (3, 3), "p:1"),
                            i64(0, 2, 1, 2, 1, 0, 0, 0, 1, shape=(3, 3)),
                            In(dtype, (3, 3), "p:2"),
                        ],
                        [0, mode, self],
                        fn=lambda x, i, s, d, m, k: torch.scatter_reduce(x, d, i, s, m, include_self=k),
                    )
    for layout in LAYOUTS[1:]:
        x = laid_out("float32", (4, 3), "u:1", layout)
        r.case("index_select", [x, i64(2, 0, 2)], [0], fn=lambda x, i, d: torch.index_select(x, d, i))
        r.case("gather", [x, i64(0, 2, 1, 2, 2, 0, 1, 1, shape=(4, 2))], [1], fn=lambda x, i, d: torch.gather(x, d, i))
        if layout != "expanded":
            r.case(
                "scatter_add_",
                [x, i64(0, 3, 1, 2, 2, 0, shape=(2, 3)), In("float32", (2, 3), "k:2")],
                [0],
                fn=lambda x, i, s, d: x.scatter_add_(d, i, s),
            )
            r.case(
                "index_add_",
                [x, i64(2, 0, 2), In("float32", (3, 3), "k:2")],
                [0],
                fn=lambda x, i, s, d: x.index_add_(d, i, s),
            )
    for shape, index, dim in (
        ((5,), i64(), 0),
        ((2, 3, 4), i64(1, 1), 1),
        ((2, 3, 4), i64(3, 0, 1), -1),
        ((0, 3), i64(1), 1),
        ((3,), i64(1, shape=()), 0),
    ):
        r.case(
            "index_select", [In("float32", shape, "u:3"), index], [dim], fn=lambda x, i, d: torch.index_select(x, d, i)
        )
    for shape, index, dim in (
        ((5,), i64(4, 0), 0),
        ((2, 3, 4), i64(1, 0, 1, 1, shape=(1, 2, 2)), 0),
        ((2, 3, 4), i64(3, 0, shape=(1, 1, 2)), 2),
        ((), i64(0, shape=()), 0),
        ((3, 2), i64(shape=(0, 2)), 0),
    ):
        r.case("gather", [In("float32", shape, "u:3"), index], [dim], fn=lambda x, i, d: torch.gather(x, d, i))
    r.case("take_along_dim", [In("float32", (3, 4), "u:3"), i64(1, 0, shape=(1, 2))], [1], fn=torch.take_along_dim)
    r.case("take_along_dim", [In("float32", (1, 4), "u:3"), i64(1, 0, 2, shape=(3, 1))], [1], fn=torch.take_along_dim)
    for index in (i64(0, 2), i64(1, 1, 0, 3, shape=(2, 2)), i64(2, shape=()), i64()):
        for dtype in ("float32", "float64", "float16"):
            r.case("embedding", [In(dtype, (4, 3), "u:2"), index], fn=lambda w, i: torch.nn.functional.embedding(i, w))
    for shape in ((), (5,), (2, 3, 4), (0,), (2, 0)):
        r.case("nonzero", [In("float32", shape, "k:3")], fn=torch.nonzero)
