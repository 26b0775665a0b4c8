#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# evcat on streams made by hand (evcat.py) and on those of pcap-flow.
# shellcheck disable=SC2016 # $bin and $ts are JSON

bats_require_minimum_version 1.5.0
load lib

setup() {
	tl_setup
	tl_require_tool evcat jq
	"$TL_PYTHON" -c 'import msgpack' || tl_skip "no python3-msgpack"
}

teardown() {
	tl_teardown
}

by_hand() {
	"$TL_PYTHON" "$BATS_TEST_DIRNAME/evcat.py" "$@"
}

# make NAME JSON: NAME.tap of these batches.
make_tap() {
	by_hand make <<<"$2" >"$1.tap"
}

# A capture stream whose books hold: two flows of 3 packets, one ARP packet.
# FLOW and STATS can be overridden by entities that come later in the object.
flow() {
	echo '{"type": "flow_end", "src_ip": {"$bin": "0a000001"}, "dst_ip": {"$bin": "0a000002"},
		"src_port": 1000, "dst_port": 53, "proto": 17, "packets": 3, "bytes": 300,
		"flow_id": '"$1"', "edges": [["src_ip", "dst_ip"]]}'
}

stats() {
	echo '{"type": "capture_stats", "packets": 7, "bytes": 660, "flow_packets": 6,
		"flow_bytes": 600, "arp_packets": 1, "arp_bytes": 60, "residual_packets": 0,
		"engine": "test", "mode": "hand" '"${1:+, $1}"'}'
}

capture_tap() {
	make_tap capture "[{\"events\": [$(flow 1), $(flow 2), $(stats)], \"end\": true}]"
}

# expect CODE COMMAND...: its exit code; output in $output.
expect() {
	local want=$1
	shift
	run "$@"
	[ "$status" -eq "$want" ] || {
		echo "exit $status, expected $want: $*"
		echo "$output"
		return 1
	}
}

has() {
	[[ $output == *"$1"* ]] || {
		echo "no '$1' in:"
		echo "$output"
		return 1
	}
}

lacks() {
	[[ $output != *"$1"* ]] || {
		echo "there is '$1' in:"
		echo "$output"
		return 1
	}
}

# --- text and JSON -------------------------------------------------------------

@test "evcat: a table has a header and one line an event" {
	capture_tap
	expect 0 evcat capture.tap
	[ "${#lines[@]}" -eq 4 ]
	[[ ${lines[0]} == TIME*DETAIL ]]
	[[ ${lines[1]} == *" udp "*"10.0.0.1:1000 -> 10.0.0.2:53"*" 3 "*" 300 "* ]]
	[[ ${lines[3]} == *"packets=7 bytes=660"*"engine=test"* ]]
}

@test "evcat: nothing from an event reaches the terminal as a command" {
	make_tap evil '[{"iface": "e\u001b[2J", "source": "s\u009b1m", "events":
		[{"type": "t\u0007", "na\nme": "v\u001b]0;x\u0007", "list": ["\u001b[0m"],
		"rtl": "\u202egnp.exe", "ok": "grüße"}]}]'
	expect 0 evcat evil.tap
	[ "${#lines[@]}" -eq 2 ]
	has '\x1b[2J'
	has 'grüße'
	has '\xe2\x80\xae'
	[ -z "$(evcat evil.tap | tr -d '\n' | LC_ALL=C tr -d '[:print:]\200-\377')" ]
	evcat --top evil.tap | grep -q 'e.x1b'
	[ -z "$(evcat --top evil.tap | tr -d '\n' | LC_ALL=C tr -d '[:print:]\200-\377')" ]
	[ -z "$(evcat --check evil.tap | tr -d '\n' | LC_ALL=C tr -d '[:print:]\200-\377')" ]
}

@test "evcat: JSON lines have the documented fields, -c stops after so many" {
	capture_tap
	evcat --json -c 1 capture.tap >one.json
	[ "$(wc -l <one.json)" -eq 1 ]
	jq -e '.event_id == "00000000-0000-8001-8000-000000000000" and .type == "flow_end"
		and .timestamp == "2023-11-14T22:13:20.000000000Z" and .entities.proto == "udp"
		and .entities.src_ip == "10.0.0.1" and .edges == ["10.0.0.1 -> 10.0.0.2"]
		and .stream == "00000000000000010000000000000000" and .number == 0
		and .source == "test" and .host == "here" and .iface == "eth0"' one.json
}

