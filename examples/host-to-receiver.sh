#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# One host that delivers to a receiver over HTTPS, with an authority, a certificate and a token of
# its own making, all on loopback. The receiver is away while flows come, so they wait in the
# spool; then it is back, and what arrived is checked and shown. Leaves nothing behind.
# usage: host-to-receiver.sh [CAPTURE]      default: build/demo.pcap
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
BIN=${BIN:-$here/build/bin}
capture=${1:-${DEMO:-$here/build/demo.pcap}}
[ -r "$capture" ] || {
	echo "no capture $capture (make build/demo.pcap)" >&2
	exit 2
}

run=$(mktemp -d)
running=()
# shellcheck disable=SC2317  # called by the trap
clean_up() {
	[ "${#running[@]}" -eq 0 ] || kill "${running[@]}" 2>/dev/null || true
	wait
	rm -rf "$run"
}
trap clean_up EXIT
cd "$run"

# --- who is who: an authority, the receiver's certificate, the host's token -----------
umask 077
new_key=(-newkey ec -pkeyopt "ec_paramgen_curve:P-256" -nodes)
{
	openssl req -x509 "${new_key[@]}" -days 30 -subj "/CN=Tapline example CA" \
		-keyout ca.key -out ca.pem
	openssl req "${new_key[@]}" -subj /CN=localhost -keyout receiver.key -out receiver.csr
	openssl x509 -req -in receiver.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 \
		-extfile <(echo "subjectAltName=DNS:localhost") -out receiver.pem
} 2>openssl.log || {
	cat openssl.log >&2
	exit 1
}
openssl rand -hex 32 >token     # the host has this
echo "host-1 $(cat token)" >tokens # the receiver has one such line for each host
# Started as root, the programs become this user where there is one.
if [ "$(id -u)" -eq 0 ] && id tapline >/dev/null 2>&1; then
	chown -R tapline: "$run"
fi

# start NAME OPTION...: returns when it is ready; its pid in $started, what it says in NAME.log.
start() {
	# One of its own: the one before may still be held open by the program before.
	rm -f ready
	mkfifo ready
	"$BIN/$1" "${@:2}" --ready-fd 4 4>ready 2>>"$1.log" &
	started=$!
	running+=("$started")
	read -r <ready || {
		cat "$1.log" >&2
		exit 1
	}
}
stop() {
	local pid rest=()
	kill "$1"
	wait "$1"
	for pid in "${running[@]}"; do
		[ "$pid" = "$1" ] || rest+=("$pid")
	done
	running=("${rest[@]}")
}

# --- the receiver, elsewhere ----------------------------------------------------------
start_receiver() { # PORT
	start receiver --listen "127.0.0.1:$1" --cert receiver.pem --key receiver.key \
		--token-file tokens -o received
	receiver=$started
}
start_receiver 0
port=$(sed -n 's/.*listening at https:.*:\([0-9]*\)$/\1/p' receiver.log)
stop "$receiver" # for now

# --- the host: capture, batcher, shipper with a spool ---------------------------------
start shipper -I "ipc://$run/shipper.sock" --spool spool --token-file token --ca-file ca.pem \
	--retry-max 500ms -o "https://localhost:$port"
shipper=$started
start batcher -I "ipc://$run/capture.sock" -o "ipc://$run/shipper.sock" --batch-time 200ms
batcher=$started
# Ends when all its events are safe, which here means: in the spool, and synced.
"$BIN/pcap-flow" -q -r "$capture" -o "ipc://$run/capture.sock"

echo "The receiver is away; what waits for it:"
"$BIN/shipper" --spool-status spool
start_receiver "$port"
waiting() {
	"$BIN/shipper" --spool-status spool | awk -F '\t' 'NR == 2 { print $2 }'
}
for _ in $(seq 100); do
	[ "$(waiting)" != 0 ] || break
	sleep 0.1
done
echo "The receiver is back; what waits now:"
"$BIN/shipper" --spool-status spool

# From the first to the last: each reads what is on its way before it ends.
stop "$batcher"
stop "$shipper"
stop "$receiver"
echo "What arrived:"
"$BIN/evcat" --check received/*.tap
"$BIN/evcat" --type flow_end -c 5 received/*.tap
