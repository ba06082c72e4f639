"""Runs an example as a user does and looks at what it prints.

run.py <name> <program> <source folder> <work folder>
"""
import gzip
import itertools
import json
import os
import re
import subprocess
import sys
import zlib


def call(program, *args, status=0, env={}):
    done = subprocess.run([program, *args], capture_output=True, text=True, timeout=250, env={**os.environ, **env})
    assert done.returncode == status, f"{args}: status {done.returncode}, not {status}\n{done.stdout}{done.stderr}"
    return done.stderr if status else done.stdout


def common(program):
    assert os.path.basename(program) in call(program, "--help")
    for wrong in ("--nothing=1", "nothing", "--nothing"):
        assert "--help" in call(program, wrong, status=2)


def quickstart(program, source, work):
    out = call(program)
    assert "float32[256, 64] cpu pending: gelu quickstart.cpp:10" in out, out
    assert re.search(r"[\d.e-]+ ms, [\d.e-]+ % of this machine", out), out
    last = out.splitlines()[-1]
    assert last.startswith("tensor([768.0000, 832.0000, "), last  # 64 * 12, then each one more
    with open(source + "/examples/quickstart.cpp") as f:
        lines = f.read().split("\n", 1)[1]
    with open(source + "/README.md") as f:
        assert "```cpp\n" + lines + "```" in f.read(), "the README's ten lines are not examples/quickstart.cpp"


def digits_knn(program, source, work):
    common(program)
    lines = call(program).splitlines()
    match = re.fullmatch(r"test accuracy: (0\.\d{4}|1\.0000)", lines[-1])
    assert match and float(match[1]) >= 0.97, lines[-1]
    assert lines[0] == "360 test digits, 1437 training digits", lines[0]
    start = next(i for i, line in enumerate(lines) if line.startswith("kernel "))
    assert len([line for line in lines[start + 1:-1] if line]) == 2, "distances and nearest: two kernels\n" + "\n".join(lines)
    assert "cannot open" in call(program, "--data=/nonexistent", status=1)
    assert "whole number" in call(program, "--seed=x", status=2)


def digits(program, source, work):
    common(program)
    outputs = []
    for threads in ("1", "2", "2"):
        lines = call(program, env={"LAZULI_NUM_THREADS": threads}).splitlines()
        match = re.fullmatch(r"test accuracy: (0\.\d{4}|1\.0000)", lines[-1])
        assert match and float(match[1]) >= 0.97, lines[-1]
        assert lines[0] == "360 test digits, 1437 training digits", lines[0]
        took = next(re.match(r"trained in ([\d.]+) s", line) for line in lines if line.startswith("trained in"))
        assert float(took[1]) < 5, took[0]
        outputs.append([line for line in lines if line.startswith(("test accuracy", "digest")) or " epochs" in line])
        start = next(i for i, line in enumerate(lines) if line.startswith("kernel "))
        rows = [line for line in lines[start + 1:-1] if line]
        # The batch is gathered by launches of its own.
        launches = sum(int(re.search(r"\s(\d+)\s+[\d.]+ ms", row)[1]) for row in rows if "gather" not in row.split()[0] or "row" in row.split()[1])
        assert launches <= 12, "\n".join(rows)
    assert outputs[0] == outputs[1] == outputs[2], outputs
    assert any("digest" in line for line in outputs[0]), "no digest"
    assert "cannot open" in call(program, "--data=/nonexistent", status=1)
    assert "too few rows" in call(program, "--batch=5000", status=1)


def same_on_cuda(program, work, args, starts):
    # On the emulated device: the lines that start like this are the CPU's, to the last digit.
    libraries = os.path.join(os.path.dirname(os.path.dirname(program)), "lib", "liblazuli_emulated_%s.so")
    got = call(program, *args, "--device=cuda",
               env={"LAZULI_CUDA_DRIVER": libraries % "cuda", "LAZULI_NVRTC": libraries % "nvrtc", "LAZULI_CUDA_EXACT_BLOCKS": "1",
                    "LAZULI_EMULATOR_CACHE": os.path.join(work, "cuda_emulator_cache"), "LAZULI_EMULATOR_ORDER": "2"})
    wanted = [line for line in call(program, *args).splitlines() if line.startswith(starts)]
    assert len(wanted) >= len(starts) and wanted == [line for line in got.splitlines() if line.startswith(starts)], got


