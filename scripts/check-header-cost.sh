#!/usr/bin/env bash
# A file that includes <lazuli/lazuli.h> is to be checked by the compiler within a limit: the median of three runs.
#   scripts/check-header-cost.sh [build-dir [seconds]]      defaults: build/dev 0.8; CXX chooses the compiler
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${1:-build/dev}
limit=${2:-0.8}
file=$(mktemp --suffix=.cpp)
trap 'rm -f "$file"' EXIT
printf '#include <lazuli/lazuli.h>\n' > "$file"
times=()
for _ in 1 2 3; do
  start=${EPOCHREALTIME/./}
  "${CXX:-g++}" -std=c++20 -fsyntax-only -I frontend/include -I "$build/generated/include" "$file"
  times+=($((${EPOCHREALTIME/./} - start)))
done
median=$(printf '%s\n' "${times[@]}" | sort -n | sed -n 2p)
awk -v us="$median" -v limit="$limit" 'BEGIN {
  printf "<lazuli/lazuli.h>: %.2f s, at most %.2f s allowed\n", us / 1e6, limit
  exit us / 1e6 > limit
}'
