#!/usr/bin/env bash
# People in browsers of their own against bin/parley. Usage: scripts/e2e.sh [core|full]
#
# core is what every change must pass; full is that and what takes long: rooms of thousands of messages, upgrades, every page in
# every colour and window. TOPOLOGY=town runs against a cluster, PARLEY_BIN names another binary, E2E_PATIENCE how many seconds
# anything may take (30). Pictures of every page are left in build/e2e/screens.
set -euo pipefail
cd "$(dirname "$0")/.."

files=(test/e2e/core/*.test.mjs)
case ${1:-core} in
core) ;;
full) files+=(test/e2e/full/*.test.mjs) ;;
*)
	echo "usage: scripts/e2e.sh [core|full]" >&2
	exit 1
	;;
esac

exec node --test --test-reporter=spec --test-concurrency=1 "${files[@]}"
