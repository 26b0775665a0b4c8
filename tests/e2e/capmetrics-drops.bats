#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Whatever is dropped, wherever: it appears in /metrics, with its reason. How long that took is
# printed and not judged but by the deadline of every wait; it should be below 2 s.

bats_require_minimum_version 1.5.0
load lib

setup() {
	tl_setup
	tl_require_tool capmetrics curl jq pcap-flow
	"$TL_PYTHON" -c 'import msgpack' || tl_skip "no python3-msgpack"
	CRAFT=$BATS_TEST_DIRNAME/craft.py
	TAP=$BATS_TEST_DIRNAME/tap.py
	HTTPD=$BATS_TEST_DIRNAME/httpd.py
	demo=$TL_BIN/../demo.pcap
	[ -r "$demo" ] || tl_skip "no demo.pcap (make build/demo.pcap)"
	stats=ipc://$PWD/stats.sock
	tl_start capmetrics capmetrics --listen 127.0.0.1:0 --stats "$stats" --engines "$PWD" \
		--ladder none.json --ready-fd 9
	url=$(sed -n 's/.*serving at \(.*\)\/, reports.*/\1/p' capmetrics.err)
	[ -n "$url" ]
}

teardown() {
	if [ -z "${BATS_TEST_COMPLETED:-}" ]; then
		tail -n 5 ./*.err
	fi
	tl_teardown
}

get() {
	curl -sS --max-time "$TL_DEADLINE" "$url$1"
}

# value NAME LABEL=VALUE...: the sum of the samples of /metrics that have these labels; 0 of none.
value() {
	local name=$1 label
	shift
	get /metrics | grep "^${name}[{ ]" >rows || true
	for label; do
		grep -F "${label%%=*}=\"${label#*=}\"" rows >rows.new || true
		mv rows.new rows
	done
	awk '{ n += $NF } END { printf "%d\n", n }' rows
}

# at_least N NAME LABEL=VALUE...
at_least() {
	local least=$1
	shift
	[ "$(value "$@")" -ge "$least" ]
}

# Nothing of it yet; what follows happens now.
nothing_of() {
	[ "$(value "$@")" -eq 0 ]
	happened=$EPOCHREALTIME
}

# appears WHAT LEAST NAME LABEL=VALUE...: waits for that many, says how many there are and after what time.
appears() {
	local what=$1
	shift
	tl_wait_for at_least "$@" || {
		get /metrics >&2
		return 1
	}
	local now=$EPOCHREALTIME
	shift
	echo "# $what: $(value "$@") after $(((${now/./} - ${happened/./}) / 1000)) ms" >&3
}

# The page's data has the same: in all its tools, by name and reason.
reported() { # NAME REASON
	get /capture/metrics | jq -e --arg name "$1" --arg reason "$2" '[.tools[].metrics[] |
		select(.name == $name and .labels.reason == $reason).value] | add > 0' >/dev/null
}

balanced() {
	get /capture/metrics | jq -e '.books.balanced' >/dev/null
}

engine() { # OPTION...
	tl_require_tool tpv3-capd ethtool
	tl_netns_setup
	tl_start engine tl_rx tpv3-capd -q -i rx0 --stats "$stats" --ready-fd 9 "$@"
	tl_wait_for at_least 1 tapline_capmetrics_tool_up tool=tpv3-capd
}

send() { # KIND COUNT
	tl_tx "$TL_PYTHON" "$TAP" send tx0 "$@"
}

# all.tap: one stream in batches of at most 50 events, as if for a consumer that acknowledges.
small_batches() {
	pcap-flow -q -r "$demo" -o whole.tap
	"$TL_PYTHON" "$CRAFT" cut 50 whole.tap cut.tap
	"$TL_PYTHON" "$CRAFT" batches cut.tap part
	batches=()
	for ((k = 0; ; k++)); do
		[ -e "part$k" ] || break
		"$TL_PYTHON" "$CRAFT" waits "part$k" "batch$k"
		batches+=("batch$k")
	done
	cat "${batches[@]}" >all.tap
	total=$(evcat --json all.tap | wc -l)
}

ship() { # OPTION...
	tl_start shipper shipper -q --stats "$stats" --ready-fd 9 "$@"
	tl_wait_for at_least 1 tapline_capmetrics_tool_up tool=shipper
}

# --- capture ----------------------------------------------------------------------

# Sets sent. By wiregen where it was built (make bench-programs).
send_many() {
	local wiregen=$TL_BIN/../bench/wiregen
	sent=20000
	if [ -x "$wiregen" ]; then
		sent=400000
		"$wiregen" -q --netns "$TL_NS_TX" --peer-netns "$TL_NS_RX" -i tx0 --count "$sent" --rate 200000 --flows 1000
	else
		send udp "$sent"
	fi
}

# What was sent was received or dropped.
all_told() {
	[ $(($(value tapline_received_packets_total) + $(value tapline_dropped_skbs_total))) -eq "$sent" ]
}

@test "the kernel's ring: an engine that stands still under load" {
	engine --ring 256K --block 64K -o /dev/null
	nothing_of tapline_dropped_skbs_total
	kill -STOP "${TL_PID[engine]}"
	send_many
	kill -CONT "${TL_PID[engine]}"
	happened=$EPOCHREALTIME
	appears "kernel ring" 1 tapline_dropped_skbs_total tool=tpv3-capd iface=rx0 reason=kernel
	reported dropped_skbs kernel
	tl_wait_for all_told
	get /capture/metrics | jq -e '.dropped > 0 and .books.balanced'
	tl_stop_ok engine
	all_told
}

@test "the flow table: more flows than it holds" {
	engine --flows 10 -o /dev/null
	nothing_of tapline_evicted_flows_total
	send udp:500 2000
	happened=$EPOCHREALTIME
	appears "flow table" 1 tapline_evicted_flows_total tool=tpv3-capd iface=rx0
	tl_stop_ok engine
	# Ended early, and in the books all the same.
	get /capture/metrics | jq -e '.packets_processed == 2000 and .books.balanced'
}

@test "the window: more events than it holds, and nobody takes them" {
	engine --window 1M --every 1 -o "ipc://$PWD/nobody.sock"
	nothing_of tapline_lost_events_total
	send udp:2000 40000
	happened=$EPOCHREALTIME
	appears "window" 1 tapline_lost_events_total tool=tpv3-capd reason=window
	reported lost_events window
	get /capture/metrics | jq -e '.events_lost > 0'
	tl_wait_for balanced
}

# --- delivery ------------------------------------------------------------------------

@test "the quota of the spool: a sink that is down" {
	small_batches
	nothing_of tapline_lost_events_total
	for k in 1 2 3; do
		pcap-flow -q -r "$demo" -o "more$k"
		"$TL_PYTHON" "$CRAFT" cut 50 "more$k" "cut$k"
		cat "cut$k" >>all.tap
	done
	down=http://127.0.0.1:$("$TL_PYTHON" "$CRAFT" port)
	happened=$EPOCHREALTIME
	ship --spool spool --spool-quota 256K --on-full drop-oldest -I all.tap -o "$down"
	appears "spool quota" 1 tapline_lost_events_total tool=shipper reason=quota "sink=$down"
	reported lost_events quota
	get /capture/metrics | jq -e '[.reasons[].code] | contains(["sink"])'
	tl_wait_for balanced
	tl_stop_ok shipper
}

@test "a sink that refuses: what it will not have is declared lost" {
	small_batches
	tl_start web "$TL_PYTHON" "$HTTPD" --ready-fd 9 --port-file web.port --commit web.tap 422
	sink=http://127.0.0.1:$(<web.port)
	nothing_of tapline_lost_events_total
	ship --tries 1 --spool spool -I "ipc://$PWD/in.sock" -o "$sink"
	"$TL_PYTHON" "$CRAFT" send in.sock "${batches[@]}"
	happened=$EPOCHREALTIME
	appears "sink refusal" 1 tapline_lost_events_total tool=shipper reason=rejected "sink=$sink"
	appears "sink refusals" 1 tapline_sink_refusals_total tool=shipper "sink=$sink"
	reported lost_events rejected
	tl_wait_for at_least "$total" tapline_lost_events_total tool=shipper reason=rejected "sink=$sink"
	tl_wait_for balanced
}

# --- what is no batch -------------------------------------------------------------------

# broken: a good head, a last value that is none. noise: nothing of a batch. cut: half of one.
make_broken() {
	small_batches
	cp batch1 broken
	printf '\301' | dd of=broken bs=1 seek=$(($(wc -c <broken) - 1)) conv=notrunc status=none
	head -c 5000 /dev/urandom >noise
	# As msgpack may begin, no batch does.
	printf '\377' | dd of=noise bs=1 conv=notrunc status=none
	head -c "$(($(wc -c <batch2) / 2))" batch2 >cut
}

@test "malformed batches and noise, to batcher" {
	make_broken
	tl_start batcher batcher -q -I "ipc://$PWD/in.sock" -o /dev/null --stats "$stats" --ready-fd 9
	tl_wait_for at_least 1 tapline_capmetrics_tool_up tool=batcher
	nothing_of tapline_refused_batches_total tool=batcher
	[ "$(value tapline_skipped_bytes_total tool=batcher)" -eq 0 ]
	"$TL_PYTHON" "$CRAFT" send in.sock batch0 broken noise cut
	happened=$EPOCHREALTIME
	appears "batcher, malformed" 1 tapline_refused_batches_total tool=batcher
	appears "batcher, noise" 5000 tapline_skipped_bytes_total tool=batcher
	tl_wait_for balanced
	tl_stop_ok batcher
}

@test "malformed batches and noise, to shipper" {
	make_broken
	ship -I "ipc://$PWD/in.sock" -o "file:$PWD/seg"
	nothing_of tapline_refused_batches_total tool=shipper
	[ "$(value tapline_skipped_bytes_total tool=shipper)" -eq 0 ]
	"$TL_PYTHON" "$CRAFT" send in.sock batch0 broken noise cut
	happened=$EPOCHREALTIME
	appears "shipper, malformed" 1 tapline_refused_batches_total tool=shipper reason=malformed
	appears "shipper, its events" 50 tapline_malformed_events_total tool=shipper
	appears "shipper, noise" 5000 tapline_skipped_bytes_total tool=shipper
	reported refused_batches malformed
	tl_stop_ok shipper
}
