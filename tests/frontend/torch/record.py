#!/usr/bin/env python3
"""Records what PyTorch computes for the calls below: one table of C++ rows per group, <group>.inc beside this file.

    python3 tests/frontend/torch/record.py        # needs PyTorch; the tests read the tables alone

A call is (C++ text, Python text), or one text that is both. Names stand for the inputs of tests/frontend/torch/cases.h.
A call that returns several tensors is recorded tensor by tensor, `#0`, `#1` ...; one that throws by its first line.
"""
import os
import re

import torch
import torch.nn.functional as F  # noqa: F401  (used by calls)
from torch import *  # noqa: F401,F403

nan, inf = float("nan"), float("inf")
INPUTS = {
    "x": torch.arange(12.0).reshape(3, 4),
    "y": torch.tensor([[2.0, 1, 4, 3], [1, 2, 3, 4], [4, 3, 2, 1]]),
    "v": torch.tensor([3.0, nan, 1.0, 3.0, -inf, 0.5]),
    "u": torch.tensor([2.0, -1.0, 0.5, 4.0]),
    "w": torch.tensor([[0.5, -1.5], [2.5, 3.5], [-4.5, 0.25]]),
    "k": torch.tensor([[2, 1, 4, 3], [1, 2, 3, 4], [4, 3, 2, 1]]),
    "i": torch.tensor([2, 0, 2]),
    "j": torch.tensor([[1, 0, 2, 2], [0, 0, 1, 2]]),
    "b": torch.tensor([[True, False, False, True], [False, False, False, False], [True, True, False, True]]),
    "p": torch.tensor([True, False, True]),
    "c": torch.arange(24.0).reshape(2, 3, 4),
    "t": torch.arange(24.0).reshape(2, 3, 4).transpose(0, 2),
    "e": torch.zeros(0, 3),
    "s": torch.tensor(5.0),
    "r": torch.tensor([3, 1, 2, 1, 3, 3, -2]),
    "h": torch.tensor([[1.5, 2.25, -3.0], [0.125, 100.0, 7.0]], dtype=torch.float16),
    "z": torch.tensor([1.0, 3.0, 3.0, 7.0]),
}
# What later versions say.
NEWER = {
    "tril(u)": "tril: input tensor must have at least 2 dimensions",
    "meshgrid({u, i})": "torch.meshgrid expects all tensors to have the same dtype",
    "x.index({u})": "tensors used as indices must be long, int, byte or bool tensors",
    "x.masked_fill(k, 1)": "masked_fill_ only supports boolean masks, but got mask with dtype int64",
    "k.norm()": "linalg.vector_norm: Expected a floating point or complex tensor as input. Got Long",
}
DTYPES = {torch.bool: "kBool", torch.uint8: "kUInt8", torch.int8: "kInt8", torch.int16: "kInt16", torch.int32: "kInt32",
          torch.int64: "kInt64", torch.float16: "kFloat16", torch.bfloat16: "kBFloat16", torch.float32: "kFloat32",
          torch.float64: "kFloat64"}


def number(v):
    if v != v:
        return "NAN"
    if v in (inf, -inf):
        return "INFINITY" if v > 0 else "-INFINITY"
    return repr(v)


def row(text, part, tensor):
    values = ", ".join(number(v) for v in tensor.to(torch.float64).flatten().tolist())
    call = text if part is None else f"get<{part}>({text})"
    name = text if part is None else f"{text} #{part}"
    return (f'{{{quoted(name)}, [](const Inputs& in) {{ USE(in); return {call}; }}, {DTYPES[tensor.dtype]}, '
            f'{{{", ".join(map(str, tensor.shape))}}}, {{{values}}}}},\n')


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def run(python):
    scope = {name: value.clone() for name, value in INPUTS.items()}
    try:
        return eval(python, globals(), scope)
    except SyntaxError:
        exec(python, globals(), scope)
        return scope["out"]


def record(group, calls):
    folder = os.path.dirname(os.path.abspath(__file__))
    lines, errors = [], []
    for call in calls:
        cpp, python = call if isinstance(call, tuple) else (call, call)
        try:
            result = run(python)
        except Exception as error:  # what PyTorch refuses is a row, too
            errors.append(f"{{{quoted(cpp)}, [](const Inputs& in) {{ USE(in); {cpp}; }}, "
                          f"{quoted(NEWER.get(cpp, str(error).splitlines()[0]))}}},\n")
            continue
        if isinstance(result, torch.Tensor):
            lines.append(row(cpp, None, result))
        elif isinstance(result, list):
            lines += [row(f"({cpp})[{n}]", None, part) for n, part in enumerate(result)]
        else:
            lines += [row(cpp, n, part) for n, part in enumerate(result)]
    for name, rows in ((group, lines), (group + "_errors", errors)):
        with open(os.path.join(folder, name + ".inc"), "w") as file:
            file.write(f"// Written by record.py with PyTorch {re.match(r'[0-9.]+[0-9]', torch.__version__)[0]}.\n")
            file.writelines(rows)
    print(f"{group}: {len(lines)} results, {len(errors)} errors")