@test "evcat: files are read in order, - is stdin, and lines come while the input is open" {
	make_tap a '[{"iface": "one", "events": 1, "end": true}]'
	make_tap b '[{"iface": "two", "events": 1, "end": true}]'
	[ "$(evcat --json a.tap - <b.tap | jq -r .iface | tr '\n' ' ')" = "one two " ]
	[ "$(evcat --json -I b.tap a.tap | jq -r .iface | tr '\n' ' ')" = "two one " ]
	mkfifo pipe
	tl_spawn slow evcat --json pipe
	exec 7>pipe
	cat a.tap >&7
	tl_wait_line slow.out '"iface":"one"'
	exec 7>&-
	tl_join slow
	[ "$TL_STATUS" -eq 0 ]
}

@test "evcat: a listening URL takes batches, SIGTERM is a clean end" {
	capture_tap
	tl_start sink evcat --json --ready-fd 9 -I "ipc://$PWD/s"
	evcat -o "ipc://$PWD/s" capture.tap
	tl_wait_line sink.out '"number":2'
	tl_stop_ok sink
	[ "$(wc -l <sink.out)" -eq 3 ]
}

@test "evcat: a reader that goes is a clean end" {
	by_hand random 1 5000 >many.tap
	for mode in --json --msgpack "--replay --fast"; do
		# shellcheck disable=SC2086 # two words
		evcat $mode many.tap | head -c 100 >/dev/null
		[ "${PIPESTATUS[0]}" -eq 0 ]
	done
	evcat many.tap | head -n 1 >/dev/null
	[ "${PIPESTATUS[0]}" -eq 0 ]
}

# --- selection -----------------------------------------------------------------

count_where() {
	local options=()
	for condition in "$@"; do
		options+=(--where "$condition")
	done
	evcat --json "${options[@]}" where.tap | wc -l
}

@test "evcat: --type and --where select" {
	make_tap where '[{"events": [
		{"type": "a", "src_ip": {"$bin": "0a010203"}, "n": 5, "s": "x y", "proto": 6, "f": 1.5},
		{"type": "b", "src_ip": {"$bin": "0a820203"}, "n": -5, "ok": true, "proto": 17},
		{"type": "c", "ips": [{"$bin": "01020304"}, {"$bin": "0a000001"}], "proto": "TCP",
		 "start": {"$ts": 1500000000000000000}},
		{"type": "d", "src_ip": {"$bin": "20010db8000000000000000000000001"},
		 "big": 18446744073709551615}]}]'
	[ "$(evcat --json -t a,c where.tap | wc -l)" -eq 2 ]
	[ "$(evcat --json --type a --type d where.tap | wc -l)" -eq 2 ]
	[ "$(evcat --json --type nosuch where.tap | wc -l)" -eq 0 ]
	[ "$(count_where src_ip=10.1.2.3)" -eq 1 ]
	[ "$(count_where src_ip=10.0.0.0/8)" -eq 2 ]
	[ "$(count_where src_ip=10.128.0.0/9)" -eq 1 ]
	[ "$(count_where src_ip=2001:db8::/32)" -eq 1 ]
	[ "$(count_where src_ip=0.0.0.0/0)" -eq 2 ]
	[ "$(count_where 'src_ip!=10.0.0.0/8')" -eq 2 ]
	[ "$(count_where ips=10.0.0.1)" -eq 1 ]
	[ "$(count_where n=5)" -eq 1 ]
	[ "$(count_where n=-5)" -eq 1 ]
	[ "$(count_where f=1.5)" -eq 1 ]
	[ "$(count_where big=18446744073709551615)" -eq 1 ]
	[ "$(count_where big=18446744073709551614)" -eq 0 ]
	[ "$(count_where 's=x y')" -eq 1 ]
	[ "$(count_where ok=true)" -eq 1 ]
	[ "$(count_where proto=tcp)" -eq 1 ]
	[ "$(count_where proto=17)" -eq 1 ]
	[ "$(count_where proto=TCP)" -eq 1 ]
	[ "$(count_where start=2017-07-14T02:40:00Z)" -eq 1 ]
	[ "$(count_where iface=eth0)" -eq 4 ]
	[ "$(count_where stream=00000000000000010000000000000000)" -eq 4 ]
	[ "$(count_where host=elsewhere)" -eq 0 ]
	[ "$(count_where n=5 proto=tcp)" -eq 1 ]
	[ "$(count_where n=5 proto=udp)" -eq 0 ]
}

