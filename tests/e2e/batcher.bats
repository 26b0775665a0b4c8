#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2154  # bats' run sets stderr and stderr_lines
# Joining and passing on: nothing changed, nothing lost without a count.

bats_require_minimum_version 1.5.0
load lib

setup() {
	tl_setup
	CRAFT=$BATS_TEST_DIRNAME/craft.py
	tl_require_tool pcap-flow batcher evcat
	demo=$TL_BIN/../demo.pcap
	[ -r "$demo" ] || tl_skip "no demo.pcap (make build/demo.pcap)"
	"$TL_PYTHON" -c 'import msgpack' || tl_skip "no python3-msgpack"
}

teardown() {
	tl_teardown
}

craft() {
	"$TL_PYTHON" "$CRAFT" "$@"
}

# Many small batches of one stream: batch0, batch1, ... and all of them in all.tap.
small_batches() {
	pcap-flow -q -r "$demo" -o whole.tap
	craft cut 50 whole.tap all.tap
	craft batches all.tap batch
}

# start_batcher OPTION...: at in.sock, ready.
start_batcher() {
	tl_start batcher batcher -I "ipc://$PWD/in.sock" --ready-fd 9 "$@"
}

start_evcat() {
	tl_start evcat evcat --json -I "ipc://$PWD/out.sock" --ready-fd 9
}

evcat_has() {
	[ "$(wc -l <evcat.out)" -eq "$1" ]
}

stats_say() {
	kill -USR1 "${TL_PID[batcher]}"
	grep -q "$1" batcher.err
}

@test "through pipes: the same events, however they are joined" {
	small_batches
	evcat --json all.tap >expected
	[ "$(wc -l <expected)" -gt 1000 ]
	for size in 1 7 100 1000 65535; do
		batcher -q --batch-size "$size" <all.tap >out.tap
		evcat --json out.tap | diff expected -
		evcat --check out.tap
	done
}

@test "batches are as big as asked for, no message is split, none beyond 256 KiB is made" {
	small_batches
	batcher -q --batch-size 200 <all.tap >out.tap
	craft flat out.tap >counts
	[ "$(sed '$d' counts | sort -n | head -1)" -ge 200 ]
	[ "$(sort -n counts | tail -1)" -lt 250 ]
	batcher -q --batch-size 1 -I all.tap -o out.tap
	cmp all.tap out.tap
	batcher -q --batch-size 65535 <all.tap >out.tap
	[ "$(craft sizes out.tap | sort -n | tail -1)" -le 262144 ]
	[ "$(craft flat out.tap | wc -l)" -le 3 ]
	batcher -q --batch-size 1 -I whole.tap -o out.tap
	cmp whole.tap out.tap
}

@test "streams are joined apart and keep their order" {
	small_batches
	pcap-flow -q -r "$TL_BIN/../golden.pcap" -o other.tap
	craft cut 10 other.tap other_all.tap
	craft batches other_all.tap other
	cat batch0 other0 batch1 other1 batch2 other2 >mixed.tap
	batcher -q --batch-size 1000 -I mixed.tap -o out.tap
	[ "$(craft flat out.tap | wc -l)" -eq 2 ]
	evcat --json mixed.tap | sort >expected
	evcat --json out.tap | sort | diff expected -
}

@test "a run that does not follow on is not joined, and goes on after what waits" {
	small_batches
	cat batch0 batch2 batch3 batch1 >gap.tap
	batcher -q --batch-size 1000 <gap.tap >out.tap
	[ "$(craft flat out.tap | tr '\n' ' ')" = "50 100 50 " ]
	evcat --json gap.tap >expected
	evcat --json out.tap | diff expected -
}

@test "holds until enough are there" {
	small_batches
	start_evcat
	start_batcher -o "ipc://$PWD/out.sock" --batch-size 60 --batch-time 1h
	craft send in.sock batch0
	tl_wait_for stats_say "1 batches and 50 events in, 0 batches out"
	[ ! -s evcat.out ]
	craft send in.sock batch1
	tl_wait_for stats_say "2 batches and 100 events in, 1 batches out"
	tl_wait_for evcat_has 100
	tl_stop_ok batcher
	tl_stop_ok evcat
}

@test "or until the first has waited long enough" {
	small_batches
	start_evcat
	start_batcher -o "ipc://$PWD/out.sock" --batch-size 65535 --batch-time 50ms
	craft send in.sock batch0
	tl_wait_for evcat_has 50
	tl_stop_ok batcher
	tl_stop_ok evcat
}

flow_ids() {
	jq -c 'select(.type != "capture_stats") | .entities.flow_id' | sort
}

@test "the end of a stream does not wait" {
	start_evcat
	start_batcher -o "ipc://$PWD/out.sock" --batch-size 65535 --batch-time 1h
	pcap-flow -q -r "$demo" -o "ipc://$PWD/in.sock"
	tl_wait_line evcat.out capture_stats
	tl_stop_ok batcher
	tl_stop_ok evcat
	# One a second: how many there are is a matter of time.
	pcap-flow -q -r "$demo" | evcat --json | flow_ids >expected
	flow_ids <evcat.out | diff expected -
}

@test "many producers at once: every stream whole" {
	start_batcher -o out.tap --batch-size 500
	for k in 1 2 3 4 5 6; do
		tl_spawn "producer$k" pcap-flow -q -r "$demo" -o "ipc://$PWD/in.sock"
	done
	for k in 1 2 3 4 5 6; do
		tl_join "producer$k"
		[ "$TL_STATUS" -eq 0 ]
	done
	tl_stop_ok batcher
	[ "$(evcat --check out.tap | grep -c holds)" -eq 6 ]
}

