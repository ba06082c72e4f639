#!/usr/bin/env bash
# Installs what is missing, builds everything with the dev preset and runs the tests.
#   scripts/test.sh [--yes] [--all]      --yes: do not ask before installing; --all: also the tests labelled slow
# The last line is "N passed, N failed"; a build that fails counts as one failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

install=()
filter=(-LE slow)
for arg in "$@"; do
  case "$arg" in
    --yes|-y) install=(--yes) ;;
    --all) filter=() ;;
    *) sed -n '2,4s/^# \{0,1\}//p' "$0"; [ "$arg" = --help ] && exit 0 || exit 2 ;;
  esac
done

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { scripts/install-deps.sh ${install[@]+"${install[@]}"} && cmake --preset dev && cmake --build --preset dev; }; then
  echo "0 passed, 1 failed"
  exit 1
fi
status=0
ctest --test-dir build/dev --output-on-failure --no-tests=error -j "$(nproc)" ${filter[@]+"${filter[@]}"} | tee "$log" || status=$?
# "98% tests passed, 2 tests failed out of 120"
read -r failed total < <(sed -nE 's/^[0-9]+% tests passed, ([0-9]+) tests? failed out of ([0-9]+)$/\1 \2/p' "$log") || true
if [ -z "${total:-}" ]; then
  echo "0 passed, 1 failed"
  exit 1
fi
echo "$((total - failed)) passed, $failed failed"
exit $status
