#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The oracle sees what it has to see, and a round of each kind of the kill matrix
# (tests/soak/delivery; `make soak` has a thousand) loses nothing that nobody declares.

bats_require_minimum_version 1.5.0
load lib

setup() {
	tl_setup
	"$TL_PYTHON" -c 'import msgpack' || tl_skip "no python3-msgpack"
	SOURCE=$TL_BIN/../tests/source
	[ -x "$SOURCE" ] || tl_skip "no $SOURCE (make e2e builds it)"
	CRAFT=$BATS_TEST_DIRNAME/craft.py
	export BUILD=$TL_BIN/.. TMPDIR=$BATS_TEST_TMPDIR
}

teardown() {
	tl_teardown
}

# part0, part1...: the batches of two streams, of which some numbers are lost.
numbered() {
	"$SOURCE" --streams 2 --count 5000 --batch 100 --lose 200 --seed 7 -o all.tap >truth
	"$TL_PYTHON" "$CRAFT" batches all.tap part
	mapfile -t PARTS < <(printf '%s\n' part* | sort -V)
	[ "${#PARTS[@]}" -gt 50 ]
}

oracle() {
	"$TL_PYTHON" "$BATS_TEST_DIRNAME/oracle.py" "$@"
}

# rewrite FILE EXPRESSION: the batch `b` made anew.
rewrite() {
	PYTHONPATH=$BATS_TEST_DIRNAME "$TL_PYTHON" -c "
import craft, sys
b = craft.unpack(craft.read('$1'))
$2
craft.write('$1', craft.pack(b))"
}

# complains WORD: the oracle does, of all parts as they are now, and of nothing else.
complains() {
	cat "${PARTS[@]}" >now.tap
	run ! --separate-stderr oracle truth now.tap
	printf '%s\n' "$output" "$stderr"
	grep -q "^$1: " <<<"$stderr"
	! grep -qv "^$1: " <<<"$stderr"
}

# --- the oracle ------------------------------------------------------------------

@test "oracle: all of it, in any order, holds" {
	numbered
	oracle truth all.tap
	[[ "$(oracle truth all.tap)" =~ ^"events=99"[0-9]+" twice=0 declared="[1-9][0-9]*" both=0 missing=0"$ ]]
	mapfile -t PARTS < <(printf '%s\n' "${PARTS[@]}" | sort -R --random-source=all.tap)
	cat "${PARTS[@]}" >mixed.tap
	oracle truth mixed.tap
}

@test "oracle: a batch that is not there is missing" {
	numbered
	PARTS=("${PARTS[@]:0:20}" "${PARTS[@]:21}")
	# Where a loss was declared by that batch, it counts as undeclared too.
	cat "${PARTS[@]}" >now.tap
	run ! --separate-stderr oracle truth now.tap
	[[ "$stderr" =~ missing:.*" events missing: " ]]
}

@test "oracle: an event without a declaration is missing, too many declared are told" {
	numbered
	for ((k = 0; k < ${#PARTS[@]}; k++)); do
		PYTHONPATH=$BATS_TEST_DIRNAME "$TL_PYTHON" -c "
import craft, sys
b = craft.unpack(craft.read('${PARTS[k]}'))
sys.exit(b['after'] == b['first'])" && break
	done
	rewrite "${PARTS[k]}" "b['after'] = b['first']"
	cat "${PARTS[@]}" >now.tap
	run ! --separate-stderr oracle truth now.tap
	[[ "$stderr" =~ missing:.*"1 events missing" ]]
	[[ "$stderr" =~ "events declared lost, not " ]]
	run ! oracle --declared 1 truth all.tap
}

@test "oracle: declared lost, but there" {
	numbered
	rewrite "${PARTS[30]}" "b['after'] = b['after'] - 3"
	complains both
}

@test "oracle: one value, one time, one type, one text altered" {
	numbered
	for change in "b['events'][0][2] += 1" "b['events'][0][4] += b'x'" "b['shapes'] = [[s[0], 'tuck', *s[2:]] for s in b['shapes']]" \
		"b['source'] = 'sauce'" "b['stream'] = b['stream'][:15] + bytes([b['stream'][15] ^ 1])"; do
		cp "${PARTS[10]}" kept
		rewrite "${PARTS[10]}" "$change"
		cat "${PARTS[@]}" >now.tap
		run ! --separate-stderr oracle truth now.tap
		[[ "$stderr" =~ altered: ]]
		mv kept "${PARTS[10]}"
	done
	cat "${PARTS[@]}" >now.tap
	oracle truth now.tap
}

@test "oracle: twice, unless that is allowed; torn; without an end" {
	numbered
	cat all.tap "${PARTS[3]}" >now.tap
	run ! oracle truth now.tap
	oracle --allow twice truth now.tap
	head -c 10000 all.tap >now.tap
	run ! --separate-stderr oracle --allow missing --allow declared truth now.tap
	[[ "$stderr" =~ torn: ]] && [[ "$stderr" =~ "end: " ]]
}

# --- the matrix ------------------------------------------------------------------

delivery() {
	"$TL_ROOT/tests/soak/delivery" "$@"
}

matrix_needs() {
	tl_require_root
	tl_require_tool shipper receiver nats-server openssl zstd unshare setpriv
	[ -e "$BUILD/tests/clockstep.so" ] || tl_skip "no clockstep.so (make e2e builds it)"
}

@test "kill matrix: a round of each kind; nothing missing, nothing altered" {
	matrix_needs
	# 30 and more kinds; which seed it was is printed.
	[ "$(delivery --list | wc -l)" -ge 30 ]
	delivery --rounds "$(delivery --list | wc -l)"
}

@test "kill matrix: it sees a file of the spool that goes, and a segment" {
	matrix_needs
	for kind in control-spool-deleted control-segment-cut; do
		run ! delivery --kind "$kind" --rounds 1
		[[ "$output" =~ "violation: http://".*" missing: " ]]
	done
}

@test "kill matrix: it sees what is lost without acknowledgements" {
	matrix_needs
	run ! delivery --kind control-no-acks-killed --rounds 1
	[[ "$output" =~ "violation: http://".*" missing: " ]]
}
