"""Frameworks of Python as contestants of lazuli-bench: one to a process, named on the command line.

    peers.py NumPy|numexpr|torch|torch.compile|JAX FILE

Answers the requests of bench/protocol.h. A framework takes the operands once, into memory of its own, and is timed by the
call, results ready; where it can write into memory that exists already, it does.
"""

import os
import sys
import time

import numpy as np

DTYPES = {"float32": np.float32, "bfloat16": np.uint16, "int32": np.int32, "int64": np.int64}


class Place:
    def __init__(self, text):
        _, self.name, self.type, dims, offset = text.split(":")
        self.dims = [] if dims == "-" else [int(d) for d in dims.split("x")]
        self.offset = int(offset)

    def array(self, shared):
        dtype = np.dtype(DTYPES[self.type])
        count = int(np.prod(self.dims, dtype=np.int64))
        return shared[self.offset : self.offset + count * dtype.itemsize].view(dtype).reshape(self.dims)


class Job:
    def __init__(self, words):
        self.name, self.size = words[:2]
        settings = dict(w.split("=", 1) for w in words[2:] if "=" in w)
        self.threads, self.copies = int(settings["threads"]), int(settings["copies"])
        self.inputs = [Place(w) for w in words if w.startswith("in:")]
        self.outputs = [Place(w) for w in words if w.startswith("out:")]


class NumPy:
    """Writes into arrays that exist, by `out=`, as far as one would."""

    def __init__(self):
        self.version = np.__version__

    def take(self, array, place):
        return np.array(array)

    def give(self, value):
        return np.asarray(value)

    def function(self, job):
        shape = job.outputs[0].dims
        out, scratch = np.empty(shape, np.float32), np.empty(shape, np.float32)

        def relu_bias(x, w, b):
            np.multiply(x, w, out=out)
            np.add(out, b, out=out)
            return np.maximum(out, 0, out=out)

        def gelu_tanh_bias(x, w, b):
            np.multiply(x, w, out=out)
            np.add(out, b, out=out)
            np.multiply(out, out, out=scratch)
            np.multiply(scratch, out, out=scratch)
            np.multiply(scratch, np.float32(0.044715), out=scratch)
            np.add(scratch, out, out=scratch)
            np.multiply(scratch, np.float32(0.7978845608), out=scratch)
            np.tanh(scratch, out=scratch)
            np.add(scratch, 1, out=scratch)
            np.multiply(out, scratch, out=out)
            return np.multiply(out, np.float32(0.5), out=out)

        def softmax(x):
            np.subtract(x, x.max(axis=1, keepdims=True), out=out)
            np.exp(out, out=out)
            return np.divide(out, out.sum(axis=1, keepdims=True), out=out)

        def layer_norm(x, w, b):
            np.subtract(x, x.mean(axis=1, keepdims=True), out=out)
            np.multiply(out, out, out=scratch)
            np.multiply(out, 1 / np.sqrt(scratch.mean(axis=1, keepdims=True) + np.float32(1e-5)), out=out)
            np.multiply(out, w, out=out)
            return np.add(out, b, out=out)

        def copied(value):
            np.copyto(out, value)
            return out

        return {
            "map/relu_bias": relu_bias,
            "map/gelu_tanh_bias": gelu_tanh_bias,
            "map/where_chain": lambda x, y: np.clip(np.where(x > 0, x * y, np.where(y > 0, x + y, x - y)), -1, 1, out=out),
            "map/strided_sum3": lambda a, b, c: np.add(np.add(a, b.T, out=out), c[:, ::-1], out=out),
            "row/softmax": softmax,
            "row/softmax_100k": softmax,
            "row/log_softmax_backward": lambda y, g: np.subtract(g, np.exp(y, out=out) * g.sum(axis=1, keepdims=True), out=out),
            "row/layer_norm": layer_norm,
            "reduce/sum_all": lambda x: x.sum(),
            "reduce/sum_axis0": lambda x: x.sum(axis=0, out=out),
            "reduce/sum_axis1": lambda x: x.sum(axis=1, out=out),
            "reduce/var_axis0": lambda x: x.var(axis=0, ddof=1, out=out),
            "reduce/var_axis1": lambda x: x.var(axis=1, ddof=1, out=out),
            "reduce/argmax_axis1": lambda x: x.argmax(axis=1),
            "scan/cumsum": lambda x: np.cumsum(x, axis=1, out=out),
            "move/transpose": lambda x: copied(x.T),
            "move/permute_0213": lambda x: copied(x.transpose(0, 2, 1, 3)),
            "move/cat": lambda a, b: np.concatenate([a, b], axis=1, out=out),
            "move/flip": lambda x: copied(x[:, ::-1]),
            "gather/rows": lambda table, index: np.take(table, index, axis=0, out=out),
            "contract/sgemm": lambda a, b: np.matmul(a, b, out=out),
        }.get(job.name)


