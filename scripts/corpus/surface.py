"""The rest of the surface: padding with the tensor itself, splitting and joining by name, statistics, distances, number
theory, special functions, linalg, activations, the out= forms of sorting and reading; values, errors and gradients."""

import torch
import torch.nn.functional as F

from .gradients import grad
from .indexing import i64
from .record import ALL, FLOATS, INTEGERS, In, laid_out, values_of

REAL = ["float32", "float64"]
SIGNED = ["int8", "int16", "int32", "int64"]


def record(r):
    arranging(r)
    unique(r)
    statistics(r)
    padding(r)
    numbers(r)
    special(r)
    linalg(r)
    activations(r)
    integrals(r)
    out(r)
    refused(r)
    gradients(r)


def padding(r):
    cases = [
        ((2, 5), [1, 2]),
        ((2, 5), [4, 0]),
        ((2, 5), [-1, 2]),
        ((2, 5), [2, -3]),
        ((2, 3, 4), [3, 1]),
        ((2, 3, 4), [1, 2, 2, 0]),
        ((1, 2, 3, 4), [1, 1, -1, 2]),
        ((2, 3, 3, 3), [1, 2, 0, 1, 2, 2]),
        ((1, 2, 2, 3, 3), [1, 0, 0, 1, 1, 1]),
        ((0, 3, 4), [1, 1]),
    ]
    for number, dtype in enumerate(ALL):
        layout = ["contiguous", "permuted", "strided"][number % 3]
        for mode in ("reflect", "replicate", "circular"):
            if dtype == "bool" and mode != "circular":
                continue
            for shape, pad in cases:
                x = laid_out(dtype, shape, "u:3", layout if 0 not in shape else "contiguous")
                r.case("pad", [x], [pad, mode, None], fn=F.pad)


def arranging(r):
    for number, dtype in enumerate(ALL):
        layout = ["contiguous", "permuted", "strided"][number % 3]
        x, y = laid_out(dtype, (4, 6), "u:1", layout), In(dtype, (3,), "u:2")
        for op, shape, ways in (
            ("hsplit", (6,), (2, 3, [1, 4])),
            ("hsplit", (4, 6), (2, 3, [2, 5])),
            ("vsplit", (4, 6), (2, 4, [1, 1])),
            ("dsplit", (2, 3, 4), (2, [1])),
        ):
            for way in ways:
                r.case(op, [laid_out(dtype, shape, "u:1", layout)], [way], fn=getattr(torch, op))
        r.case("block_diag", [x, y, In(dtype, (), "u:3")], fn=lambda *a: torch.block_diag(*a))
        for args in ([2, False], [3, False], [2, True], [1, True], [4, False], [0, False]):
            r.case("combinations", [y], args, fn=lambda x, n, w: torch.combinations(x, n, w))
        r.case("cartesian_prod", [y, In(dtype, (2,), "u:4")], fn=lambda *a: torch.cartesian_prod(*a))
        r.case("cartesian_prod", [y], fn=lambda *a: torch.cartesian_prod(*a))
        for args in ([None, False], [2, True], [0, False], [5, True], [1, False]):
            r.case("vander", [In(dtype, (3,), "k:2")], args, fn=lambda x, n, up: torch.vander(x, n, up))
        for sizes in ([4, 1], [1, 6], [6], [1], [4, 6], []):
            r.case("sum_to_size", [In(dtype, (4, 6), "k:1")], [sizes], fn=lambda x, s: x.sum_to_size(s), magnitude=200.0)


def unique(r):
    rows = [1, 2, 0, 5, 1, 2, 1, 1, 0, 5, 0, 5]
    for dtype in ALL:
        x = values_of(dtype, [v % 2 if dtype == "bool" else v for v in rows], (6, 2))
        for dim in (0, 1, -2):
            r.case(
                "unique_dim",
                [x],
                [dim],
                fn=lambda x, d: torch.unique(x, dim=d, return_inverse=True, return_counts=True),
            )
            r.case(
                "unique_consecutive.dim",
                [x],
                [dim],
                fn=lambda x, d: torch.unique_consecutive(x, dim=d, return_inverse=True, return_counts=True),
            )
        r.case(
            "unique_dim",
            [In(dtype, (2, 3, 2), "k:4")],
            [2],
            fn=lambda x, d: torch.unique(x, dim=d, return_inverse=True, return_counts=True),
        )
    r.case(
        "unique_dim", [In("float32", (0, 3), "u:1")], [0], fn=lambda x, d: torch.unique(x, False, True, True, dim=d)
    )


