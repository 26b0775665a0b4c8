#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Several capture files at the same time, each by its own pcap-flow, through
# one batcher to one evcat, over local sockets. Consumers are started first
# here only because the script waits for them; any order works.
# usage: pipeline-ipc.sh CAPTURE...      JSON lines on stdout
set -euo pipefail
BIN=${BIN:-$(dirname "$0")/../build/bin}
: "${1:?usage: pipeline-ipc.sh CAPTURE...}"

run=$(mktemp -d)
batcher=""
evcat=""
# shellcheck disable=SC2317  # called by the trap
stop() {
	# Set only while the program is ours to end.
	[ -z "$batcher" ] || kill "$batcher" 2>/dev/null || true
	[ -z "$evcat" ] || kill "$evcat" 2>/dev/null || true
	rm -rf "$run"
}
trap stop EXIT
mkfifo "$run/ready"

"$BIN/evcat" --json -I "ipc://$run/events.sock" --ready-fd 4 4>"$run/ready" &
evcat=$!
read -r <"$run/ready"
"$BIN/batcher" -q -I "ipc://$run/capture.sock" -o "ipc://$run/events.sock" \
	--batch-size 1000 --batch-time 200ms --ready-fd 4 4>"$run/ready" &
batcher=$!
read -r <"$run/ready"

captures=()
for capture in "$@"; do
	"$BIN/pcap-flow" -r "$capture" -o "ipc://$run/capture.sock" &
	captures+=($!)
done
status=0
for pid in "${captures[@]}"; do
	wait "$pid" || status=$?
done

# From the first to the last: each delivers what it holds before it ends.
kill "$batcher"
wait "$batcher" || status=$?
batcher=""
kill "$evcat"
wait "$evcat" || status=$?
evcat=""
exit "$status"