class NumExpr(NumPy):
    def __init__(self):
        import numexpr

        self.ne = numexpr
        self.version = numexpr.__version__

    def function(self, job):
        self.ne.set_num_threads(job.threads)
        out = np.empty(job.outputs[0].dims, np.float32)
        phi = "(0.5 * (1 + tanh(0.7978845608 * (%s + 0.044715 * %s * %s * %s))))"
        texts = {
            "map/relu_bias": ("where(x * w + b > 0, x * w + b, 0)", "xwb"),
            "map/gelu_tanh_bias": ("(x * w + b) * " + phi % (("(x * w + b)",) * 4), "xwb"),
            "map/where_chain": (
                "where(where(x > 0, x * y, where(y > 0, x + y, x - y)) > 1, 1, "
                "where(where(x > 0, x * y, where(y > 0, x + y, x - y)) < -1, -1, "
                "where(x > 0, x * y, where(y > 0, x + y, x - y))))",
                "xy",
            ),
        }
        if job.name not in texts:
            return None
        text, names = texts[job.name]

        def run(*operands):
            return self.ne.evaluate(text, dict(zip(names, operands)), {}, out=out, casting="unsafe")

        return run


class Torch:
    def __init__(self, compiled=False):
        import torch

        self.torch, self.compiled = torch, compiled
        self.version = torch.__version__

    def take(self, array, place):
        return self.torch.from_numpy(np.array(array))

    def give(self, value):
        if value.dtype == self.torch.bfloat16:
            return value.view(self.torch.int16).numpy().view(np.uint16)
        return value.numpy()

    def function(self, job):
        torch = self.torch
        torch.set_num_threads(job.threads)
        f = torch.nn.functional
        shape = job.outputs[0].dims

        def phi(x):
            return 0.5 * torch.erfc(x * -0.70710678118654752)

        def black_scholes(s, k, t):
            root = 0.3 * torch.sqrt(t)
            d1 = (torch.log(s / k) + 0.065 * t) / root
            return s * phi(d1) - k * torch.exp(-0.02 * t) * phi(d1 - root)

        def int_mix(x, y):
            h = (x ^ (y << 13)) * -1640531535
            return (h ^ (h >> 16)) + y

        def layer_norm_backward(x, g, w):
            variance, mean = torch.var_mean(x, 1, unbiased=False, keepdim=True)
            r = torch.rsqrt(variance + 1e-5)
            h, d = (x - mean) * r, g * w
            return r * (d - d.mean(1, keepdim=True) - h * (d * h).mean(1, keepdim=True))

        table = {
            "map/relu_bias": lambda x, w, b: torch.relu(x * w + b),
            "map/gelu_bias": lambda x, w, b: f.gelu(x * w + b),
            "map/gelu_tanh_bias": lambda x, w, b: f.gelu(x * w + b, approximate="tanh"),
            "map/black_scholes": black_scholes,
            "map/where_chain": lambda x, y: torch.clamp(torch.where(x > 0, x * y, torch.where(y > 0, x + y, x - y)), -1, 1),
            "map/cast_f32_bf16": lambda x: x.to(torch.bfloat16),
            "map/strided_sum3": lambda a, b, c: a + b.t() + c.flip(1),
            "map/rng_normal": lambda: torch.randn(shape),
            "map/int_mix": int_mix,
            "row/softmax": lambda x: torch.softmax(x, 1),
            "row/softmax_100k": lambda x: torch.softmax(x, 1),
            "row/log_softmax_backward": lambda y, g: g - torch.exp(y) * g.sum(1, keepdim=True),
            "row/layer_norm": lambda x, w, b: f.layer_norm(x, (x.shape[1],), w, b),
            "row/layer_norm_backward": layer_norm_backward,
            "row/cross_entropy": f.cross_entropy,
            "reduce/sum_all": lambda x: x.sum(),
            "reduce/sum_axis0": lambda x: x.sum(0),
            "reduce/sum_axis1": lambda x: x.sum(1),
            "reduce/var_axis0": lambda x: x.var(0),
            "reduce/var_axis1": lambda x: x.var(1),
            "reduce/argmax_axis1": lambda x: x.argmax(1),
            "scan/cumsum": lambda x: x.cumsum(1),
            "move/transpose": lambda x: x.t().contiguous(),
            "move/permute_0213": lambda x: x.permute(0, 2, 1, 3).contiguous(),
            "move/cat": lambda a, b: torch.cat([a, b], 1),
            "move/flip": lambda x: x.flip(1),
            "gather/rows": lambda t, i: torch.index_select(t, 0, i),
            "scatter/add_rows": lambda x, i: torch.zeros(shape).index_add_(0, i, x),
            "contract/sgemm": lambda a, b: a @ b,
            "contract/bias_gelu_residual": lambda a, b, c, r: f.gelu(a @ b + c) + r,
            "contract/bias_gelu_tanh_residual": lambda a, b, c, r: f.gelu(a @ b + c, approximate="tanh") + r,
        }
        # Eager calls that can write a tensor which exists already: fresh memory would be most of their time.
        out = torch.empty(shape) if job.outputs[0].type == "float32" else None
        scratch = torch.empty(shape)
        preallocated = {
            "map/relu_bias": lambda x, w, b: torch.addcmul(b, x, w, out=out).relu_(),
            "row/softmax": lambda x: torch.softmax(x, 1, out=out),
            "row/softmax_100k": lambda x: torch.softmax(x, 1, out=out),
            "row/log_softmax_backward": lambda y, g: torch.sub(
                g, torch.exp(y, out=scratch).mul_(g.sum(1, keepdim=True)), out=out
            ),
            "reduce/sum_axis0": lambda x: torch.sum(x, 0, out=out),
            "reduce/sum_axis1": lambda x: torch.sum(x, 1, out=out),
            "scan/cumsum": lambda x: torch.cumsum(x, 1, out=out),
            "map/rng_normal": lambda: out.normal_(),
            "move/transpose": lambda x: out.copy_(x.t()),
            "move/permute_0213": lambda x: out.copy_(x.permute(0, 2, 1, 3)),
            "move/cat": lambda a, b: torch.cat([a, b], 1, out=out),
            "gather/rows": lambda t, i: torch.index_select(t, 0, i, out=out),
            "scatter/add_rows": lambda x, i: out.zero_().index_add_(0, i, x),
            "contract/sgemm": lambda a, b: torch.mm(a, b, out=out),
        }
        if job.name not in table:
            return None
        if self.compiled:
            self.torch._dynamo.reset()
            return torch.compile(table[job.name], dynamic=False)
        return preallocated.get(job.name, table[job.name])


