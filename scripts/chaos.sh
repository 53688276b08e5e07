#!/usr/bin/env bash
# Breaks a single process, then a town, and checks every promise. Usage: scripts/chaos.sh all|roll
#
# CHAOS_TIME=60m goes on for so long with the town; without it every case is played once. Failed cases leave their history in
# build/chaos, to be judged again with bin/chaos check.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh town
go build -o bin/chaos ./test/chaos
case ${1:-} in
all)
	bin/chaos run -topology one -dir build/chaos/one
	bin/chaos run -topology town -dir build/chaos/town -time "${CHAOS_TIME:-0}"
	;;
roll)
	bin/chaos run -topology town -dir build/chaos/roll -only roll
	;;
*)
	echo "usage: scripts/chaos.sh all|roll" >&2
	exit 1
	;;
esac
