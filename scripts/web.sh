#!/usr/bin/env bash
# The web app: types, tests, that web/dist is what its sources make, and its size. The browser's tests are scripts/e2e.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/part.sh
. scripts/part.sh

# check_dist builds into a folder of its own and compares: dist, packed, is in every binary, so that building Parley needs no node.
check_dist() {
	local fresh
	fresh=$(mktemp -d)
	npm run -s build -- --outDir "$fresh" --emptyOutDir --logLevel error
	if ! diff -rq dist "$fresh"; then
		echo "web/dist is not what its sources make: run npm run build in web and commit it" >&2
		rm -rf "$fresh"
		return 1
	fi
	rm -rf "$fresh"
}

export NODE_NO_WARNINGS=1
scripts/setup.sh web
cd web

part "web: types" npm run -s check
part "web: tests" npm test -s
part "web: dist is what its sources make" check_dist
part "web: size" npm run -s size
parts_total