def statistics(r):
    for dtype in FLOATS:
        if dtype == "bfloat16":  # PyTorch finds the interval in bfloat16
            continue
        x = In(dtype, (40,), "u:1")
        for args in ([4, 0, 0], [7, -2, 2], [5, 1, 1], [3, -10, 10], [1, 0, 1]):
            r.case("histc", [x], args)
        r.case("histc", [values_of(dtype, [2.0, 2.0, 2.0])], [4, 0, 0])
        r.case("histc", [In(dtype, (0,), "u:1")], [3, 0, 1])
    for dtype in REAL:
        x = In(dtype, (3, 6), "u:1")
        for correction in (1, 0, 2):
            r.case("cov", [x], [correction], fn=lambda x, c: torch.cov(x, correction=c), magnitude=50.0)
        r.case("cov", [In(dtype, (6,), "u:1")], [1], fn=lambda x, c: torch.cov(x, correction=c), magnitude=50.0)
        f, a = i64(1, 2, 0, 3, 1, 1), In(dtype, (6,), "p:2")
        r.case("cov.f", [x, f], [1], fn=lambda x, f, c: torch.cov(x, correction=c, fweights=f), magnitude=50.0)
        r.case("cov.a", [x, a], [1], fn=lambda x, a, c: torch.cov(x, correction=c, aweights=a), magnitude=50.0)
        r.case(
            "cov.fa",
            [x, f, a],
            [1],
            fn=lambda x, f, a, c: torch.cov(x, correction=c, fweights=f, aweights=a),
            magnitude=50.0,
        )
        r.case("corrcoef", [x], magnitude=4.0)
        r.case("corrcoef", [In(dtype, (6,), "u:1")], magnitude=4.0)
        for p in (0.0, 1.0, 2.0, 3.0, float("inf")):
            for a, b in (((4, 3), (5, 3)), ((2, 4, 3), (2, 5, 3)), ((2, 1, 4, 3), (3, 5, 3)), ((0, 3), (5, 3))):
                r.case("cdist", [In(dtype, a, "k:1"), In(dtype, b, "k:2")], [p], fn=torch.cdist, magnitude=100.0)
            r.case("pdist", [In(dtype, (5, 3), "k:1")], [p], fn=torch.pdist, magnitude=100.0)
            if p != 0.0:
                r.case(
                    "pairwise_distance",
                    [In(dtype, (4, 3), "k:1"), In(dtype, (4, 3), "k:2")],
                    [p, 1e-6, p == 1.0],
                    fn=lambda x, y, p, e, k: F.pairwise_distance(x, y, p, e, k),
                    magnitude=100.0,
                )
        for dim in (0, 1):
            r.case(
                "cosine_similarity",
                [In(dtype, (4, 3), "k:1"), In(dtype, (4, 3), "k:2")],
                [dim],
                fn=lambda x, y, d: F.cosine_similarity(x, y, d),
                magnitude=2.0,
            )
        for args in ([2, 0, 5.0], [1, 1, 3.0], [3, -1, 2.5], [2, 0, 100.0]):
            r.case("renorm", [In(dtype, (4, 3), "u:1")], args, magnitude=20.0)


