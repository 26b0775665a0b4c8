#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# xdp-flowd in its two modes. What every engine does is in capture.bats, --pin in xdp-pin.bats,
# --doctor and --fix-offloads in xdp-doctor.bats.
#
# Each test is a subshell of its own, and so is the variable `engine` in it.
# shellcheck disable=SC2030,SC2031

bats_require_minimum_version 1.5.0
load lib
load engine

setup() {
	engine_setup 1500
}

teardown() {
	engine_teardown
}

parity() {
	"$TL_PYTHON" "$BATS_TEST_DIRNAME/parity.py" "$@"
}

# --- the same flows as everybody else ------------------------------------------------

@test "a thousand generated captures: the same flows from five engines" {
	tl_require_tool pcap-flow
	"$TL_PYTHON" "$BATS_TEST_DIRNAME/mixes.py" 0 1000 mixes.pcap
	capture_all ENGINES -q
	tl_tx "$TL_PYTHON" "$TAP" replay tx0 mixes.pcap
	stop_all ENGINES
	pcap-flow -q -r mixes.pcap -o file.tap
	files_of ENGINES
	[ "$(parity file.tap "${FILES[@]}")" -gt 20000 ]
}

@test "beside native XDP every engine counts the same segments, both ways" {
	tl_offloads on "$TL_NS_TX" tx0
	tl_offloads on "$TL_NS_RX" rx0
	capture_all ENGINES -q --direction both
	transfer
	stop_all ENGINES
	each_engine expect_transfer
	files_of ENGINES
	parity "${FILES[@]}"
}

@test "what a slower clock reads changes no count" {
	local clock
	local clocks=()
	for clock in precise coarse adaptive; do
		clocks+=("xdp-flowd --clock $clock --attach tcx")
	done
	capture_all clocks -q
	send udp:50 2000
	stop_all clocks
	files_of clocks
	parity "${FILES[@]}"
}

# --- auto ------------------------------------------------------------------------------

# counts_by WORDS OPTION...: auto says so, and counts.
counts_by() {
	local words=$1
	shift
	use_engine xdp-flowd
	capture_on "$@"
	grep -qF -- "counting by $words" xdp-flowd.err || {
		cat xdp-flowd.err
		return 1
	}
	send vlan 3
	finish
}

@test "auto is native XDP where it sees all, else tcx, and a line says why" {
	counts_by xdp -i rx0
	expect_events 1 type='"flow_end"' vlan=100 packets=3
	tl_rx ethtool -K rx0 rxvlan on
	counts_by "tcx: not by xdp: rx-vlan-offload" -i rx0
	expect_events 1 type='"flow_end"' vlan=100 packets=3
	counts_by "tcx: not by xdp: " -i lo
	tl_rx ethtool -K rx0 rxvlan off
	counts_by xdp-generic -i rx0 --attach generic
}

# foreign MODE: somebody else's program on rx0, its id in FOREIGN.
foreign() {
	clang -O2 -target bpf -c -o foreign.o -x c - <<-'END'
		__attribute__((section("xdp"), used)) int foreign_pass(void *ctx) { return 2; }
	END
	ip -n "$TL_NS_RX" link set dev rx0 "$1" obj foreign.o sec xdp
	FOREIGN=$(foreign_id)
}

foreign_id() {
	ip -n "$TL_NS_RX" -j link show dev rx0 | jq '.[0].xdp.prog.id'
}

