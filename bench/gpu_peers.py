"""PyTorch's times for the cases of lazuli-gpucheck (tools/gpucheck.cpp): eager and torch.compile, two sets of operands
in turn, the device's clock. gpu_peers.py OUT.json"""
import json
import sys
import time

import torch
import torch.nn.functional as F


def cases(elements):
    yield "neg", (elements,), None, lambda x, y: -x
    yield "gelu", (elements,), None, lambda x, y: F.gelu(x * 1.5 + 0.25)
    yield "sum", (elements,), None, lambda x, y: x.sum()
    for n in (1024, 8192, 32768, 262144):
        yield f"softmax_{n}", (elements // n, n), None, lambda x, y: torch.softmax(x, 1)
        yield f"layer_norm_{n}", (elements // n, n), None, lambda x, y: F.layer_norm(x, (x.shape[1],))
    side = 16384
    yield "sum_axis_0", (elements // side, side), None, lambda x, y: x.sum(0)
    yield "transpose", (elements // side, side), None, lambda x, y: x.t().contiguous()
    yield "cumsum_rows", (elements // side, side), None, lambda x, y: x.cumsum(1)
    yield "argsort_rows", (elements // side // 16, side), None, lambda x, y: x.argsort(1, stable=True)
    for n in (2048, 4096, 8192):
        yield f"matmul_{n}", (n, n), (n, n), lambda x, y: x @ y
        yield f"matmul_gelu_{n}", (n, n), (n, n), lambda x, y: F.gelu(x @ y + 0.5)


def milliseconds(f, operands, repeats=10):
    times = []
    for i in range(repeats + 3):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        x, y = operands[i % 2]
        start.record()
        f(x, y)
        end.record()
        torch.cuda.synchronize()
        if i >= 3:
            times.append(start.elapsed_time(end))
    times.sort()
    return times[len(times) // 2]


def replayed(repeats=1000):
    """replay_100: a CUDA graph of 100 small products, milliseconds per replay by the host's clock."""
    x, w = torch.randn(32, 32, device="cuda"), torch.randn(32, 32, device="cuda")

    def run(y):
        for _ in range(100):
            y = torch.addmm(y, y, w, beta=0, alpha=0.125)
        return y

    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        run(x)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run(x)
    for _ in range(3):
        graph.replay()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(repeats):
        graph.replay()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) * 1e3 / repeats


def main():
    torch.backends.cuda.matmul.allow_tf32 = False
    rows = [{"case": "replay_100", "graph_ms": replayed()}]
    print(rows[0], flush=True)
    for name, first, second, f in cases(1 << 28):
        operands = [(torch.randn(first, device="cuda"), torch.randn(second or (1,), device="cuda")) for _ in range(2)]
        row = {"case": name, "eager_ms": milliseconds(f, operands)}
        try:
            row["compiled_ms"] = milliseconds(torch.compile(f), operands)
        except Exception as e:
            row["compiled_ms"], row["error"] = None, str(e)[:200]
        rows.append(row)
        print(row, flush=True)
        del operands
        torch.cuda.empty_cache()
    with open(sys.argv[1], "w") as out:
        json.dump({"torch": torch.__version__, "device": torch.cuda.get_device_name(), "cases": rows}, out, indent=1)


main()
