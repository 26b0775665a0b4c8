#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Many hosts that deliver to a NATS cluster: N of them, played on this machine, each with a name and
# a capture of its own, and the three nodes of examples/nats-cluster on loopback. Prints for each
# host how many events it sent and how many the stream has. Leaves nothing behind.
# usage: hosts-to-nats.sh [N [CAPTURE]]      default: 5 hosts, build/demo.pcap
# A real host has batcher and shipper as services, with sockets between them and a spool
# (examples/host-to-receiver.sh); here pipes do, whose end shipper knows.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
BIN=${BIN:-$here/build/bin}
hosts=${1:-5}
capture=${2:-${DEMO:-$here/build/demo.pcap}}
urls=nats://127.0.0.1:4222,127.0.0.1:4223,127.0.0.1:4224
[ -r "$capture" ] || {
	echo "no capture $capture (make build/demo.pcap)" >&2
	exit 2
}

# A host name of its own needs a namespace of its own.
other_name=(unshare --uts)
[ "$(id -u)" -eq 0 ] || other_name+=(--map-root-user)
"${other_name[@]}" true || {
	echo "this needs root, or user namespaces" >&2
	exit 3
}

run=$(mktemp -d)
cluster=
# shellcheck disable=SC2317  # called by the trap
clean_up() {
	[ -z "$cluster" ] || kill "$cluster" 2>/dev/null || true
	wait
	rm -rf "$run"
}
trap clean_up EXIT

"$here/examples/nats-cluster/run.sh" "$run/cluster" >"$run/cluster.log" 2>&1 &
cluster=$!
until grep -q '^ready:' "$run/cluster.log"; do
	kill -0 "$cluster" 2>/dev/null || {
		cat "$run/cluster.log" >&2
		exit 1
	}
	sleep 0.1
done

# host NAME: its flows, until the stream has them all.
host() {
	# shellcheck disable=SC2016 # the inner shell's variables
	"${other_name[@]}" sh -c 'hostname "$1" && exec "$2" -q -r "$3"' sh "$1" "$BIN/pcap-flow" "$capture" |
		"$BIN/batcher" -q --batch-time 200ms |
		tee "$run/$1.tap" |
		"$BIN/shipper" -q -o "$urls"
}
playing=()
for ((n = 1; n <= hosts; n++)); do
	host "host-$n" &
	playing+=($!)
done
for pid in "${playing[@]}"; do
	wait "$pid"
done

# Any consumer: this one reads all there is, once.
"$here/examples/nats_print.py" --drain "$urls" TAPLINE counter >"$run/events"
jq -r .host "$run/events" | sort | uniq -c >"$run/counts"
status=0
printf 'host\tsent\tstored\n'
for ((n = 1; n <= hosts; n++)); do
	sent=$("$BIN/evcat" -q --json "$run/host-$n.tap" | wc -l)
	stored=$(awk -v host="host-$n" '$2 == host { n = $1 } END { print n + 0 }' "$run/counts")
	printf 'host-%d\t%d\t%d\n' "$n" "$sent" "$stored"
	[ "$sent" -eq "$stored" ] || status=1
done
exit "$status"
