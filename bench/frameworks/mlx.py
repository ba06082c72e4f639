"""MLX on the CPU, compiled."""

import numpy as np

from .programs import adam, chain, cooled, nbody


class Mlx:
    def __init__(self):
        import mlx.core as mx
        import mlx.nn

        mx.set_default_device(mx.cpu)
        self.mx, self.nn = mx, mlx.nn
        self.version = mx.__version__

    def take(self, array, place):
        value = self.mx.array(np.array(array))
        self.mx.eval(value)
        return value

    def give(self, value):
        if value.dtype == self.mx.bfloat16:
            value = value.view(self.mx.uint16)
        return np.array(value)

    def function(self, job):
        mx, nn = self.mx, self.nn
        shape = job.outputs[0].dims

        def phi(x):
            return 0.5 * (1 + mx.erf(x * 0.70710678118654752))

        def black_scholes(s, k, t):
            root = 0.3 * mx.sqrt(t)
            d1 = (mx.log(s / k) + 0.065 * t) / root
            return s * phi(d1) - k * mx.exp(-0.02 * t) * phi(d1 - root)

        def heat2d(u):
            for _ in range(8):
                inner = cooled(u)
                u = mx.concatenate([u[:1], mx.concatenate([u[1:-1, :1], inner, u[1:-1, -1:]], 1), u[-1:]], 0)
            return u

        def kmeans_step(x, c):
            nearest = mx.argmin((c * c).sum(1) - 2 * (x @ c.T), axis=1)
            sums = mx.zeros(c.shape).at[nearest].add(x)
            points = mx.zeros(c.shape[0]).at[nearest].add(mx.ones(x.shape[0]))
            return sums / mx.maximum(points, 1)[:, None]

        table = {
            "map/relu_bias": lambda x, w, b: mx.maximum(x * w + b, 0),
            "map/gelu_bias": lambda x, w, b: nn.gelu(x * w + b),
            "map/gelu_tanh_bias": lambda x, w, b: nn.gelu_approx(x * w + b),
            "map/black_scholes": black_scholes,
            "map/where_chain": lambda x, y: mx.clip(mx.where(x > 0, x * y, mx.where(y > 0, x + y, x - y)), -1, 1),
            "map/cast_f32_bf16": lambda x: x.astype(mx.bfloat16),
            "map/strided_sum3": lambda a, b, c: a + b.T + c[:, ::-1],
            "map/rng_normal": lambda: mx.random.normal(shape),
            "row/softmax": lambda x: mx.softmax(x, axis=1),
            "row/softmax_100k": lambda x: mx.softmax(x, axis=1),
            "row/log_softmax_backward": lambda y, g: g - mx.exp(y) * g.sum(1, keepdims=True),
            "row/layer_norm": lambda x, w, b: mx.fast.layer_norm(x, w, b, 1e-5),
            "row/cross_entropy": lambda x, t: nn.losses.cross_entropy(x, t, reduction="mean"),
            "reduce/sum_all": lambda x: x.sum(),
            "reduce/sum_axis0": lambda x: x.sum(0),
            "reduce/sum_axis1": lambda x: x.sum(1),
            "reduce/var_axis0": lambda x: x.var(0, ddof=1),
            "reduce/var_axis1": lambda x: x.var(1, ddof=1),
            "reduce/argmax_axis1": lambda x: mx.argmax(x, axis=1).astype(mx.int64),
            "scan/cumsum": lambda x: mx.cumsum(x, axis=1),
            "move/transpose": lambda x: mx.contiguous(x.T),
            "move/permute_0213": lambda x: mx.contiguous(x.transpose(0, 2, 1, 3)),
            "move/cat": lambda a, b: mx.concatenate([a, b], 1),
            "move/flip": lambda x: mx.contiguous(x[:, ::-1]),
            "gather/rows": lambda t, i: mx.take(t, i, axis=0),
            "scatter/add_rows": lambda x, i: mx.zeros(shape).at[i].add(x),
            "contract/sgemm": lambda a, b: a @ b,
            "contract/bias_gelu_residual": lambda a, b, c, r: nn.gelu(a @ b + c) + r,
            "contract/bias_gelu_tanh_residual": lambda a, b, c, r: nn.gelu_approx(a @ b + c) + r,
            "e2e/nbody": nbody(mx.sqrt, mx.stack),
            "e2e/heat2d": heat2d,
            "e2e/kmeans_step": kmeans_step,
            "e2e/adam_100_tensors": adam(mx.sqrt),
            "latency/cold_relu": lambda x: mx.maximum(x, 0),
            "latency/cold_gelu": lambda x: nn.gelu(x),
            "latency/cold_black_scholes": black_scholes,
            "latency/dispatch_compiled": chain(10),
            "latency/dispatch_lazy_10ops": chain(10),
            "latency/graph_1000ops": chain(1000),
        }
        if job.name not in table:
            return None
        body = table[job.name]
        lazy = job.name.startswith("latency/") and job.name != "latency/dispatch_compiled"

        def run(*operands):
            # Compiled anew for a first result; a lazy expression as it is for the cost of one.
            values = (mx.compile(body) if job.cold else body if lazy else compiled)(*operands)
            mx.eval(values)
            return values

        compiled = mx.compile(body)
        return run
