#!/usr/bin/env bash
# Compiles the programs of tests/port against PyTorch's C++ API and records what they print in tests/port/expected, which
# the tests compare Lazuli's build of them with. With --check nothing is written: fails if a recorded text differs.
# PyTorch comes from PyPI into a virtual environment (scripts/setup-peers.sh: several GB, once).
# Usage: scripts/check-port.sh [--check] [folder of the environment]        (default: build/peers)
set -euo pipefail
cd "$(dirname "$0")/.."
check=0
if [[ ${1:-} == --check ]]; then
  check=1
  shift
fi
peers=${1:-build/peers}
[[ -x $peers/bin/python ]] && "$peers/bin/python" -c 'import torch' 2>/dev/null || scripts/setup-peers.sh "$peers"
read -r torch version abi < <("$peers/bin/python" -c '
import os, torch
print(os.path.dirname(torch.__file__), torch.__version__.split("+")[0], int(torch._C._GLIBCXX_USE_CXX11_ABI))')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
for source in tests/port/*.cpp; do
  name=$(basename "$source" .cpp)
  echo "== $name"
  "${CXX:-g++}" -std=c++20 -w -DPORT_TO_TORCH -D_GLIBCXX_USE_CXX11_ABI="$abi" -isystem "$torch/include" \
    -isystem "$torch/include/torch/csrc/api/include" "$source" -o "$work/$name" -L"$torch/lib" \
    -Wl,-rpath,"$torch/lib" -Wl,--no-as-needed -ltorch -ltorch_cpu -lc10
  { echo "# PyTorch $version"; "$work/$name"; } > "$work/$name.txt"
  if [[ $check == 1 ]]; then
    diff <(tail -n +2 "tests/port/expected/$name.txt") <(tail -n +2 "$work/$name.txt") || failed=1
  else
    mv "$work/$name.txt" tests/port/expected/
  fi
done
exit "$failed"