class Jax:
    def __init__(self):
        import jax

        jax.config.update("jax_enable_x64", True)
        self.jax = jax
        self.version = jax.__version__

    def take(self, array, place):
        return self.jax.device_put(np.array(array))

    def give(self, value):
        array = np.asarray(value)
        return array.view(np.uint16) if array.dtype.itemsize == 2 else array

    def function(self, job):
        jax = self.jax
        jnp, nn = jax.numpy, jax.nn
        shape = job.outputs[0].dims
        f32 = jnp.float32

        def phi(x):
            return f32(0.5) * jax.scipy.special.erfc(x * f32(-0.70710678118654752))

        def black_scholes(s, k, t):
            root = f32(0.3) * jnp.sqrt(t)
            d1 = (jnp.log(s / k) + f32(0.065) * t) / root
            return s * phi(d1) - k * jnp.exp(f32(-0.02) * t) * phi(d1 - root)

        def int_mix(x, y):
            h = (x ^ (y << 13)) * jnp.int32(-1640531535)
            return (h ^ (h >> 16)) + y

        def layer_norm(x, w, b):
            d = x - x.mean(1, keepdims=True)
            return d * jax.lax.rsqrt((d * d).mean(1, keepdims=True) + f32(1e-5)) * w + b

        def layer_norm_backward(x, g, w):
            return jax.vjp(lambda v: layer_norm(v, w, f32(0)), x)[1](g)[0]

        def cross_entropy(x, target):
            y = nn.log_softmax(x, 1)
            return -jnp.take_along_axis(y, target[:, None], 1).mean()

        table = {
            "map/relu_bias": lambda x, w, b: jnp.maximum(x * w + b, 0),
            "map/gelu_bias": lambda x, w, b: nn.gelu(x * w + b, approximate=False),
            "map/gelu_tanh_bias": lambda x, w, b: nn.gelu(x * w + b, approximate=True),
            "map/black_scholes": black_scholes,
            "map/where_chain": lambda x, y: jnp.clip(jnp.where(x > 0, x * y, jnp.where(y > 0, x + y, x - y)), -1, 1),
            "map/cast_f32_bf16": lambda x: x.astype(jnp.bfloat16),
            "map/strided_sum3": lambda a, b, c: a + b.T + c[:, ::-1],
            "map/rng_normal": lambda: jax.random.normal(jax.random.key(7), shape, f32),
            "map/int_mix": int_mix,
            "row/softmax": lambda x: nn.softmax(x, 1),
            "row/softmax_100k": lambda x: nn.softmax(x, 1),
            "row/log_softmax_backward": lambda y, g: g - jnp.exp(y) * g.sum(1, keepdims=True),
            "row/layer_norm": layer_norm,
            "row/layer_norm_backward": layer_norm_backward,
            "row/cross_entropy": cross_entropy,
            "reduce/sum_all": lambda x: x.sum(),
            "reduce/sum_axis0": lambda x: x.sum(0),
            "reduce/sum_axis1": lambda x: x.sum(1),
            "reduce/var_axis0": lambda x: x.var(0, ddof=1),
            "reduce/var_axis1": lambda x: x.var(1, ddof=1),
            "reduce/argmax_axis1": lambda x: x.argmax(1),
            "scan/cumsum": lambda x: jnp.cumsum(x, 1),
            "move/transpose": lambda x: x.T,
            "move/permute_0213": lambda x: x.transpose(0, 2, 1, 3),
            "move/cat": lambda a, b: jnp.concatenate([a, b], 1),
            "move/flip": lambda x: x[:, ::-1],
            "gather/rows": lambda t, i: t[i],
            "scatter/add_rows": lambda x, i: jnp.zeros(shape, f32).at[i].add(x),
            "contract/sgemm": lambda a, b: a @ b,
            "contract/bias_gelu_residual": lambda a, b, c, r: nn.gelu(a @ b + c, approximate=False) + r,
            "contract/bias_gelu_tanh_residual": lambda a, b, c, r: nn.gelu(a @ b + c, approximate=True) + r,
        }
        if job.name not in table:
            return None
        compiled = jax.jit(table[job.name])
        return lambda *operands: jax.block_until_ready(compiled(*operands))


