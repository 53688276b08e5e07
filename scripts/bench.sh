#!/usr/bin/env bash
# Every kind of `parley bench` against a fresh server of its own, generator and server on this machine. Results: build/bench/KIND.json
# and KIND.txt. KINDS="pairs idle" runs only those, BENCH_DURATION is how long each is measured (30s; the storm ends when everybody
# is back), ADDRESS is where the servers listen.
set -euo pipefail
cd "$(dirname "$0")/.."

ADDRESS=${ADDRESS:-127.0.0.1:18080}
out=build/bench
duration=${BENCH_DURATION:-30s}
# Servers and generators share it through their environment, so that no process list shows it.
PARLEY_AUTH_JWT_SECRET=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
export PARLEY_AUTH_JWT_SECRET
data='' server='' failed=''

declare -A options=(
	[fanout]="--members 1000 --rate 750 --duration $duration"
	[pairs]="--pairs 1000 --rate 20000 --duration $duration"
	[idle]="--conns 10000 --hold $duration"
	[storm]="--conns 10000"
)

stop_server() {
	if [[ -n $server ]]; then
		kill "$server" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
	fi
	[[ -n $data ]] && rm -rf "$data"
	data='' server=''
}
trap stop_server EXIT

start_server() {
	data=$(mktemp -d)
	bin/parley serve --data "$data" --listen "$ADDRESS" --no-limits >"$out/$1.server.log" 2>&1 &
	server=$!
	for ((i = 0; i < 200; i++)); do
		curl -fs "http://$ADDRESS/readyz" >/dev/null && return
		kill -0 "$server" 2>/dev/null || break
		sleep 0.05
	done
	cat "$out/$1.server.log" >&2
	echo "bench: the server did not get ready" >&2
	exit 1
}

mkdir -p "$out"
# Each connection is a file on both sides.
ulimit -n "$(ulimit -Hn)"
# shellcheck disable=SC2086 # kinds and options are lists of words
for kind in ${KINDS:-fanout pairs idle storm}; do
	echo "=== $kind ${options[$kind]}"
	start_server "$kind"
	bin/parley bench "$kind" ${options[$kind]} --url "http://$ADDRESS" --json "$out/$kind.json" | tee "$out/$kind.txt" || failed+=" $kind"
	stop_server
done
if [[ -n $failed ]]; then
	echo "bench: failed:$failed" >&2
	exit 1
fi
