#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What `make run` runs: capture, batcher and a live view, joined by ipc sockets.
# On the default-route interface with the best engine this machine can run;
# without privilege or interface, what Suricata writes to $EVE, if that can be read,
# else a capture of the project's own, through the same pipeline. Ctrl-C stops the stages in order, so that nothing is lost.
#   IFACE=eth0 ATTACH=xdp DURATION=10s EVE=eve.json BIN=build/bin examples/run.sh
set -u
set -m # stages in process groups of their own: Ctrl-C is this script's alone

here=$(cd "$(dirname "$0")/.." && pwd)
bin=${BIN:-$here/build/bin}
demo=${DEMO:-$here/build/demo.pcap}
eve=${EVE:-/var/log/suricata/eve.json}
iface=${IFACE:-$(ip -o route show default 2>/dev/null | sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -n 1)}
run=$(mktemp -d "${TMPDIR:-/tmp}/tapline.XXXXXX")
capture='' batcher='' view=''

stop() { # PID: asks it to end, waits until it has
	[ -n "$1" ] || return 0
	kill -TERM "$1" 2>/dev/null
	while kill -0 "$1" 2>/dev/null; do
		wait "$1"
	done
}
finish() {
	trap '' INT TERM
	stop "$capture"
	stop "$batcher"
	[ -n "$view" ] && kill -TERM "$view" 2>/dev/null
}
trap finish INT TERM
trap 'rm -rf "$run"' EXIT

# A stage is ready when it has written its newline to the fifo.
mkfifo "$run/ready"
ready() { # NAME
	if ! read -r -t 10 <>"$run/ready"; then
		echo "run: $1 did not start" >&2
		finish
		exit 1
	fi
}

# The best engine that works here; $refused says why not the better ones. A native XDP program
# resets some cards, and this may be the interface that somebody is logged in by: tc, unless ATTACH=xdp.
attach=${ATTACH:-tcx}
engine=() refused='' mode=''
try() { # ENGINE OPTION...: sets engine and mode, or adds to refused
	local answer
	if answer=$("$bin/$1" --probe=load --plain -i "$iface" "${@:2}" 2>/dev/null); then
		engine=("$bin/$1" "${@:2}")
		mode=$(printf '%s\n' "$answer" | sed -n 's/^mode=//p')
	else
		refused+="${refused:+; }$1: $(printf '%s\n' "$answer" | sed -n 's/^reason=//p')"
		return 1
	fi
}
if [ -z "$iface" ]; then
	refused="no default-route interface (set IFACE=)"
else
	try xdp-flowd --attach "$attach" || try tpv3-capd || try afp-capd || true
fi

"$bin/evcat" -q --top --check --ready-fd 9 "ipc://$run/view.sock" 9>"$run/ready" &
view=$!
ready evcat
"$bin/batcher" -q --batch-time 200ms -I "ipc://$run/in.sock" -o "ipc://$run/view.sock" \
	--ready-fd 9 9>"$run/ready" &
batcher=$!
ready batcher

if [ "${#engine[@]}" -gt 0 ]; then
	name=${engine[0]##*/}
	[ "$name $attach" != "xdp-flowd tcx" ] || refused="not native XDP, which resets some cards: ATTACH=xdp takes it"
	echo "run: $name ($mode) on $iface${DURATION:+ for $DURATION}, Ctrl-C ends${refused:+; $refused}" >&2
	"${engine[@]}" -q -i "$iface" --direction both ${DURATION:+--duration "$DURATION"} \
		-o "ipc://$run/in.sock" &
elif "$bin/eve-tail" --probe --plain -r "$eve" >/dev/null 2>&1; then
	name=eve-tail
	echo "run: no live capture: $refused" >&2
	echo "run: eve-tail on $eve, what is written from now on${DURATION:+ for $DURATION}, Ctrl-C ends" >&2
	"$bin/eve-tail" -q -r "$eve" --from end --no-checkpoint ${DURATION:+--duration "$DURATION"} \
		-o "ipc://$run/in.sock" &
else
	name=pcap-flow
	echo "run: no live capture: $refused" >&2
	echo "run: playing $demo instead" >&2
	"$bin/pcap-flow" -q -r "$demo" -o "ipc://$run/in.sock" &
fi
capture=$!
wait "$capture"
code=$?
capture=''
finish
wait "$view"
verdict=$?
[ "$code" -eq 0 ] || echo "run: the capture ended with exit $code" >&2
# A file that is followed has not ended: its stream is not closed (4).
[ "$name $verdict" != "eve-tail 4" ] || verdict=0
[ "$verdict" -eq 0 ] || exit "$verdict"
[ "$code" -lt 126 ] || code=0
exit "$code"