@test "what is malformed is refused and counted, what is good goes on" {
	small_batches
	craft break batch1 broken
	head -c 100 batch2 >short
	{ printf garbage; cat batch0 broken batch2; printf 'more garbage'; cat batch3 short; } >mixed.tap
	run --separate-stderr batcher -I mixed.tap -o out.tap
	[ "$status" -eq 0 ]
	[[ $stderr =~ "batch of "[0-9]+" bytes refused at offset "[0-9]+": events is no array" ]]
	[[ $stderr =~ "3 batches and 150 events in" ]]
	[[ $stderr =~ "refused 1 batches, skipped 119 bytes, cut short 1" ]]
	cat batch0 batch2 batch3 >good.tap
	evcat --json good.tap >expected
	evcat --json out.tap | diff expected -
}

@test "malformed messages on a socket are refused and counted, the connection lives on" {
	small_batches
	craft break batch1 broken
	printf garbage >garbage
	: >nothing
	cat batch0 batch0 >two
	start_batcher -o out.tap --batch-size 1
	craft send in.sock garbage broken nothing two batch0
	craft send in.sock batch1
	tl_wait_for stats_say "2 batches and 100 events in, 2 batches out.*refused 1 batches"
	tl_stop_ok batcher
	cat batch0 batch1 | cmp - out.tap
}

@test "a message over the limit ends its connection, not the batcher" {
	small_batches
	head -c 5000000 /dev/zero >huge
	start_batcher -o out.tap --batch-size 1
	craft send in.sock huge || true
	craft send in.sock batch0
	tl_wait_for stats_say "1 batches and 50 events in"
	tl_stop_ok batcher
	cmp batch0 out.tap
}

@test "a consumer that comes later gets everything, one that comes back goes on" {
	small_batches
	start_batcher -o "ipc://$PWD/out.sock" --batch-size 1
	craft send in.sock batch0 batch1
	tl_wait_for stats_say "2 batches and 100 events in"
	start_evcat
	tl_wait_for evcat_has 100
	tl_stop_ok evcat
	start_evcat
	craft send in.sock batch2
	tl_wait_for evcat_has 50
	tl_stop_ok batcher
	tl_stop_ok evcat
}

@test "stopped with nobody to deliver to: counted, said, exit 1" {
	small_batches
	start_batcher -o "ipc://$PWD/out.sock"
	craft send in.sock batch0 batch1 batch2
	tl_wait_for stats_say "3 batches and 150 events in"
	tl_stop batcher
	[ "$TL_STATUS" -eq 1 ]
	grep -q "150 events were not delivered (0 of them sent" batcher.err
}

@test "stopped after the end of its input, with nobody to deliver to: the same" {
	small_batches
	cat batch0 batch1 >in.tap
	tl_spawn batcher batcher -I in.tap -o "ipc://$PWD/out.sock"
	tl_wait_line batcher.err "2 batches and 100 events in"
	tl_stop batcher
	[ "$TL_STATUS" -eq 1 ]
	grep -q "100 events were not delivered" batcher.err
}

@test "the socket is for the group, a stale one is replaced, one in use is not" {
	start_batcher -o /dev/null
	[ "$(stat -c %a in.sock)" = 660 ]
	run --separate-stderr batcher -I "ipc://$PWD/in.sock" -o /dev/null </dev/null
	[ "$status" -eq 1 ]
	[[ $stderr == *"cannot listen for acknowledgements at ipc://$PWD/in.sock.ack"* ]]
	tl_stop batcher KILL
	[ -S in.sock ]
	start_batcher -o /dev/null
	tl_stop_ok batcher
}

@test "over tcp on loopback" {
	port=$(craft port)
	tl_start batcher batcher -I "tcp://127.0.0.1:$port" -o out.tap --ready-fd 9
	pcap-flow -q -r "$demo" -o "tcp://127.0.0.1:$port"
	tl_stop_ok batcher
	evcat --check out.tap
}

@test "the reader of its pipe goes: a clean end" {
	small_batches
	{ batcher -q --batch-size 1 <all.tap 2>err || echo $? >code; } | head -c 1 >/dev/null
	[ ! -s code ]
	[ ! -s err ]
}

@test "a full disk: counted, said, exit 1" {
	small_batches
	run --separate-stderr batcher -q -o /dev/full <all.tap
	[ "$status" -eq 1 ]
	[[ $stderr =~ "No space left" ]]
	[[ $stderr =~ [0-9]+" events were not delivered" ]]
}

@test "--view: a copy for who looks; one that is not there, or is gone, holds up nobody" {
	tl_start rec evcat -I "ipc://$PWD/out.sock" -o rec.tap --ready-fd 9
	tl_start view evcat --no-acks -I "ipc://$PWD/view.sock" -o view.tap --ready-fd 9
	tl_start batcher batcher -I "ipc://$PWD/in.sock" -o "ipc://$PWD/out.sock" --batch-size 1 \
		--view "ipc://$PWD/view.sock" --view "ipc://$PWD/nobody.sock" --ready-fd 9
	tl_wait_for is_copied
	tl_stop view KILL
	pcap-flow -q -r "$TL_BIN/../golden.pcap" -o "ipc://$PWD/in.sock"
	tl_stop_ok batcher
	grep -q 'events were not copied to --view' batcher.err
	tl_stop_ok rec
	evcat --check rec.tap
	[ "$(evcat --json rec.tap | grep -c '"type":"capture_stats"')" -ge 2 ]
	run batcher --view file </dev/null
	[ "$status" -eq 2 ]
}

# Best effort: what comes before the view is connected is not for it.
is_copied() {
	pcap-flow -q -r "$TL_BIN/../golden.pcap" -o "ipc://$PWD/in.sock"
	[ -s view.tap ]
}
