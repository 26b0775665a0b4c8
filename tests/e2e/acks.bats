#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2154  # bats' run sets stderr and stderr_lines
# Acknowledged hops: whoever is killed between a producer's window and where acks begin,
# nothing is lost, and what is lost all the same is declared.

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

# 20,000 packets and more events than fit in a window of 1 MiB.
start_producer() {
	tl_start pcap-flow pcap-flow -r "$demo" --every 1 --window 1M --ready-fd 9 "$@"
}

start_batcher() {
	tl_start batcher batcher -I "ipc://$PWD/in.sock" -o "ipc://$PWD/out.sock" --ready-fd 9 "$@"
}

# start_recorder NAME [OPTION...]: evcat at out.sock, into NAME.tap.
start_recorder() {
	local name=$1
	shift
	tl_start "$name" evcat -I "ipc://$PWD/out.sock" -o "$name.tap" --ready-fd 9 "$@"
}

# The events of pcap-flow alone, and of recordings, without what differs from run to run.
events_alone() {
	pcap-flow -q -r "$demo" --every 1 | evcat --json | plain
}

plain() {
	jq -c 'select(.type != "capture_stats") | del(.event_id, .stream, .number)' | sort
}

# killed NAME: by -9, and reaped.
killed() {
	tl_stop "$1" KILL
}

@test "the batcher is killed with all it holds: everything arrives, once" {
	start_recorder rec
	kill -STOP "${TL_PID[rec]}"
	start_batcher --batch-size 1
	start_producer -o "ipc://$PWD/in.sock"
	# Its window is full: much of it is in the batcher and on the way.
	tl_wait_for producer_waits
	killed batcher
	start_batcher --batch-size 1
	kill -CONT "${TL_PID[rec]}"
	tl_join pcap-flow
	[ "$TL_STATUS" -eq 0 ]
	tl_stop_ok batcher
	tl_stop_ok rec
	evcat --check rec.tap
	evcat --json rec.tap | plain >arrived
	events_alone | diff - arrived
}

# Its main thread sleeps: there is no room in the window.
producer_waits() {
	grep -q State:.S "/proc/${TL_PID[pcap-flow]}/status"
}

@test "the consumer is killed again and again: everything is in one of its recordings" {
	local run=0
	start_batcher --batch-size 1
	start_recorder rec0
	start_producer -o "ipc://$PWD/in.sock"
	while [ $run -lt 4 ]; do
		tl_wait_for something_or_done "rec$run.tap"
		killed "rec$run"
		run=$((run + 1))
		start_recorder "rec$run"
	done
	tl_join pcap-flow
	[ "$TL_STATUS" -eq 0 ]
	tl_stop_ok batcher
	tl_stop_ok "rec$run"
	# A recording of one that was killed may end inside a batch; that batch came again.
	for rec in rec?.tap; do
		evcat --json "$rec" 2>/dev/null || true
	done | jq -r 'select(.type != "capture_stats") | .event_id' | sort -u >unique
	events_alone | wc -l >expected
	[ "$(wc -l <unique)" -eq "$(cat expected)" ]
}

# The producer may have had the last of it acknowledged.
something_or_done() {
	[ -s "$1" ] || tl_gone "${TL_PID[pcap-flow]}"
}

@test "several outputs: each gets everything, whenever it comes" {
	tl_start pcap-flow pcap-flow -r "$demo" --every 1 -o "ipc://$PWD/out.sock" -o copy.tap \
		-o "ipc://$PWD/late.sock" --ready-fd 9
	start_recorder rec
	tl_wait_for test -s rec.tap
	tl_start late evcat -I "ipc://$PWD/late.sock" -o late.tap --ready-fd 9
	tl_join pcap-flow
	[ "$TL_STATUS" -eq 0 ]
	tl_stop_ok rec
	tl_stop_ok late
	evcat --json copy.tap >copy.json
	evcat --json rec.tap | cmp - copy.json
	evcat --json late.tap | cmp - copy.json
	evcat --check copy.tap
}