def numbers(r):
    for dtype in INTEGERS:
        a, b = In(dtype, (4, 5), "u:1"), In(dtype, (5,), "u:2")
        for op in ("gcd", "lcm"):
            r.case(op, [In(dtype, (4, 5), "k:1"), In(dtype, (5,), "k:2")])
            r.case(op, [values_of(dtype, [0, 0, 12, 18, 1]), values_of(dtype, [0, 7, 0, 12, 13])])
        r.case("gcd", [a, b])
    big = ["1836311903", "1134903170", "2147483647", "-2147483648", "987654321"]
    r.case("gcd", [values_of("int32", big[:3] + big[4:]), values_of("int32", [1134903170, 1836311903, 2, 123456789])])
    huge = [7540113804746346429, 9223372036854775807, 4660046610375530309, -9223372036854775807, 6557470319842]
    r.case("gcd", [values_of("int64", huge), values_of("int64", [4660046610375530309, 3, 7540113804746346429, 21, 1597])])
    r.case("gcd", [values_of("int16", [12, 18]), values_of("int64", [8, 27])])
    for dtype in FLOATS:
        x = values_of(dtype, [0.0, -0.0, 1.0, 0.5, 3.0, -10.25, "inf", "-inf", "nan", 1000.0])
        r.case("frexp", [x])
        r.case("frexp", [In(dtype, (3, 4), "w:1")])
    r.case("frexp", [values_of("float32", [1e-40, 3e38, -1.17549435e-38, 1.4e-45, 8388609.0])])
    r.case("frexp", [values_of("float64", [1e-310, 1.7e308, -2.2250738585072014e-308, 5e-324, 9007199254740993.0])])
    for dtype in ("float32", "float64", "int32"):
        r.case("angle", [values_of(dtype, [0, 1, -1, 5, -7])])
    r.case("angle", [values_of("float32", ["nan", "-0.0", "inf", "-inf"])])


def special(r):
    for dtype in REAL:
        unit, wide, positive = In(dtype, (4, 5), "q:1"), In(dtype, (4, 5), "w:2"), In(dtype, (4, 5), "p:3")
        r.case("erfinv", [unit])
        r.case("erfinv", [values_of(dtype, [0.0, -0.0, 1.0, -1.0, 1.5, "nan", 0.999, 1e-20])])
        for n in (0, 1, 2, 3, 4, 7):
            if n == 1 and dtype == "float64":  # nine digits in PyTorch
                continue
            r.case("polygamma", [positive], [n], fn=lambda x, n: torch.polygamma(n, x))
        for p in (1, 2, 3):
            x = values_of(dtype, [1.25, 2.0, 3.5, 10.0])
            r.case("mvlgamma", [x], [p])
        r.case("logit.eps", [unit], [0.125], fn=lambda x, e: torch.logit(x, e))
        names = {
            "special_expit": wide,
            "special_gammaln": positive,
            "special_psi": positive,
            "special_entr": wide,
            "special_ndtr": wide,
            "special_log_ndtr": wide,
            "special_erfcx": wide,
        }
        for op, x in names.items():
            r.case(op, [x], fn=getattr(torch.special, op.removeprefix("special_")))
        tails = values_of(dtype, [-30.0, -10.0, -5.0, -1.0, 0.0, 1.0, 3.0, 8.0, "inf", "nan"])
        r.case("special_log_ndtr", [tails], fn=torch.special.log_ndtr)
        r.case("special_erfcx", [values_of(dtype, [-5.0, -1.0, 0.0, 0.5, 1.99, 2.01, 5.0, 1e3, 1e10])], fn=torch.special.erfcx)
        r.case("special_entr", [values_of(dtype, [0.0, -1.0, 1.0, "nan", 0.25])], fn=torch.special.entr)
        r.case("special_xlog1py", [wide, positive], fn=torch.special.xlog1py)
        r.case("special_xlog1py", [values_of(dtype, [0.0, 0.0, 1.0]), values_of(dtype, [-1.0, "nan", -1.0])], fn=torch.special.xlog1py)
        r.case("special_zeta", [values_of(dtype, [1.5, 2.0, 3.0, 7.5, 1.0, 0.5]), values_of(dtype, [1.0, 2.5, 0.25, 4.0, 1.0, 1.0])], fn=torch.special.zeta)


