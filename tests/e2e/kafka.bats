#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2154  # bats' run sets stderr
# shipper to Kafka. Debian has no broker: librdkafka's mock cluster (kafkamock.c) is what it
# is tested against. What only a real one does is not: replication, its disk, TLS and SASL,
# and that it stores once what the idempotent producer sent twice.

bats_require_minimum_version 1.5.0
load lib

# Requests, by their numbers in the protocol.
PRODUCE=0
INIT_PRODUCER=22

setup() {
	tl_setup
	KAFKAMOCK=${TL_BIN%/bin}/tests/kafkamock
	tl_require_tool shipper pcap-flow evcat
	[ -x "$KAFKAMOCK" ] || tl_skip "no kafkamock (librdkafka-dev)"
	demo=$TL_BIN/../demo.pcap
	[ -r "$demo" ] || tl_skip "no demo.pcap (make build/demo.pcap)"
	"$TL_PYTHON" -c 'import msgpack' || tl_skip "no python3-msgpack"
	CRAFT=$BATS_TEST_DIRNAME/craft.py
	pcap-flow -q -r "$demo" -o whole.tap
	"$TL_PYTHON" "$CRAFT" cut 50 whole.tap all.tap
	"$TL_PYTHON" "$CRAFT" sizes all.tap >sizes
	BATCHES=$(wc -l <sizes)
	[ "$BATCHES" -gt 10 ]
	start_mock
}

teardown() {
	tl_teardown
}

start_mock() {
	mkfifo commands
	tl_spawn mock "$KAFKAMOCK" tapline.batches 4 commands got.tap
	tl_wait_line mock.out '^bootstrap '
	URL=kafka://$(sed -n 's/^bootstrap //p' mock.out)
}

# mock COMMAND: and waits until it is obeyed.
mock() {
	timeout "$TL_DEADLINE" sh -c 'echo "$1" >commands' sh "$1"
	tl_wait_line mock.out "^$1\$"
}

arrived() {
	[ "$(grep -c '^message ' mock.out)" -ge "$1" ]
}

# Every event once or more often, unchanged, and no other.
same_events() {
	evcat --json "$1" | LC_ALL=C sort >sent.json
	[ -s sent.json ] || return 1
	evcat --json got.tap | LC_ALL=C sort -u | diff -q sent.json -
}

all_arrived() {
	tl_wait_for same_events "$1" >/dev/null
}

start_shipper() {
	mkfifo in.fifo
	exec 8<>in.fifo
	tl_start shipper shipper -I in.fifo --retry-max 500ms --ready-fd 9 -o "$URL" "$@" 8>&-
}

end_input() {
	exec 8>&-
	tl_join shipper
	[ "$TL_STATUS" -eq 0 ] || {
		cat shipper.err >&2
		return 1
	}
}

@test "the topic holds what was sent, in order, by stream and id" {
	"$TL_PYTHON" "$BATS_TEST_DIRNAME/restream.py" 8 all.tap many.tap
	shipper -o "$URL" <many.tap
	tl_wait_for arrived $((8 * BATCHES))
	all_arrived many.tap
	# A stream is in one partition, its id is the key, ids count up.
	grep '^message ' mock.out | cut -d ' ' -f 2,4 | sort -u >places
	[ "$(wc -l <places)" -eq 8 ]
	[ "$(cut -d ' ' -f 1 places | sort -u | wc -l)" -gt 1 ]
	awk '$1 == "message" { split($5, id, "-"); if (id[1] != $4 || id[2] < last[$4]) exit 1; last[$4] = id[2] }' mock.out
	evcat --check got.tap
}

@test "--compress zstd is the topic's business: what is read is the batch" {
	shipper --compress zstd -o "$URL" <all.tap
	all_arrived all.tap
}

@test "no broker is there for a while: it waits, says so, and goes on" {
	for broker in 1 2 3; do
		mock "down $broker"
	done
	start_shipper --timeout 1s
	cat all.tap >&8
	tl_wait_line shipper.err 'Connection refused'
	for broker in 1 2 3; do
		mock "up $broker"
	done
	end_input
	all_arrived all.tap
}

