"""Gradients of single calls, with a cotangent of whole numbers (the last input): formulas, and PyTorch's conventions at
kinks and ties."""

import torch
import torch.nn.functional as F

from . import unary
from .indexing import i64
from .record import In, T, values_of

REAL = ["float32", "float64"]
# Steps, whose gradient is zero everywhere.
FLAT = {
    "floor",
    "ceil",
    "trunc",
    "round",
    "sign",
    "isnan",
    "isinf",
    "isfinite",
    "isposinf",
    "isneginf",
    "signbit",
    "logical_not",
    "bitwise_not",
}


def grad(r, op, inputs, args=(), fn=None):
    """Records the gradients of the float inputs."""
    fn = fn or getattr(torch, op)
    shape = fn(*[i.make() for i in inputs], *[inputs[a.number].make() if isinstance(a, T) else a for a in args])
    cotangent = In(inputs[0].dtype if inputs[0].dtype in REAL else inputs[-1].dtype, list(shape.shape), "k:77")

    def run(*all):
        leaves = [x.detach().requires_grad_() if x.is_floating_point() else x for x in all[: len(inputs)]]
        plain = [leaves[a.number] if isinstance(a, T) else b for a, b in zip(args, all[len(inputs) + 1 :])]
        out = fn(*leaves, *plain)
        return list(torch.autograd.grad(out, [x for x in leaves if x.is_floating_point()], all[len(inputs)]))

    r.case("grad:" + op, list(inputs) + [cotangent], args, fn=run)


def record(r):
    elementwise(r)
    reductions(r)
    shapes(r)
    products(r)


def elementwise(r):
    for number, (op, (fill, _, dtypes)) in enumerate(unary.UNARY.items()):
        if op in FLAT or fill is None:
            continue
        fn = unary.FUNCTIONS.get(op) or getattr(torch, op)
        for dtype in REAL:
            if op == "digamma" and dtype == "float64":  # PyTorch's trigamma has nine digits
                continue
            if dtype in dtypes:
                # Away from the edge of what asin, atanh and logit take.
                inside = {"asin": "q", "acos": "q", "atanh": "q", "logit": None, "acosh": None}
                if op in inside:
                    values = ["0.5", "0.25", "-0.75", "0.125"] if inside[op] else ["0.5", "0.25", "0.75", "0.125"]
                    if op == "acosh":
                        values = ["1.5", "2.25", "10.0", "3.0"]
                    x = values_of(dtype, values, (2, 2))
                else:
                    x = In(dtype, (3, 5), f"{fill}:{number + 50}")
                grad(r, op, [x], fn=fn)
    kinks = ["0.0", "-0.0", "1.0", "-1.0", "2.0", "0.5"]
    for op in (
        "abs",
        "relu",
        "square",
        "neg",
        "nan_to_num",
        "sigmoid",
        "tanh",
        "silu",
        "gelu",
        "softplus",
        "erf",
        "sin",
        "exp",
        "frac",
    ):
        for dtype in REAL:
            grad(r, op, [values_of(dtype, kinks)], fn=unary.FUNCTIONS.get(op) or getattr(torch, op))
    pairs = {
        "add": "uu",
        "sub": "uu",
        "mul": "uu",
        "div": "up",
        "minimum": "kk",
        "maximum": "kk",
        "fmin": "kk",
        "fmax": "kk",
        "atan2": "pu",
        "hypot": "pp",
        "logaddexp": "uu",
        "xlogy": "pp",
        "pow": "pu",
        "remainder": "up",
        "fmod": "up",
        "copysign": "up",
    }
    for op, fills in pairs.items():
        for dtype in REAL:
            for a, b in (((3, 4), (3, 4)), ((3, 1), (4,)), ((2, 3), ())):
                grad(r, op, [In(dtype, a, f"{fills[0]}:1"), In(dtype, b, f"{fills[1]}:2")])
    for dtype in REAL:
        x, y, z = In(dtype, (3, 4), "u:1"), In(dtype, (4,), "p:2"), In(dtype, (3, 1), "p:3")
        for op in ("lerp", "addcmul", "addcdiv"):
            grad(r, op, [x, y, z])
        grad(r, "clamp", [In(dtype, (4, 4), "k:1"), In(dtype, (4,), "v:-2,0,1,-3"), In(dtype, (4,), "v:2,0,4,3")])
        grad(r, "clamp", [In(dtype, (4, 4), "k:1")], [-2, 3])
        grad(r, "where", [In("bool", (3, 4), "u:1"), x, y])
        for s in (2, 3, 0.5, -1.0, 2.5, 0, 1):
            grad(r, "pow", [In(dtype, (5,), "p:4")], [s])
        for s in (2, 3, 0):
            grad(r, "pow", [values_of(dtype, kinks)], [s])
        grad(r, "leaky_relu", [values_of(dtype, kinks)], [0.25], fn=F.leaky_relu)
        grad(r, "gelu.approximate", [x], ["tanh"], fn=lambda x, a: F.gelu(x, approximate=a))