SHAPE = [
    ("x.repeat({2, 1})", "x.repeat(2, 1)"), ("u.repeat({2, 2})", "u.repeat(2, 2)"), ("s.repeat({3})", "s.repeat(3)"),
    ("x.repeat({0, 1})", "x.repeat(0, 1)"), ("x.repeat({2})", "x.repeat(2)"), ("t.repeat({1, 2, 1})", "t.repeat(1, 2, 1)"),
    ("tile(x, {2})", "torch.tile(x, (2,))"), ("tile(u, {2, 2})", "torch.tile(u, (2, 2))"),
    ("repeat_interleave(u, 2)", "u.repeat_interleave(2)"), ("repeat_interleave(w, 2, 0)", "w.repeat_interleave(2, 0)"),
    ("repeat_interleave(w, 3, 1)", "w.repeat_interleave(3, 1)"), ("repeat_interleave(w, 2)", "w.repeat_interleave(2)"),
    ("repeat_interleave(w, i, 0)", "w.repeat_interleave(i, 0)"),
    ("repeat_interleave(w, i, 1)", "w.repeat_interleave(i, 1)"),
    ("roll(u, 1)", "u.roll(1)"), ("roll(x, 5)", "x.roll(5)"), ("roll(x, -1, 0)", "x.roll(-1, 0)"),
    ("roll(x, {1, 2}, {0, 1})", "x.roll((1, 2), (0, 1))"), ("roll(x, {1, 2}, 0)", "x.roll((1, 2), (0,))"),
    ("roll(e, 1, 0)", "e.roll(1, 0)"), ("roll(x, 1, 2)", "x.roll(1, 2)"),
    ("rot90(x)", "x.rot90()"), ("rot90(x, 2)", "x.rot90(2)"), ("rot90(x, -1)", "x.rot90(-1)"),
    ("rot90(c, 1, {1, 2})", "c.rot90(1, (1, 2))"), ("rot90(x, 1, {0, 0})", "x.rot90(1, (0, 0))"),
    ("rot90(u)", "u.rot90(1, (0, 1))"), ("fliplr(x)", "x.fliplr()"), ("flipud(x)", "x.flipud()"),
    ("flip(c, {0, 2})", "c.flip(0, 2)"),
    "x.diagonal()", "x.diagonal(1)", "x.diagonal(-2)", "x.diagonal(7)", "c.diagonal(0, 1, 2)", "c.diagonal(1, 0, 2)",
    "t.diagonal()", "t.diagonal(0, 1, 2)", ("x.t().diagonal(1)", "x.t().diagonal(1)"), "x.diagonal(0, 0, 0)",
    ("x.slice(1, 1, 3).diagonal()", "x[:, 1:3].diagonal()"), ("c.select(1, 1).diagonal(1)", "c.select(1, 1).diagonal(1)"),
    "diag(u)", "diag(u, 1)", "diag(x)", "diag(x, -1)", "diag_embed(x)", "diag_embed(w, 1)",
    ("diag_embed(w, -1, 0, 2)", "torch.diag_embed(w, -1, 0, 2)"), ("diagflat(w, 1)", "torch.diagflat(w, 1)"),
    ("x.as_strided({2, 2}, {1, 5})", "x.as_strided((2, 2), (1, 5))"),
    ("x.as_strided({2, 3}, {4, 1}, 1)", "x.as_strided((2, 3), (4, 1), 1)"),
    ("x.as_strided({4, 3}, {1, 4})", "x.as_strided((4, 3), (1, 4))"),
    ("x.as_strided({5, 4}, {2, 1})", "x.as_strided((5, 4), (2, 1))"),
    ("x.as_strided({3}, {5})", "x.as_strided((3,), (5,))"), ("x.as_strided({2, 3}, {0, 1})", "x.as_strided((2, 3), (0, 1))"),
    ("x.as_strided({}, {}, 7)", "x.as_strided((), (), 7)"), ("x.as_strided({2, 2}, {1, 100})", "x.as_strided((2, 2), (1, 100))"),
    ("x.slice(1, 1, 3).as_strided({2}, {3})", "x[:, 1:3].as_strided((2,), (3,))"),
    ("c.as_strided({2, 2, 2}, {12, 5, 1}, 3)", "c.as_strided((2, 2, 2), (12, 5, 1), 3)"),
    "u.unfold(0, 2, 1)", "u.unfold(0, 2, 2)", "x.unfold(1, 3, 1)", "x.unfold(0, 2, 1)", "x.unfold(1, 1, 3)",
    "c.unfold(1, 2, 1)", "x.unfold(0, 5, 1)", "x.unfold(0, 2, 0)", "x.unfold(1, 2, 2)", "t.unfold(0, 2, 2)",
    ("broadcast_to(u, {3, 4})", "torch.broadcast_to(u, (3, 4))"), ("broadcast_to(u, {3, 5})", "torch.broadcast_to(u, (3, 5))"),
    ("broadcast_tensors({u, x})", "list(torch.broadcast_tensors(u, x))"),
    "atleast_1d(s)", "atleast_2d(u)", "atleast_3d(x)", "atleast_3d(u)",
    ("x.split({1, 2})", "list(x.split([1, 2]))"), ("x.split({1, 1})", "list(x.split([1, 1]))"),
    ("x.split(2)", "list(x.split(2))"), ("x.chunk(3, 1)", "list(x.chunk(3, 1))"), ("x.unbind(1)", "list(x.unbind(1))"),
    ("x.tensor_split(5)", "list(x.tensor_split(5))"), ("x.tensor_split({1, 3}, 1)", "list(x.tensor_split((1, 3), 1))"),
    ("hstack({u, u})", "torch.hstack([u, u])"), ("hstack({x, w})", "torch.hstack([x, w])"),
    ("vstack({u, x})", "torch.vstack([u, x])"), ("vstack({u, i})", "torch.vstack([u, i])"),
    ("dstack({x, y})", "torch.dstack([x, y])"), ("column_stack({u, u})", "torch.column_stack([u, u])"),
    ("concatenate({x, y}, 1)", "torch.cat([x, y], 1)"), ("hstack({s, u})", "torch.hstack([s, u])"),
    "tril(x)", "tril(c, -1)", "triu(x, 1)", "triu(k)", "tril(b)", "triu(t, -1)", "tril(u)", ("x.clone().tril_(1)", "x.clone().tril_(1)"),
    "tril_indices(3, 4)", "triu_indices(3, 4, 1)", ("tril_indices(3, 2, -1)", "torch.tril_indices(3, 2, -1)"), "triu_indices(2, 3, 5)",
    ("meshgrid({u, i})", "torch.meshgrid(u, i, indexing='ij')"), ("meshgrid({u, z})", "list(torch.meshgrid(u, z, indexing='ij'))"),
    ('meshgrid({u, z}, "xy")', "list(torch.meshgrid(u, z, indexing='xy'))"), ("meshgrid({s, u})", "list(torch.meshgrid(s, u, indexing='ij'))"),
    "swapaxes(c, 0, 2)", "moveaxis(c, 0, 2)", "ravel(t)", "transpose(c, 1, 2)", "squeeze(x.unsqueeze(0))",
    ("flatten(c, 1)", "torch.flatten(c, 1)"), "unsqueeze(u, 0)", ("permute(c, {2, 0, 1})", "torch.permute(c, (2, 0, 1))"),
    ("narrow(x, 1, 1, 2)", "torch.narrow(x, 1, 1, 2)"), ("select(x, 0, -1)", "torch.select(x, 0, -1)"),
]

