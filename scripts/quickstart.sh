#!/usr/bin/env bash
# From a fresh clone to a first result: installs what is missing, builds the release preset, trains a network on real data.
#   scripts/quickstart.sh [--yes]        --yes: do not ask before installing
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/install-deps.sh "$@"
cmake --preset release -DLAZULI_TESTS=OFF -DLAZULI_BENCH=OFF
cmake --build --preset release --target lazuli digits
echo
exec build/release/bin/digits