def reductions(r):
    for dtype in REAL:
        x = In(dtype, (3, 4), "u:1")
        ties = values_of(dtype, ["1.0", "2.0", "2.0", "0.0", "3.0", "3.0", "3.0", "-1.0"], (2, 4))
        for op in ("sum", "mean", "var", "std", "prod"):
            fn = getattr(torch, op)
            grad(r, op, [x], fn=fn)
            for dim, keep in ((0, False), (1, True)):
                grad(r, op, [x], [dim, keep], fn=lambda x, d, k, fn=fn: fn(x, dim=d, keepdim=k))
        for zeros in (["1.0", "0.0", "3.0"], ["0.0", "0.0", "3.0"], ["2.0", "3.0", "4.0"]):
            grad(r, "prod", [values_of(dtype, zeros)], fn=torch.prod)
        for op in ("amax", "amin"):
            fn = getattr(torch, op)
            for y in (x, ties):
                grad(r, op, [y], fn=fn)
                grad(r, op, [y], [1, False], fn=lambda x, d, k, fn=fn: fn(x, dim=d, keepdim=k))
        for op in ("max", "min"):
            grad(r, op, [ties], fn=getattr(torch, op))
        for p in (1, 2, 3, float("inf")):
            grad(r, "norm", [x], [p], fn=torch.norm)
            grad(r, "norm", [x], [p, 1, False], fn=lambda x, p, d, k: torch.norm(x, p, dim=d, keepdim=k))
        for p in (1, 2, 3, 1.5):
            grad(r, "norm", [values_of(dtype, ["0.0", "0.0"])], [p], fn=torch.norm)
            grad(
                r,
                "norm",
                [values_of(dtype, ["0.0", "0.0", "2.0", "0.0"], (2, 2))],
                [p, 1, False],
                fn=lambda x, p, d, k: torch.norm(x, p, dim=d, keepdim=k),
            )
        grad(
            r,
            "std",
            [values_of(dtype, ["2.0", "2.0", "1.0", "3.0"], (2, 2))],
            [1, False],
            fn=lambda x, d, k: torch.std(x, dim=d, keepdim=k),
        )
        for dim in (0, 1):
            grad(r, "logsumexp", [x], [dim, False], fn=lambda x, d, k: torch.logsumexp(x, d, k))
            grad(r, "softmax", [x], [dim], fn=torch.softmax)
            grad(r, "log_softmax", [x], [dim], fn=torch.log_softmax)
            grad(r, "cumsum", [x], [dim])
            grad(r, "cumprod", [x], [dim])
        grad(r, "cumprod", [values_of(dtype, ["1.0", "0.0", "3.0", "2.0"])], [0])
        grad(r, "layer_norm", [x], [[4]], fn=lambda x, n: F.layer_norm(x, n))
        grad(
            r,
            "layer_norm",
            [x, In(dtype, (4,), "u:2"), In(dtype, (4,), "u:3")],
            [[4], 1e-5],
            fn=lambda x, w, b, n, e: F.layer_norm(x, n, w, b, e),
        )
        grad(r, "nansum", [values_of(dtype, ["1.0", "nan", "2.0"])], fn=torch.nansum)
        for m in ("mean", "sum", "none"):
            y = In(dtype, (3, 4), "u:5")
            grad(r, "mse_loss", [x, y], [m], fn=lambda x, y, m: F.mse_loss(x, y, reduction=m))
            grad(r, "l1_loss", [x, y], [m], fn=lambda x, y, m: F.l1_loss(x, y, reduction=m))
            grad(r, "huber_loss", [x, y], [m, 1.0], fn=lambda x, y, m, d: F.huber_loss(x, y, reduction=m, delta=d))
            grad(
                r,
                "cross_entropy",
                [x, i64(1, 0, 3)],
                [m, 0.1],
                fn=lambda x, y, m, s: F.cross_entropy(x, y, reduction=m, label_smoothing=s),
            )
            grad(r, "nll_loss", [x, i64(1, 0, -100)], [m], fn=lambda x, y, m: F.nll_loss(x, y, reduction=m))


