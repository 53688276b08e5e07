# shellcheck shell=bash
# Sourced. `part NAME COMMAND…` runs one part of a longer run, prints how long it took and ends the run with the part's name when
# it fails; `parts_total` closes the list. Nothing reads from the terminal.

parts_report=""

part() {
	local name=$1 began=$SECONDS line
	shift
	printf '\n=== %s\n' "$name"
	if ! "$@" </dev/null; then
		printf '\n=== FAILED: %s (after %d s)\n' "$name" $((SECONDS - began)) >&2
		exit 1
	fi
	printf -v line '%6d s  %s' $((SECONDS - began)) "$name"
	parts_report+="$line"$'\n'
	printf '=== ok:%s\n' "$line"
}

parts_total() {
	printf '\n%s%6d s  total\n' "$parts_report" "$SECONDS"
}