def linalg(r):
    for dtype in REAL:
        m, b = In(dtype, (3, 4), "u:1"), In(dtype, (2, 3, 4), "u:2")
        for order in (1, 2, 3, 0, float("inf"), float("-inf")):
            r.case("linalg_vector_norm", [m], [order], fn=torch.linalg.vector_norm, magnitude=100.0)
            for dim in (1, [0, 1]):
                r.case(
                    "linalg_vector_norm",
                    [b],
                    [order, dim, True],
                    fn=lambda x, o, d, k: torch.linalg.vector_norm(x, o, d, k),
                    magnitude=100.0,
                )
        for order in (1, -1, float("inf"), float("-inf"), "fro"):
            for dims, keep in (([-2, -1], False), ([0, 2], True), ([1, 0], False)):
                r.case(
                    "linalg_matrix_norm",
                    [b],
                    [order, dims, keep],
                    fn=lambda x, o, d, k: torch.linalg.matrix_norm(x, o, tuple(d), k),
                    magnitude=100.0,
                )
        for args in ([], [1], [float("inf")], ["fro"]):
            r.case("linalg_norm", [m], args, fn=lambda x, *a: torch.linalg.norm(x, *a), magnitude=100.0)
        r.case("linalg_norm", [b], [], fn=torch.linalg.norm, magnitude=100.0)
        r.case("linalg_norm", [b], [3, [1]], fn=lambda x, o, d: torch.linalg.norm(x, o, d[0]), magnitude=100.0)
        r.case("linalg_norm", [b], [-1, [0, 2]], fn=lambda x, o, d: torch.linalg.norm(x, o, tuple(d)), magnitude=100.0)
    for dtype in REAL + ["int64"]:
        k = lambda *shape, seed=1: In(dtype, shape, f"k:{seed}")  # noqa: E731
        r.case("linalg_cross", [k(4, 3), k(4, 3, seed=2)], [-1], fn=lambda a, b, d: torch.linalg.cross(a, b, dim=d), magnitude=200.0)
        r.case("linalg_cross", [k(3, 4), k(3, 1, seed=2)], [0], fn=lambda a, b, d: torch.linalg.cross(a, b, dim=d), magnitude=200.0)
        r.case("linalg_matmul", [k(2, 3), k(3, 4, seed=2)], fn=torch.linalg.matmul, magnitude=200.0)
        r.case("linalg_diagonal", [k(2, 3, 4)], [1], fn=lambda x, o: torch.linalg.diagonal(x, offset=o))
        r.case("linalg_vander", [k(2, 3)], [4], fn=lambda x, n: torch.linalg.vander(x, N=n))
        r.case("linalg_matrix_power", [k(2, 3, 3)], [3], fn=torch.linalg.matrix_power, magnitude=2000.0)
        if dtype != "int64":
            r.case("linalg_vecdot", [k(4, 3), k(3, seed=2)], [-1], fn=lambda a, b, d: torch.linalg.vecdot(a, b, dim=d), magnitude=200.0)
            r.case("linalg_vecdot", [k(4, 3), k(4, 1, seed=2)], [0], fn=lambda a, b, d: torch.linalg.vecdot(a, b, dim=d), magnitude=300.0)
            for shapes in (((3,), (3, 4), (4,)), ((2, 3), (3, 4)), ((2, 3), (3, 4), (4, 1)), ((3,), (3, 2), (2, 5))):
                inputs = [k(*s, seed=i) for i, s in enumerate(shapes)]
                r.case("linalg_multi_dot", inputs, fn=lambda *a: torch.linalg.multi_dot(a), magnitude=5000.0)


def activations(r):
    kinks = ["0.0", "-0.0", "1.0", "-1.0", "3.0", "-3.0", "6.0", "0.5", "-0.5", "100.0", "-100.0", "nan", "inf", "-inf"]
    ways = {
        "elu": [[], [0.5]],
        "selu": [[]],
        "celu": [[], [2.0]],
        "mish": [[]],
        "log_sigmoid": [[]],
        "softsign": [[]],
        "tanhshrink": [[]],
        "hardtanh": [[], [-2.0, 0.5]],
        "relu6": [[]],
        "hardsigmoid": [[]],
        "hardswish": [[]],
        "threshold": [[0.5, 2.0]],
        "hardshrink": [[], [1.0]],
        "softshrink": [[], [1.0]],
    }
    functions = {"log_sigmoid": F.logsigmoid, "hardshrink": F.hardshrink, "softshrink": F.softshrink, "threshold": F.threshold}
    for op, all_args in ways.items():
        fn = functions.get(op) or getattr(F, op)
        for args in all_args:
            for dtype in FLOATS:
                if op in ("softsign", "tanhshrink") and dtype in ("float16", "bfloat16"):
                    continue  # rounded after each of two operations on both sides, at other places
                r.case(op, [In(dtype, (4, 5), "w:1")], args, fn=fn)
            for dtype in REAL:
                r.case(op, [values_of(dtype, [k for k in kinks if op not in ("mish", "hardswish", "tanhshrink", "softsign") or "inf" not in k])], args, fn=fn)
    for dtype in REAL:
        r.case("prelu", [In(dtype, (2, 3, 4), "u:1"), In(dtype, (3,), "p:2")], fn=F.prelu)
        r.case("prelu", [In(dtype, (2, 3), "u:1"), In(dtype, (1,), "p:2")], fn=F.prelu)
        r.case("glu", [In(dtype, (4, 6), "u:1")], [-1], fn=F.glu)
        r.case("glu", [In(dtype, (4, 6), "u:1")], [0], fn=F.glu)


