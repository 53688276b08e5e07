#!/usr/bin/env bash
# Two people in two real browsers against bin/parley; with TOPOLOGY=town against a cluster. PARLEY_BIN names another binary.
set -euo pipefail
cd "$(dirname "$0")/.."

exec node --test --test-reporter=spec --test-concurrency=1 test/e2e/*.test.mjs