@test "evcat: a selection is a new stream for each old one, whole and from the same origin" {
	make_tap two '[{"stream": 1, "iface": "one", "events": 4, "first": 10, "base": 10},
		{"stream": 2, "iface": "two", "events": [{"type": "other"}, {"n": 1}]},
		{"stream": 1, "iface": "one", "events": 1, "end": true}]'
	evcat -t tick -w selected.tap two.tap
	expect 0 by_hand numbers selected.tap
	[ "$output" = "1 0 5 0 true
2 0 1 0 true" ]
	[ "$(evcat --json selected.tap | jq -r '[.iface, .host, .source] | join(" ")' | sort | uniq -c |
		tr -s ' ')" = " 5 one here test
 1 two here test" ]
	[ "$(evcat --json selected.tap | grep -c '"stream":"00000000')" -eq 0 ]
	evcat --check selected.tap
}

@test "evcat: events that fit no shape any more go out open, and none is lost" {
	"$TL_PYTHON" -c 'import json; print(json.dumps([{"end": b == 9, "events": [
		{"type": "t", "k%d" % (b * 500 + k): k} for k in range(500)]} for b in range(10)]))' >many.json
	by_hand make <many.json >many.tap
	evcat -t t -o selected.tap many.tap
	evcat --check selected.tap
	evcat --json many.tap | by_hand strip >a
	evcat --json selected.tap | by_hand strip >b
	[ "$(wc -l <a)" -eq 5000 ]
	cmp a b
}

@test "evcat: without a selection batches are passed on unchanged" {
	by_hand random 3 500 >in.tap
	evcat -w out.tap in.tap
	cmp in.tap out.tap
	evcat --msgpack <in.tap >again.tap
	cmp in.tap again.tap
}

# --- damage --------------------------------------------------------------------

@test "evcat: bytes between batches and a cut end are told of, the rest is read, exit 1" {
	capture_tap
	{
		echo "this is no batch"
		cat capture.tap
		head -c 100 capture.tap
	} >damaged.tap
	expect 1 evcat --json damaged.tap
	has '"number":2'
	has 'bytes skipped'
	has '1 batches cut short'
	[ "$(evcat --json damaged.tap 2>/dev/null | wc -l)" -eq 3 ]
}

@test "evcat: a malformed batch is refused with place and reason, and counts in --check" {
	make_tap whole '[{"events": 3}, {"events": [{"n": 77}]}, {"events": 2, "end": true}]'
	# The value 77 becomes a reserved byte.
	LC_ALL=C sed 's/\x4d\x8c\xa1v/\xc1\x8c\xa1v/' whole.tap >bad.tap
	expect 1 evcat --json bad.tap
	has 'refused: bad value in an event'
	[ "$(evcat --json bad.tap 2>/dev/null | wc -l)" -eq 5 ]
	expect 1 evcat --check bad.tap
	has '1 batches of 1 events refused'
	lacks 'missing'
}

@test "evcat: a place that cannot be opened is exit 2, the others are read" {
	capture_tap
	expect 2 evcat --json nosuch.tap capture.tap
	has 'cannot open nosuch.tap'
	has '"number":2'
	expect 2 evcat -o /nosuch/dir/x capture.tap
	expect 2 evcat --json -o /nosuch/dir/x capture.tap
}

@test "evcat: options that contradict are exit 2 with one line" {
	for options in "--json --msgpack" "--top --json" "--check -t x" "--check --where a=b" \
		"--check -c 1" "--same-stream" "--fast" "--replay --fast --speed 2" \
		"--replay --same-stream -t x" "--from-json --json" "--from-json --replay" \
		"--where nokey" "--where =x" "--where src_ip=nowhere" "--where src_ip=10.0.0.0/33" \
		"--type a,,b" "--sort size" "--from-json ipc://x" "ipc://x capture.tap" \
		"--speed 0" "-c 0" "--nosuch"; do
		# shellcheck disable=SC2086 # words
		expect 2 evcat $options </dev/null
		[ "${#lines[@]}" -eq 1 ]
	done
	expect 2 evcat tcp://192.0.2.1:9
	has insecure
}

