"""Runs lazuli-tune as a user does: winners of sizes and of graphs as text, the list, budgets, mistakes.

run.py <lazuli-tune> <work folder>
"""
import os
import re
import shutil
import subprocess
import sys
import time

GRAPH = """graph {
  %0 = data : float32[40, 300]
  %1 = data : float32[300, 70]
  %2 = dot_general %0, %1 {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [0]} : float32[40, 70]
  %3 = relu %2 : float32[40, 70]
  return %3
}
"""


def call(program, *args, status=0, env={}):
    done = subprocess.run([program, *args], capture_output=True, text=True, timeout=120, env={**os.environ, **env})
    assert done.returncode == status, f"{args}: status {done.returncode}, not {status}\n{done.stdout}{done.stderr}"
    return done.stderr if status == 2 else done.stdout


def main(program, work):
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    graph = os.path.join(work, "layer.lzir")
    with open(graph, "w") as f:
        f.write(GRAPH)
    kept = "--folder=" + os.path.join(work, "winners")
    what = [kept, "--threads=1", "--matmul=48x64x80", "--matmul=3x20x70x30:float64:tn", "--matmul=33x40x50:int8", graph]
    begin = time.monotonic()
    out = call(program, "--budget=2", *what)
    assert time.monotonic() - begin < 2 + 20, "the budget does not hold"  # others may use the machine
    heads = re.findall(r"^(.*), 1 thread: (\S+) [\d.]+ us, was [\d.]+ \([\d.]+x\), of (\d+) schedules$", out, re.M)
    assert [h[0] for h in heads] == ["matmul 48x64x80", "matmul 3x20x70x30:float64:tn", "matmul 33x40x50:int8", graph], out
    assert all(int(h[2]) > 1 for h in heads), out
    assert out.count("  contract ") >= 4, out
    again = call(program, "--budget=2", *what)
    assert again.count("1 kernels have a winner (--again)") == 4, again
    listed = call(program, kept, "--list").splitlines()
    assert listed[0].startswith(os.path.join(work, "winners", "tuned-")) and len(listed) == 5, listed
    # Where LAZULI_TUNED says, or in the user's folder for caches.
    home = os.path.join(work, "cache")
    call(program, "--budget=0.3", "--threads=1", "--matmul=20x20x20", env={"XDG_CACHE_HOME": home, "LAZULI_TUNED": ""})
    assert [f for f in os.listdir(os.path.join(home, "lazuli")) if f.endswith(".txt")], os.listdir(home)
    out = call(program, "--budget=0.3", "--threads=1", "--matmul=20x20x20", status=1, env={"LAZULI_TUNED": "0"})
    assert "no folder is set" in out, out
    assert "were not reached within the budget" in call(program, kept, "--budget=0", "--threads=1", "--matmul=21x20x20")
    # Mistakes are known before anything is timed.
    for wrong, said in [("--matmul=20x20", "is not [BATCHx]MxKxN"), ("--matmul=axbxc", "is no number"),
                        ("--matmul=2x3x4:float33", "is no type"), ("--matmul=2x3x4:float32:xy", "none of nn, nt"),
                        ("--budget=soon", "is no number"), ("--threads=0", "is no number"), ("--nothing", "not known"),
                        ("/nonexistent.lzir", "cannot be read"), ("--again", "usage")]:
        assert said in call(program, "--matmul=8x8x8", wrong, status=2) if wrong != "--again" else call(
            program, wrong, status=2), wrong
    shutil.rmtree(work)


main(*sys.argv[1:])
