#!/usr/bin/env bash
# Everything that must be green, part by part, each with its time.
#
# Go tests run once, with the race detector: it finds what plain runs do not, and finds nothing in the two kinds of packages that are
# run without it, because their work happens in another process: cmd/parley and test/* drive the built binary (and measure it). Those
# are run each time: what they test is not in them, so that Go would take its result of before for good.
#
# The detector makes everything slow, so that bustest.Prompt multiplies its limits when it is on. The tests that hold a promise to its
# time are run once more without it, a package after the other and each time: it is then that they have the time that is promised.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/part.sh
. scripts/part.sh

outside='/cmd/parley$|/test/'
mapfile -t raced < <(go list ./... | grep -vE "$outside")
mapfile -t plain < <(go list ./... | grep -E "$outside")
mapfile -t files < <(grep -rl --include='*_test.go' 'bustest\.Prompt(' internal)
mapfile -t timed < <(awk '/^func Test/ { name = $2; sub(/\(.*/, "", name) } /bustest\.Prompt\(/ { print name }' "${files[@]}" | sort -u)
mapfile -t places < <(printf './%s\n' "${files[@]%/*}" | sort -u)

part "vet" go vet ./...
part "build" make --no-print-directory build VERSION="${VERSION:-dev}"
part "tests with -race" scripts/gotest.sh race -race -timeout 30m "${raced[@]}"
part "promises with a time" scripts/gotest.sh timed -count 1 -p 1 -timeout 5m -run "^($(IFS='|' && echo "${timed[*]}"))\$" "${places[@]}"
part "tests of the built program" scripts/gotest.sh program -count 1 -timeout 10m "${plain[@]}"
part "tests of deploy/" scripts/gotest.sh deploy -C deploy -timeout 10m ./...
part "TypeScript" scripts/js.sh
part "web app" scripts/web.sh
part "browser" scripts/e2e.sh
parts_total