# --- check ---------------------------------------------------------------------

check() {
	local want=$1
	make_tap checked "$2"
	expect "$want" evcat --check checked.tap
}

@test "evcat --check: holds when numbers and totals agree" {
	capture_tap
	expect 0 evcat --check capture.tap
	has 'test/eth0 00000000: holds; 3 events, 2 flows, 6 packets, 600 bytes'
	check 0 '[{"events": 5}, {"events": 3, "end": true}]'
	check 0 '[{"events": 5}, {"events": 0, "end": true}]'
	check 0 '[{"first": 50, "base": 50, "events": 5, "end": true}]'
	check 0 '[{"stream": 1, "events": 5}, {"stream": 2, "events": 3, "end": true},
		{"stream": 1, "events": 5, "end": true}]'
	[ "${#lines[@]}" -eq 2 ]
}

@test "evcat --check: a gap is a difference, in any order of the runs" {
	check 1 '[{"events": 5}, {"first": 8, "after": 8, "events": 2}, {"events": 1, "end": true}]'
	has 'differs: 3 events missing (numbers 5-7)'
	check 0 '[{"first": 3, "after": 3, "events": 2}, {"first": 0, "after": 0, "events": 3},
		{"first": 5, "after": 5, "events": 1, "end": true}]'
	check 1 '[{"first": 4, "after": 4, "events": 2, "end": true}]'
	has '4 events missing (numbers 0-3)'
	check 1 '[{"events": 2, "end": true}, {"events": 1}]'
	has 'events after the end'
}

@test "evcat --check: declared loss and overlaps are shown and hold" {
	check 0 '[{"events": 5}, {"first": 8, "after": 5, "events": 2, "end": true}]'
	has '3 events declared lost'
	check 0 '[{"events": 5}, {"first": 3, "after": 3, "events": 4, "end": true}]'
	has '2 events twice'
	# What came twice counts once.
	check 0 "[{\"events\": [$(flow 1)]}, {\"first\": 0, \"events\": [$(flow 1), $(flow 2), $(stats)],
		\"end\": true}]"
	has '6 packets, 600 bytes, 1 events twice'
}

@test "evcat --check: totals that do not add up are named with the difference" {
	check 1 "[{\"events\": [$(flow 1), $(stats)], \"end\": true}]"
	has 'packets of flow_end events 3 of 6 (3 missing), bytes of flow_end events 300 of 600'
	check 1 "[{\"events\": [$(flow 1), $(flow 2), $(stats '"packets": 8')], \"end\": true}]"
	has 'packets of all classes 7 of 8 (1 missing)'
	check 1 "[{\"events\": [$(flow 1), $(flow 2), $(stats '"residual_packets": -2')], \"end\": true}]"
	has 'residual of -2 packets'
	check 0 "[{\"events\": [$(flow 1), $(stats '"lost_in_crash": 3')], \"end\": true}]"
	check 0 "[{\"events\": [$(flow 1), $(flow 2), $(flow 3), $(stats '"packets": 10, "bytes": 960,
		"coarse_packets": 3, "coarse_bytes": 300')], \"end\": true}]"
}

@test "evcat --check: packet events of a raw stream are summed by segments and length" {
	local packet='{"type": "packet", "segments": 3, "length": 300}'
	check 0 "[{\"events\": [$packet, $packet, $(stats)], \"end\": true}]"
	check 1 "[{\"events\": [$packet, $(stats)], \"end\": true}]"
	has 'packets of packet events 3 of 6'
}

@test "evcat --check: a recording that was cut off is exit 4" {
	check 4 '[{"events": 5}]'
	has 'not closed: no end'
	check 4 "[{\"events\": [$(flow 1), $(stats), $(flow 2)], \"end\": true}]"
	has 'no closing capture_stats'
	expect 4 evcat --check /dev/null
	has 'no stream'
	# A difference outweighs it.
	check 1 '[{"stream": 1, "events": 5}, {"stream": 2, "first": 3, "after": 3, "events": 1}]'
}