@test "a batcher with two outputs: what one of them lost comes again" {
	tl_start batcher batcher -I "ipc://$PWD/in.sock" -o "ipc://$PWD/out.sock" \
		-o "ipc://$PWD/other.sock" --batch-size 1 --ready-fd 9
	start_recorder rec
	tl_start other evcat -I "ipc://$PWD/other.sock" -o other0.tap --ready-fd 9
	kill -STOP "${TL_PID[other]}"
	start_producer -o "ipc://$PWD/in.sock"
	tl_wait_for test -s rec.tap
	killed other
	tl_start other evcat -I "ipc://$PWD/other.sock" -o other.tap --ready-fd 9
	tl_join pcap-flow
	[ "$TL_STATUS" -eq 0 ]
	tl_stop_ok batcher
	tl_stop_ok rec
	tl_stop_ok other
	evcat --check rec.tap
	evcat --check other.tap
	evcat --json rec.tap | plain >arrived
	evcat --json other.tap | plain | cmp - arrived
	events_alone | diff - arrived
}

@test "a file at the end of a batcher: acknowledged, no duplicate in it" {
	tl_start batcher batcher -I "ipc://$PWD/in.sock" -o all.tap --ready-fd 9
	start_producer -o "ipc://$PWD/in.sock"
	tl_join pcap-flow
	[ "$TL_STATUS" -eq 0 ]
	[ ! -s pcap-flow.err ] || ! grep -q "nobody acknowledges" pcap-flow.err
	tl_stop_ok batcher
	evcat --check all.tap
	evcat --json all.tap | plain >arrived
	events_alone | diff - arrived
}

@test "an output of a batcher that fails for good does not hold up the others" {
	start_recorder rec
	start_batcher -o /dev/full --batch-size 1
	start_producer -o "ipc://$PWD/in.sock"
	tl_join pcap-flow
	[ "$TL_STATUS" -eq 0 ]
	tl_stop batcher
	[ "$TL_STATUS" -eq 1 ]
	grep -q "cannot write /dev/full" batcher.err
	tl_stop_ok rec
	evcat --check rec.tap
}

@test "what a relay could not write is not acknowledged" {
	tl_start relay evcat -I "ipc://$PWD/out.sock" -o /dev/full --ready-fd 9
	start_producer -o "ipc://$PWD/out.sock"
	tl_join relay
	[ "$TL_STATUS" -eq 1 ]
	start_recorder rec
	tl_join pcap-flow
	[ "$TL_STATUS" -eq 0 ]
	tl_stop_ok rec
	evcat --check rec.tap
}

@test "a batch that is not valid, behind a gap, acknowledges nothing before it" {
	small_stream
	for k in 0 1 2 3; do
		craft waits batch$k wait$k
	done
	craft spoil wait2 broken2
	start_recorder rec
	craft send out.sock wait0 broken2 wait1 broken2 wait3
	tl_wait_for recorded 150
	tl_stop rec
	grep -q "2 batches refused" rec.err
}

@test "--no-acks: a consumer that dies loses, and the numbers say so" {
	small_stream
	start_recorder rec --no-acks
	craft send out.sock batch0 batch1
	tl_wait_for test -s rec.tap
	tl_stop_ok rec
	mv rec.tap first.tap
	start_recorder rec --no-acks
	craft send out.sock batch4
	tl_wait_for test -s rec.tap
	tl_stop_ok rec
	run evcat --check first.tap rec.tap
	[ "$status" -eq 1 ]
	[[ $output == *"100"* ]]
}

# Batches of 50 events of one stream, by a producer that does not wait.
small_stream() {
	pcap-flow -q -r "$demo" -o whole.tap
	craft cut 50 whole.tap all.tap
	craft batches all.tap batch
}

@test "a producer that does not wait: what was lost on the way is declared by who noticed" {
	small_stream
	start_recorder rec
	craft send out.sock batch0 batch1 batch4
	tl_wait_for recorded 150
	tl_stop_ok rec
	grep -q "100 events were lost on the way" rec.err
	run evcat --check rec.tap
	[[ $output == *"100 events declared lost"* ]]
}

recorded() {
	[ "$(evcat --json rec.tap 2>/dev/null | wc -l)" -eq "$1" ]
}

@test "a consumer that does not acknowledge is told of once, and what it took is done" {
	start_recorder rec --no-acks
	start_producer -o "ipc://$PWD/out.sock"
	tl_join pcap-flow
	[ "$TL_STATUS" -eq 0 ]
	[ "$(grep -c "nobody acknowledges" pcap-flow.err)" -eq 1 ]
	tl_stop_ok rec
	evcat --check rec.tap
}