INDEX = [
    ("x.index({i})", "x[i]"), ("x.index({All, i})", "x[:, i]"), ("x.index({i, i})", "x[i, i]"), ("x.index({b})", "x[b]"),
    ("x.index({p})", "x[p]"), ("x.index({p, i.slice(0, 0, 2)})", "x[p, i[:2]]"), ("x.index({p, 1})", "x[p, 1]"),
    ("c.index({All, p})", "c[:, p]"), ("c.index({0, b})", "c[0, b]"), ("c.index({Ellipsis, i})", "c[..., i]"),
    ("c.index({i.slice(0, 1, 2), All, i})", "c[i[1:2], :, i]"), ("c.index({Slice(0, 1), b})", "c[0:1, b]"),
    ("t.index({All, b.index({All, 0}).slice(0, 0, 3)})", "t[:, b[:, 0]]"), ("x.index({true})", "x[True]"),
    ("x.index({false})", "x[False]"), ("x.index({0, true})", "x[0, True]"), ("s.index({true})", "s[True]"),
    ("x.index({b.slice(1, 0, 3)})", "x[b[:, :3]]"), ("x.index({u})", "x[u]"), ("x.index({j})", "x[j]"),
    ("x.index({None, i})", "x[None, i]"), ("x.index({k.eq(1)})", "x[k == 1]"), ("e.index({e.ne(0)})", "e[e != 0]"),
    ("x.index({i, All, None})", "x[i, :, None]"), ("x.index({b.any(1), All})", "x[b.any(1), :]"),
    ("x.index({i, b})", "x[i, b]"), ("x.index({p.slice(0, 0, 2)})", "x[p[:2]]"),
    ("x.index_put({i}, u)", "x[i] = u; out = x"), ("x.index_put({i}, x)", "x[i] = torch.arange(12.).reshape(3, 4); out = x"),
    ("x.index_put({All, i}, s)", "x[:, i] = s; out = x"), ("x.index_put({b}, s)", "x[b] = s; out = x"),
    ("x.index_put({b}, r.slice(0, 0, 5).to(kFloat32))", "x[b] = r[:5].float(); out = x"),
    ("x.index_put({b}, u)", "x[b] = u; out = x"), ("x.index_put({i, i}, s)", "x[i, i] = s; out = x"),
    ("x.index_put({i, 1}, w.index({All, 0}))", "x[i, 1] = w[:, 0]; out = x"),
    ("x.index_put({i}, u, true)", "x.index_put_((i,), u, accumulate=True)"),
    ("x.index_put({p}, u)", "x[p] = u; out = x"), ("x.index_put({p, Slice(1, 3)}, w.slice(0, 0, 2))", "x[p, 1:3] = w[:2]; out = x"),
    ("c.index_put({All, i.slice(0, 0, 2)}, s)", "c[:, i[:2]] = s; out = c"),
    ("c.index_put({i.slice(0, 1, 2), All, i}, w.index({All, 1}).reshape({3, 1}))", "c[i[1:2], :, i] = w[:, 1:]; out = c"),
    ("k.index_put({i}, 7.9)", "k[i] = 7.9; out = k"), ("k.index_put({i}, k.select(0, 0))", "k[i] = k[0].clone(); out = k"),
    ("x.index_put({i}, w.index({All, 0}))", "x[i] = w[:, 0]; out = x"), ("x.index_put({true}, u)", "x[True] = u; out = x"),
    ("x.index_put({false}, u)", "x[False] = u; out = x"), ("x.index_put({i}, x.slice(0, 0, 1).unsqueeze(0))", "x[i] = x[:1].unsqueeze(0).clone(); out = x"),
    ("x.take(i)", "x.take(i)"), ("x.take(j.sub(3))", "x.take(j - 3)"), ("x.take(u)", "x.take(u)"),
    ("put(x, i, u.slice(0, 0, 3))", "x.put(i, u[:3])"), ("put(x, i, u.slice(0, 0, 3), true)", "x.put(i, u[:3], True)"),
    ("put(x, i, u)", "x.put(i, u)"),
    "x.gather(0, j)", "x.gather(1, j)", ("take_along_dim(x, j, 0)", "torch.take_along_dim(x, j, 0)"),
    "x.index_select(0, i)", "x.index_select(1, i)",
    "x.scatter(0, j, y)", "x.scatter(1, j, y)", ("x.scatter(0, j, 5)", "x.scatter(0, j, 5.)"), "x.scatter(0, j, k)",
    ('x.scatter(0, j, y, "add")', "x.scatter(0, j, y, reduce='add')"),
    ('x.scatter(0, j, y, "multiply")', "x.scatter(0, j, y, reduce='multiply')"),
    ('x.scatter(0, j, 2, "multiply")', "x.scatter(0, j, 2., reduce='multiply')"),
    ('x.scatter(0, j, y, "foo")', "x.scatter(0, j, y, reduce='foo')"), "x.scatter(0, i, y)", "x.scatter(2, j, y)",
    "x.scatter_add(1, j, y)", "k.scatter_add(0, j, k)",
    *[(f'{n}.scatter_reduce({d}, j, {m}, "{reduce}", {str(own).lower()})', f"{n}.scatter_reduce({d}, j, {m}, '{reduce}', include_self={own})")
      for n, m in (("x", "y"), ("k", "k")) for d in (0, 1) for reduce in ("sum", "prod", "mean", "amax", "amin") for own in (True, False)],
    ('x.scatter_reduce(0, j, y, "foo")', "x.scatter_reduce(0, j, y, 'foo')"),
    ("x.index_add(0, i, y)", "x.index_add(0, i, y)"), ("x.index_add(0, i, y, 2)", "x.index_add(0, i, y, alpha=2)"),
    ("x.index_copy(0, i, y)", "x.index_copy(0, torch.tensor([2, 0, 2]), y)"), ("x.index_copy(1, i, w)", "x.index_copy(1, i, w)"),
    ("x.index_copy(1, i.slice(0, 0, 2), w)", "x.index_copy(1, i[:2], w)"), "x.index_copy(0, i, k)",
    ("x.index_fill(0, i, -1)", "x.index_fill(0, i, -1.)"), ("x.index_fill(1, i, s)", "x.index_fill(1, i, s)"),
    ("x.index_fill(1, i.sub(4), 1)", "x.index_fill(1, i - 4, 1.)"), "x.index_fill(0, i, u)",
    ("x.masked_fill(b, -1)", "x.masked_fill(b, -1.)"), ("x.masked_fill(b.slice(0, 0, 1), s)", "x.masked_fill(b[:1], s)"),
    ("k.masked_fill(b, 1.5)", "k.masked_fill(b, 1.5)"), "x.masked_fill(k, 1)", "x.masked_fill(b, u)",
    "x.masked_select(b)", ("x.masked_select(b.slice(0, 0, 1))", "x.masked_select(b[:1])"), "x.masked_select(k)",
    ("u.masked_select(b)", "u.masked_select(b)"), "x.masked_select(p)",
    "x.masked_scatter(b, y)", "x.masked_scatter(b, k", "x.nonzero()", "b.nonzero()", "s.nonzero()", "e.nonzero()", "argwhere(u)",
    ("nonzero_numpy(b)", "list(b.nonzero(as_tuple=True))"), ("where(b)", "list(torch.where(b))"),
    ("where(b, x, y)", "torch.where(b, x, y)"), ("where(b, x, 0)", "torch.where(b, x, 0.)"),
    ("select_scatter(x, u, 0, 1)", "torch.select_scatter(x, u, 0, 1)"), ("select_scatter(x, s, 0, 1)", "torch.select_scatter(x, s, 0, 1)"),
    ("diagonal_scatter(x, i.to(kFloat32), 1)", "torch.diagonal_scatter(x, i.float(), 1)"),
]
INDEX = [c for c in INDEX if c != "x.masked_scatter(b, k"]