def integrals(r):
    for dtype in REAL:
        y, x = In(dtype, (3, 5), "u:1"), In(dtype, (5,), "p:2")
        r.case("trapz", [y], [0.5, 0], fn=lambda y, dx, d: torch.trapezoid(y, dx=dx, dim=d), magnitude=100.0)
        r.case("cumulative_trapezoid", [y], [0.5, 0], fn=lambda y, dx, d: torch.cumulative_trapezoid(y, dx=dx, dim=d), magnitude=100.0)
        r.case("cumulative_trapezoid", [y, x], [1.0, -1], fn=lambda y, x, _, d: torch.cumulative_trapezoid(y, x, dim=d), magnitude=100.0)
        for args in ([1, []], [0.5, [1]], [2, [0, 1]]):
            r.case("gradient", [y], args + [1], fn=lambda y, h, d, e: torch.gradient(y, spacing=h, dim=d or None, edge_order=e), magnitude=10.0)
        r.case("gradient", [y], [1, [1], 2], fn=lambda y, h, d, e: torch.gradient(y, spacing=h, dim=d, edge_order=e), magnitude=20.0)
        nans = values_of(dtype, ["1.0", "nan", "3.0", "nan", "nan", "nan", "5.0", "2.0", "-1.0"], (3, 3))
        for args in ([0.25, None, False], [0.5, 0, True], [0.75, 1, False], [0.0, 1, False], [1.0, -1, False]):
            r.case("nanquantile", [nans], args, fn=lambda x, q, d, k: torch.nanquantile(x, q, d, k))
    for dtype in ("float32", "int64"):
        x, s = In(dtype, (4, 3), "k:1"), In(dtype, (5, 3), "p:2")
        for how in ("prod", "mean", "amax", "amin"):
            for keep in (True, False):
                r.case(
                    "index_reduce",
                    [x, i64(0, 2, 2, 0, 3), s],
                    [0, how, keep],
                    fn=lambda x, i, s, d, how, k: torch.index_reduce(x, d, i, s, how, include_self=k),
                    magnitude=100.0,
                )


