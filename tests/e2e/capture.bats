#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The capture engines on a wire of their own: what all of them do, and what those on packet sockets
# do. Of xdp-flowd alone: xdp-flowd.bats.
#
# Each test is a subshell of its own, and so is the variable `engine` in it.
# shellcheck disable=SC2030,SC2031

load lib
load engine

setup() {
	engine_setup 9000
}

teardown() {
	engine_teardown
}

# --- the same flows as everybody else ------------------------------------------------

# same_flows LIST FILE: its engines, and what is in FILE, if any.
same_flows() {
	files_of "$1"
	"$TL_PYTHON" "$BATS_TEST_DIRNAME/parity.py" "${FILES[@]}" "${@:2}"
}

# All at once: each capture needs to be sent but once.
captured_by_all() {
	capture_all ENGINES -q
	tl_tx "$TL_PYTHON" "$TAP" replay tx0 "$1"
	stop_all ENGINES
}

@test "golden captures replayed: the rows of an independent dissector" {
	tl_require_golden
	local pcap
	for pcap in "$GOLDEN_DIR"/*.pcap; do
		echo "$pcap"
		captured_by_all "$pcap"
		diff <(tap golden "$GOLDEN_DIR/golden.tsv" "$(basename "$pcap")") <(tap flows tpv3-capd.out)
		same_flows ENGINES
	done
}

# XDP reads headers in the first buffer of a frame alone, some 3,500 bytes.
same_as_pcap_flow() {
	tap whole "$1" whole.pcap 3500
	captured_by_all whole.pcap
	pcap-flow -q -r whole.pcap -o file.tap
	same_flows ENGINES file.tap
}

@test "golden captures replayed: flow for flow what pcap-flow makes of the file" {
	tl_require_tool pcap-flow
	local pcap
	for pcap in "$GOLDEN_DIR"/*.pcap "$TL_BIN/../golden.pcap" "$TL_BIN/../demo.pcap"; do
		# Gaps in the file end flows there, and not in a replay at full speed.
		case $(basename "$pcap") in
		ipv6-fragmented-dns.pcap | mixed-vlan-mpls.pcap | mpls-in-vlan.pcap) continue ;;
		pppoe-over-qinq.pcap | pppoe.pcap | gre-sample.pcap | ipv6_zero_len_ah.pcap) continue ;;
		tcp-http-with-padding.pcap) continue ;;
		esac
		[ -r "$pcap" ] || continue
		echo "$pcap"
		same_as_pcap_flow "$pcap"
	done
}

# --- tags, filters, directions ---------------------------------------------------------

tags_come_back() {
	capture -q
	send vlan 3
	send qinq 2
	finish
	expect_events 1 type='"flow_end"' vlan=100 vlan_inner=0 packets=3 bytes=192
	expect_events 1 type='"flow_end"' vlan=200 vlan_inner=100 packets=2 bytes=136
}

@test "VLAN tags that the kernel stripped are in the key and in the length" {
	each_engine tags_come_back
}

filtered() {
	local expected=$1
	shift
	capture_on -q "$@"
	send udp 4
	send vlan 3
	send icmp 2
	send arp 5
	send ipv6 6
	finish
	# Those that count what the filter refuses have it among the packets.
	local packets filtered
	{ read -r packets && read -r filtered; } < <(tap stat "$engine.out" packets filtered_packets)
	[ $((packets - filtered)) -eq "$expected" ]
	expect_stat residual_packets 0
}

@test "-f keeps packets out, the words after the options do the same" {
	each_engine filtered 13 -i rx0 -f 'udp port 9 or vlan'
	each_engine filtered 2 -i rx0 icmp
	each_engine filtered 6 -i rx0 ip6 and udp port 9
	each_engine filtered 5 -i rx0 -f arp
	each_engine filtered 17 -i rx0 not vlan
}

@test "-f 'vlan 100' sees the tag beside the frame" {
	each_engine filtered 3 -i rx0 -f 'vlan 100'
	each_engine filtered 0 -i rx0 -f 'vlan 101'
	each_engine filtered 3 -i rx0 -f 'vlan and udp port 9'
}

@test "-i any takes the same filters" {
	each_ring filtered 4 -i any udp port 9 and ip and not vlan
	each_ring filtered 3 -i any -f 'vlan 100'
	each_ring filtered 2 -i any -f 'icmp[0] == 8'
	each_ring filtered 6 -i any ip6
	each_ring filtered 20 -i any ether src 02:00:00:00:00:01
	each_ring filtered 0 -i any ether src 02:00:00:00:00:09
	each_ring filtered 20 -i any
}

both_ways() {
	local expected=$1
	shift
	capture -q "$@"
	send udp 3
	tl_rx "$TL_PYTHON" "$TAP" send rx0 icmp 4
	finish
	expect_stat packets "$expected"
}

@test "--direction in is the default; out and both" {
	each_engine both_ways 3
	each_engine both_ways 3 --direction in
	each_engine both_ways 4 --direction out
	each_engine both_ways 7 --direction both
}

direction_field() {
	capture -q --direction both
	send udp 3
	tl_rx "$TL_PYTHON" "$TAP" send rx0 icmp 4
	finish
	expect_events 1 type='"flow_end"' direction=0 packets=3
	expect_events 1 type='"flow_end"' direction=1 packets=4
}

@test "the direction is in the key" {
	each_engine direction_field
}

other_interfaces() {
	capture_on -q -i rx0 -i lo --direction both
	send udp 3
	tl_rx "$TL_PYTHON" "$TAP" send lo icmp 4
	finish
	expect_events 1 type='"flow_end"' iface='"rx0"' packets=3
	# Once as it leaves, once as it comes back.
	expect_events 2 type='"flow_end"' iface='"lo"' packets=4
}

@test "one stream for each -i" {
	# There is no native XDP on lo.
	local here=("${RING_ENGINES[@]}" "xdp-flowd --attach tcx" "xdp-flowd --attach auto")
	each_of here loudly other_interfaces
}

# --- segmentation offload -----------------------------------------------------------------

expect_merged() {
	local packets skbs
	expect_transfer
	read -r packets _ _ skbs < <(segments_of "$engine.out")
	[ "$skbs" -lt "$packets" ]
}

@test "merged packets count as the segments on the wire, with their headers" {
	# Without native XDP, under which nothing is merged.
	local merging=("${RING_ENGINES[@]}" "xdp-flowd --attach tcx")
	tl_offloads on "$TL_NS_TX" tx0
	tl_offloads on "$TL_NS_RX" rx0
	capture_all merging -q tcp
	transfer
	stop_all merging
	each_of merging loudly expect_merged
	diff <(segments_of tpv3-capd.out) <(segments_of afp-capd.out)
	diff <(segments_of tpv3-capd.out) <(segments_of xdp-flowd-tcx.out)
}

# --- --raw ---------------------------------------------------------------------------------

raw_packets() {
	SSH_CONNECTION='10.99.0.1 1025 10.99.0.2 22' capture -q --raw --payload 6
	send udp 3
	send tcp:4 8
	finish
	expect_events 3 type='"packet"' proto=17 length=60 payload='"000000000000"'
	# 10.99.0.1 1025 is one of the four connections: it is the caller's ssh.
	expect_events 6 type='"packet"' proto=6 payload='"736563726574"'
	expect_events 0 type='"packet"' src_port=1025
	expect_stat packets 11
}

@test "--raw: an event for each packet, but for the caller's ssh" {
	each_ring raw_packets
}

raw_included() {
	SSH_CONNECTION='10.99.0.1 1025 10.99.0.2 22' capture -q --raw --include-own
	send tcp:4 8
	finish
	expect_events 8 type='"packet"' proto=6
}

@test "--raw --include-own leaves nothing out" {
	each_ring raw_included
}

# --- threads ---------------------------------------------------------------------------------

# each_once KIND COUNT FLOWS KEY...: over four rings every flow is whole.
each_once() {
	local kind=$1 count=$2 flows=$3
	shift 3
	capture -q --threads 4 --ring 4M --block 256K
	send "$kind:$flows" "$count"
	finish
	expect_events "$flows" type='"flow_end"' packets=$((count / flows)) "$@"
	expect_events "$flows" type='"flow_end"'
	expect_stat packets "$count"
	expect_stat residual_packets 0
}

@test "--threads: a flow is never split over two rings" {
	each_ring each_once udp 400 100
	each_ring each_once gre 400 100 proto=47
	each_ring each_once vlan 400 100 vlan=100
	each_ring each_once qinq 400 100 vlan_inner=100
}

@test "--threads: fragments stay with their datagram" {
	each_ring each_once frag 400 100 src_port=1024 dst_port=9 flags=0
}

outgoing_fragments() {
	capture -q --threads 4 --ring 4M --block 256K --direction out
	tl_rx "$TL_PYTHON" "$TAP" send rx0 frag:100 400
	finish
	expect_events 100 type='"flow_end"' src_port=1024 packets=4
}

@test "--threads: outgoing packets too" {
	each_ring outgoing_fragments
}

# --- the books ---------------------------------------------------------------------------------

overrun() {
	capture -q --ring 256K --block 64K
	# Stopped, it reads nothing: what does not fit must be in the drops.
	kill -STOP "${TL_PID[$engine]}"
	send udp 20000
	kill -CONT "${TL_PID[$engine]}"
	finish
	local packets drops
	packets=$(tap stat "$engine.out" packets)
	drops=$(tap stat "$engine.out" kernel_drops)
	echo "$engine: $packets packets, $drops drops"
	[ "$drops" -gt 0 ]
	[ "$packets" -gt 0 ]
	[ $((packets + drops)) -eq 20000 ]
	expect_stat residual_packets 0
}

@test "packets + drops = sent, when the ring is too small" {
	each_ring overrun
}

stop_under_flood() {
	for _ in 1 2 3; do
		capture -q --threads 2 --ring 1M --block 64K --duration 300ms
		tl_join "$engine"
		[ "$TL_STATUS" -eq 0 ]
		tap check "$engine.out"
		expect_stat residual_packets 0
		[ "$(tap stat "$engine.out" packets)" -gt 100 ]
	done
}

@test "start and stop in the middle of a flood leave no packet over" {
	flood
	each_ring stop_under_flood
	tl_stop flood KILL
}

# device KIND NAME COUNT: tap.py's tap (device) or tun (tunnel) device, up in RX.
device() {
	[ -c /dev/net/tun ] || tl_skip "no /dev/net/tun"
	mkfifo control
	exec {control}<>control
	tl_spawn device tl_rx "$TL_PYTHON" "$TAP" "$1" "$2" "$3" control
	tl_wait_line device.out up
}

device_sends() {
	echo >&"$control"
	tl_wait_line device.out sent
}

device_ends() {
	echo >&"$control"
	tl_join device
	exec {control}>&-
	rm control
}

undescribed() {
	device device tap0 50
	capture_on -q -i tap0
	device_sends
	finish
	device_ends
	expect_stat packets 50
	expect_stat kernel_drops 50
	expect_stat residual_packets 0
}

@test "packets that the kernel cannot describe are drops, not leftovers of the ring" {
	each_ring undescribed
}

without_link_header() {
	device tunnel tun0 5
	capture_on -q "$@"
	device_sends
	finish
	device_ends
	expect_events 1 type='"flow_end"' src_ip='"10.99.0.1"' dst_port=9 packets=5 bytes=230
	expect_events 1 type='"flow_end"'
	expect_stat packets 5
}

@test "interfaces without a link header" {
	each_ring without_link_header -i tun0
	each_ring without_link_header -i tun0 udp port 9
	each_ring without_link_header -i any udp port 9
	each_ring without_link_header -i any --threads 3 --ring 1M --block 64K
}

counted_exactly() {
	capture -q -c 1000
	send udp 1500
	tl_join "$engine"
	[ "$TL_STATUS" -eq 0 ]
	tap check "$engine.out"
	expect_stat packets 1000
	expect_stat residual_packets 0
}

@test "-c stops after exactly so many packets" {
	each_ring counted_exactly
}

evcat_agrees() {
	capture -q
	send udp:20 5000
	finish
	evcat --check "$engine.out"
}

@test "evcat --check finds the stream complete" {
	tl_require_tool evcat
	each_engine evcat_agrees
}

idle_ends() {
	capture -q --idle 200ms
	send udp 3
	tl_wait_for ended_idle
	finish
	# Idle is 3.
	expect_events 1 type='"flow_end"' end_reason=3 packets=3
}

ended_idle() {
	[ "$(count_events type='"flow_end"')" -eq 1 ]
}

@test "silence ends flows" {
	each_engine idle_ends
}

# --- privileges ------------------------------------------------------------------------------

no_privileges() {
	capture -q
	local status tasks=0
	for status in /proc/"${TL_PID[$engine]}"/task/*/status; do
		grep -qx 'CapEff:	0000000000000000' "$status"
		grep -qx 'CapPrm:	0000000000000000' "$status"
		grep -qx 'CapBnd:	0000000000000000' "$status"
		grep -qx 'NoNewPrivs:	1' "$status"
		grep -qx 'Seccomp:	2' "$status"
		tasks=$((tasks + 1))
	done
	[ "$tasks" -ge 3 ]
	if id tapline 2>/dev/null; then
		[ "$(stat -c %U "/proc/${TL_PID[$engine]}/task")" = tapline ]
	fi
	finish
}