ORDER = [
    "u.sort()", "v.sort()", ("v.sort(-1, true)", "v.sort(dim=-1, descending=True, stable=True)"),
    ("r.sort()", "r.sort(stable=True)"), ("r.sort(0, true)", "r.sort(dim=0, descending=True, stable=True)"), "x.sort(0)",
    ("y.sort(1, true)", "y.sort(dim=1, descending=True, stable=True)"), "s.sort()", "e.sort()", "e.sort(0)",
    ("p.sort()", "p.sort(stable=True)"), "h.sort(1)", ("t.sort(1, true)", "t.sort(dim=1, descending=True, stable=True)"),
    "y.argsort(0)", ("argsort(u, 0, true)", "u.argsort(0, True)"), "msort(y)", "u.sort(1)", "y.topk(2)",
    ("y.topk(2, 0, false)", "y.topk(2, 0, False)"), "u.topk(4)", "u.topk(5)", "s.topk(1)", "u.topk(0)",
    "u.kthvalue(2)", ("y.kthvalue(1, 0, true)", "y.kthvalue(1, 0, True)"), "y.kthvalue(5)", "u.median()", "v.median()", "v.median(0)",
    "v.nanmedian()", "v.nanmedian(0)", ("y.median(1, true)", "y.median(1, True)"), "k.median(0)", "r.median()", "s.median(0)",
    "e.median(0)", ("zeros({0}).median()", "torch.zeros(0).median()"), "r.mode()", "k.mode(0)",
    ("y.mode(1, true)", "y.mode(1, True)"), "e.mode(0)",
    "u.quantile(0.3)", ("x.quantile(0.3, 0)", "x.quantile(0.3, 0)"), ("x.quantile(0.3, 1, true)", "x.quantile(0.3, 1, True)"),
    ("x.quantile(z.div(10), 1)", "x.quantile(z / 10, 1)"), ("x.quantile(z.div(10), 0, true)", "x.quantile(z / 10, 0, True)"),
    ("v.quantile(0.5)", "v.quantile(0.5)"), ("k.quantile(0.5)", "k.quantile(0.5)"), ("u.quantile(1.5)", "u.quantile(1.5)"),
    *[(f'u.quantile(z.div(10), std::nullopt, false, "{m}")', f"u.quantile(z / 10, interpolation='{m}')")
      for m in ("linear", "lower", "higher", "midpoint", "nearest")],
    ("_unique2(r, true, true, true)", "torch.unique(r, return_inverse=True, return_counts=True)"),
    ("get<0>(unique(y))", "torch.unique(y)"),
    ("_unique2(k, true, true, true)", "torch._unique2(k, True, True, True)"),
    ("_unique2(e, true, true, true)", "torch._unique2(e, True, True, True)"),
    ("unique_consecutive(r, true, true)", "torch.unique_consecutive(r, return_inverse=True, return_counts=True)"),
    ("searchsorted(z, u)", "torch.searchsorted(z, u)"), ("searchsorted(z, v, true, true)", "torch.searchsorted(z, v, out_int32=True, right=True)"),
    ("searchsorted(x, y.mul(3))", "torch.searchsorted(x, y * 3)"), ("searchsorted(z, 3)", "torch.searchsorted(z, 3)"),
    ("searchsorted(x, w)", "torch.searchsorted(x, w)"), ("searchsorted(x, u)", "torch.searchsorted(x, u)"),
    ("bucketize(k, z)", "torch.bucketize(k, z)"), ("bucketize(s, z, false, true)", "torch.bucketize(s, z, right=True)"),
    ("bucketize(s, x)", "torch.bucketize(s, x)"), ("bincount(i)", "torch.bincount(i)"),
    ("bincount(i, w.select(1, 0), 5)", "torch.bincount(i, w.select(1, 0), 5)"), ("bincount(r)", "torch.bincount(r)"),
    ("bincount(u)", "torch.bincount(u)"),
]