def out(r):
    """Values and indices into tensors of the right shape, and what is refused of other types."""
    x, long = In("float32", (3, 4), "u:1"), "int64"
    for layout in ("contiguous", "strided"):
        v = lambda *s, dtype="float32": laid_out(dtype, s, "k:8", layout)  # noqa: E731
        for op, args, shape in (
            ("sort", [1], (3, 4)),
            ("topk", [2, 1], (3, 2)),
            ("kthvalue", [2, 1], (3,)),
            ("median", [1], (3,)),
            ("mode", [1], (3,)),
            ("max", [1], (3,)),
            ("min", [0], (4,)),
            ("cummax", [1], (3, 4)),
            ("cummin", [0], (3, 4)),
        ):
            fn = lambda x, v, i, *a, op=op: getattr(torch, op)(x, *a, out=(v, i))  # noqa: E731
            r.case(op + ".outs", [x, v(*shape), v(*shape, dtype=long)], args, fn=fn)
            r.case(op + ".outs", [x, v(*shape), v(*shape, dtype="float32")], args, fn=fn, refused="if")
        for op, inputs, args, shape in (
            ("gather", [i64(0, 2, 1, 1, shape=(1, 4))], [0], (1, 4)),
            ("index_select", [i64(2, 0)], [0], (2, 4)),
            ("take", [i64(3, 11)], [], (2,)),
            ("tril", [], [1], (3, 4)),
            ("cumsum", [], [1], (3, 4)),
            ("prod", [], [1], (3,)),
            ("var", [], [1], (3,)),
            ("logsumexp", [], [1], (3,)),
            ("diag", [], [1], (3,)),
            ("softmax", [], [1], (3, 4)),
            ("flip", None, None, None),
        ):
            if inputs is None:
                continue
            for dtype in ("float32", "float64", "int64"):
                o = v(*shape, dtype=dtype)

                def call(x, *rest, op=op, n=len(inputs)):
                    given, o, a = rest[:n], rest[n], list(rest[n + 1 :])
                    if op == "var":
                        return torch.var(x, dim=a[0], out=o)
                    if op in ("gather", "index_select"):
                        return getattr(torch, op)(x, a[0], *given, out=o)
                    return getattr(torch, op)(x, *given, *a, out=o)

                if op in ("cumsum", "prod") and dtype == "int64":
                    continue  # the operand is converted first, which loses its fractions
                if op in ("var", "logsumexp") and dtype != "float32":
                    continue  # computed in the type of `out`
                r.case(op + ".out", [x] + inputs + [o], args, fn=call, refused="maybe", magnitude=200.0)
        both = [In("float32", (2, 3), "u:1"), In("float32", (2, 3), "u:2")]
        for dtype in ("float32", "float64", "int64"):
            r.case("cat.out", both + [v(4, 3, dtype=dtype)], [0], fn=lambda a, b, o, d: torch.cat([a, b], d, out=o), refused="maybe")
            r.case("stack.out", both + [v(2, 2, 3, dtype=dtype)], [1], fn=lambda a, b, o, d: torch.stack([a, b], d, out=o), refused="maybe")
        r.case("hstack.out", both + [v(2, 6)], fn=lambda a, b, o: torch.hstack([a, b], out=o))


