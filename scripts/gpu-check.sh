#!/bin/bash
# One command for a machine with a GPU: environment, tests on the device against the CPU's bits, kernels under
# compute-sanitizer, times of the benchmark cases, PyTorch's times for the same shapes. Table and JSON in a folder.
#
#   scripts/gpu-check.sh OUT [BUILD]
#   scripts/gpu-check.sh --emulated OUT [BUILD]    the same steps on the emulated device, at small sizes
#
# BUILD (build/dev) holds the programs; nothing is built here. Steps that need something the machine lacks say so in the
# table. Exits with 1 when a step that ran has failed.
set -u
cd "$(dirname "$0")/.."
emulated=0
[ "${1:-}" = --emulated ] && emulated=1 && shift
out=${1:?usage: scripts/gpu-check.sh [--emulated] OUT [BUILD]}
build=${2:-build/dev}
mkdir -p "$out"
out=$(cd "$out" && pwd)
scale=full
export LAZULI_TEST_DEVICE=real
if [ $emulated = 1 ]; then
  scale=small
  export LAZULI_CUDA_DRIVER=$PWD/$build/lib/liblazuli_emulated_cuda.so LAZULI_NVRTC=$PWD/$build/lib/liblazuli_emulated_nvrtc.so
  export LAZULI_EMULATOR_CACHE=${LAZULI_EMULATOR_CACHE:-$PWD/$build/cuda_emulator_cache}
fi
export LAZULI_CUDA_CACHE=${LAZULI_CUDA_CACHE:-$out/cubins}

# step NAME COMMAND...: output in OUT/NAME.txt, a line in the table.
step() {
  local name=$1 start=$SECONDS result
  shift
  if "$@" >"$out/$name.txt" 2>&1; then result=passed; else result=failed; fi
  printf '%-12s %-12s %4d s  %s\n' "$name" "$result" $((SECONDS - start)) "$(tail -n 1 "$out/$name.txt" | cut -c -100)"
}
skip() {
  printf '%-12s %-12s         %s\n' "$1" skipped "$2"
}
environment() {
  uname -a
  command -v nvidia-smi >/dev/null && nvidia-smi
  "$build/bin/lazuli-gpucheck" --cases=nothing
}

{
  step environment environment
  step bits "$build/bin/lazuli_cuda_tests" '--gtest_filter=*GiveTheInterpretersBits*:CudaMatrix.*:*CudaStreamMatrix*:CudaGraphs.*'
  step fuzz "$build/bin/lazuli-fuzz" --device=cuda --count=40 --seed=4000000 --no-reduce
  step digits "$build/bin/digits" --device=cuda --epochs=2 --pictures=0
  if command -v compute-sanitizer >/dev/null && [ $emulated = 0 ]; then
    step sanitizer compute-sanitizer --error-exitcode 1 "$build/bin/lazuli-gpucheck" --scale=small
  else
    skip sanitizer "no compute-sanitizer, or the emulated device, which looks itself"
  fi
  step times "$build/bin/lazuli-gpucheck" --scale=$scale "--json=$out/times.json"
  # The same products by the pipeline of all GPUs since sm_80, and float32 ones on matrix units.
  step portable env LAZULI_CUDA_STREAM_MATRIX=0 "$build/bin/lazuli-gpucheck" --scale=$scale --cases=matmul_bfloat16 \
    "--json=$out/times_portable.json"
  step tf32 env LAZULI_CUDA_TF32=1 "$build/bin/lazuli-gpucheck" --scale=$scale --cases=matmul_nt "--json=$out/times_tf32.json"
  if [ $emulated = 0 ] && python3 -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
    step peers python3 bench/gpu_peers.py "$out/peers.json"
  else
    skip peers "no PyTorch that sees a GPU"
  fi
} | tee "$out/table.txt"
# The block above is a subshell: what it found stands in its table.
awk 'BEGIN { printf "{\"steps\": [" }
     { printf "%s{\"step\": \"%s\", \"result\": \"%s\"}", NR > 1 ? ", " : "", $1, $2 }
     END { print "]}" }' "$out/table.txt" >"$out/steps.json"
[ -f "$out/times.txt" ] && cat "$out/times.txt"
! grep -q ' failed ' "$out/table.txt"