REDUCE = [
    "x.cumsum(0)", "x.cumsum(1)", "k.cumsum(1)", "p.cumsum(0)", "s.cumsum(0)", "e.cumsum(0)", "x.cumsum(2)", "v.cumsum(0)",
    ("x.cumsum(1, kFloat64)", "x.cumsum(1, dtype=torch.float64)"), ("p.cumsum(0, kBool)", "p.cumsum(0, dtype=torch.bool)"),
    "y.cumprod(1)", "k.cumprod(0)", "v.cumprod(0)", "c.cumsum(1)", "t.cumsum(0)", "v.cummax(0)", "u.cummin(0)",
    "r.cummax(0)", "y.cummax(1)", "k.cummin(0)", "s.cummax(0)", "t.cummax(1)", "u.logcumsumexp(0)", "x.logcumsumexp(1)", "k.logcumsumexp(0)",
    ("arange(100).cumsum(0)", "torch.arange(100).cumsum(0)"), ("arange(70).remainder(7).cummax(0)", "torch.arange(70).remainder(7).cummax(0)"),
    "u.diff()", ("x.diff(2, 1)", "x.diff(2, 1)"), ("u.diff(1, 0, s.reshape({1}))", "u.diff(1, 0, prepend=s.reshape(1))"), "p.diff()", "s.diff()",
    ("trapezoid(u)", "torch.trapezoid(u)"), ("trapezoid(x, 2.0, 0)", "torch.trapezoid(x, dx=2., dim=0)"),
    ("trapezoid(x, u)", "torch.trapezoid(x, u)"),
    ("x.prod(0)", "x.prod(0)"), ("k.prod()", "k.prod()"), ("prod(y, {0, 1})", "y.prod()"),
    ("aminmax(x)", "torch.aminmax(x)"), ("aminmax(y, 1, true)", "torch.aminmax(y, dim=1, keepdim=True)"), ("aminmax(e)", "torch.aminmax(e)"),
    ("nansum(v.slice(0, 0, 4))", "torch.nansum(v[:4])"), ("nanmean(v.slice(0, 0, 4))", "torch.nanmean(v[:4])"), ("nansum(x, 1)", "torch.nansum(x, 1)"),
    ("var_mean(x, 1)", "torch.var_mean(x, 1)"), ("std_mean(x, 0, 0, true)", "torch.std_mean(x, 0, False, True)"),
    ("x.std(1, false)", "x.std(1, False)"), ("x.var()", "x.var()"), ("var(k, 0)", "k.var(0)"), ("x.std({0, 1}, 2)", "x.std((0, 1), correction=2)"),
    ("x.sum({0, 1})", "x.sum((0, 1))"), ("x.sum(1, true)", "x.sum(1, True)"), ("k.sum(0)", "k.sum(0)"), ("b.sum()", "b.sum()"),
    ("x.mean({1})", "x.mean((1,))"), ("k.mean()", "k.mean()"), ("x.amax({0, 1})", "x.amax((0, 1))"), ("y.max(0)", "y.max(0)"), ("k.min(1, true)", "k.min(1, True)"),
    ("x.argmax()", "x.argmax()"), ("y.argmin(1, true)", "y.argmin(1, True)"), ("b.any(0)", "b.any(0)"), ("b.all()", "b.all()"),
    ("x.norm()", "x.norm()"), ("x.norm(1, 0)", "x.norm(1, 0)"), ("x.norm(3, {0, 1}, true)", "x.norm(3, (0, 1), True)"),
    ("u.norm(INFINITY)", "u.norm(inf)"), ("u.norm(-INFINITY)", "u.norm(-inf)"), ("u.norm(0)", "u.norm(0)"), ("u.norm(0.5)", "u.norm(0.5)"),
    ("x.norm(2, 1, false, kFloat64)", "x.norm(2, 1, False, torch.float64)"), ("k.norm()", "k.norm()"), ("dist(x, y)", "torch.dist(x, y)"), ("dist(x, y, 1)", "torch.dist(x, y, 1)"),
    ("x.logsumexp(1)", "x.logsumexp(1)"), ("k.logsumexp({0, 1}, true)", "k.logsumexp((0, 1), True)"), ("b.count_nonzero(0)", "b.count_nonzero(0)"),
    ("x.sum(5)", "x.sum(5)"), ("x.sum({0, 0})", "x.sum((0, 0))"), ("e.max()", "e.max()"), ("e.max(0)", "e.max(0)"), ("k.std()", "k.std()"),
]