FRAMEWORKS = {
    "NumPy": NumPy,
    "numexpr": NumExpr,
    "torch": Torch,
    "torch.compile": lambda: Torch(compiled=True),
    "JAX": Jax,
}


class Contestant:
    def __init__(self, framework, shared):
        self.framework, self.shared = framework, shared
        self.forget()

    def forget(self):
        self.job = self.run = None
        self.operands, self.value = [], None

    def answer(self, words):
        verb, rest = words[0], words[1:]
        if verb == "version":
            return self.framework.version
        if verb == "prepare":
            self.forget()
            job = Job(rest)
            run = self.framework.function(job)
            if run is None:
                return "skip"
            self.job, self.run = job, run
            self.operands = [[self.framework.take(p.array(self.shared), p) for p in job.inputs] for _ in range(job.copies)]
            for _ in range(3):  # compilers measure and specialise in the first calls
                run(*self.operands[0])
            return "ready call"
        if verb == "publish":
            value = self.framework.give(self.run(*self.operands[0]))
            place = self.job.outputs[0]
            place.array(self.shared)[...] = value
            return "done"
        if verb == "run":
            turn, repeats = int(rest[1]), int(rest[2])
            run, operands, copies = self.run, self.operands, self.job.copies
            start = time.perf_counter_ns()
            for r in range(turn, turn + repeats):
                self.value = run(*operands[r % copies])
            return str(time.perf_counter_ns() - start)
        if verb == "forget":
            self.forget()
            return "done"
        raise ValueError("unknown request " + verb)


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in FRAMEWORKS:
        print(__doc__, file=sys.stderr)
        return 2
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what frameworks print is no answer
    shared = np.memmap(sys.argv[2], dtype=np.uint8, mode="r+")
    contestant = Contestant(FRAMEWORKS[sys.argv[1]](), shared)
    for line in sys.stdin:
        try:
            text = contestant.answer(line.split())
        except Exception as e:  # told to the coordinator, which goes on without this one
            text = "error " + " ".join(f"{type(e).__name__}: {e}".split())
        print(text, file=answers, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
