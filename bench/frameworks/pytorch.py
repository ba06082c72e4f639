"""PyTorch, eager and compiled."""

import os

import numpy as np

from .programs import adam, chain, cooled, nbody, products
from .training import torch_step


class Torch:
    compiled = False

    def __init__(self):
        # A first result is to be computed, not found on a disk.
        os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"
        import torch

        self.torch = torch
        self.version = torch.__version__

    def take(self, array, place):
        if place.type == "bfloat16":
            return self.torch.from_numpy(np.array(array).view(np.int16)).view(self.torch.bfloat16)
        return self.torch.from_numpy(np.array(array))

    def give(self, value):
        if value.dtype == self.torch.bfloat16:
            return value.view(self.torch.int16).numpy().view(np.uint16)
        return value.numpy()

    def function(self, job):
        torch = self.torch
        torch.set_num_threads(job.threads)
        if training := torch_step(torch, job.name, self.compiled):
            return training
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

        def heat2d(u):
            u = u.clone()
            for _ in range(8):
                u[1:-1, 1:-1] = cooled(u)
            return u

        def kmeans_step(x, c):
            nearest = ((c * c).sum(1) - 2 * (x @ c.t())).argmin(1)
            sums = torch.zeros_like(c).index_add_(0, nearest, x)
            points = torch.zeros(c.shape[0]).index_add_(0, nearest, torch.ones(x.shape[0]))
            return sums / points.clamp(min=1)[:, None]

        def attention_backward(q, k, v, g):
            q, k, v = (t.detach().requires_grad_(True) for t in (q, k, v))
            return torch.autograd.grad(f.scaled_dot_product_attention(q, k, v, is_causal=True), (q, k, v), g)

        def adam_in_place(*tensors):
            # Repeats go on from where the last one ended; only the first is checked.
            p, g, m, v = (list(tensors[k::4]) for k in range(4))
            torch._fused_adam_(
                p, g, m, v, [], steps, lr=1e-3, beta1=0.9, beta2=0.999, weight_decay=0.0, eps=1e-8, amsgrad=False, maximize=False
            )
            return [t for group in zip(p, m, v) for t in group]

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

        def dequantised(w, scale):
            q = torch.cat([w & 15, w >> 4], 2).to(torch.float32) - 8
            return (q * scale[:, :, None]).reshape(w.shape[0], -1)

        table |= products(job, dequantised, torch._int_mm)
        table["contract/bias_gelu_residual_scale"] = lambda a, b, c, r, s: (f.gelu(a @ b + c, approximate="tanh") + r) * s
        table |= {
            "attend/prefill": lambda q, k, v: f.scaled_dot_product_attention(q, k, v, is_causal=True),
            "attend/prefill_backward": attention_backward,
            "attend/decode": lambda q, k, v: f.scaled_dot_product_attention(q, k, v, enable_gqa=True),
            "conv/resnet": lambda x, w: f.conv2d(x, w, padding=1),
            "conv/depthwise": lambda x, w: f.conv2d(x, w, padding=1, groups=x.shape[1]),
            "e2e/nbody": nbody(torch.sqrt, torch.stack),
            "e2e/heat2d": heat2d,
            "e2e/kmeans_step": kmeans_step,
            "e2e/adam_100_tensors": adam(torch.sqrt),
            "latency/cold_relu": torch.relu,
            "latency/cold_gelu": f.gelu,
            "latency/cold_black_scholes": black_scholes,
            "latency/dispatch_compiled": chain(10),
            "latency/dispatch_lazy_10ops": chain(10),
            "latency/graph_1000ops": chain(1000),
        }
        # Eager calls that can write a tensor which exists already: fresh memory would be most of their time.
        out = torch.empty(shape) if job.outputs[0].type == "float32" else None
        scratch = torch.empty(shape)
        steps = [torch.tensor(10.0)] * 100
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
            "contract/batched": lambda a, b: torch.bmm(a, b, out=out),
            "contract/skinny": lambda a, b: torch.mm(a, b, out=out),
            "contract/tn": lambda a, b: torch.mm(a.t(), b, out=out),
            "contract/nt": lambda a, b: torch.mm(a, b.t(), out=out),
            "contract/tt": lambda a, b: torch.mm(a.t(), b.t(), out=out),
            "e2e/adam_100_tensors": adam_in_place,
        }
        if job.name not in table:
            return None
        if self.compiled:

            def compiled():
                torch._dynamo.reset()
                return torch.compile(table[job.name], dynamic=False)

            return (lambda *operands: compiled()(*operands)) if job.cold else compiled()
        return preallocated.get(job.name, table[job.name])


class TorchCompile(Torch):
    compiled = True
