#!/usr/bin/env bash
# Makes build/peers, a virtual environment with the Python peers of lazuli-bench, libtorch and Halide. Needed by nothing
# else. lazuli-bench-libtorch and lazuli-bench-halide are built when CMake is run after it.
#   bench/setup-peers.sh [PYTHON]     PYTHON: the interpreter to make it with (default: python3)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${1:-python3}
[ -x build/peers/bin/python3 ] || "$python" -m venv build/peers
build/peers/bin/python3 -m pip install --quiet --upgrade pip
build/peers/bin/python3 -m pip install --quiet numpy numexpr jax torch halide 'mlx[cpu]' tinygrad mkl onednn-cpu-gomp
build/peers/bin/python3 - <<'PY'
from importlib.metadata import version
print(*(f"{name} {version(name)}" for name in ("numpy", "numexpr", "torch", "halide", "jax", "mlx", "tinygrad")))
PY