def refused(r):
    x = lambda *shape, dtype="float32": In(dtype, shape, "p:1")  # noqa: E731

    def case(op, inputs, args=(), fn=None):
        r.case(op, inputs, args, fn=fn, refused="if", magnitude=1e3)

    for mode in ("reflect", "replicate", "circular"):
        for shape, pad in (
            ((2, 3), [3, 1]),
            ((2, 3), [4, 1]),
            ((3,), [1, 1]),
            ((1, 1, 2, 3), [1, 1]),
            ((2, 3), [-2, -2]),
            ((2, 0), [1, 1]),
            ((2, 3), [1]),
            ((1, 3, 4), [1, 1, 4, 1]),
        ):
            case("pad", [x(*shape)], [pad, mode, None], F.pad)
        case("pad", [x(2, 3, dtype="bool")], [[1, 1], mode, None], F.pad)
        case("pad", [x(2, 3)], [[1, 1], mode, 1.0], F.pad)
    case("pad", [x(2, 3)], [[1, 1], "mirror", None], F.pad)
    for op in ("hsplit", "vsplit", "dsplit"):
        for shape in ((), (3,), (2, 3), (2, 3, 3)):
            case(op, [x(*shape)], [2], getattr(torch, op))
    for dtype, args in (("int64", [3, 0, 0]), ("float32", [0, 0, 0]), ("float32", [3, 2, 1])):
        case("histc", [x(4, dtype=dtype)], args)
    case("cov", [x(2, 2, 2)], [1], lambda x, c: torch.cov(x))
    case("cov", [x(2, 2, dtype="bool")], [1], lambda x, c: torch.cov(x))
    case("cov.f", [x(2, 3), x(3)], [1], lambda x, f, c: torch.cov(x, fweights=f))
    case("cov.f", [x(2, 3), i64(1, 2)], [1], lambda x, f, c: torch.cov(x, fweights=f))
    case("cov.a", [x(2, 3), i64(1, 2, 3)], [1], lambda x, f, c: torch.cov(x, aweights=f))
    case("corrcoef", [x(2, 2, 2)])
    for a, b in ((x(2, 3), x(2, 4)), (x(3), x(2, 3)), (x(2, 3, dtype="int64"), x(2, 3))):
        case("cdist", [a, b], [2.0], torch.cdist)
    case("cdist", [x(2, 3), x(2, 3)], [-1.0], torch.cdist)
    case("pdist", [x(3)], [2.0], torch.pdist)
    for args in ([0, 0, 1.0], [2, 0, -1.0], [2, 5, 1.0]):
        case("renorm", [x(2, 3)], args)
    case("renorm", [x(3)], [2, 0, 1.0])
    case("gcd", [x(2), x(2)])
    case("lcm", [x(2), x(2)])
    case("gcd", [x(2, dtype="bool"), x(2, dtype="bool")])
    case("frexp", [x(2, dtype="int64")])
    case("vander", [x(2, 3)], [None, False], lambda x, n, up: torch.vander(x))
    case("vander", [x(2)], [-1, False], torch.vander)
    case("combinations", [x(2, 3)], [2, False], torch.combinations)
    case("combinations", [x(2)], [-1, False], torch.combinations)
    case("cartesian_prod", [x(2, 3), x(2)], [], lambda *a: torch.cartesian_prod(*a))
    case("block_diag", [x(2, 3), x(1, 2, 3)], [], lambda *a: torch.block_diag(*a))
    case("sum_to_size", [x(2, 3)], [[3, 3]], lambda x, s: x.sum_to_size(s))
    for dim in (2, -3):
        case("unique_dim", [x(2, 3)], [dim], lambda x, d: torch.unique(x, dim=d))
    case("unique_dim", [x(2, 0)], [0], lambda x, d: torch.unique(x, dim=d))
    case("unique_dim", [x(0, 0)], [0], lambda x, d: torch.unique(x, dim=d))
    case("polygamma", [x(2)], [-1], lambda x, n: torch.polygamma(n, x))
    case("mvlgamma", [x(2)], [0])
    case("index_reduce", [x(3), i64(0), x(1)], [0, "sum", True], lambda x, i, s, d, m, k: torch.index_reduce(x, d, i, s, m))
    case("linalg_vector_norm", [x(2, dtype="int64")], [2], torch.linalg.vector_norm)
    case("linalg_matrix_norm", [x(3)], [1], torch.linalg.matrix_norm)
    case("linalg_matrix_norm", [x(2, 3)], ["max"], torch.linalg.matrix_norm)
    case("linalg_matrix_norm", [x(2, 3)], [1, [0, 0], False], lambda x, o, d, k: torch.linalg.matrix_norm(x, o, tuple(d)))
    case("linalg_norm", [x(2, 3, 4)], [2], torch.linalg.norm)
    case("linalg_cross", [x(2, 3), x(3)], [-1], lambda a, b, d: torch.linalg.cross(a, b))
    case("linalg_cross", [x(2, 2), x(2, 2)], [-1], lambda a, b, d: torch.linalg.cross(a, b))
    case("linalg_multi_dot", [x(2, 3)], [], lambda *a: torch.linalg.multi_dot(a))
    case("linalg_multi_dot", [x(2, 3), x(2, 3)], [], lambda *a: torch.linalg.multi_dot(a))
    case("linalg_multi_dot", [x(2, 3), x(1, 3, 2), x(2, 3)], [], lambda *a: torch.linalg.multi_dot(a))
    case("linalg_multi_dot", [x(1, 2, 3), x(3, 2)], [], lambda *a: torch.linalg.multi_dot(a))
    case("glu", [x(2, 3)], [1], F.glu)
    case("prelu", [x(2, 3), x(2)], [], F.prelu)
    for op, fn in (("elu", F.elu), ("mish", F.mish), ("hardsigmoid", F.hardsigmoid), ("hardswish", F.hardswish), ("log_sigmoid", F.logsigmoid)):
        case(op, [x(2, dtype="int64")], [], fn)
    case("softshrink", [x(2)], [-1.0], F.softshrink)
    case("gradient", [x(1)], [1, [0], 1], lambda y, h, d, e: torch.gradient(y, spacing=h, dim=d))


