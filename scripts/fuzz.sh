#!/usr/bin/env bash
# Fuzzes every fuzz target of the module for FUZZTIME each (default 30s) and prints what ran. New findings are written by go test to
# testdata/fuzz beside the test: commit them with the fix. PKGS narrows it down: PKGS=./internal/ws/... make fuzz
set -euo pipefail
cd "$(dirname "$0")/.."

FUZZTIME=${FUZZTIME:-30s}
mkdir -p build
table=build/fuzz.txt
printf '%-34s %-34s %12s %12s  %s\n' package target executions interesting result >"$table"
failed=0 targets=0

# fuzz PACKAGE TARGET
fuzz() {
	local package=$1 target=$2 log="build/fuzz-$2.log" result=ok executions interesting
	echo "fuzzing $package $target for $FUZZTIME"
	if ! go test -run '^$' -fuzz "^$target\$" -fuzztime "$FUZZTIME" "$package" >"$log" 2>&1 </dev/null; then
		result=FAILED
		failed=1
		cat "$log" >&2
	fi
	executions=$(grep -oE 'execs: [0-9]+' "$log" | tail -1 | cut -d' ' -f2 || true)
	interesting=$(grep -oE 'total: [0-9]+' "$log" | tail -1 | cut -d' ' -f2 || true)
	if [[ $result == ok && ${executions:-0} == 0 ]]; then
		result="NOT RUN: FUZZTIME is too short for this machine"
		failed=1
	fi
	printf '%-34s %-34s %12s %12s  %s\n' "${package#*/parley/}" "$target" "${executions:-0}" "${interesting:-0}" "$result" >>"$table"
}

while read -r package; do
	listed=$(go test -list '^Fuzz' "$package")
	for target in $(grep '^Fuzz' <<<"$listed" || true); do
		targets=$((targets + 1))
		fuzz "$package" "$target"
	done
done < <(go list "${PKGS:-./...}")

echo
cat "$table"
echo "$targets targets, $FUZZTIME each"
((targets > 0)) || { echo "no fuzz target found" >&2; exit 1; }
exit "$failed"
