#!/usr/bin/env bash
# Installs the Debian packages that building and testing Lazuli needs, and only those that are missing.
#   scripts/install-deps.sh [--yes] [--bench]      --yes: do not ask before installing
#   --bench: also the libraries that lazuli-bench compares matrix products with, where they are installed
# LLVM_DIR (folder of an LLVMConfig.cmake, LLVM 18 to 20) and CMAKE_PREFIX_PATH (semicolons between folders) are
# honoured: what they provide is not installed.
set -euo pipefail

yes=0
bench=0
for arg in "$@"; do
  case "$arg" in
    --yes|-y) yes=1 ;;
    --bench) bench=1 ;;
    *) sed -n '2,6s/^# \{0,1\}//p' "$0"; [ "$arg" = --help ] && exit 0 || exit 2 ;;
  esac
done

# True when a folder of CMAKE_PREFIX_PATH holds the CMake package of that name.
provided() {
  local prefix folders=()
  IFS=';' read -r -a folders <<< "${CMAKE_PREFIX_PATH:-}"
  for prefix in "${folders[@]}"; do
    if [ -n "$prefix" ] && [ -n "$(find -L "$prefix" -maxdepth 6 -iname "$1config.cmake" -o -maxdepth 6 -iname "$1-config.cmake" 2>/dev/null | head -n 1)" ]; then
      echo "$1: taken from $prefix (CMAKE_PREFIX_PATH)"
      return 0
    fi
  done
  return 1
}

packages=(g++ cmake ninja-build ccache git python3 clang-19 clang-format-19 llvm-19-tools libmpfr-dev libpng-dev)
if [ -n "${LLVM_DIR:-}" ]; then
  if [ ! -e "$LLVM_DIR/LLVMConfig.cmake" ]; then
    echo "LLVM_DIR=$LLVM_DIR holds no LLVMConfig.cmake; unset it to use Debian's LLVM 19, or correct it" >&2
    exit 1
  fi
  echo "LLVM: taken from $LLVM_DIR (LLVM_DIR)"
elif ! provided llvm; then
  packages+=(llvm-19-dev)
fi
packages+=(libzstd-dev zlib1g-dev libxml2-dev)
provided fmt || packages+=(libfmt-dev)
provided gtest || packages+=(libgtest-dev libgmock-dev)
provided benchmark || packages+=(libbenchmark-dev)
provided eigen3 || packages+=(libeigen3-dev)
[ $bench -eq 0 ] || packages+=(libopenblas0-pthread libblis4-pthread libdnnl2)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "all packages are installed"
  exit 0
fi
if ! command -v apt-get >/dev/null; then
  echo "this script knows Debian's apt-get alone; install what these packages hold: ${missing[*]}" >&2
  exit 1
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "not root and no sudo; as root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "to be installed with apt-get: ${missing[*]}"
if [ $yes -eq 0 ]; then
  if [ ! -t 0 ]; then
    echo "nobody to ask: run again with --yes" >&2
    exit 1
  fi
  read -r -p "go on? [y/N] " answer
  case "$answer" in y|Y|yes) ;; *) echo "nothing was installed"; exit 1 ;; esac
fi

get=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
# A list that is missing or too old to know a package is fetched anew, once.
if ! apt-cache show "${missing[@]}" >/dev/null 2>&1; then
  "${get[@]}" update
fi
install=("${get[@]}" install -y --no-install-recommends "${missing[@]}")
"${install[@]}" || { "${get[@]}" update && "${install[@]}"; }
