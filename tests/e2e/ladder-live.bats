#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# capladder with the real engines, down the ladder and up again, in private network namespaces.

bats_require_minimum_version 1.5.0
load lib

setup() {
	tl_setup
	tl_require_tool capladder xdp-flowd tpv3-capd afp-capd eve-tail evcat batcher jq setpriv prlimit
	tl_netns_setup
	run=$PWD/run
}

# What a ladder that is killed leaves behind goes as well.
teardown() {
	local file pid
	tl_teardown
	for file in run/child.*; do
		[ ! -e "$file" ] || { read -r pid _ <"$file" && kill -KILL "$pid" 2>/dev/null; } || true
	done
}

books() {
	jq -e "$1" "$run/ladder.json" >/dev/null
}

wait_books() {
	tl_wait_for books "$1" || {
		cat "$run/ladder.json" ladder.err >&2
		return 1
	}
}

ladder() { # WORD...: before capladder, as far as --, then options
	local before=()
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		before+=("$1")
		shift
	done
	shift || true
	tl_start ladder tl_rx "${before[@]}" capladder --ready-fd 9 --run "$run" -i rx0 -o "$PWD/out.tap" "$@"
}

# What the engine in charge counts goes up.
counting() {
	local before
	before=$(counted)
	tl_wait_for counts_more_than "$before"
}

counted() {
	local file packets
	file=$run/state.$(jq .run "$run/ladder.json")
	packets=$(sed -n 's/.*packets=0*\([0-9]*\).*/\1/p' "$file" 2>/dev/null)
	echo "${packets:-0}"
}

counts_more_than() {
	[ "$(counted)" -gt "$1" ]
}

# Some 300 datagrams a second, until stopped; ends by itself.
traffic() {
	cat >traffic.py <<-'END'
		import socket, time
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		end = time.monotonic() + 120
		while time.monotonic() < end:
		    for port in range(9, 12):
		        try:
		            s.sendto(b"tapline", ("10.99.0.2", port))
		        except OSError:
		            pass
		    time.sleep(0.01)
	END
	tl_spawn traffic tl_tx "$TL_PYTHON" traffic.py
}

# Streams of engines that were killed are not closed; nothing may differ.
check() {
	local code=0
	evcat --check out.tap >check.out 2>&1 || code=$?
	[ "$code" -eq 0 ] || [ "$code" -eq "${1:-0}" ] || {
		cat check.out >&2
		return 1
	}
	[ "$(grep -c differs check.out)" -eq 0 ]
}

@test "xdp-flowd killed under traffic: capture goes on, the gap is told, the books balance" {
	traffic
	ladder
	books '.engine == "xdp-flowd"'
	counting
	kill -KILL "$(jq .pid run/ladder.json)"
	wait_books '.restarts == 1 and .changes[-1].change == "restart" and .engine == "xdp-flowd"'
	books '.changes[-1].gap_ms | . != null and . < 20000'
	counting
	tl_stop_ok ladder
	check 4
	evcat --json -t engine_change out.tap |
		jq -e -s 'map(.entities | select(.change == "restart") | .gap_ns) | length == 1 and .[0] > 0'
}

@test "without CAP_BPF, then without CAP_NET_RAW: tpacket, then eve, with the reason" {
	tl_write_eve
	ladder setpriv --bounding-set=-bpf,-sys_admin --inh-caps=-all -- -r eve.json
	books '.engine == "tpv3-capd" and (.changes[0].reason | test("xdp-flowd: .*CAP_BPF"))'
	tl_stop_ok ladder
	ladder setpriv --bounding-set=-bpf,-sys_admin,-net_raw --inh-caps=-all -- -r eve.json
	books '.engine == "eve-tail" and (.changes[0].reason | test("tpv3-capd: .*CAP_NET_RAW"))'
	tl_stop_ok ladder
}

tl_write_eve() {
	printf '%s\n' '{"timestamp":"2026-01-01T00:00:00.000000+0000","event_type":"alert","src_ip":"10.0.0.1"}' >eve.json
}

@test "a foreign program on the hook: tpacket, and back on XDP when it has gone" {
	traffic
	tl_start foreign tl_rx xdp-flowd --attach xdp -i rx0 --ready-fd 9 -o foreign.tap
	ladder -- --args 'xdp-flowd=--attach xdp'
	books '.engine == "tpv3-capd" and (.changes[0].reason | test("xdp-flowd: "))'
	counting
	tl_stop_ok foreign
	kill -USR2 "${TL_PID[ladder]}"
	wait_books '.engine == "xdp-flowd" and .changes[-1].change == "climb" and .mode == "xdp"'
	books '.changes[-1].gap_ms | . != null and . < 20000'
	counting
	tl_stop_ok ladder
	check
	evcat --json -t flow_end out.tap | jq -e -s 'map(select(.entities.end_reason == "engine_change")) | length > 0'
}

@test "lo has no native XDP: --attach xdp goes one rung down" {
	tl_start ladder tl_rx capladder --ready-fd 9 --run "$run" -i lo -o "$PWD/out.tap" \
		--args 'xdp-flowd=--attach xdp'
	books '.engine == "tpv3-capd"'
	grep -q 'xdp-flowd: ' ladder.err
	tl_stop_ok ladder
	check
}

@test "no memory for the ring: the socket without a ring" {
	mkdir bin
	ln -s "$TL_BIN"/* bin/
	rm bin/tpv3-capd bin/capladder
	cp "$TL_BIN/capladder" bin/
	printf '#!/bin/sh\nexec prlimit --as=30000000 %s "$@"\n' "$TL_BIN/tpv3-capd" >bin/tpv3-capd
	chmod 755 bin/tpv3-capd
	tl_start ladder tl_rx bin/capladder --ready-fd 9 --run "$run" -i rx0 -o "$PWD/out.tap" \
		--require raw_packets
	books '.engine == "afp-capd"'
	books '.rungs[] | select(.name == "tpv3-capd") | .usable == false and (.reason | length) > 0'
	tl_stop_ok ladder
	check
}

@test "the interface is removed, and comes back" {
	traffic
	ladder
	counting
	tl_stop traffic
	ip -n "$TL_NS_RX" link del rx0
	wait_books '.state == "none"'
	wait_books '.rungs[0].reason | test("no such interface")'
	tl_veth_add "$TL_NS_TX" tx0 10.99.0.1 "$TL_NS_RX" rx0 10.99.0.2
	wait_books '.state == "capturing" and .engine == "xdp-flowd"'
	traffic
	counting
	tl_stop_ok ladder
	check
}
