#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Records packets of an interface to a file and proves that nothing is missing
# in it: no gap in the numbers, and the flows add up to what was received.
# usage: live-record-check.sh [IFACE [PACKETS [FILE]]]      (lo 200; as root)
# On lo it makes the traffic itself.
set -euo pipefail
BIN=${BIN:-$(dirname "$0")/../build/bin}
iface=${1:-lo}
packets=${2:-200}

run=$(mktemp -d)
capture=""
stop() {
	[ -z "$capture" ] || kill "$capture" 2>/dev/null || true
	rm -rf "$run"
}
trap stop EXIT
file=${3:-$run/rec.tap}
mkfifo "$run/ready"

"$BIN/tpv3-capd" -i "$iface" -c "$packets" --ready-fd 4 >"$file" 4>"$run/ready" &
capture=$!
# No line comes when it could not start; it has said why.
if read -r <"$run/ready" && [ "$iface" = lo ]; then
	# Nobody listens at port 9: each datagram is answered by an ICMP error.
	while kill -0 "$capture" 2>/dev/null; do
		echo hello 2>/dev/null >/dev/udp/127.0.0.1/9 || true
	done
fi
status=0
wait "$capture" || status=$?
capture=""
[ "$status" -eq 0 ] || exit "$status"

"$BIN/evcat" --check "$file"
"$BIN/evcat" --type flow_end "$file"
