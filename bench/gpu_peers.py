"""Others' times for the cases of lazuli-gpucheck (tools/gpucheck.cpp), on the same shapes: PyTorch as it is, compiled, and
multiplying with cuBLASLt; JAX; CuPy. Two sets of random operands in turn. gpu_peers.py OUT.json [--scale=small]

PyTorch and CuPy are timed by the device's clock, JAX, which has no events, by the host's over several calls. What cannot
be imported, or sees no GPU, is left out and says why."""
import json
import sys
import time

REPEATS = 10


def cases(elements):
    """name, shape, second shape, type, what is computed"""
    yield "neg", (elements,), None, "float32", "neg"
    yield "gelu", (elements,), None, "float32", "gelu"
    yield "sum", (elements,), None, "float32", "sum"
    for n in (1024, 8192, 32768, 262144):
        if n <= elements:
            yield f"softmax_{n}", (elements // n, n), None, "float32", "softmax"
            yield f"layer_norm_{n}", (elements // n, n), None, "float32", "layer_norm"
    side = min(16384, elements // 1024)
    yield "sum_axis_0", (elements // side, side), None, "float32", "sum_0"
    yield "transpose", (elements // side, side), None, "float32", "transpose"
    yield "cumsum_rows", (elements // side, side), None, "float32", "cumsum"
    yield "argsort_rows", (elements // side // 16, side), None, "float32", "argsort"
    for n in (512, 1024, 2048, 4096, 8192):
        if n * n > elements or (elements > 1 << 20 and n < 2048):
            continue
        yield f"matmul_{n}", (n, n), (n, n), "float32", "matmul"
        yield f"matmul_gelu_{n}", (n, n), (n, n), "float32", "matmul_gelu"
        for t in ("bfloat16", "float16"):
            yield f"matmul_{t}_{n}", (n, n), (n, n), t, "matmul"


class Torch:
    """Also with cuBLASLt in the place of cuBLAS, and compiled."""

    def __init__(self):
        import torch

        if not torch.cuda.is_available():
            raise RuntimeError("PyTorch sees no GPU")
        torch.backends.cuda.matmul.allow_tf32 = False
        self.torch, self.version = torch, torch.__version__
        f = torch.nn.functional
        self.functions = {
            "neg": lambda x, y: -x, "gelu": lambda x, y: f.gelu(x * 1.5 + 0.25), "sum": lambda x, y: x.sum(),
            "softmax": lambda x, y: torch.softmax(x, 1), "layer_norm": lambda x, y: f.layer_norm(x, (x.shape[1],)),
            "sum_0": lambda x, y: x.sum(0), "transpose": lambda x, y: x.t().contiguous(),
            "cumsum": lambda x, y: x.cumsum(1), "argsort": lambda x, y: x.argsort(1, stable=True),
            "matmul": lambda x, y: x @ y, "matmul_gelu": lambda x, y: f.gelu(x @ y + 0.5)}

    def operands(self, shape, second, dtype):
        t = self.torch
        return [tuple(t.randn(s or (1,), device="cuda").to(getattr(t, dtype)) for s in (shape, second)) for _ in range(2)]

    def milliseconds(self, f, operands):
        t, times = self.torch, []
        for i in range(REPEATS + 3):
            start, end = t.cuda.Event(enable_timing=True), t.cuda.Event(enable_timing=True)
            start.record()
            f(*operands[i % 2])
            end.record()
            t.cuda.synchronize()
            if i >= 3:
                times.append(start.elapsed_time(end))
        return sorted(times)[len(times) // 2]

    def times(self, what, operands):
        f, out = self.functions[what], {}
        out["eager_ms"] = self.milliseconds(f, operands)
        out["compiled_ms"] = self.milliseconds(self.torch.compile(f), operands)
        if what == "matmul":
            self.torch.backends.cuda.preferred_blas_library("cublaslt")
            out["cublaslt_ms"] = self.milliseconds(f, operands)
            self.torch.backends.cuda.preferred_blas_library("cublas")
        return out

    def replayed(self, repeats=1000):
        """replay_100: a CUDA graph of 100 small products, milliseconds per replay by the host's clock."""
        t = self.torch
        x, w = t.randn(32, 32, device="cuda"), t.randn(32, 32, device="cuda")

        def run(y):
            for _ in range(100):
                y = t.addmm(y, y, w, beta=0, alpha=0.125)
            return y

        with t.cuda.stream(t.cuda.Stream()):
            run(x)
        t.cuda.synchronize()
        graph = t.cuda.CUDAGraph()
        with t.cuda.graph(graph):
            run(x)
        for _ in range(3):
            graph.replay()
        t.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(repeats):
            graph.replay()
        t.cuda.synchronize()
        return (time.perf_counter() - start) * 1e3 / repeats

    def forget(self):
        self.torch.cuda.empty_cache()


class Jax:
    def __init__(self):
        import jax
        import jax.numpy as jnp

        if not any(d.platform == "gpu" for d in jax.devices()):
            raise RuntimeError("JAX sees no GPU")
        jax.config.update("jax_default_matmul_precision", "highest")
        self.jax, self.jnp, self.version = jax, jnp, jax.__version__
        gelu = lambda x: jax.nn.gelu(x, approximate=False)

        def layer_norm(x, y):
            centred = x - x.mean(1, keepdims=True)
            return centred * jax.lax.rsqrt((centred * centred).mean(1, keepdims=True) + 1e-5)

        self.functions = {
            "neg": lambda x, y: -x, "gelu": lambda x, y: gelu(x * 1.5 + 0.25), "sum": lambda x, y: x.sum(),
            "softmax": lambda x, y: jax.nn.softmax(x, 1), "layer_norm": layer_norm, "sum_0": lambda x, y: x.sum(0),
            "transpose": lambda x, y: x.T + 0, "cumsum": lambda x, y: x.cumsum(1),
            "argsort": lambda x, y: jnp.argsort(x, 1), "matmul": lambda x, y: x @ y,
            "matmul_gelu": lambda x, y: gelu(x @ y + 0.5)}

    def operands(self, shape, second, dtype):
        keys = self.jax.random.split(self.jax.random.PRNGKey(1), 4)
        return [tuple(self.jax.random.normal(keys[2 * i + j], s or (1,)).astype(dtype)
                      for j, s in enumerate((shape, second))) for i in range(2)]

    def times(self, what, operands):
        f = self.jax.jit(self.functions[what])
        for i in range(3):
            f(*operands[i % 2]).block_until_ready()
        start = time.perf_counter()
        for i in range(REPEATS):
            last = f(*operands[i % 2])
        last.block_until_ready()
        return {"jit_ms": (time.perf_counter() - start) * 1e3 / REPEATS}

    def forget(self):
        pass


class CuPy:
    def __init__(self):
        import cupy

        if cupy.cuda.runtime.getDeviceCount() == 0:
            raise RuntimeError("CuPy sees no GPU")
        self.cupy, self.version = cupy, cupy.__version__
        self.functions = {
            "neg": lambda x, y: -x, "sum": lambda x, y: x.sum(), "sum_0": lambda x, y: x.sum(0),
            "transpose": lambda x, y: cupy.ascontiguousarray(x.T), "cumsum": lambda x, y: x.cumsum(1),
            "argsort": lambda x, y: cupy.argsort(x, 1), "matmul": lambda x, y: x @ y}

    def operands(self, shape, second, dtype):
        if dtype == "bfloat16":
            raise NotImplementedError("CuPy has no bfloat16")
        random = self.cupy.random.default_rng(1)
        return [tuple(random.standard_normal(s or (1,), dtype="float32").astype(dtype) for s in (shape, second))
                for _ in range(2)]

    def times(self, what, operands):
        if what not in self.functions:
            return {}
        from cupyx.profiler import benchmark

        turn = iter(range(1 << 30))
        f = lambda: self.functions[what](*operands[next(turn) % 2])
        return {"cupy_ms": float(sorted(benchmark(f, (), n_repeat=REPEATS, n_warmup=3).gpu_times[0])[REPEATS // 2]) * 1e3}

    def forget(self):
        self.cupy.get_default_memory_pool().free_all_blocks()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    elements = 1 << 18 if "--scale=small" in sys.argv else 1 << 28
    peers, left_out = {}, {}
    for kind in (Torch, Jax, CuPy):
        try:
            peers[kind.__name__] = kind()
        except Exception as e:  # whatever an import of others' code raises
            left_out[kind.__name__] = f"{type(e).__name__}: {e}".splitlines()[0][:200]
            print(f"left out: {kind.__name__}: {left_out[kind.__name__]}", flush=True)
    rows = []
    if "Torch" in peers:
        rows.append({"case": "replay_100", "Torch": {"graph_ms": peers["Torch"].replayed()}})
        print(rows[0], flush=True)
    for name, shape, second, dtype, what in cases(elements) if peers else ():
        row = {"case": name}
        for peer, p in peers.items():
            try:
                operands = p.operands(shape, second, dtype)
                row[peer] = p.times(what, operands)
            except Exception as e:
                row[peer] = {"error": f"{type(e).__name__}: {e}"[:200]}
            operands = None
            p.forget()
        rows.append(row)
        print(row, flush=True)
    versions = {name: p.version for name, p in peers.items()}
    with open(sys.argv[1], "w") as out:
        json.dump({"versions": versions, "left_out": left_out, "cases": rows}, out, indent=1)
    print(f"{len(rows)} cases; compared: {', '.join(versions) or 'nobody'}")


main()
