#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The normaliser of eve-tail against the rules of tapline-wire(5), written a second time in
# eve_normal.py: no field of any line is lost, and each has its name and its type.

bats_require_minimum_version 1.5.0
load lib

setup() {
	tl_setup
	dump=$TL_BIN/../tests/evedump
	[ -x "$dump" ] || tl_skip "no evedump (make build/tests/evedump)"
	"$TL_PYTHON" -c 'import msgpack' || tl_skip "no python3-msgpack"
	tl_require_tool jq evcat
	page=$TL_ROOT/docs/man/tapline-wire.5
	normal=$BATS_TEST_DIRNAME/eve_normal.py
}

teardown() {
	tl_teardown
}

# check FILE: its lines against its events.
check() {
	"$dump" <"$1" >batches.tap
	"$TL_PYTHON" "$normal" check "$1" batches.tap "$page"
	# The product's own reader takes them.
	[ "$(evcat --json <batches.tap | wc -l)" -eq "$(wc -l <"$1")" ]
}

@test "eve lines: random objects, whole and damaged, lose no field" {
	for seed in 1 2 3 "$RANDOM"; do
		echo "seed $seed"
		"$TL_PYTHON" "$normal" random "$seed" 1500 >lines.json
		check lines.json
	done
}

@test "eve lines: every event type of Suricata has its entities and edges" {
	[ "$(jq -r .event_type "$BATS_TEST_DIRNAME/eve-types.json" | sort -u | wc -l)" -ge 30 ]
	check "$BATS_TEST_DIRNAME/eve-types.json"
}

@test "eve lines: those of golden/eve, every field accounted for" {
	tl_require_golden
	for file in "$GOLDEN_DIR"/eve/*.json; do
		run check "$file"
		echo "$output"
		[ "$status" -eq 0 ]
		[[ $output != *parse_error* ]]
	done
}

@test "eve lines: the table of edges in tapline-wire(5) is that of the program" {
	grep -oE '^	\{"[^"]+", "[^"]+", (0|"[^"]+")\}' "$TL_ROOT/tools/eve-tail/eve_table.c" |
		sed -E 's/.*\{"([^"]+)", "([^"]+)", .*/\1 \2/' >program
	sed -n '/^\.Ss Edges/,/^\.Sh/p' "$page" |
		sed -nE 's/^\.It Cm ([^ ]+) Ta Cm ([^ ]+) Ta.*/\1 \2/p' >in_page
	[ "$(wc -l <program)" -ge 30 ]
	diff in_page program
	sed -nE 's/^	\{"([^"]+)", "[^"]+", EVE_.*/\1/p' "$TL_ROOT/tools/eve-tail/eve_table.c" >program
	sed -n '/^\.Sh EVENTS OF SURICATA/,/^\.Ss parse_error/p' "$page" |
		sed -nE 's/^\.It Cm ([^ ]+) Ta.*/\1/p' >in_page
	diff in_page program
}