@test "--ack-url: acknowledgements somewhere else" {
	start_recorder rec --ack-url "ipc://$PWD/elsewhere.sock"
	[ -S elsewhere.sock ]
	start_producer -o "ipc://$PWD/out.sock" --ack-url "ipc://$PWD/elsewhere.sock"
	tl_join pcap-flow
	[ "$TL_STATUS" -eq 0 ]
	run ! grep -q "nobody acknowledges" pcap-flow.err
	tl_stop_ok rec
}

@test "tcp: acknowledgements at the next port" {
	local port
	port=$(craft port)
	tl_start rec evcat -I "tcp://127.0.0.1:$port" -o rec.tap --ready-fd 9
	start_producer -o "tcp://127.0.0.1:$port"
	tl_join pcap-flow
	[ "$TL_STATUS" -eq 0 ]
	run ! grep -q "nobody acknowledges" pcap-flow.err
	tl_stop_ok rec
	evcat --check rec.tap
}

@test "stopped before everything is safe: counted, said, exit 1" {
	tl_start pcap-flow pcap-flow -r "$demo" --every 1 -o "ipc://$PWD/out.sock" --ready-fd 9
	tl_wait_line pcap-flow.err "flows"
	tl_stop pcap-flow
	[ "$TL_STATUS" -eq 1 ]
	grep -q "events were not delivered" pcap-flow.err
}

@test "a producer without a consumer says so once, and why, and when there is one" {
	tl_start pcap-flow pcap-flow -q -r "$demo" -o "ipc://$PWD/later.sock" --ready-fd 9
	tl_wait_line pcap-flow.err "later.sock: nobody takes events there: No such file or directory; trying on"
	tl_start rec evcat -I "ipc://$PWD/later.sock" -o rec.tap --ready-fd 9
	tl_join pcap-flow
	[ "$TL_STATUS" -eq 0 ]
	[ "$(grep -c "nobody takes events" pcap-flow.err)" -eq 1 ]
	tl_stop_ok rec
	evcat --check rec.tap
}

@test "a stranger is turned away and counted, --allow-uid lets it in" {
	tl_require_root
	small_stream
	chmod 755 . && chmod 777 "$BATS_TEST_TMPDIR"
	start_recorder rec
	chmod 777 out.sock out.sock.ack
	setpriv --reuid 65534 --regid 65534 --clear-groups "$TL_PYTHON" "$CRAFT" send out.sock batch0 || true
	tl_wait_line rec.err "user 65534 turned away"
	tl_stop_ok rec
	[ ! -s rec.tap ]
	start_recorder rec --allow-uid nobody
	setpriv --reuid 65534 --regid 65534 --clear-groups "$TL_PYTHON" "$CRAFT" send out.sock batch0
	tl_wait_for recorded 50
	tl_stop_ok rec
	run --separate-stderr evcat -I "ipc://$PWD/out.sock" --allow-uid no-such-user </dev/null
	[ "$status" -eq 2 ]
	[[ $stderr == *"no such user"* ]]
}

@test "a producer that is turned away says why, stays, and delivers once it is let in" {
	tl_require_root
	tl_require_tool setpriv
	mkdir -m 777 open
	chmod 711 "$BATS_TEST_TMPDIR" "$(dirname "$BATS_TEST_TMPDIR")" "$(dirname "$(dirname "$BATS_TEST_TMPDIR")")"
	cp "$TL_BIN/pcap-flow" "$demo" open/
	tl_start away evcat -I "ipc://$PWD/open/out.sock" -o away.tap --ready-fd 9
	chmod 666 open/out.sock*
	tl_start pcap-flow setpriv --reuid 65534 --clear-groups open/pcap-flow -r open/demo.pcap --every 1 --window 1M \
		-o "ipc://$PWD/open/out.sock" --ready-fd 9
	tl_wait_line pcap-flow.err 'connections end as soon as they are made: is this user let in'
	tl_stop_ok away
	[ ! -s away.tap ]
	tl_start rec evcat -I "ipc://$PWD/open/out.sock" --allow-uid 65534 -o rec.tap --ready-fd 9
	tl_join pcap-flow
	[ "$TL_STATUS" -eq 0 ]
	tl_stop_ok rec
	evcat --check rec.tap
	evcat --json rec.tap | plain | sed 's|open/demo|demo|' >arrived
	[ "$(wc -l <arrived)" -eq "$(events_alone | wc -l)" ]
}