def shapes(r):
    for dtype in REAL:
        x = In(dtype, (2, 3, 4), "u:1")
        grad(r, "index_select", [x, i64(2, 0, 2)], [1], fn=lambda x, i, d: torch.index_select(x, d, i))
        grad(r, "gather", [x, i64(1, 0, 1, shape=(1, 3, 1))], [0], fn=lambda x, i, d: torch.gather(x, d, i))
        grad(r, "take_along_dim", [x, i64(1, 0, 1, shape=(1, 3, 1))], [0], fn=torch.take_along_dim)
        grad(r, "embedding", [In(dtype, (4, 3), "u:2"), i64(1, 3, 1)], fn=lambda w, i: F.embedding(i, w))
        grad(
            r,
            "scatter_add",
            [In(dtype, (4, 3), "u:2"), i64(0, 0, 2, shape=(1, 3)), In(dtype, (1, 3), "u:3")],
            [0],
            fn=lambda x, i, s, d: torch.scatter_add(x, d, i, s),
        )
        grad(
            r,
            "index_add",
            [In(dtype, (4, 3), "u:2"), i64(0, 0), In(dtype, (2, 3), "u:3")],
            [0],
            fn=lambda x, i, s, d: torch.index_add(x, d, i, s),
        )
        grad(r, "index", [x, i64(1, 0), i64(2, 2)], [T(1), T(2)], fn=lambda x, i, j, *k: x[k])
        grad(r, "index", [x], [0, slice(None), slice(None, None, 2)], fn=lambda x, *k: x[k])
        grad(r, "cat", [x, x], [1], fn=lambda a, b, d: torch.cat([a, b], d))
        grad(r, "stack", [x, x], [1], fn=lambda a, b, d: torch.stack([a, b], d))
        grad(r, "pad", [x], [[1, 2, -1, 0], "constant", None], fn=F.pad)
        grad(r, "flip", [x], [[0, 2]])
        for op, args in (("roll", [[1], [2]]), ("repeat", [[2, 1, 2]]), ("tile", [[2]]), ("diag", [1])):
            y = In(dtype, (3, 4), "u:2") if op == "diag" else x
            grad(r, op, [y], args, fn=lambda x, *a, op=op: getattr(x, op)(*a))
        grad(r, "masked_fill", [x, In("bool", (3, 4), "u:5")], [1], fn=torch.masked_fill)


def products(r):
    for dtype in REAL:
        for s, t in (
            ((3,), (3,)),
            ((2, 3), (3,)),
            ((3,), (3, 4)),
            ((2, 3), (3, 4)),
            ((5, 2, 3), (3, 4)),
            ((2, 1, 2, 3), (3, 3, 4)),
        ):
            grad(r, "matmul", [In(dtype, s, "k:1"), In(dtype, t, "k:2")])
        grad(
            r,
            "addmm",
            [In(dtype, (2,), "k:3"), In(dtype, (3, 4), "k:1"), In(dtype, (4, 2), "k:2")],
            [2, 3],
            fn=lambda c, a, b, beta, alpha: torch.addmm(c, a, b, beta=beta, alpha=alpha),
        )
        grad(r, "linear", [In(dtype, (5, 3), "k:1"), In(dtype, (4, 3), "k:2"), In(dtype, (4,), "k:3")], fn=F.linear)
        grad(r, "outer", [In(dtype, (3,), "k:1"), In(dtype, (4,), "k:2")])
        grad(
            r,
            "einsum",
            [In(dtype, (2, 3), "k:1"), In(dtype, (3, 4), "k:2")],
            ["ij,jk->ik"],
            fn=lambda a, b, e: torch.einsum(e, a, b),
        )
