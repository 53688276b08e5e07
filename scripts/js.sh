#!/usr/bin/env bash
# The TypeScript client: types, what is generated from the server's descriptions, size, and its tests, by itself and against bin/parley
# (or PARLEY_BIN).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/part.sh
. scripts/part.sh

PARLEY_BIN=$(realpath "${PARLEY_BIN:-bin/parley}")
export PARLEY_BIN NODE_NO_WARNINGS=1
scripts/setup.sh js
cd clients/js

part "clients/js: types" npm run -s check
part "clients/js: what is generated is what the server says" npm run -s types:check
part "clients/js: build and size" npm run -s build
part "clients/js: tests" npm test -s
part "clients/js: tests against a server" npm run -s test:server
parts_total