def digits_cuda(program, source, work):
    same_on_cuda(program, work, ["--epochs=2"], ("digest", "test accuracy"))  # every kernel of training


def heat2d_cuda(program, source, work):
    same_on_cuda(program, work, ["--size=48", "--steps=12", "--out=" + os.path.join(work, "heat2d_cuda.png")],
                 ("heat left", "kernels per step"))


def logistic_cuda(program, source, work):
    same_on_cuda(program, work, [], ("114 test rows", "step 0", "step 1", "accuracy", "test accuracy"))


def black_scholes_cuda(program, source, work):
    same_on_cuda(program, work, ["--options=3001", "--rounds=1"],
                 ("3001 options", "put-call parity", "mean delta", "Greeks agree", "kernels: 1 for prices, 1"))


def digits_knn_cuda(program, source, work):
    few = os.path.join(work, "few_digits.csv.gz")
    with gzip.open(source + "/examples/data/digits.csv.gz", "rt") as rows, gzip.open(few, "wt") as out:
        out.writelines(itertools.islice(rows, 200))
    same_on_cuda(program, work, ["--data=" + few], ("40 test digits", "test accuracy"))


def logistic(program, source, work):
    common(program)
    lines = call(program).splitlines()
    assert lines[0] == "114 test rows, 455 training rows, 30 measurements each", lines[0]
    assert float(re.fullmatch(r"test accuracy: ([\d.]+)", lines[-1])[1]) >= 0.95, lines[-1]
    slopes = [float(m[1]) for m in (re.search(r"slope (\S+)", line) for line in lines) if m]
    assert len(slopes) < 12 and slopes[-1] < 1e-10, slopes  # Newton's method: few steps, and the last ones square
    assert "cannot open" in call(program, "--data=/nonexistent", status=1)


def heat2d(program, source, work):
    common(program)
    picture = os.path.join(work, "heat2d_test.png")
    out = call(program, "--size=96", "--steps=30", "--out=" + picture)
    assert "30 of 30 steps" in out and "\r" not in out, out
    assert out.splitlines()[-1] == "kernels per step: 1", out
    with open(picture, "rb") as f:
        png = f.read()
    os.remove(picture)
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(png):
        size = int.from_bytes(png[at:at + 4], "big")
        kind, body = png[at + 4:at + 8], png[at + 8:at + 8 + size]
        assert zlib.crc32(kind + body) == int.from_bytes(png[at + 8 + size:at + 12 + size], "big")
        chunks[kind] = body
        at += 12 + size
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    pixels = zlib.decompress(chunks[b"IDAT"])
    assert len(pixels) == 96 * (1 + 3 * 96) and max(pixels) > 200
    assert "cannot write" in call(program, "--size=16", "--steps=1", "--out=/nonexistent/a.png", status=1)
    assert "whole number" in call(program, "--size=3", status=2)


def black_scholes(program, source, work):
    common(program)
    out = call(program, "--options=20000", "--rounds=2")
    assert "put-call parity holds" in out, out
    assert "Greeks agree with their formulas" in out, out
    assert "\nkernels: 1 for prices, 1 for Greeks\n" in out, out
    assert re.search(r"\d+ million options per second", out), out


def lazuli_bench(program, source, work):
    assert "lazuli-bench" in call(program, "--help")
    assert "map/relu_bias 4096x4096" in call(program, "--list")
    json_file = os.path.join(work, "bench.json")
    out = call(program, "--quick", "--rounds=2", "--peers=loop,Eigen", "--filter=row/softmax 1K", "--json=" + json_file)
    assert "row/softmax" in out and "Lazuli kernel" in out and "limit:" in out and "map/" not in out, out
    with open(json_file) as file:
        record = json.load(file)["results"][0]
    assert record["case"] == "row/softmax" and record["launches"] == 1 and record["median_ms"] > 0, record
    assert set(record["peers"]) == {"loop", "Eigen"}, record
    assert "no case" in call(program, "--filter=nothing", status=1)
    assert "not a number" in call(program, "--threads=0", status=2)


if __name__ == "__main__":
    name, program, source, work = sys.argv[1:]
    globals()[name.replace("-", "_")](program, source, work)