# --- top -----------------------------------------------------------------------

@test "evcat --top --check: without a terminal blocks, then the summary" {
	capture_tap
	expect 0 evcat --top --check capture.tap
	has '10.0.0.1:1000 -> 10.0.0.2:53'
	has 'test/hand'
	has 'packets 7'
	has 'books balance'
	[ "${lines[-1]}" = "books balance" ]
	lacks $'\x1b'
	make_tap cut '[{"events": 5}]'
	expect 4 evcat --top --check cut.tap
	has 'books are not closed'
	has 'not closed: no end'
}

@test "evcat --top: other events than of flows, the newest first" {
	make_tap other '[{"events": [{"type": "alert"}, {"type": "alert"}, {"type": "alert"}]}]'
	evcat --top other.tap >shown
	grep -qx 'OTHER EVENTS 3' shown
	[ "$(sed -n '/OTHER/,/^$/p;/^PROTO/q' shown | grep -c ' alert ')" -eq 3 ]
}

@test "evcat --top: fits the terminal and leaves it as it was" {
	capture_tap
	tl_start sink "$TL_PYTHON" "$BATS_TEST_DIRNAME/evcat.py" pty 12 60 \
		evcat --top --ready-fd 9 -I "ipc://$PWD/s"
	evcat -o "ipc://$PWD/s" capture.tap
	tl_wait_line sink.out '10.0.0.1:1000'
	kill -TERM "$(pgrep -P "${TL_PID[sink]}" -x evcat)"
	tl_join sink
	[ "$TL_STATUS" -eq 0 ]
	"$TL_PYTHON" - sink.out <<-'END'
		import re, sys
		data = open(sys.argv[1], "rb").read()
		assert data.startswith(b"\x1b[?1049h\x1b[?25l\x1b[?7l"), data[:40]
		assert data.count(b"\x1b[?1049h") == data.count(b"\x1b[?1049l") == 1
		assert data.index(b"\x1b[?25h") < data.index(b"\x1b[?1049l")
		screen, after = data.split(b"\x1b[?1049l")
		assert b"10.0.0.1:1000" in after and b"\x1b" not in after
		for frame in screen.split(b"\x1b[H")[1:]:
		    text = re.sub(rb"\x1b\[[0-9?]*[A-Za-z]|\r", b"", frame)
		    lines = text.decode().split("\n")
		    assert len(lines) <= 12 and max(map(len, lines)) <= 60, lines
	END
}

@test "evcat: msgpack is not written to a terminal" {
	capture_tap
	expect 2 by_hand pty 24 80 evcat --msgpack capture.tap
	has 'stdout is a terminal'
}

# --- replay --------------------------------------------------------------------

@test "evcat --replay: the same events as a new stream, or the same stream" {
	by_hand random 5 300 >in.tap
	evcat --replay in.tap --fast -o new.tap
	evcat --replay --fast --same-stream in.tap >same.tap
	cmp in.tap same.tap
	evcat --check new.tap
	evcat --json in.tap | by_hand strip >a
	evcat --json new.tap | by_hand strip >b
	cmp a b
	[ "$(evcat --json -c 1 new.tap | jq -r .stream)" != "$(evcat --json -c 1 in.tap | jq -r .stream)" ]
}

@test "evcat --replay: keeps the distance of events in time, by --speed" {
	make_tap timed '[{"events": [{"ts": 1700000000000000000}, {"ts": 1700000000400000000},
		{"type": "capture_stats", "ts": 1900000000000000000},
		{"ts": 1700000000800000000}], "end": true}]'
	for options in "" --same-stream; do
		local start=${EPOCHREALTIME/./}
		# shellcheck disable=SC2086 # a word or none
		evcat --replay --speed 2 $options timed.tap | evcat --json >out.json
		local took=$((${EPOCHREALTIME/./} - start))
		[ "$(wc -l <out.json)" -eq 4 ]
		# One batch goes out at the time of its first event.
		[ -n "$options" ] || [ "$took" -ge 390000 ]
		[ "$took" -lt 15000000 ]
	done
}

