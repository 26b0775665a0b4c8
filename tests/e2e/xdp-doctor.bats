#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# What xdp-flowd --doctor finds, and what --fix-offloads changes and undoes.

load lib

setup() {
	tl_setup
	tl_require_tool ethtool jq pgrep xdp-flowd
	tl_netns_setup
}

teardown() {
	if [ -z "${BATS_TEST_COMPLETED:-}" ]; then
		tail -n 5 ./*.err || true
	fi
	tl_teardown
}

# doctor DEV [EXIT]: its report in $output.
doctor() {
	run tl_rx xdp-flowd --doctor -i "$1"
	echo "$output"
	[ "$status" -eq "${2:-0}" ]
}

# finding SUBJECT GRADE ITEM TEXT: a line of the report has this text.
finding() {
	grep -E "^$1 +$2 +$3 " <<<"$output" | grep -qF -- "$4" || {
		echo "no '$2' on '$3' of $1 that says '$4'" >&2
		return 1
	}
}

@test "the host: privileges and kernel features, found by trying" {
	doctor rx0
	finding host ok kernel "$(uname -r)"
	finding host ok CAP_BPF held
	finding host ok "BPF ring buffer" works
	finding host ok "XDP program" works
	finding host ok clock "ns a packet"
	finding host ok "map memory" MiB
	# Every finding says what it means for the counts.
	[ "$(grep -vc 'Effect: ' <<<"$output")" -eq 0 ]
}

@test "VLAN offload: on, with the command that mends it; off" {
	tl_rx ethtool -K rx0 rxvlan on
	doctor rx0
	finding rx0 warn rxvlan "Mend: ethtool -K rx0 rxvlan off"
	eval "tl_rx $(sed -n 's/^rx0 .*rxvlan .*Mend: //p' <<<"$output")"
	doctor rx0
	finding rx0 ok rxvlan "off. Effect: none."
}

@test "a veth: the offload of its other end" {
	ip -n "$TL_NS_RX" link add here0 type veth peer name here1
	tl_rx ethtool -K here1 txvlan on
	doctor here0
	finding here0 warn "txvlan of the peer" "Mend: ethtool -K here1 txvlan off"
	tl_rx ethtool -K here1 txvlan off
	doctor here0
	finding here0 ok "txvlan of the peer" off
	doctor rx0
	finding rx0 note "txvlan of the peer" "another namespace"
}

# foreign MODE: somebody else's program on rx0, its id in FOREIGN.
foreign() {
	clang -O2 -target bpf -c -o foreign.o -x c - <<-'END'
		__attribute__((section("xdp"), used)) int foreign_pass(void *ctx) { return 2; }
	END
	ip -n "$TL_NS_RX" link set dev rx0 "$1" obj foreign.o sec xdp
	FOREIGN=$(ip -n "$TL_NS_RX" -j link show dev rx0 | jq '.[0].xdp.prog.id')
}

@test "another program on the XDP hook: its id, name and mode" {
	tl_require_tool clang
	doctor rx0
	finding rx0 ok "XDP hook" free
	local mode command
	for mode in xdpdrv xdpgeneric; do
		foreign "$mode"
		doctor rx0
		command="ip link set dev rx0 $mode off"
		finding rx0 warn "XDP hook" "program $FOREIGN (foreign_pass), attached without a link"
		finding rx0 warn "XDP hook" "Mend: $command"
		finding rx0 ok "mode of auto" "another program has the XDP hook"
		# It was only looked at.
		[ "$(ip -n "$TL_NS_RX" -j link show dev rx0 | jq '.[0].xdp.prog.id')" -eq "$FOREIGN" ]
		eval "tl_rx $command"
	done
}

@test "--tap: an address, a route or a master refuse it" {
	doctor rx0
	finding rx0 note --tap "refused: addresses 1 (10.99.0.2), routes 1"
	ip -n "$TL_NS_RX" addr flush dev rx0
	doctor rx0
	finding rx0 ok --tap "possible: addresses 0, routes 0, no master"
	ip -n "$TL_NS_RX" route add 10.97.0.0/24 dev rx0
	doctor rx0
	finding rx0 note --tap "refused: addresses 0, routes 1, no master"
	ip -n "$TL_NS_RX" route flush dev rx0
	ip -n "$TL_NS_RX" link add bridge0 type bridge
	ip -n "$TL_NS_RX" link set rx0 master bridge0
	doctor rx0
	finding rx0 note --tap "part of a bridge"
}

@test "an interface that is down" {
	ip -n "$TL_NS_RX" link set rx0 down
	doctor rx0
	finding rx0 warn state "Mend: ip link set dev rx0 up"
}

@test "an interface that does not exist: exit 3, one line" {
	doctor nope0 3
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == *"nope0: no such interface"* ]]
}

@test "without privileges: exit 3, and the capability is named" {
	tl_require_tool setpriv
	run ip netns exec "$TL_NS_RX" setpriv --bounding-set=-all --inh-caps=-all \
		"$TL_BIN/xdp-flowd" --doctor -i rx0
	echo "$output"
	[ "$status" -eq 3 ]
	finding host fail CAP_BPF missing
	finding host fail CAP_NET_ADMIN missing
}

# --- --fix-offloads ----------------------------------------------------------------------------

# rxvlan_is on|off: the offload of either kind of tags.
rxvlan_is() {
	[ "$(tl_rx ethtool -k rx0 | grep -cE "^(rx-vlan-offload|rx-vlan-stag-hw-parse): $1\$")" -eq 2 ]
}

start_fixed() {
	tl_start flowd tl_rx xdp-flowd --ready-fd 9 -i rx0 --fix-offloads
	rxvlan_is off
}

tags_on() {
	tl_rx ethtool -K rx0 rxvlan on rx-vlan-stag-hw-parse on
	rxvlan_is on
}

# The guard is the one child of the daemon.
guard_of() {
	pgrep -P "${TL_PID[flowd]}" xdp-flowd-guard
}

@test "--fix-offloads: off while it runs, on after SIGTERM" {
	tags_on
	start_fixed
	tl_stop_ok flowd
	rxvlan_is on
}

@test "--fix-offloads: what was off stays off" {
	tl_rx ethtool -K rx0 rxvlan off rx-vlan-stag-hw-parse off
	start_fixed
	tl_stop_ok flowd
	rxvlan_is off
}

@test "--fix-offloads: on again after kill -9" {
	tags_on
	start_fixed
	tl_stop flowd KILL
	tl_wait_for rxvlan_is on
}

@test "--fix-offloads: its guard keeps one capability and no descriptor of others" {
	tags_on
	start_fixed
	local guard
	guard=$(guard_of)
	# CAP_NET_ADMIN is bit 12.
	grep -qx 'CapPrm:	0000000000001000' "/proc/$guard/status"
	grep -qx 'CapEff:	0000000000001000' "/proc/$guard/status"
	grep -qx 'CapBnd:	0000000000000000' "/proc/$guard/status"
	grep -qx 'NoNewPrivs:	1' "/proc/$guard/status"
	# Standard error, its end of the socket, the file.
	[ "$(find "/proc/$guard/fd" -type l | wc -l)" -eq 3 ]
	# What ends a process group does not end it.
	kill -INT "$guard"
	kill -TERM "$guard"
	kill -HUP "$guard"
	rxvlan_is off
	tl_stop_ok flowd
	rxvlan_is on
	tl_gone "$guard"
}

@test "--fix-offloads: the next start undoes what both of them, killed, have left" {
	tags_on
	start_fixed
	kill -KILL "$(guard_of)"
	tl_stop flowd KILL
	rxvlan_is off
	start_fixed
	grep -q 'undoing what a killed xdp-flowd has left' flowd.err
	tl_stop_ok flowd
	rxvlan_is on
}

@test "--fix-offloads: started again at once after kill -9" {
	tags_on
	for _ in 1 2 3 4 5; do
		start_fixed
		tl_stop flowd KILL
	done
	start_fixed
	tl_stop_ok flowd
	rxvlan_is on
}
