#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# --community-id: the ids of the specification, computed a second time in community_id.py, the same
# from every engine and from eve lines. In pcap-flow by files, in the capture engines by a wire.
#
# Each test is a subshell of its own, and so is the variable `engine` in it.
# shellcheck disable=SC2030,SC2031

load lib
load engine

setup() {
	tl_setup
	tl_require_tool pcap-flow evcat
	"$TL_PYTHON" -c 'import msgpack' || tl_skip "no python3-msgpack"
}

teardown() {
	engine_teardown
}

ids() {
	"$TL_PYTHON" "$BATS_TEST_DIRNAME/community_id.py" "$@"
}

# The captures there are, in CAPTURES.
captures() {
	local pcap
	CAPTURES=()
	for pcap in "$GOLDEN_DIR"/*.pcap "$TL_BIN/../golden.pcap" "$TL_BIN/../demo.pcap"; do
		[ ! -r "$pcap" ] || CAPTURES+=("$pcap")
	done
	[ ${#CAPTURES[@]} -gt 0 ] || tl_skip "no $GOLDEN_DIR, no golden.pcap (make build/golden.pcap)"
}

# --- files ---------------------------------------------------------------------------

@test "captures: every flow event has the id of the specification, and the books balance" {
	local pcap count pairs all=0
	captures
	for pcap in "${CAPTURES[@]}"; do
		pcap-flow -q --community-id --every 1 -r "$pcap" -o ids.tap
		read -r count pairs < <(ids check ids.tap)
		echo "$pcap: $count events, $pairs ids of both directions"
		[ "$count" -gt 0 ]
		all=$((all + pairs))
		evcat --check ids.tap
	done
	[ "$all" -gt 0 ]
}

@test "both directions of a connection have the one id that others print" {
	tl_require_golden
	pcap-flow -q --community-id -r "$GOLDEN_DIR/get.pcap" | evcat --json >get.json
	[ "$(jq -r 'select(.type == "flow_end").entities.community_id' get.json)" = "$(
		printf '%s\n' 1:yvyB8h+3dnggTZW0UEITWCst97w= 1:yvyB8h+3dnggTZW0UEITWCst97w=
	)" ]
}

@test "captures: without the option nothing has one, and all else is the same" {
	local pcap
	captures
	for pcap in "${CAPTURES[@]}"; do
		pcap-flow -q -r "$pcap" -o plain.tap
		pcap-flow -q --community-id -r "$pcap" -o ids.tap
		ids none plain.tap
		for file in plain ids; do
			evcat --json "$file.tap" | jq -c 'select(.type != "capture_stats") |
				[.type, .timestamp, .number, .edges, (.entities | del(.community_id))]' >"$file"
		done
		cmp plain ids
	done
}

@test "captures: the ids that eve lines of the same flows get" {
	local dump=$TL_BIN/../tests/evedump pcap count all=0
	[ -x "$dump" ] || tl_skip "no evedump (make build/tests/evedump)"
	captures
	for pcap in "${CAPTURES[@]}"; do
		pcap-flow -q --community-id -r "$pcap" -o ids.tap
		ids eve ids.tap | "$dump" community_id >eve.tap
		count=$(ids same ids.tap eve.tap)
		all=$((all + count))
	done
	[ "$all" -gt 100 ]
}

# --- what comes after --------------------------------------------------------------------

some_capture() {
	captures
	pcap-flow -q --community-id --every 1 -r "${CAPTURES[-1]}" -o ids.tap
}

@test "batcher joins them, evcat replays, selects and checks them" {
	tl_require_tool batcher
	some_capture
	batcher -q --batch-size 1 -I ids.tap -o single.tap
	batcher -q --batch-size 65535 -I single.tap -o joined.tap
	[ "$(ids check joined.tap)" = "$(ids check ids.tap)" ]
	cmp <(evcat --json joined.tap) <(evcat --json ids.tap)
	evcat --check joined.tap
	evcat -t flow_start,flow_update,flow_end -o flows.tap ids.tap
	[ "$(ids check flows.tap)" = "$(ids check ids.tap)" ]
	evcat ids.tap >table
	[ "$(wc -l <table)" -gt 10 ]
}

@test "evcat --from-json: flow events with an id are the same to the byte again" {
	local pcap
	captures
	for pcap in "${CAPTURES[@]}"; do
		# From an address to itself: the edge in JSON does not say which is which.
		[ "$(basename "$pcap")" != mpls-in-vlan.pcap ] || continue
		pcap-flow -q --community-id -r "$pcap" |
			evcat -t flow_start,flow_update,flow_end -o flows.tap
		evcat --json flows.tap | evcat --from-json >again.tap
		cmp <("$TL_PYTHON" "$BATS_TEST_DIRNAME/evcat.py" events flows.tap | tr -d '\n') \
			<("$TL_PYTHON" "$BATS_TEST_DIRNAME/evcat.py" events again.tap | tr -d '\n')
	done
}

# --- the engines ---------------------------------------------------------------------------

wire() {
	tl_require_tool ethtool tpv3-capd afp-capd xdp-flowd
	tl_netns_setup
	ip -n "$TL_NS_TX" link set tx0 mtu 9000
	ip -n "$TL_NS_RX" link set rx0 mtu 3000
}

has_ids_of_file() {
	diff file.ids <(ids ids "$engine.out")
	ids check "$engine.out"
	evcat --check "$engine.out"
}

has_none() {
	ids none "$engine.out"
}

@test "engines: the ids that pcap-flow gives, none without the option" {
	local pcap
	wire
	captures
	for pcap in "${CAPTURES[@]}"; do
		case $(basename "$pcap") in
		5-pings.pcap | fragmented-1.pcap | ipv6-fragmented-dns.pcap | sctp.pcap) ;;
		gre-sample.pcap | ipv6-mobility-dst-opts.pcap | q-in-q.pcap | golden.pcap) ;;
		*) continue ;;
		esac
		echo "$pcap"
		tap whole "$pcap" whole.pcap 3500
		pcap-flow -q --community-id -r whole.pcap -o file.tap
		ids ids file.tap >file.ids
		capture_all ENGINES -q --community-id
		tl_tx "$TL_PYTHON" "$TAP" replay tx0 whole.pcap
		stop_all ENGINES
		each_engine has_ids_of_file
	done
	capture_all ENGINES -q
	tl_tx "$TL_PYTHON" "$TAP" replay tx0 whole.pcap
	stop_all ENGINES
	each_engine has_none
}

raw_packets() {
	local count
	capture -q --raw --community-id
	send tcp 3
	send icmp 3
	send ipv6 3
	send gre 3
	finish
	read -r count _ < <(ids check "$engine.out")
	[ "$count" -eq 12 ]
	expect_events 12 type='"packet"'
	capture -q --raw
	send tcp 3
	finish
	ids none "$engine.out"
}

@test "--raw: every packet has one" {
	wire
	each_ring raw_packets
}

coarse_flows() {
	capture -q --community-id --map-flows 64
	send udp:500 2000
	finish
	ids check "$engine.out" coarse
	evcat --check "$engine.out"
}

@test "flows of a coarse key have none: their addresses are of no packet" {
	wire
	each_kernel coarse_flows
}
