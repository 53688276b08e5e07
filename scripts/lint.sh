#!/usr/bin/env bash
# Go by .golangci.yml, shell by shellcheck, the browser tests by Node's parser.
set -euo pipefail
cd "$(dirname "$0")/.."

.tools/golangci-lint run ./...
shellcheck -x scripts/*.sh .ci/run
for script in test/e2e/*.mjs test/e2e/*/*.test.mjs; do
	node --check "$script"
done
echo "lint: nothing found"