def terms(equation, *operands):
    cpp = f'einsum("{equation}", {{{", ".join(operands)}}})'
    return cpp, f"torch.einsum('{equation}', {', '.join(operands)})"


PRODUCTS = [
    ('einsum("ij,jk->ik", {x, x.t()})', "torch.einsum('ij,jk->ik', x, x.t())"),
    terms("ij,kj->ik", "x", "y"), terms("ij->ji", "x"), terms("ij->", "x"), terms("ij->j", "x"), terms("ij,ij->i", "x", "y"),
    terms("i,j->ij", "u", "z"), terms("ij,j", "x", "u"), terms("ji", "x"), ('einsum("ii->i", {x.slice(1, 0, 3)})', "torch.einsum('ii->i', x[:, :3])"),
    ('einsum("ii", {x.slice(1, 0, 3)})', "torch.einsum('ii', x[:, :3])"), terms("bij,bkj->bik", "c", "c"), terms("bij,kj", "c", "y"),
    terms("...ij,...kj->...ik", "c", "y"), terms("...j,j", "c", "u"), terms("i...->...", "c"), terms("...->...", "c"),
    ('einsum("bij,kj,ib->k", {c, y, w})', "torch.einsum('bij,kj,ib->k', c, y, w)"),
    ('einsum("ij,jk,kl,lm->im", {x, x.t(), w, w.t()})', "torch.einsum('ij,jk,kl,lm->im', x, x.t(), w, w.t())"),
    terms("ab,cd->dabc", "w", "x"),
    ('einsum("ij, jk -> ik", {y, u.reshape({4, 1})})', "torch.einsum('ij, jk -> ik', y, u.reshape(4, 1))"),
    ('einsum("ij,ij->ij", {x, u.reshape({1, 4})})', "torch.einsum('ij,ij->ij', x, u.reshape(1, 4))"),
    terms("ij,ij->j", "k", "k"), terms(",->", "s", "s"), terms("i,->i", "u", "s"), terms("ijk,ijk", "c", "c"),
    ('einsum("Ab,bC", {x, w.select(1, 0).reshape({1, 3}).expand({4, 3})})', "torch.einsum('Ab,bC', x, w[:, 0].reshape(1, 3).expand(4, 3))"),
    terms("ij,jk->il", "x", "x"), terms("ij,jk", "x", "x"), terms("ij->ii", "x"), terms("i", "x"), terms("ijk", "x"), terms("ij,", "x"),
    terms("ij", "x", "x"), terms("i.j->ij", "x"), terms("i1->i", "x"), terms("ij->...ij", "x"), terms("...ij", "u"), terms("ii", "x"),
    terms("...i,...i->...", "c", "x"), terms("......i->i", "x"), terms("ij->i", "b"),
    ("tensordot(x, y.t(), 1)", "torch.tensordot(x, y.t(), 1)"), ("tensordot(x, y)", "torch.tensordot(x, y)"),
    ("tensordot(c, y, {2}, {1})", "torch.tensordot(c, y, ([2], [1]))"), ("tensordot(c, x, {2, 1}, {1, 0})", "torch.tensordot(c, x, ([2, 1], [1, 0]))"),
    ("tensordot(u, z, 0)", "torch.tensordot(u, z, 0)"), ("tensordot(x, y, 1)", "torch.tensordot(x, y, 1)"),
    ("tensordot(x, y, {0}, {1})", "torch.tensordot(x, y, ([0], [1]))"),
    ("addmm(s, x, y.t())", "torch.addmm(s, x, y.t())"), ("addmm(w, x, w.t().reshape({3, 2}).repeat({2, 1}).slice(0, 0, 4), 2, -1)",
     "torch.addmm(w, x, w.t().reshape(3, 2).repeat(2, 1)[:4], beta=2, alpha=-1)"), ("addmm(x, x, y)", "torch.addmm(x, x, y)"),
    ("addmm(v.slice(0, 1, 4), x, y.t(), 0)", "torch.addmm(torch.tensor([nan, 1, 2]), x, y.t(), beta=0)"), ("addmm(u, x, u)", "torch.addmm(u, x, u)"),
    ("baddbmm(s, c, c.transpose(1, 2), 0.5, 2)", "torch.baddbmm(s, c, c.transpose(1, 2), beta=0.5, alpha=2)"),
    ("addbmm(s, c, c.transpose(1, 2))", "torch.addbmm(s, c, c.transpose(1, 2))"),
    ("addmv(w.select(1, 0), x, u)", "torch.addmv(w.select(1, 0), x, u)"), ("addmv(x, y, y)", "torch.addmv(x, y, y)"),
    ("addr(s, u, z, 1, 2)", "torch.addr(s, u, z, beta=1, alpha=2)"), ("outer(u, i)", "torch.outer(u, i)"), ("ger(u, z)", "torch.ger(u, z)"),
    ("inner(x, y)", "torch.inner(x, y)"), ("inner(u, s)", "torch.inner(u, s)"), ("inner(x, w)", "torch.inner(x, w)"), ("inner(c, x)", "torch.inner(c, x)"),
    "vdot(u, z)", "vdot(x, x)", "trace(x)", "trace(k)", "trace(u)", "kron(w, u)", "kron(w, w)", "kron(s, u)", ("kron(k, w)", "torch.kron(k, w)"),
    ("cross(x, y)", "torch.cross(x, y, dim=0)"), ("cross(c, c.flip({2}), 1)", "torch.cross(c, c.flip(2), 1)"), ("cross(u, u)", "torch.cross(u, u)"),
    ("chain_matmul({x, y.t(), w, w.t()})", "torch.linalg.multi_dot([x, y.t(), w, w.t()])"),
    ("matrix_power(x.slice(1, 0, 3), 3)", "torch.matrix_power(x[:, :3], 3)"), ("matrix_power(x.slice(1, 0, 3), 0)", "torch.matrix_power(x[:, :3], 0)"),
    ("matrix_power(x, 2)", "torch.matrix_power(x, 2)"),
    ("matmul(c, y.t())", "c @ y.t()"), ("matmul(u, y.t())", "u @ y.t()"), ("matmul(x, u)", "x @ u"), ("matmul(u, u)", "u @ u"),
    ("matmul(u, c.transpose(1, 2))", "u @ c.transpose(1, 2)"), ("matmul(c, u)", "c @ u"), ("matmul(x, y)", "x @ y"), ("mm(k, k.t())", "k.mm(k.t())"),
    ("matmul(c.unsqueeze(1), c.transpose(1, 2))", "c.unsqueeze(1) @ c.transpose(1, 2)"), ("mv(x, u)", "x.mv(u)"), ("dot(u, z)", "u.dot(z)"), ("dot(x, x)", "x.dot(x)"),
    ("bmm(c, c.transpose(1, 2))", "c.bmm(c.transpose(1, 2))"), ("matmul(s, x)", "s @ x"),
]

