#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2154  # bats' run and tl_netns_add set variables by name
# The scripts in examples/ do what they say.

bats_require_minimum_version 1.5.0
load lib

setup() {
	tl_setup
	export BIN=$TL_BIN
	examples=$TL_ROOT/examples
	demo=$TL_BIN/../demo.pcap
	golden=$TL_BIN/../golden.pcap
	if [ ! -r "$demo" ] || [ ! -r "$golden" ]; then
		tl_skip "no captures (make build/demo.pcap build/golden.pcap)"
	fi
}

teardown() {
	tl_teardown
}

@test "flows-to-json.sh: the top talkers are those of the table" {
	tl_require_tool jq
	"$examples/flows-to-json.sh" "$demo" 5 >got 2>err
	awk -F '\t' '$2 != "-" { packets[$2] += $8; bytes[$2] += $9 }
		END { for (a in bytes) printf "%s\t%d\t%d\n", a, packets[a], bytes[a] }' \
		"$TL_BIN/../demo.tsv" | LC_ALL=C sort -t "$(printf '\t')" -k3,3nr -k1,1 | sed -n 1,5p >expected
	[ "$(wc -l <expected)" -eq 5 ]
	diff expected got
}

@test "pipeline-ipc.sh: every event of every capture arrives" {
	for capture in "$demo" "$golden"; do
		pcap-flow -q -r "$capture" | evcat --json
	done | jq -cS '[.type, .iface, .entities.flow_id, .entities.packets]' | sort >expected
	"$examples/pipeline-ipc.sh" "$demo" "$golden" >events
	jq -cS '[.type, .iface, .entities.flow_id, .entities.packets]' events | sort >got
	diff expected got
}

@test "live-record-check.sh: the recording holds" {
	tl_require_root
	tl_netns_add namespace
	ip netns exec "$namespace" "$examples/live-record-check.sh" lo 150 rec.tap >got
	grep -q ': holds; .* 150 packets' got
	evcat --check rec.tap
}

@test "live-record-check.sh: an interface that is not there is exit 3" {
	run --separate-stderr "$examples/live-record-check.sh" tl-none
	[ "$status" -eq 3 ]
	[[ $stderr == *tl-none* ]]
}

# run_sh NAME OPTION...: examples/run.sh in a namespace, for a moment.
run_sh() {
	tl_require_root
	tl_netns_add namespace
	DEMO=$demo IFACE=lo EVE=$PWD/none DURATION=900ms ip netns exec "$namespace" "$@" "$examples/run.sh" </dev/null >out 2>err
	cat err
	grep -q 'books balance' out err
	grep -q '^run: the page is http://127.0.0.1:8081/' err
}

@test "run.sh: xdp-flowd, by tc, and why not by XDP" {
	run_sh env
	grep -q '^run: On lo capladder would capture with xdp-flowd, by tcx' err
	grep -q 'ATTACH=xdp takes it' err
}

@test "run.sh: without BPF the packet ring, and what is missing" {
	tl_require_tool setpriv
	run_sh setpriv --bounding-set=-bpf,-sys_admin --inh-caps=-bpf,-sys_admin
	grep -q '^run: On lo capladder would capture with tpv3-capd' err
	grep -q '^run: xdp-flowd, with .* does not work here: lo: ' err
	grep -q 'needs CAP_BPF' err
}

@test "run.sh: without an interface what Suricata writes" {
	printf '{"event_type":"alert","src_ip":"10.0.0.1"}\n' >eve.json
	IFACE=tl-none EVE=$PWD/eve.json DURATION=1 DEMO=$demo LISTEN=127.0.0.1:0 run "$examples/run.sh" </dev/null
	[ "$status" -eq 0 ]
	[[ $output == *"capladder would capture with eve-tail, by file"* ]]
	[[ $output == *"xdp-flowd, with"*"does not work here: tl-none: no such interface"* ]]
}