@test "evcat --replay: SIGTERM ends a wait, the stream is closed" {
	make_tap timed '[{"events": [{"ts": 1700000000000000000}, {"ts": 1800000000000000000}]}]'
	tl_start replay evcat --replay --ready-fd 9 timed.tap -o out.tap
	tl_wait_for test -s out.tap
	tl_stop_ok replay
	expect 0 evcat --check out.tap
	has '1 events'
}

# --- from JSON -----------------------------------------------------------------

@test "evcat --from-json: what --json wrote comes back the same" {
	for seed in 1 2 3 4 5; do
		by_hand random "$seed" 400 >in.tap
		evcat --json in.tap >in.json
		evcat --from-json in.json >out.tap
		by_hand strip <in.json >a
		evcat --json out.tap | by_hand strip >b
		cmp a b
	done
	evcat --check out.tap
}

@test "evcat --where: == is =, and a key that no event has is said" {
	tl_require_tool pcap-flow
	pcap-flow -q -r "$TL_BIN/../demo.pcap" -o demo.tap
	diff <(evcat --json --where dst_port=443 demo.tap) <(evcat --json --where dst_port==443 demo.tap)
	run --separate-stderr evcat --json -t flow_end --where port=53 demo.tap
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[[ $stderr == *"--where: no event of these types has 'port'"* ]]
	run --separate-stderr evcat --json --where iface=nowhere --where dst_port=443 demo.tap
	[ -z "$stderr" ]
}

@test "evcat --from-json: flow events of a capture are the same to the byte again" {
	tl_require_tool pcap-flow
	tl_require_golden
	for capture in wikipedia 5-pings ipv6-mobility-dst-opts; do
		pcap-flow -q -r "$GOLDEN_DIR/$capture.pcap" |
			evcat -t flow_start,flow_update,flow_end -o flows.tap
		evcat --json flows.tap | evcat --from-json >again.tap
		cmp <(by_hand events flows.tap | tr -d '\n') <(by_hand events again.tap | tr -d '\n')
	done
}

@test "evcat --from-json: lines of others need type, time and entities only" {
	cat >in.json <<-'END'
		{"type":"engine_change","timestamp":"2026-01-01T00:00:00Z","entities":{"from":"a","gap_ms":3}}

		{"entities":{"src_ip":"10.0.0.1","dst_ip":"10.0.0.2"},"timestamp":"2026-01-01T01:00:00+01:00","type":"x","other":[1]}
	END
	evcat --from-json <in.json | evcat --json >out.json
	jq -se 'length == 2 and .[0].entities == {"from":"a","gap_ms":3} and .[0].source == "evcat"
		and .[1].edges == ["10.0.0.1 -> 10.0.0.2"]
		and .[1].timestamp == "2026-01-01T00:00:00.000000000Z"' out.json
}

@test "evcat --from-json: bad lines are refused by number, the good ones go through, exit 1" {
	local good='{"type":"t","timestamp":"2026-01-01T00:00:00Z","entities":{}}'
	for bad in 'no json' '{' '[]' '{"type":"t"}' "$good x" "$good $good" \
		'{"type":1,"timestamp":"2026-01-01T00:00:00Z","entities":{}}' \
		'{"type":"t","timestamp":"yesterday","entities":{}}' \
		'{"type":"t","timestamp":"2026-01-01T00:00:00Z","entities":[]}' \
		'{"type":"t","timestamp":"2026-01-01T00:00:00Z","entities":{"a":[[[[1]]]]}}' \
		$'{"type":"t","timestamp":"2026-01-01T00:00:00Z","entities":{"a":"\xff"}}' \
		"$(head -c 1100000 /dev/zero | tr '\0' x)"; do
		printf '%s\n' "$good" "$bad" "$good" >in.json
		status=0
		evcat --from-json in.json >out.tap 2>err || status=$?
		[ "$status" -eq 1 ] || {
			echo "exit $status for: ${bad:0:100}"
			return 1
		}
		grep -q 'in.json:2: line refused: ' err
		grep -q '1 of [23] lines refused' err
		[ "$(evcat --json out.tap | wc -l)" -eq 2 ]
	done
}
