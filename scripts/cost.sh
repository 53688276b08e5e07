#!/usr/bin/env bash
# What a message costs at each hop of a town, and what a second gateway brings. Results: build/cost/*.txt and *.json.
#
# KINDS="hops idle gateways" runs only those; RATE, GATEWAY_PERCENT and COST_DURATION change the load. The generator, the town and the
# proxies that stand for its networks share this machine, so the costs count and the rates do not.
set -euo pipefail
cd "$(dirname "$0")/.."

out=build/cost
duration=${COST_DURATION:-20s}
rate=${RATE:-2000}
PARLEY_AUTH_JWT_SECRET=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
export PARLEY_AUTH_JWT_SECRET
town='' gates=() meter=''

stop_town() {
	[[ -n $town ]] || return 0
	kill "$town" 2>/dev/null || true
	wait "$town" 2>/dev/null || true
	town=''
}
trap stop_town EXIT

start_town() {
	bin/chaos town -dir "$out/town" -port 0 >"$out/town.txt" 2>"$out/town.log" &
	town=$!
	for ((i = 0; i < 600; i++)); do
		if grep -q 'logs are in' "$out/town.txt"; then
			mapfile -t gates < <(awk '/without nginx/ { print $4 }' "$out/town.txt")
			meter=$(awk '$2 == "pid" { printf "%s%s=%s", sep, $1, $3; sep = ";" }' "$out/town.txt")
			return
		fi
		kill -0 "$town" 2>/dev/null || break
		sleep 0.1
	done
	cat "$out/town.txt" "$out/town.log" >&2
	echo "cost: the town did not start" >&2
	exit 1
}

# bench NAME ARGUMENTS…
bench() {
	local name=$1
	shift
	bin/parley bench "$@" --json "$out/$name.json" 2>"$out/$name.log" | tee "$out/$name.txt"
}

pid_of() { awk -v name="$1" '$1 == name && $2 == "pid" { print $3 }' "$out/town.txt"; }

hops() {
	bench hops pairs --pairs 500 --rate "$rate" --duration "$duration" --url "${gates[0]},${gates[1]}" --meter "$meter"
}

idle() {
	bench idle idle --conns 4000 --hold 10s --url "${gates[0]},${gates[1]}" --meter "$meter" --server-pid "$(pid_of gateway-1)"
}

# cap PID PERCENT: of a core, by the kernel's CPU controller.
cap() {
	local group=/sys/fs/cgroup/cpu/parley-cost-$1
	[[ -d /sys/fs/cgroup/cpu ]] || { echo "cost: gateways needs the cpu controller of cgroups version 1" >&2; exit 1; }
	mkdir -p "$group"
	echo 50000 >"$group/cpu.cfs_period_us"
	echo $(($2 * 500)) >"$group/cpu.cfs_quota_us"
	echo "$1" >"$group/cgroup.procs"
}

# Two gateways with a fiftieth of a core each, against one: rooms of two, where no frames gather in one write, up to what is sustained.
gateways() {
	local pid first
	first=$(pid_of gateway-1)
	for pid in "$first" $(pid_of gateway-2); do cap "$pid" "${GATEWAY_PERCENT:-2}"; done
	bench gateways-1 pairs --pairs 100 --rate 100 --limit --duration 6s --url "${gates[1]}" --server-pid "$(pid_of gateway-2)"
	bench gateways-2 pairs --pairs 100 --rate 100 --limit --duration 6s --url "${gates[0]},${gates[1]}" --server-pid "$first"
	stop_town
	rmdir /sys/fs/cgroup/cpu/parley-cost-* 2>/dev/null || true
	awk -F'[ (/]+' '/^delivered/ { n[FILENAME] = $5 } END { for (f in n) print f, n[f] "/s" }' "$out"/gateways-?.txt
}

mkdir -p "$out"
scripts/setup.sh town
make --no-print-directory build
go build -o bin/chaos ./test/chaos
ulimit -n "$(ulimit -Hn)"
for kind in ${KINDS:-hops idle gateways}; do
	echo "=== $kind"
	start_town
	"$kind"
	stop_town
done