@test "a fatal error of the producer: another is made, nothing is lost" {
	mock "fail $PRODUCE 1 7" # REQUEST_TIMED_OUT, and for the retry of that:
	mock "fail $PRODUCE 1 59" # UNKNOWN_PRODUCER_ID
	shipper -v --retry-max 500ms -o "$URL" <all.tap 2>err
	grep -q 'unknown producer id.*making another producer' err
	all_arrived all.tap
}

@test "the cluster refuses our kind of producer: forbidden, and tried again" {
	mock "fail $INIT_PRODUCER 2 31" # CLUSTER_AUTHORIZATION_FAILED
	start_shipper
	cat all.tap >&8
	tl_wait_line shipper.err '[Aa]uthorization failed'
	end_input
	all_arrived all.tap
}

@test "not allowed to write: forbidden, and tried again" {
	mock "fail $PRODUCE 1 29" # TOPIC_AUTHORIZATION_FAILED
	start_shipper
	cat all.tap >&8
	tl_wait_line shipper.err 'tapline.batches: Broker: Topic authorization failed'
	end_input
	all_arrived all.tap
}

@test "no such topic: it waits, says so, and goes on" {
	mock "refuse 3" # UNKNOWN_TOPIC_OR_PART
	start_shipper --timeout 5s
	cat all.tap >&8
	tl_wait_line shipper.err 'tapline.batches: .*[Uu]nknown topic'
	mock "refuse 0"
	end_input
	all_arrived all.tap
}

@test "errors that pass are not seen" {
	mock "fail $PRODUCE 3 6" # NOT_LEADER_FOR_PARTITION
	mock "fail $PRODUCE 2 19" # NOT_ENOUGH_REPLICAS
	shipper -o "$URL" <all.tap
	all_arrived all.tap
}

@test "over message.max.bytes: in pieces" {
	echo "message.max.bytes=9000" >options
	shipper --kafka-options options -o "$URL" <whole.tap
	all_arrived whole.tap
	[ "$(awk '$1 == "message" && $6 > max { max = $6 } END { print max }' mock.out)" -le 9000 ]
}

@test "the broker finds a batch too big: in pieces" {
	mock "fail $PRODUCE 1 10" # MSG_SIZE_TOO_LARGE
	shipper --in-flight 1 -o "$URL" <all.tap
	all_arrived all.tap
	tl_wait_for arrived $((BATCHES + 1))
}

@test "options: comments and spaces; the first wrong line is named, its value is not" {
	printf '# ours\n\n  client.id = me \nlinger.ms=1\n' >options
	shipper --kafka-options options -o "$URL" <all.tap
	all_arrived all.tap
	while read -r line; do
		printf 'client.id=me\n%s\n' "$line" >options
		run --separate-stderr -2 shipper --kafka-options options -o "$URL" </dev/null
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == *options:\ line\ 2:* ]]
		[[ $stderr != *s3cret* ]]
	done <<-'LINES'
		no.such.property=s3cret
		linger.ms=s3cret
		acks=1
		enable.idempotence=false
		s3cret
	LINES
	printf 'client.id=%9000d' 0 >options
	run --separate-stderr -2 shipper --kafka-options options -o "$URL" </dev/null
	run --separate-stderr -2 shipper --kafka-options none -o "$URL" </dev/null
}

@test "plain text off loopback is refused, TLS is not; the topic's name is checked" {
	run --separate-stderr -2 shipper -o kafka://192.0.2.1:9092 </dev/null
	[[ $stderr == *plain\ text* ]]
	echo security.protocol=sasl_plaintext >options
	run --separate-stderr -2 shipper --kafka-options options -o kafka://192.0.2.1:9092 </dev/null
	echo security.protocol=ssl >options
	shipper -q --kafka-options options -o kafka://192.0.2.1:9092 </dev/null
	shipper -q --insecure -o kafka://192.0.2.1:9092 </dev/null
	run --separate-stderr -2 shipper -o "$URL/a b" </dev/null
}
