#!/usr/bin/env bash
# Breaks a single process, then a town, and checks every promise. Usage: scripts/chaos.sh all|roll
#
# CHAOS_TIME=60m plays all cases at their full length, those of a town over and over for so long, and then fills the town's disks;
# without it the most telling cases are played once. Failed cases leave their history in build/chaos, to be judged again with
# bin/chaos check. Machines of their own and small disks need root; CHAOS_FLAGS=-no-hosts leaves the former out.
set -euo pipefail
cd "$(dirname "$0")/.."

# The binary to upgrade from: of the commit that recorded testdata/wire-1, or, if that one could not run its roles as processes over
# PostgreSQL yet, of the first that could.
older() {
	local commit
	commit=$(git rev-list HEAD -- testdata/wire-1 | tail -n 1)
	if ! capable "$commit"; then
		echo "the version that recorded testdata/wire-1 ($(git log -1 --format=%h "$commit")) knows one process and SQLite only"
		for commit in $(git rev-list --reverse --topo-order HEAD -- cmd/parley internal/store/migrations/postgres); do
			if capable "$commit"; then break; fi
		done
	fi
	echo "rolling from $(git log -1 --format='%h, %s' "$commit")"
	rm -rf build/roll
	mkdir -p build/roll/src
	git archive "$commit" | tar -x -C build/roll/src
	(cd build/roll/src && CGO_ENABLED=0 go build -trimpath -o ../parley ./cmd/parley)
}

capable() {
	git grep -q 'name:"roles"' "$1" -- cmd/parley && [[ -n $(git ls-tree "$1" internal/store/migrations/postgres) ]]
}

scripts/setup.sh town
go build -o bin/chaos ./test/chaos
once=0
if [[ -n ${CHAOS_TIME:-} ]]; then
	once=1s # every case at full length, once
fi
read -ra flags <<<"${CHAOS_FLAGS:-}"
case ${1:-} in
all)
	bin/chaos run -topology one -dir build/chaos/one -time "$once"
	bin/chaos run -topology town -dir build/chaos/town -time "${CHAOS_TIME:-0}" "${flags[@]}"
	if [[ -n ${CHAOS_TIME:-} ]]; then
		bin/chaos run -topology town -dir build/chaos/disks -small-disks -only full-database,full-nats -time 1s "${flags[@]}"
	fi
	;;
roll)
	bin/chaos run -topology town -dir build/chaos/roll -only roll "${flags[@]}"
	older
	bin/chaos run -topology town -dir build/chaos/roll-older -only roll -older build/roll/parley "${flags[@]}"
	;;
*)
	echo "usage: scripts/chaos.sh all|roll" >&2
	exit 1
	;;
esac
