#!/usr/bin/env bash
# Starts or stops a cluster on this machine. Usage: scripts/town.sh start|stop
#
# It listens on 127.0.0.1 only: nginx on TOWN_PORT (8080), everything else on free ports that it prints. Nothing outlives it.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1:-} in
start)
	scripts/setup.sh town
	go build -o bin/chaos ./test/chaos
	exec bin/chaos town -port "${TOWN_PORT:-8080}"
	;;
stop)
	if [[ ! -e build/town/town.pid ]]; then
		echo "make town-stop: no town runs from this folder" >&2
		exit 1
	fi
	pid=$(<build/town/town.pid)
	kill "$pid"
	while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
	;;
*)
	echo "usage: scripts/town.sh start|stop" >&2
	exit 1
	;;
esac