def gradients(r):
    for dtype in REAL:
        x = In(dtype, (2, 4), "u:1")
        for mode in ("reflect", "replicate", "circular"):
            grad(r, "pad", [x], [[2, 1], mode, None], fn=F.pad)
            grad(r, "pad", [In(dtype, (1, 3, 4), "u:1")], [[-1, 2, 1, 2], mode, None], fn=F.pad)
        grad(r, "block_diag", [x, In(dtype, (3,), "u:2")], fn=lambda *a: torch.block_diag(*a))
        grad(r, "combinations", [In(dtype, (3,), "u:2")], [2, False], fn=torch.combinations)
        grad(r, "cov", [In(dtype, (2, 5), "u:1")], [1], fn=lambda x, c: torch.cov(x, correction=c))
        for p in (1.0, 2.0, 3.0):
            grad(r, "cdist", [In(dtype, (3, 2), "u:1"), In(dtype, (4, 2), "u:2")], [p], fn=torch.cdist)
        grad(r, "cdist", [In(dtype, (3, 2), "u:1"), In(dtype, (3, 2), "u:1")], [2.0], fn=torch.cdist)
        grad(r, "cosine_similarity", [x, In(dtype, (2, 4), "u:2")], [1], fn=lambda x, y, d: F.cosine_similarity(x, y, d))
        grad(r, "renorm", [x], [2, 0, 3.0])
        grad(r, "erfinv", [In(dtype, (3, 4), "q:3")])
        grad(r, "polygamma", [In(dtype, (4,), "p:1")], [1], fn=lambda x, n: torch.polygamma(n, x))
        grad(r, "special_entr", [In(dtype, (4,), "p:1")], fn=torch.special.entr)
        grad(r, "special_ndtr", [In(dtype, (4,), "w:1")], fn=torch.special.ndtr)
        grad(r, "special_log_ndtr", [In(dtype, (6,), "w:1")], fn=torch.special.log_ndtr)
        grad(r, "special_xlog1py", [In(dtype, (4,), "w:1"), In(dtype, (4,), "p:2")], fn=torch.special.xlog1py)
        for order in (1, float("inf"), "fro"):
            grad(r, "linalg_matrix_norm", [In(dtype, (3, 4), "u:1")], [order], fn=torch.linalg.matrix_norm)
        grad(r, "linalg_cross", [In(dtype, (4, 3), "u:1"), In(dtype, (4, 3), "u:2")], [-1], fn=lambda a, b, d: torch.linalg.cross(a, b))
        grad(r, "linalg_vecdot", [x, In(dtype, (4,), "u:2")], [-1], fn=lambda a, b, d: torch.linalg.vecdot(a, b))
        kinks = values_of(dtype, ["0.0", "1.0", "-1.0", "3.0", "-3.0", "0.5", "-0.5", "2.0", "6.0"])
        for op, fn in (
            ("elu", F.elu),
            ("selu", F.selu),
            ("celu", F.celu),
            ("mish", F.mish),
            ("log_sigmoid", F.logsigmoid),
            ("hardtanh", F.hardtanh),
            ("relu6", F.relu6),
            ("hardswish", F.hardswish),
            ("hardshrink", F.hardshrink),
            ("softshrink", F.softshrink),
            ("softsign", F.softsign),
        ):
            grad(r, op, [kinks], fn=fn)
        if dtype == "float32":  # PyTorch's 1/6 is a float
            grad(r, "hardsigmoid", [kinks], fn=F.hardsigmoid)
        grad(r, "prelu", [In(dtype, (2, 3), "u:1"), In(dtype, (3,), "p:2")], fn=F.prelu)
        grad(r, "glu", [In(dtype, (2, 4), "u:1")], [-1], fn=F.glu)
        grad(r, "cumulative_trapezoid", [x], [0.5, 1], fn=lambda y, dx, d: torch.cumulative_trapezoid(y, dx=dx, dim=d))
        zeros = values_of(dtype, ["2.0", "0.0", "3.0", "0.0", "5.0"])
        grad(
            r,
            "scatter_reduce",
            [values_of(dtype, ["1.0", "0.0", "2.0"]), i64(0, 0, 1, 2, 2), zeros],
            [0, "prod", True],
            fn=lambda x, i, s, d, m, k: torch.scatter_reduce(x, d, i, s, m, include_self=k),
        )
