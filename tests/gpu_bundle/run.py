"""What scripts/gpu-check.sh --bundle packs: small enough, needing libc alone, and working on the emulated device from
where it was unpacked; with machine code for a machine that has no compiler, where a real NVRTC is found.

run.py <source folder> <build folder> <work folder>
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile

MOST = 64 << 20
LIBC = r"(linux-vdso|libc|libm|libdl|libpthread|librt|/lib64/ld-linux-x86-64)[-.\w]*$"


def call(*command, env={}, cwd=None, status=0):
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, env={**os.environ, **env}, cwd=cwd)
    assert done.returncode == status, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def main(source, build, work):
    folder = os.path.join(work, "unpacked")
    shutil.rmtree(folder, ignore_errors=True)
    packed = os.path.join(work, "lazuli-gpu.tar.gz")
    said = call(source + "/scripts/gpu-check.sh", "--bundle", packed, build)
    with tarfile.open(packed) as tar:
        tar.extractall(folder)
    root = os.path.join(folder, "lazuli-gpu")
    size = sum(os.path.getsize(os.path.join(at, f)) for at, _, files in os.walk(root) for f in files)
    assert size < MOST, f"{size} bytes"
    program = os.path.join(root, "bin", "lazuli-gpu")
    needed = [line.split()[0] for line in call("ldd", program).splitlines()]
    assert needed and all(re.match(LIBC, name) for name in needed), needed

    emulated = {"LAZULI_CUDA_DRIVER": build + "/lib/liblazuli_emulated_cuda.so",
                "LAZULI_NVRTC": build + "/lib/liblazuli_emulated_nvrtc.so", "LAZULI_EMULATOR_CACHE": work + "/emulator_cache"}
    out = call(program, "check", "--scale=small", "--cases=neg", env=emulated)
    assert re.search(r"neg +same", out), out
    out = call(program, "tests", "--gtest_filter=CudaMatrix.IntegersAreExact",
               env={**emulated, "LAZULI_TEST_DEVICE": "real"})
    assert "[  PASSED  ] 1 test" in out, out
    call(program, "fuzz", "--device=cuda", "--count=2", "--seed=4000000", "--no-reduce", env=emulated)
    call(program, status=2)

    # Who cannot be compared with is named, with the reason.
    peers = os.path.join(work, "peers.json")
    call(sys.executable, os.path.join(root, "bench", "gpu_peers.py"), peers, "--scale=small")
    with open(peers) as f:
        found = json.load(f)
    assert {*found["versions"], *found["left_out"]} == {"Torch", "Jax", "CuPy"} and all(found["left_out"].values()), found

    cubins = os.path.join(root, "cubins")
    if "no machine code" in said:
        print("SKIPPED: " + said.strip().splitlines()[-1])
        return
    assert len([f for f in os.listdir(cubins) if f.endswith(".cubin")]) >= 40, os.listdir(cubins)
    # Machine code is enough: nothing compiles here, and nothing runs, so that it is only looked for.
    os.chmod(cubins, 0o700)
    plan = {**emulated, "LAZULI_NVRTC": "/nonexistent/libnvrtc.so", "LAZULI_CUDA_CACHE": cubins, "LAZULI_EMULATOR_PLAN": "1",
            "LAZULI_EMULATOR_PROCESSORS": "132"}
    call(program, "check", "--plan", "--cases=matmul_bfloat16_2048", env=plan)
    without = subprocess.run([program, "check", "--plan", "--cases=neg"], capture_output=True, text=True,
                             env={**os.environ, **plan, "LAZULI_EMULATOR_ARCH": "sm_86"})
    assert without.returncode == 1 and "no CUDA code can be compiled" in without.stdout + without.stderr, without
    print(f"{size >> 20} MB, {len(os.listdir(cubins))} kernels")


main(*sys.argv[1:])
