#!/usr/bin/env bash
# Makes a virtual environment with PyTorch and NumPy from PyPI, for scripts/record-corpus.py: several GB, once.
# Usage: scripts/setup-peers.sh [folder]        (default: build/peers; then run build/peers/bin/python)
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-build/peers}
[[ -x $folder/bin/python ]] || python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet torch==2.7.1 numpy==2.2.6
"$folder/bin/python" -c 'import numpy, torch; print("torch", torch.__version__, "numpy", numpy.__version__)'
