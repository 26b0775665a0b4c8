#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# What capture engines answer to --capabilities and --probe: docs/capabilities.schema.json.
#
# Each test is a subshell of its own, and so is the variable `engine` in it.
# shellcheck disable=SC2030,SC2031

bats_require_minimum_version 1.5.0
load lib
load engine

setup() {
	engine_setup 1500
	"$TL_PYTHON" -c 'import jsonschema' || tl_skip "no python3-jsonschema"
}

teardown() {
	tl_teardown
}

# asks CODE KIND COMMAND...: by both forms; `usable|mode|reason` in ANSWER.
asks() {
	local code=$1 kind=$2
	shift 2
	echo "$*"
	tl_asked "$code" answer.json "$@"
	tl_asked "$code" answer.plain "$@" --plain
	ANSWER=$("$TL_PYTHON" "$BATS_TEST_DIRNAME/probe.py" \
		"$TL_ROOT/docs/capabilities.schema.json" answer.json answer.plain "$kind")
	echo "$ANSWER"
}

# stdout to FILE, and that exit status.
tl_asked() {
	local code=$1 file=$2 status=0
	shift 2
	timeout "$TL_DEADLINE" "$@" >"$file" 2>asked.err || status=$?
	[ "$status" -eq "$code" ] || {
		echo "exit $status, expected $code" >&2
		cat "$file" asked.err >&2
		return 1
	}
}

probes() {
	local code=$1 pattern=$2
	shift 2
	asks "$code" probe ip netns exec "$TL_NS_RX" "${command[@]}" "$@"
	# shellcheck disable=SC2053  # a pattern
	[[ $ANSWER == $pattern ]]
}

# both_ways CODE PATTERN OPTION...
both_ways() {
	probes "$@" --probe
	probes "$@" --probe=load
}

@test "--capabilities: what the schema says, the same as lines, exit 0, without an interface" {
	local tool
	for tool in tpv3-capd afp-capd xdp-flowd eve-tail; do
		[ -x "$TL_BIN/$tool" ] || continue
		asks 0 capabilities "$tool" --capabilities
		[ "$(jq -r .name answer.json)" = "$tool" ]
	done
	# They need no privilege.
	asks 0 capabilities setpriv --reuid=65534 --regid=65534 --clear-groups \
		--bounding-set=-all --inh-caps=-all "$(command -v tpv3-capd)" --capabilities
}

@test "--capabilities: the rungs of the ladder in their order" {
	local tool rates=()
	for tool in xdp-flowd tpv3-capd afp-capd; do
		rates+=("$("$tool" --capabilities | jq '.max_throughput_mpps * 1000 | floor')")
	done
	[ "${rates[0]}" -gt "${rates[1]}" ]
	[ "${rates[1]}" -gt "${rates[2]}" ]
	[ "${rates[2]}" -gt 0 ]
}

@test "--probe of what is usable: exit 0, the mode, no reason" {
	use_engine tpv3-capd
	both_ways 0 'True|tpacket_v3|' -i rx0
	use_engine afp-capd
	both_ways 0 'True|recvmmsg|' -i rx0
	use_engine "xdp-flowd --attach xdp"
	both_ways 0 'True|xdp|' -i rx0
	use_engine "xdp-flowd --attach tcx"
	both_ways 0 'True|tcx|*' -i rx0
	each_engine both_ways 0 'True|*' -i rx0 -f 'udp port 9'
	each_engine both_ways 0 'True|*' -i rx0 --direction both
}

@test "--probe: no such interface: exit 3, and it is named" {
	each_engine both_ways 3 'False||nope0: no such interface*' -i nope0
	each_engine both_ways 3 'False||nope0: no such interface*' -i rx0 -i nope0
	# Nothing of it breaks JSON.
	each_engine probes 3 'False||a"b\\c: no such interface*' -i 'a"b\c' --probe
}

@test "--probe: an interface that is down is usable, and that is said" {
	ip -n "$TL_NS_RX" link set rx0 down
	each_engine both_ways 0 'True|*|*rx0 is down: nothing comes before it is up' -i rx0
}

@test "--probe: a bad filter: exit 2, and a reason" {
	each_engine both_ways 2 'False||rx0: *filter*' -i rx0 -f 'tcp prot 80'
}

@test "--probe on lo: what there is no hook for is said" {
	each_ring both_ways 0 'True|*|' -i lo
	each_ring both_ways 0 'True|*|' -i any
	use_engine "xdp-flowd --attach xdp"
	probes 3 'False||lo: xdp: the driver *' -i lo --probe
	use_engine "xdp-flowd --attach tcx"
	both_ways 0 'True|tcx|*' -i lo
	use_engine xdp-flowd
	both_ways 0 'True|tcx|not by xdp: *' -i lo
}

# without CAPS REASON
without() {
	local way
	for way in --probe --probe=load; do
		asks 3 probe ip netns exec "$TL_NS_RX" setpriv --bounding-set="$1" --inh-caps="$1" \
			"${command[@]}" -i rx0 "$way"
		# shellcheck disable=SC2053  # a pattern
		[[ $ANSWER == $2 ]]
	done
}

@test "--probe without a capability: exit 3, and it is named" {
	tl_require_tool setpriv
	each_ring without -net_raw 'False||rx0: needs CAP_NET_RAW*'
	each_kernel without -bpf,-sys_admin 'False||rx0: *CAP_BPF*'
	each_kernel without -perfmon,-sys_admin 'False||rx0: *CAP_PERFMON*'
	each_kernel without -net_admin,-sys_admin 'False||rx0: *CAP_NET_ADMIN*'
	each_engine without -all 'False||rx0: *needs CAP_*'
}

@test "--probe: somebody else's program on the hook: exit 3, and it is named" {
	tl_require_tool clang
	clang -O2 -target bpf -c -o foreign.o -x c - <<-'END'
		__attribute__((section("xdp"), used)) int foreign_pass(void *ctx) { return 2; }
	END
	ip -n "$TL_NS_RX" link set dev rx0 xdpdrv obj foreign.o sec xdp
	use_engine "xdp-flowd --attach xdp"
	probes 3 "False||rx0: *'foreign_pass' (id *" -i rx0 --probe
	use_engine xdp-flowd
	probes 0 "True|tcx|*foreign_pass*" -i rx0 --probe
	each_ring both_ways 0 'True|*|' -i rx0
}

# It leaves nothing behind: no program, no promiscuous mode, no file.
leaves_nothing() {
	local before after
	before=$(tl_rx ip -d -o link show rx0)
	probes 0 'True|*' -i rx0 --probe -o never.tap
	after=$(tl_rx ip -d -o link show rx0)
	[ "$before" = "$after" ]
	[ ! -e never.tap ]
}

@test "--probe leaves nothing behind" {
	each_engine leaves_nothing
}
