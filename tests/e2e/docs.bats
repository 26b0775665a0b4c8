#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2154  # bats' run and tl_netns_add set variables by name
# What the documents say is so. A block of README.md that is fenced as `sh test` is run, in a
# folder where build is this build; `sh test root` needs root and gets a network of its own.

bats_require_minimum_version 1.5.0
load lib

setup() {
	tl_setup
	[ -r "$TL_BIN/../demo.pcap" ] || tl_skip "no demo.pcap (make build/demo.pcap)"
	ln -s "$(cd "$TL_BIN/.." && pwd)" build
	ln -s "$TL_ROOT/examples" examples
	ln -s "$TL_ROOT/tests" tests
}

teardown() {
	tl_teardown
}

# blocks FILE INFO: what is fenced so, in order.
blocks() {
	awk -v info="\`\`\`$2" '
		$0 == info { on = 1; next }
		/^```/ { on = 0 }
		on { print }' "$1"
}

@test "README: the marked pipelines work" {
	tl_require_tool jq tcpdump
	blocks "$TL_ROOT/README.md" "sh test" >commands.sh
	[ "$(grep -c '^pcap-flow' commands.sh)" -ge 3 ]
	# A pipeline whose reader has seen enough ends its writer by SIGPIPE: no pipefail.
	run --separate-stderr bash -eux commands.sh
	echo "$stderr"
	[ "$status" -eq 0 ]
	[[ $output == *flow_end* ]]
	[[ $output == *": holds; "* ]]
	[[ $stderr != *" error: "* ]]
	# The last one went over sockets: every event arrived.
	[ "$(wc -l <events.json)" -eq "$(evcat --json rec.tap | wc -l)" ]
}

@test "README: the marked commands for root work" {
	tl_require_root
	tl_netns_add namespace
	blocks "$TL_ROOT/README.md" "sh test root" | sed 's/^sudo //' >commands.sh
	[ -s commands.sh ]
	run --separate-stderr ip netns exec "$namespace" env BIN="$TL_BIN" bash -eux commands.sh
	echo "$stderr"
	[ "$status" -eq 0 ]
	[[ $output == *": holds; "*" 100 packets"* ]]
}

@test "README: its make targets, programs and files are there" {
	grep -oE 'make [a-z]+[a-z/.]*' "$TL_ROOT/README.md" | sort -u >targets
	[ "$(wc -l <targets)" -ge 4 ]
	while read -r _ target; do
		grep -qE "^(.\(BUILD\)/)?${target#build/}:" "$TL_ROOT/Makefile" "$TL_ROOT/tests/tests.mk" || {
			echo "no target $target"
			false
		}
	done <targets
	for tool in "$TL_BIN"/*; do
		grep -qF "| \`${tool##*/}\` |" "$TL_ROOT/README.md"
	done
	grep -oE '\]\([^)]*\)' "$TL_ROOT"/*.md "$TL_ROOT"/docs/*.md -h | tr -d ']()' |
		grep -v '^http' | sort -u >links
	while read -r link; do
		[ -e "$TL_ROOT/$link" ] || [ -e "$TL_ROOT/docs/$link" ] || {
			echo "no $link"
			false
		}
	done <links
}

@test "man pages: mandoc finds nothing, references lead somewhere" {
	command -v mandoc >/dev/null || tl_skip "no mandoc"
	mandoc -T lint -W warning "$TL_ROOT"/docs/man/*.[1-9]
	ours='tapline|tapline-wire|xdp-flowd|tpv3-capd|afp-capd|eve-tail|pcap-flow|batcher|evcat|shipper|receiver|capladder|capmetrics'
	grep -hoE "^\.Xr ($ours) [0-9]" "$TL_ROOT"/docs/man/* | sort -u >references
	[ "$(wc -l <references)" -ge 5 ]
	while read -r _ name section; do
		[ -e "$TL_ROOT/docs/man/$name.$section" ] || {
			echo "no page $name($section)"
			false
		}
	done <references
}

@test "tapline-wire(5): the tables of entities are those on the wire" {
	tl_require_tool jq
	page=$TL_ROOT/docs/man/tapline-wire.5
	pcap-flow -q --community-id -r build/golden.pcap | evcat --json >events
	# In the order of the page: ICMP's flow_end has every name.
	jq -r 'select(.type == "flow_end" and .entities.icmp_type != null)
		| .entities | keys_unsorted[]' events | awk '!seen[$0]++' >on_wire
	sed -n '/^\.Ss flow_start/,/^\.Ss packet/p' "$page" | sed -n 's/^\.It Cm \([a-z_]*\) Ta.*/\1/p' >in_page
	diff in_page on_wire
	jq -r 'select(.type == "capture_stats") | .entities | keys_unsorted[]' events |
		awk '!seen[$0]++' >on_wire
	sed -n '/^\.Ss capture_stats/,/^\.Ss engine_change/p' "$page" |
		sed -nE -e 's/^\.It Cm packets , bytes Ta.*/packets\nbytes/p' \
			-e 's/^\.It Cm ([a-z0-9_]*)_packets , _bytes Ta.*/\1_packets\n\1_bytes/p' \
			-e 's/^\.It Cm ([a-z_]*) Ta.*/\1/p' >in_page
	diff in_page on_wire
}

@test "tapline-wire(5): names, units and edges of features are those of the program" {
	sed -n '/^\.Ss flow_features/,/^\.Ss capture_stats/p' "$TL_ROOT/docs/man/tapline-wire.5" >page
	columns=$TL_ROOT/common/feature_columns.c
	sed -nE 's/^	\{\{"([^"]+)", "([^"]*)"\}, .*/\1 \2/p' "$columns" >program
	sed -nE 's/^\.It Cm ([^ ]+) Ta [a-z0-9 ]+ Ta ([^ ]*) Ta.*/\1 \2/p' page >in_page
	[ "$(wc -l <program)" -ge 50 ]
	diff in_page program
	sed -nE 's/^	\{"([^"]+)", "([^"]+)", (0|FIELD).*/\1 \2/p' "$columns" >program
	sed -nE 's/^\.It Cm ([^ ]+) Ta Cm ([^ ]+) Ta.*/\1 \2/p' page >in_page
	[ "$(wc -l <program)" -ge 10 ]
	diff in_page program
}

@test "tapline-wire(5): the sizes and numbers it gives" {
	"$TL_PYTHON" -c 'import msgpack' || tl_skip "no python3-msgpack"
	pcap-flow -q -r build/golden.pcap -o golden.tap
	"$TL_PYTHON" - golden.tap <<-'EOF'
		import sys
		import msgpack
		SIZE = {(4, False): 119, (4, True): 126, (16, False): 143, (16, True): 150}
		TYPES = ["flow_start", "flow_update", "flow_end"]
		seen = set()
		unpacker = msgpack.Unpacker(open(sys.argv[1], "rb"))
		batch = unpacker.unpack()
		data = open(sys.argv[1], "rb").read(batch["size"])
		assert data[:14] == b"\x8c\xa1v\1\xa4size\xce" + batch["size"].to_bytes(4, "big")
		assert unpacker.tell() == batch["size"]
		types = {s[0]: s[1] for s in batch["shapes"]}
		at = data.index(b"\xa6events\xdd") + 12
		for event in batch["events"]:
		    icmp = event[0] > 3
		    assert types[event[0]] == TYPES[(event[0] - 1) % 3], event
		    size = SIZE[len(event[2]), icmp] + (types[event[0]] == "flow_end")
		    assert msgpack.unpackb(data[at:at + size]) == event
		    at += size
		    seen.add((len(event[2]), icmp))
		assert at == len(data) and len(seen) == 4, seen
	EOF
}
