#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Captures with rows that somebody else worked out: flows must add up to them.

load lib

setup() {
	tl_setup
	ROWS=$BATS_TEST_DIRNAME/rows.py
	OWN=$TL_BIN/..
	tl_require_tool pcap-flow evcat
}

teardown() {
	tl_teardown
}

# rows_equal CAPTURE TSV: in $rows how many.
rows_equal() {
	pcap-flow -q -r "$1" | evcat --json | "$TL_PYTHON" "$ROWS" >got
	"$TL_PYTHON" "$ROWS" "$2" "$(basename "$1")" >expected
	diff expected got
	rows=$(wc -l <expected)
}

@test "golden captures: the rows of an independent dissector, all of them" {
	tl_require_golden
	total=0
	for pcap in "$GOLDEN_DIR"/*.pcap; do
		echo "$pcap"
		rows_equal "$pcap" "$GOLDEN_DIR/golden.tsv"
		total=$((total + rows))
	done
	echo "$total rows"
	[ "$total" -eq "$(($(wc -l <"$GOLDEN_DIR/golden.tsv") - 1))" ]
}

@test "own golden table: its rows, and the classes" {
	[ -r "$OWN/golden.pcap" ] || tl_skip "no golden.pcap (make build/golden.pcap)"
	rows_equal "$OWN/golden.pcap" "$OWN/golden.tsv"
	[ "$rows" -gt 20 ]
}

@test "demo: its rows" {
	[ -r "$OWN/demo.pcap" ] || tl_skip "no demo.pcap (make build/demo.pcap)"
	rows_equal "$OWN/demo.pcap" "$OWN/demo.tsv"
	[ "$rows" -gt 100 ]
}

@test "pcapng larger than any buffer: its rows" {
	make=$OWN/tests/golden-pcap
	[ -x "$make" ] || tl_skip "no golden-pcap (make build/golden.pcap)"
	"$make" --ng --demo 20000 -w demo.pcapng >demo.tsv
	[ "$(wc -c <demo.pcapng)" -gt 4194304 ]
	rows_equal demo.pcapng demo.tsv
	[ "$rows" -gt 100 ]
}

@test "own golden table: the same rows from every link type" {
	make=$OWN/tests/golden-pcap
	[ -x "$make" ] || tl_skip "no golden-pcap (make build/golden.pcap)"
	for link in ethernet raw null loop sll sll2; do
		echo "$link"
		"$make" --link "$link" -w "$link.pcap" >"$link.tsv"
		rows_equal "$link.pcap" "$link.tsv"
		[ "$rows" -gt 10 ]
	done
}

@test "golden captures: evcat --check finds every book balanced" {
	tl_require_golden
	for pcap in "$GOLDEN_DIR"/*.pcap; do
		pcap-flow -q -r "$pcap" | evcat --check
	done
}
