#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Several capture files at the same time, each by its own pcap-flow, through
# one batcher to one evcat, over local sockets. Consumers listen and producers
# dial; they are started in this order only to show how to wait for them.
# usage: pipeline-ipc.sh CAPTURE...      JSON lines on stdout
set -euo pipefail
BIN=${BIN:-$(dirname "$0")/../build/bin}
: "${1:?usage: pipeline-ipc.sh CAPTURE...}"

run=$(mktemp -d)
running=()
# shellcheck disable=SC2317  # called by the trap
clean_up() {
	[ "${#running[@]}" -eq 0 ] || kill "${running[@]}" 2>/dev/null || true
	rm -rf "$run"
}
trap clean_up EXIT

# start NAME OPTION...: returns when it is ready, fails when it could not start.
start() {
	mkfifo "$run/$1"
	"$BIN/$1" "${@:2}" --ready-fd 4 4>"$run/$1" &
	running+=($!)
	read -r <"$run/$1"
}
start evcat --json -I "ipc://$run/events.sock"
start batcher -q -I "ipc://$run/capture.sock" -o "ipc://$run/events.sock" \
	--batch-size 1000 --batch-time 200ms

captures=()
for capture in "$@"; do
	"$BIN/pcap-flow" -r "$capture" -o "ipc://$run/capture.sock" &
	captures+=($!)
done
status=0
for pid in "${captures[@]}"; do
	wait "$pid" || status=$?
done

# From the first to the last: each reads what is on its way before it ends.
read -r evcat batcher <<<"${running[*]}"
running=()
for pid in "$batcher" "$evcat"; do
	kill "$pid"
	wait "$pid" || status=$?
done
exit "$status"