# refused CODE TEXT OPTION...: one line, and nothing happens.
refused() {
	local code=$1 text=$2
	shift 2
	run --separate-stderr tl_rx timeout "$TL_DEADLINE" xdp-flowd -o /dev/null "$@"
	echo "$*: exit $status: $stderr"
	[ "$status" -eq "$code" ]
	[[ $stderr == *"$text"* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "another program on the hook: named and left alone; auto goes beside it" {
	tl_require_tool clang jq
	local mode
	for mode in xdpdrv xdpgeneric; do
		foreign "$mode"
		refused 3 "'foreign_pass' (id $FOREIGN)" -i rx0 --attach xdp
		counts_by "tcx: xdp: the program " -i rx0
		grep -qF "foreign_pass" xdp-flowd.err
		expect_events 1 type='"flow_end"' vlan=100 packets=3
		[ "$(foreign_id)" -eq "$FOREIGN" ]
		ip -n "$TL_NS_RX" link set dev rx0 "$mode" off
	done
}

# --- asked before --------------------------------------------------------------------------

# probed CODE TEXT OPTION...
probed() {
	local code=$1 text=$2
	shift 2
	run --separate-stderr tl_rx timeout "$TL_DEADLINE" xdp-flowd --probe --plain "$@"
	echo "$*: exit $status: $output $stderr"
	[ "$status" -eq "$code" ]
	[[ $output == *"$text"* ]]
	[ -z "$stderr" ]
	nothing_attached
}

nothing_attached() {
	local net
	net=$(tl_rx bpftool net show dev rx0)
	[[ $net != *rx0* ]] || {
		echo "$net"
		return 1
	}
}

@test "--probe: how it would count, or why it would not" {
	probed 0 "mode=xdp" -i rx0
	probed 0 "mode=tcx" -i rx0 --attach tcx
	probed 0 "mode=xdp+tcx" -i rx0 --direction both
	probed 0 "mode=xdp" -i rx0 -f 'tcp port 80'
	probed 0 "mode=tcx" -i lo
	probed 3 "reason=nope0: no such interface" -i nope0
	probed 3 "reason=lo: " -i lo --attach xdp
	run tl_rx timeout "$TL_DEADLINE" xdp-flowd --probe -i rx0
	jq -e '.usable == true and .mode == "xdp" and .reason == ""' <<<"$output"
}

@test "--probe=load attaches nothing" {
	tl_require_tool clang jq
	foreign xdpdrv
	run --separate-stderr tl_rx timeout "$TL_DEADLINE" xdp-flowd --probe --plain -i rx0 --attach xdp
	[ "$status" -eq 3 ]
	[[ $output == *"foreign_pass"* ]]
	# It would be refused if it tried.
	run --separate-stderr tl_rx timeout "$TL_DEADLINE" xdp-flowd --probe=load --plain -i rx0 \
		--attach xdp
	[ "$status" -eq 0 ]
	[[ $output == *"usable=true"* ]]
	[ "$(foreign_id)" -eq "$FOREIGN" ]
}

# CAP_SYS_ADMIN is CAP_BPF and CAP_PERFMON too.
without() {
	local caps=$1 name=$2
	shift 2
	run --separate-stderr ip netns exec "$TL_NS_RX" \
		setpriv --bounding-set="$caps" --inh-caps="$caps" \
		timeout "$TL_DEADLINE" xdp-flowd -i rx0 "$@"
	echo "$caps $*: exit $status: $output $stderr"
	[ "$status" -eq 3 ]
	[[ $output$stderr == *"$name"* ]]
}

@test "a capability is missing: exit 3, and it is named" {
	tl_require_tool setpriv
	local way
	for way in "-o /dev/null" --probe "--probe=load"; do
		# shellcheck disable=SC2086
		{
			without -bpf,-sys_admin CAP_BPF $way
			without -perfmon,-sys_admin CAP_PERFMON $way
			without -net_admin,-sys_admin CAP_NET_ADMIN $way
			without -all CAP_BPF $way
		}
	done
}

@test "-i any, --tap with what goes out, an epoch that is too long: exit 2, one line" {
	refused 2 "-i any" -i any
	refused 2 "--direction in" -i rx0 --tap --direction both
	refused 2 "--direction in" -i rx0 --tap --direction out
	refused 2 "--epoch" -i rx0 --epoch 1h
	refused 2 "--map-flows" -i rx0 --map-flows 1
	refused 2 "--idle" -i rx0 --idle 1ms
	refused 2 "'tcp prot 80'" -i rx0 --attach xdp -f 'tcp prot 80'
	refused 2 "'tcp prot 80'" -i rx0 --attach tcx -f 'tcp prot 80'
	refused 3 "--attach tcx" -i lo --attach xdp
}

# --- filters ------------------------------------------------------------------------------

# 41 frames of every kind.
send_kinds() {
	tl_tx "$TL_PYTHON" -c '
import runpy, sys
tap = runpy.run_path(sys.argv[1])
kinds = dict(udp=4, vlan=3, qinq=2, icmp=2, arp=5, ipv6=6, tcp=7, frag=8, gre=4)
frames = [tap["crafted"](kind, k, 2) for kind in kinds for k in range(kinds[kind])]
tap["transmit"]("tx0", frames)' "$TAP"
}

expect_filtered() {
	local counts
	counts=$(tap stat "$engine.out" packets filtered_packets residual_packets | xargs)
	[ "$counts" = "41 $((41 - $1)) 0" ] || {
		echo "$engine: $counts, expected $1 of 41 to match" >&2
		return 1
	}
}

matching() {
	local expected=$1
	shift
	echo "$*"
	capture_all KERNEL_ENGINES -q "$@"
	send_kinds
	stop_all KERNEL_ENGINES
	each_of KERNEL_ENGINES expect_filtered "$expected"
}

@test "filters: what does not match is counted as filtered, in both modes" {
	matching 41
	matching 5 arp
	matching 7 tcp port 22
	matching 5 -f vlan
	matching 3 -f 'vlan 100'
	matching 2 -f 'vlan 200 and vlan 100 and udp'
	matching 36 not vlan
	matching 6 ip6 and udp port 9
	matching 7 -f 'tcp[tcpflags] & tcp-push != 0'
	matching 12 -f 'len > 70'
	matching 4 -f 'ip[6:2] & 0x1fff != 0'
	matching 41 ether src 02:00:00:00:00:01
	matching 0 -f 'host 192.0.2.1'
}

# --- --tap ------------------------------------------------------------------------------------

no_address() {
	ip -n "$TL_NS_RX" addr flush dev rx0
}

taps() {
	use_engine "$1"
	capture -q --tap "${@:2}"
	send udp 5
	send icmp 4
	finish
	expect_stat packets 9
	expect_stat residual_packets 0
}

@test "--tap: counted, and nobody behind sees it, also what the filter refused" {
	no_address
	tl_start ring tl_rx tpv3-capd --ready-fd 9 -q -i rx0
	taps "xdp-flowd --attach xdp"
	taps "xdp-flowd --attach xdp" udp
	expect_stat filtered_packets 4
	send vlan 3
	tl_stop_ok ring
	[ "$(tap stat ring.out packets)" -eq 3 ]
	# tc is behind packet sockets.
	taps "xdp-flowd --attach tcx" udp
	expect_stat filtered_packets 4
}

# Datagrams to a socket of RX; the last one is of another kind, and there is no waiting for what
# does not come.
datagrams() {
	tl_tx "$TL_PYTHON" -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(int(sys.argv[2])): s.sendto(sys.argv[1].encode(), ("10.99.0.2", 5002))' "$1" "$2"
}

forced() {
	tl_spawn sink tl_rx "$TL_PYTHON" -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.99.0.2", 5002))
print("listening", flush=True)
print(s.recv(100).decode())'
	tl_wait_line sink.out listening
	capture -q --tap=force "$@"
	datagrams lost 10
	finish
	datagrams arrived 1
	tl_join sink
	grep -qx arrived sink.out
	expect_stat packets 10
}

@test "--tap=force: where there is an address, the stack gets nothing while it runs" {
	each_kernel forced
	each_kernel forced tcp
}

@test "--tap is refused with an address, a route, a master: exit 3" {
	refused 3 "it has the address 10.99.0.2 (--tap=force)" -i rx0 --tap
	no_address
	ip -n "$TL_NS_RX" route add 10.97.0.0/24 dev rx0
	refused 3 "1 routes go there" -i rx0 --tap
	ip -n "$TL_NS_RX" route flush dev rx0
	ip -n "$TL_NS_RX" link add bridge0 type bridge
	ip -n "$TL_NS_RX" link set rx0 master bridge0
	refused 3 "part of a bridge" -i rx0 --tap
	nothing_attached
}

# --- the books ----------------------------------------------------------------------------------

stops_under_flood() {
	for _ in 1 2; do
		capture -q --duration 300ms --epoch 50ms "$@"
		tl_join "$engine"
		[ "$TL_STATUS" -eq 0 ]
		evcat --check "$engine.out"
		expect_stat residual_packets 0
		expect_stat residual_bytes 0
		[ "$(tap stat "$engine.out" packets)" -gt 100 ]
	done
}

@test "start and stop in the middle of a flood leave no packet over" {
	tl_require_tool evcat
	flood
	each_kernel stops_under_flood
	each_kernel stops_under_flood -f 'portrange 1024-1040'
	tl_stop flood KILL
}

# The sum of flow_end with these flags
ended_packets() {
	tap events "$engine.out" | "$TL_PYTHON" -c '
import json, sys
ends = [e for e in map(json.loads, sys.stdin) if e["type"] == "flow_end"]
print(sum(e["packets"] for e in ends if e["flags"] == int(sys.argv[1])))' "$1"
}

scan() {
	local flow coarse unattributed
	capture -q --map-flows 64
	# As many networks as flows: more than the coarse map has entries, too.
	tl_tx "$TL_PYTHON" -c '
import runpy, struct, sys
tap = runpy.run_path(sys.argv[1])
def frame(k):
    data = bytearray(tap["crafted"]("udp", k, 4000))
    data[31:33] = struct.pack("!H", k)
    return bytes(data)
tap["transmit"]("tx0", [frame(k) for k in range(20000)])' "$TAP"
	finish
	evcat --check "$engine.out"
	{ read -r flow && read -r coarse && read -r unattributed; } < \
		<(tap stat "$engine.out" flow_packets coarse_packets unattributed_packets)
	echo "$flow in flows, $coarse in coarse ones, $unattributed in none"
	[ $((flow + coarse + unattributed)) -eq 20000 ]
	[ "$coarse" -gt 0 ]
	[ "$(ended_packets 0)" -eq "$flow" ]
	[ "$(ended_packets 2)" -eq "$coarse" ]
	expect_stat packets 20000
	expect_stat residual_packets 0
	expect_stat residual_bytes 0
}

@test "a scan that fills the maps: counted more coarsely, and nothing lost" {
	tl_require_tool evcat
	each_kernel scan
}

two_interfaces() {
	capture_on -q -i rx0 -i rx9
	send udp 3
	tl_tx "$TL_PYTHON" "$TAP" send tx9 vlan 4
	finish
	expect_events 1 type='"flow_end"' iface='"rx0"' vlan=0 packets=3
	expect_events 1 type='"flow_end"' iface='"rx9"' vlan=100 packets=4
	expect_events 2 type='"flow_end"'
}

@test "several -i: a stream of its own for each" {
	tl_veth_add "$TL_NS_TX" tx9 10.98.0.1 "$TL_NS_RX" rx9 10.98.0.2
	each_kernel two_interfaces
}

lo_both_ways() {
	use_engine "xdp-flowd --attach tcx"
	capture_on -q -i lo --direction "$1"
	tl_rx "$TL_PYTHON" "$TAP" send lo udp 5
	finish
	expect_stat packets "$2"
	expect_stat residual_packets 0
}

@test "lo: each packet goes out and comes in" {
	lo_both_ways in 5
	lo_both_ways out 5
	lo_both_ways both 10
}

at_least() {
	capture -q -c 1000 --epoch 50ms
	send udp 1500
	tl_join "$engine"
	[ "$TL_STATUS" -eq 0 ]
	tap check "$engine.out"
	[ "$(tap stat "$engine.out" packets)" -ge 1000 ]
}

@test "-c stops when at least so many were counted" {
	each_kernel at_least
}

# The first epoch ends later than anything here waits.
starts_at_once() {
	capture -q --epoch 60s --idle 300s --linger 300s
	send udp 3
	tl_wait_for has_started
	expect_events 0 type='"flow_end"'
	finish
	expect_events 1 type='"flow_end"' packets=3
}

has_started() {
	[ "$(count_events type='"flow_start"' packets=0 src_port=1024)" -eq 1 ]
}

@test "flow_start comes before anything is counted" {
	each_kernel starts_at_once
}

# --- life of the process ---------------------------------------------------------------------

# bpftool of Debian 12 does not know tcx; a program that is attached exists.
attached_programs() {
	sed -n 's/^prog_id:[[:space:]]*//p' "/proc/${TL_PID[$engine]}/fdinfo"/* | sort -u
}

all_gone() {
	local id
	for id; do
		! bpftool prog show id "$id" >/dev/null 2>&1 || return 1
	done
}

killed() {
	local programs
	capture -q --direction both
	mapfile -t programs < <(attached_programs)
	[ "${#programs[@]}" -ge 2 ]
	bpftool prog show id "${programs[0]}"
	"$@"
	tl_wait_for all_gone "${programs[@]}"
	nothing_attached
}

killed_and_ended() {
	killed tl_stop "$engine" KILL
	killed finish
}

@test "after kill -9, as after a clean end, nothing is attached" {
	tl_require_tool bpftool
	each_kernel killed_and_ended
}