POINTWISE = [
    ("addcmul(x, y, y, 0.5)", "torch.addcmul(x, y, y, value=0.5)"), ("addcdiv(x, y, y, 2)", "torch.addcdiv(x, y, y, value=2)"),
    ("rsub(u, 1)", "torch.rsub(u, 1)"), ("rsub(u, z, 2)", "torch.rsub(u, z, alpha=2)"), ("float_power(u, 2)", "torch.float_power(u, 2)"),
    ("float_power(k, u)", "torch.float_power(k, u)"), ("logaddexp2(u, z)", "torch.logaddexp2(u, z)"), ("sinc(u)", "torch.sinc(u)"), ("sinc(i)", "torch.sinc(i)"),
    ("ldexp(u, i.slice(0, 0, 1))", "torch.ldexp(u, i[:1])"), ("positive(u)", "torch.positive(u)"), ("positive(p)", "torch.positive(p)"), ("sgn(u)", "torch.sgn(u)"),
    ("round(u.div(3), 2)", "torch.round(u / 3, decimals=2)"), ("round(x.mul(7), -1)", "torch.round(x * 7, decimals=-1)"),
    ("nan_to_num(v, 9)", "torch.nan_to_num(v, 9.)"), ("nan_to_num(v, std::nullopt, 1, -2)", "torch.nan_to_num(v, None, 1., -2.)"), ("nan_to_num(v)", "torch.nan_to_num(v)"),
    ("isin(r, i)", "torch.isin(r, i)"), ("isin(x, r.to(kFloat32).repeat({3}))", "torch.isin(x, r.float().repeat(3))"), ("isin(r, i, false, true)", "torch.isin(r, i, invert=True)"),
    ("isin(u, zeros({0}))", "torch.isin(u, torch.zeros(0))"),
    ("u.clone().eq_(z)", "u.clone().eq_(z)"), ("u.clone().lt_(1)", "u.clone().lt_(1)"), ("k.clone().logical_and_(b)", "k.clone().logical_and_(b)"), ("u.clone().logical_not_()", "u.clone().logical_not_()"),
    ("u.clone().clamp_(0)", "u.clone().clamp_(0)"), ("u.clone().clamp_(std::nullopt, 1)", "u.clone().clamp_(None, 1)"), ("u.clamp(0, 1)", "u.clamp(0, 1)"), ("clamp(x, u, z)", "torch.clamp(x, u, z)"),
    ('k.clone().div_(2, "floor")', "k.clone().div_(2, rounding_mode='floor')"), ("k.clone().div_(2)", "k.clone().div_(2)"), ('div(u, z, "trunc")', "torch.div(u, z, rounding_mode='trunc')"),
    ("u.clone().addcmul_(z, z, 2)", "u.clone().addcmul_(z, z, value=2)"), ("x.clone().cumsum_(1)", "x.clone().cumsum_(1)"), ("u.clone().masked_fill_(u.gt(1), 7)", "u.clone().masked_fill_(u > 1, 7.)"),
    ("lerp(u, z, 0.25)", "torch.lerp(u, z, 0.25)"), ("x.clone().index_fill_(0, i, 3)", "x.clone().index_fill_(0, i, 3.)"), ("x.clone().scatter_(0, j, -1)", "x.clone().scatter_(0, j, -1.)"),
    ("remainder(r, 3)", "torch.remainder(r, 3)"), ("remainder(u, -3)", "torch.remainder(u, -3)"), ("floor_divide(r, 2)", "torch.floor_divide(r, 2)"), ("fmod(r, 2)", "torch.fmod(r, 2)"),
    ("u / r.slice(0, 0, 4)", "u / r[:4]"), ("r / 2", "r / 2"), ("2 - u", "2 - u"), ("2 / k", "2 / k"), ("pow(2, u)", "torch.pow(2, u)"), ("k % 3", "k % 3"), ("r << 1", "r << 1"), ("p & p", "p & p"), ("~p", "~p"), ("-p", "-p"), ("p - p", "p - p"),
    ("pow(k, -1)", "torch.pow(k, -1)"), ("x + w", "x + w"),
]

if __name__ == "__main__":
    for name, value in list(globals().items()):
        if name.isupper() and isinstance(value, list):
            record(name.lower(), value)
