#!/usr/bin/env bash
# Runs `go test -v` with the given arguments and prints a line per package with the number of tests that ran in it, the whole output
# of packages that fail, and the sum. Usage: scripts/gotest.sh NAME ARGUMENTS…; the full output is kept in build/test-NAME.log.
#
# A skipped test fails the run: what a test needs is installed by scripts/setup.sh or is a fault to be seen.
set -euo pipefail
cd "$(dirname "$0")/.."

name=$1
shift
mkdir -p build
go test "$@" -v 2>&1 | tee "build/test-$name.log" | awk -f scripts/gotest.awk
