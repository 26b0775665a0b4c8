#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What `make run` runs: the whole pipeline of a host, joined by ipc sockets. capladder captures on
# the default-route interface with the best engine this machine can run, down to what Suricata writes
# to $EVE; batcher joins; evcat shows the biggest flows here and proves that nothing is missing;
# capmetrics serves the page. Without privilege or interface, and without eve.json, a capture of the
# project's own goes through the same pipeline. Ctrl-C stops the stages in order, so that nothing is lost.
#   IFACE=eth0 ATTACH=xdp DURATION=10s EVE=eve.json LISTEN=127.0.0.1:8081 BIN=build/bin examples/run.sh
set -u
set -m # stages in process groups of their own: Ctrl-C is this script's alone

here=$(cd "$(dirname "$0")/.." && pwd)
bin=${BIN:-$here/build/bin}
demo=${DEMO:-$here/build/demo.pcap}
eve=${EVE:-/var/log/suricata/eve.json}
listen=${LISTEN:-127.0.0.1:8081}
iface=${IFACE:-$(ip -o route show default 2>/dev/null | sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -n 1)}
run=$(mktemp -d "${TMPDIR:-/tmp}/tapline.XXXXXX") || exit 1
chmod 711 "$run" # stages that give up root reach their sockets
stats=ipc://$run/stats.sock
capture='' batcher='' view='' page='' clock=''

stop() { # PID: asks it to end, waits until it has
	[ -n "$1" ] || return 0
	kill -TERM "$1" 2>/dev/null
	while kill -0 "$1" 2>/dev/null; do
		wait "$1"
	done
}
finish() {
	trap '' INT TERM HUP
	[ -z "$clock" ] || kill -- "-$clock" 2>/dev/null # and its sleep
	stop "$capture"
	stop "$batcher"
	[ -n "$view" ] && kill -TERM "$view" 2>/dev/null
}
trap finish INT TERM HUP
trap 'stop "$batcher"; [ -z "$page" ] || kill "$page" 2>/dev/null; wait; rm -rf "$run"' EXIT

seconds() { # DURATION: as the tools take it, 300ms or 10s
	case $1 in
	*ms) awk "BEGIN { print ${1%ms} / 1000 }" ;;
	*) echo "$1" ;;
	esac
}

# A stage is ready when it has written its newline to the fifo.
mkfifo "$run/ready"
ready() { # NAME
	if ! read -r -t 20 <>"$run/ready"; then
		echo "run: $1 did not start" >&2
		finish
		exit 1
	fi
}

# The page is no reason not to run: its port may be in use.
page_ready() {
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		read -r -t 0.5 <>"$run/ready" && return
		kill -0 "$page" 2>/dev/null || break
	done
	page_input=()
}

# What one wants to know is said before the terminal is taken for the flows, and again behind them.
said=''
say() {
	said+="run: $*"$'\n'
	echo "run: $*" >&2
}
say_page() {
	if [ ${#page_input[@]} -gt 0 ]; then
		say "the page is http://$listen/"
	else
		say "no page (LISTEN=127.0.0.1:PORT takes another port)"
	fi
}
say_why() {
	local line
	while IFS= read -r line; do
		say "$line"
	done <<<"$why"
}
show_flows() {
	[ ! -t 2 ] || sleep 2 # to be read
	"$bin/evcat" -q --top --check --stats "$stats" --ready-fd 9 "ipc://$run/view.sock" 9>"$run/ready" &
	view=$!
	ready evcat
}

# A native XDP program resets some cards, and this may be the interface that somebody is logged in
# by: tc, unless ATTACH=xdp.
attach=${ATTACH:-tcx}
ladder=(--run "$run/ladder" -i "${iface:-none}" --direction both
	--args "xdp-flowd=--attach $attach" --args "eve-tail=--from end" --args "eve-tail=--stats $stats"
	-r "$eve" -o "ipc://$run/in.sock" -- --stats "$stats")
explain() { "$bin/capladder" --explain "${ladder[@]}" 2>&1; }

page_input=(--view "ipc://$run/page.sock")
"$bin/capmetrics" -q --listen "$listen" --stats "$stats" --ladder "$run/ladder/ladder.json" \
	-I "ipc://$run/page.sock" --ready-fd 9 9>"$run/ready" &
page=$!
page_ready
"$bin/batcher" -q --batch-time 200ms -I "ipc://$run/in.sock" -o "ipc://$run/view.sock" \
	"${page_input[@]}" --stats "$stats" --ready-fd 9 9>"$run/ready" &
batcher=$!
ready batcher

if why=$(explain) && [ -n "$why" ]; then
	say_page
	say_why
	[[ $attach == xdp || $why != *"capture with xdp-flowd"* ]] || say "not native XDP, which resets some cards: ATTACH=xdp takes it"
	say "${DURATION:+for $DURATION, }Ctrl-C ends"
	show_flows
	"$bin/capladder" -q --ready-fd 9 "${ladder[@]}" 9>"$run/ready" &
	capture=$!
	ready capladder
	if [ -n "${DURATION:-}" ]; then
		(sleep "$(seconds "$DURATION")" && kill -TERM "$capture") &
		clock=$!
	fi
	wait "$capture"
	code=$?
else
	say_page
	say "no live capture:"
	say_why
	say "playing $demo instead"
	show_flows
	"$bin/pcap-flow" -q -r "$demo" -o "ipc://$run/in.sock" --stats "$stats" &
	capture=$!
	wait "$capture"
	code=$?
fi
[ "$code" -lt 128 ] || code=0
capture=''
finish
wait "$view"
verdict=$?
[ ! -t 2 ] || printf '%s' "$said" >&2
[ "$code" -eq 0 ] || echo "run: the capture ended with exit $code" >&2
# A file that is followed has not ended: its stream is not closed (4).
if [ "$verdict" -eq 4 ] && grep -qs '"to":"eve-tail"' "$run/ladder/ladder.json"; then
	verdict=0
fi
[ "$verdict" -eq 0 ] || exit "$verdict"
exit "$code"
