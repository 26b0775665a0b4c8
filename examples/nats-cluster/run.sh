#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# usage: run.sh [FOLDER]: a NATS cluster of three nodes on loopback, with a stream of three
# replicas, until it is stopped (^C). FOLDER keeps the messages; default: a temporary one.
#
# In other terminals, then:
#
#   shipper -I ipc:///run/tapline/shipper.sock --spool /var/spool/tapline \
#       -o nats://127.0.0.1:4222,127.0.0.1:4223,127.0.0.1:4224
#   examples/nats_print.py nats://127.0.0.1:4222 TAPLINE printer
#   kill -9 PID     # of any one node, as printed here: nothing stops
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
urls=nats://127.0.0.1:4222,127.0.0.1:4223,127.0.0.1:4224
pids=()

command -v nats-server >/dev/null || {
	echo "no nats-server (apt-get install nats-server)" >&2
	exit 3
}

if [ $# -gt 0 ]; then
	folder=$1
	mkdir -p "$folder" || exit 1
else
	folder=$(mktemp -d) || exit 1
fi
cd "$folder" || exit 1
folder=$PWD

stop() {
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null
	wait
	[ $# -gt 0 ] || rm -rf "$folder"
}
trap 'stop "$@"' EXIT
trap 'exit 0' INT TERM

for node in n1 n2 n3; do
	nats-server -c "$here/$node.conf" -l "$folder/$node.log" &
	pids+=($!)
	echo "$node: pid $!, log $folder/$node.log"
done

# The nodes need a moment to elect a leader; the stream can be made after that.
for _ in $(seq 100); do
	why=$(/usr/bin/python3 "$here/../nats.py" stream-add "$urls" TAPLINE tapline.batches \
		num_replicas=3 2>&1) && break
	sleep 0.2
done
[ -z "$why" ] || {
	echo "$why" >&2
	exit 1
}
echo "ready: stream TAPLINE, subject tapline.batches, at $urls"
wait