@test "every thread runs without capabilities, under seccomp" {
	each_engine no_privileges
}

# An account for this test alone: in a mount namespace of its own.
becomes_tapline() {
	sed '/^tapline:/d' /etc/passwd >passwd
	sed '/^tapline:/d' /etc/group >group
	echo 'tapline:x:64001:64002::/:/bin/false' >>passwd
	echo 'tapline:x:64002:' >>group
	tl_start "$engine" ip netns exec "$TL_NS_RX" unshare -m sh -c '
		mount --bind passwd /etc/passwd && mount --bind group /etc/group && exec "$@"' \
		sh "${command[@]}" --ready-fd 9 -q -i rx0 -w mine.tap
	for status in /proc/"${TL_PID[$engine]}"/task/*/status; do
		grep -qx 'Uid:	64001	64001	64001	64001' "$status"
		grep -qx 'Gid:	64002	64002	64002	64002' "$status"
		grep -qx 'CapEff:	0000000000000000' "$status"
	done
	send udp 3
	tl_stop_ok "$engine"
	tap check mine.tap
}

@test "it becomes the user tapline, and the file was opened before" {
	each_engine becomes_tapline
}

without_net_raw() {
	run ip netns exec "$TL_NS_RX" setpriv --bounding-set=-net_raw --inh-caps=-net_raw \
		"${command[@]}" -i rx0 "$@"
	[ "$status" -eq 3 ]
	[[ $output == *CAP_NET_RAW* ]]
}

@test "without CAP_NET_RAW: exit 3, and it is named" {
	tl_require_tool setpriv
	each_ring without_net_raw -o /dev/null
	each_ring without_net_raw --probe
}

# --- usage -----------------------------------------------------------------------------------

refused() {
	local code=$1 text=$2
	shift 2
	run tl_rx "${command[@]}" -o /dev/null "$@"
	echo "$engine $*: exit $status: $output"
	[ "$status" -eq "$code" ]
	[[ $output == *"$text"* ]]
	[ "${#lines[@]}" -eq 1 ]
}

@test "bad usage: exit 2 and one line that says what; no interface there: exit 3" {
	each_engine refused 2 "no interface"
	each_engine refused 2 "filter 'tcp prot 80'" -i rx0 -f 'tcp prot 80'
	each_engine refused 2 "not both" -i rx0 -f tcp udp
	each_engine refused 2 "--direction" -i rx0 --direction up
	each_ring refused 2 "power of two" -i rx0 --block 100000
	each_engine refused 2 "twice" -i rx0 -i rx0
	each_ring refused 2 "twice" -i rx0 -i any
	each_engine refused 3 "no such interface" -i nope0
}

probes() {
	run --separate-stderr tl_rx "${command[@]}" --probe -i rx0
	[ "$status" -eq 0 ]
	[ "$("$TL_PYTHON" -c 'import json, sys; a = json.load(sys.stdin); print(a["name"], a["usable"], a["reason"])' <<<"$output")" = "${command[0]} True " ]
	run --separate-stderr tl_rx "${command[@]}" --probe --plain -i nope0
	[ "$status" -eq 3 ]
	[[ $output == *"usable=false"*"reason=nope0: no such interface"* ]]
	run "${command[0]}" --capabilities --plain
	[ "$status" -eq 0 ]
	[[ $output == *"emits_flows=true"* ]]
}

@test "--probe tries it, --capabilities says what holds everywhere" {
	bats_require_minimum_version 1.5.0
	each_engine probes
}

# --- life of the process ---------------------------------------------------------------------

statistics_on_request() {
	capture
	send udp 3
	kill -USR1 "${TL_PID[$engine]}"
	tl_wait_line "$engine.err" 'rx0: [0-9]+ packets'
	: >"$engine.err"
	finish
	grep -q 'rx0: 3 packets.*1 flows.*0 dropped' "$engine.err"
}

@test "SIGUSR1 and the end print one line of statistics" {
	each_engine statistics_on_request
}

promiscuity() {
	tl_rx ip -d link show rx0 | grep -q "promiscuity $1"
}

promiscuous() {
	capture -q
	promiscuity 1
	finish
	capture -q -p
	promiscuity 0
	finish
}

@test "promiscuous by default, not with -p" {
	each_engine promiscuous
}

reader_goes() {
	mkfifo "$engine.fifo"
	tl_spawn "$engine" ip netns exec "$TL_NS_RX" sh -c "exec ${command[*]} -i rx0 >$engine.fifo"
	head -c 1 "$engine.fifo" >/dev/null
	tl_join "$engine"
	[ "$TL_STATUS" -eq 0 ]
}

@test "a reader that goes away is a clean end" {
	each_engine reader_goes
}

writes_file() {
	capture -q -w here.tap
	send udp 3
	tl_stop_ok "$engine"
	tap check here.tap
	[ ! -s "$engine.out" ]
}

@test "-w writes a file" {
	each_engine writes_file
}

goes_down_and_up() {
	capture -q
	send udp 3
	ip -n "$TL_NS_RX" link set rx0 down
	ip -n "$TL_NS_RX" link set rx0 up
	tl_wait_for tl_rx grep -qx up /sys/class/net/rx0/operstate
	send udp 4
	finish
	expect_stat packets 7
	expect_stat residual_packets 0
}

ends_with_its_terminal() {
	capture -q
	send udp 3
	tl_stop "$engine" HUP
	[ "$TL_STATUS" -eq 0 ]
	tap check "$engine.out"
}

@test "SIGHUP is a clean end" {
	each_engine ends_with_its_terminal
}

ends_with_its_disk() {
	capture -q -o /dev/full
	send udp 3
	tl_join "$engine"
	[ "$TL_STATUS" -eq 1 ]
	grep -q 'cannot write /dev/full: No space left on device' "$engine.err"
}

@test "a full disk ends a capture, exit 1: whoever started it is to know" {
	each_engine ends_with_its_disk
}

@test "an interface that goes down and up again goes on" {
	each_engine goes_down_and_up
}

is_removed() {
	tl_veth_add "$TL_NS_TX" tx9 10.98.0.1 "$TL_NS_RX" rx9 10.98.0.2
	capture_on -i rx9 -q
	ip -n "$TL_NS_RX" link del rx9
	tl_join "$engine"
	[ "$TL_STATUS" -eq 1 ]
	grep -q 'rx9: the interface was removed' "$engine.err"
	tap check "$engine.out"
}

@test "an interface that is removed: exit 1, the stream complete" {
	each_engine is_removed
}
