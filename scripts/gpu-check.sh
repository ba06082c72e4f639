#!/bin/bash
# One command for a machine with a GPU: environment, tests on the device against the CPU's bits, kernels under
# compute-sanitizer, times of the benchmark cases, others' times for the same shapes. Table and JSON in a folder.
#
#   scripts/gpu-check.sh OUT [BUILD]
#   scripts/gpu-check.sh --emulated OUT [BUILD]    the same steps on the emulated device, at small sizes
#   scripts/gpu-check.sh --bundle FILE.tar.gz [BUILD]
#       packs what a machine needs that has a GPU and neither LLVM nor a compiler: one program that needs libc alone,
#       this script, and machine code for sm_80 and sm_90a (where NVRTC is found here). Unpacked there,
#       lazuli-gpu/scripts/gpu-check.sh OUT takes the steps. Below 64 MB.
#
# BUILD (build/dev) holds the programs; nothing is built here. Steps that need something the machine lacks say so in the
# table. Exits with 1 when a step that ran has failed.
set -u
cd "$(dirname "$0")/.."

# A device that loads kernels and runs none: what it asks the real NVRTC for stays in the folder.
collect_cubins() {
  local arch processors
  for arch in sm_80:108 sm_90:132; do
    processors=${arch#*:}
    LAZULI_CUDA_DRIVER=$PWD/$build/lib/liblazuli_emulated_cuda.so LAZULI_EMULATOR_PLAN=1 LAZULI_EMULATOR_ARCH=${arch%:*} \
      LAZULI_EMULATOR_PROCESSORS=$processors LAZULI_CUDA_CACHE=$1 "$build/bin/lazuli-gpu" check --plan || return 1
  done
}
bundle() {
  local file=$1 folder root bytes
  folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
  root=$folder/lazuli-gpu
  mkdir -p "$root/bin" "$root/scripts" "$root/bench"
  cp "$build/bin/lazuli-gpu" "$root/bin/" && cp scripts/gpu-check.sh "$root/scripts/" && cp bench/gpu_peers.py "$root/bench/" || return 1
  collect_cubins "$root/cubins" || echo "no machine code: NVRTC was not found, or a kernel does not compile"
  bytes=$(du -sb "$root" | cut -f 1)
  [ "$bytes" -lt $((64 << 20)) ] || { echo "$bytes bytes: the bundle must stay below 64 MB" >&2; return 1; }
  tar -C "$folder" -czf "$file" lazuli-gpu && echo "$file: $bytes bytes, packed $(stat -c %s "$file")"
}
[ -d build ] && build=build/dev || build=.
if [ "${1:-}" = --bundle ]; then
  file=${2:?usage: scripts/gpu-check.sh --bundle FILE.tar.gz [BUILD]}
  case $file in /*) ;; *) file=$OLDPWD/$file ;; esac
  build=${3:-$build}
  build=$(realpath --relative-to=. "$build")
  bundle "$file"
  exit
fi
emulated=0
[ "${1:-}" = --emulated ] && emulated=1 && shift
out=${1:?usage: scripts/gpu-check.sh [--emulated] OUT [BUILD]}
build=${2:-$build}
mkdir -p "$out"
out=$(cd "$out" && pwd)
scale=full
export LAZULI_TEST_DEVICE=real
if [ $emulated = 1 ]; then
  scale=small
  export LAZULI_CUDA_DRIVER=$PWD/$build/lib/liblazuli_emulated_cuda.so LAZULI_NVRTC=$PWD/$build/lib/liblazuli_emulated_nvrtc.so
  export LAZULI_EMULATOR_CACHE=${LAZULI_EMULATOR_CACHE:-$PWD/$build/cuda_emulator_cache}
fi
if [ -z "${LAZULI_CUDA_CACHE:-}" ]; then
  # Machine code that was carried along belongs to whoever unpacked it, and to nobody else.
  export LAZULI_CUDA_CACHE=$out/cubins
  [ -d cubins ] && mkdir -p -m 700 "$LAZULI_CUDA_CACHE" && cp cubins/* "$LAZULI_CUDA_CACHE" && chmod 600 "$LAZULI_CUDA_CACHE"/*
fi
if [ -x "$build/bin/lazuli-gpu" ]; then
  tests="$build/bin/lazuli-gpu tests" fuzz="$build/bin/lazuli-gpu fuzz" check="$build/bin/lazuli-gpu check"
else
  tests=$build/bin/lazuli_cuda_tests fuzz=$build/bin/lazuli-fuzz check=$build/bin/lazuli-gpucheck
fi

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
  $check --cases=nothing
}

{
  step environment environment
  step bits $tests '--gtest_filter=*GiveTheInterpretersBits*:CudaMatrix.*:*CudaStreamMatrix*:CudaLoader.*:CudaGraphs.*'
  step fuzz $fuzz --device=cuda --count=40 --seed=4000000 --no-reduce
  if [ -x "$build/bin/digits" ]; then
    step digits "$build/bin/digits" --device=cuda --epochs=2 --pictures=0
  else
    skip digits "the program is not carried along"
  fi
  if command -v compute-sanitizer >/dev/null && [ $emulated = 0 ]; then
    step sanitizer compute-sanitizer --error-exitcode 1 $check --scale=small
    step races compute-sanitizer --tool racecheck --error-exitcode 1 $check --scale=small --cases=m
  else
    skip sanitizer "no compute-sanitizer, or the emulated device, which looks itself"
  fi
  step times $check --scale=$scale "--json=$out/times.json"
  # The same products by the pipeline of all GPUs since sm_80, and float32 ones on matrix units.
  step portable env LAZULI_CUDA_STREAM_MATRIX=0 $check --scale=$scale --cases=matmul_bfloat16 "--json=$out/times_portable.json"
  step tf32 env LAZULI_CUDA_TF32=1 $check --scale=$scale --cases=matmul_nt "--json=$out/times_tf32.json"
  if [ $emulated = 1 ]; then
    skip peers "the emulated device"
  elif command -v python3 >/dev/null; then
    step peers python3 bench/gpu_peers.py "$out/peers.json"
  else
    skip peers "no python3"
  fi
} | tee "$out/table.txt"
# The block above is a subshell: what it found stands in its table.
awk 'BEGIN { printf "{\"steps\": [" }
     { printf "%s{\"step\": \"%s\", \"result\": \"%s\"}", (NR > 1 ? ", " : ""), $1, $2 }
     END { print "]}" }' "$out/table.txt" >"$out/steps.json"
[ -f "$out/times.txt" ] && cat "$out/times.txt"
! grep -q ' failed ' "$out/table.txt"