@test "run.sh: without an interface and eve.json the demo capture, and why" {
	IFACE=tl-none EVE=$PWD/none DEMO=$demo LISTEN=127.0.0.1:0 run "$examples/run.sh" </dev/null
	[ "$status" -eq 0 ]
	[[ $output == *"run: no live capture:"*"xdp-flowd, with"*"does not work here: tl-none: no such interface"* ]]
	[[ $output == *"books balance"* ]]
}

@test "hybrid-dns.sh: flows of everything, heads of port 53, joined" {
	tl_require_root
	tl_netns_add namespace
	cat >traffic.py <<-'END'
		import socket, time
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		for i in range(400):
		    s.sendto(b"query%03d" % i, ("127.0.0.1", 53))
		    s.sendto(b"other", ("127.0.0.1", 9))
		    time.sleep(0.01)
	END
	tl_spawn traffic ip netns exec "$namespace" "$TL_PYTHON" traffic.py
	ip netns exec "$namespace" "$examples/hybrid-dns.sh" lo 3 >joined
	[ "$(wc -l <joined)" -eq 1 ]
	awk -F '\t' '$2 == "127.0.0.1" && $4 > 10 { print $6 }' joined | base64 -d | grep -q '^query'
}

@test "read_events.py: the events of evcat --json" {
	"$TL_PYTHON" -c 'import msgpack' || tl_skip "no python3-msgpack"
	pcap-flow -q -r "$golden" -o golden.tap
	pcap-flow -q -r "$demo" >>golden.tap
	evcat --json golden.tap >expected
	"$examples/read_events.py" golden.tap >got
	tail -c +1 golden.tap | "$examples/read_events.py" - | cmp got -
	"$TL_PYTHON" - expected got <<-'EOF'
		import json
		import sys
		expected, got = ([json.loads(line) for line in open(name)] for name in sys.argv[1:])
		assert len(got) == len(expected) > 1000
		for a, b in zip(expected, got):
		    for name in ("proto", "end_reason"):  # numbers there, keywords here
		        a["entities"].pop(name, 0), b["entities"].pop(name, 0)
		    assert a == b, (a, b)
	EOF
}

@test "read_events.py: what is no recording ends with one line" {
	"$TL_PYTHON" -c 'import msgpack' || tl_skip "no python3-msgpack"
	run --separate-stderr "$examples/read_events.py" "$golden"
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	[[ $stderr == "read_events.py: "* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "host-to-receiver.sh: what waited while the receiver was away arrives, and holds" {
	tl_require_tool openssl shipper receiver
	"$examples/host-to-receiver.sh" "$demo" >got
	# What waits: before and after.
	events=$(pcap-flow -q -r "$demo" | evcat -q --json | wc -l)
	[ "$(awk -F '\t' '/^https/ { print $3 }' got | tr '\n' ' ')" = "$events 0 " ]
	grep -q "^pcap-flow/demo.pcap .*: holds; $events events" got
}

@test "host-to-receiver.sh: its token, keys and processes are gone after it, also when it fails" {
	tl_require_tool openssl shipper receiver
	mkdir tmp
	echo nonsense >bad.pcap
	TMPDIR=$PWD/tmp "$examples/host-to-receiver.sh" "$demo" >got
	TMPDIR=$PWD/tmp run "$examples/host-to-receiver.sh" bad.pcap
	[ "$status" -ne 0 ]
	[ -z "$(ls -A tmp)" ]
	! pgrep -f "$PWD/tmp"
}

@test "hosts-to-nats.sh: three nodes have every event of every host, and tell hosts apart" {
	tl_require_root
	tl_require_tool nats-server shipper jq
	"$TL_PYTHON" -c 'import msgpack' || tl_skip "no python3-msgpack"
	tl_netns_add namespace
	DEMO=$demo ip netns exec "$namespace" "$examples/hosts-to-nats.sh" 3 >got
	events=$(pcap-flow -q -r "$demo" | evcat -q --json | wc -l)
	{
		printf 'host\tsent\tstored\n'
		printf 'host-%d\t%d\t%d\n' 1 "$events" "$events" 2 "$events" "$events" 3 "$events" "$events"
	} | diff - got
}
