#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2154  # bats' run sets stderr and stderr_lines
# eve-tail as a program: what is written to a file arrives, once, whatever is done to the file, to
# the consumer and to eve-tail. How files are told from each other is in test_evetail_*, how lines
# become events in eve-normal.bats.

bats_require_minimum_version 1.5.0
load lib

setup() {
	tl_setup
	tl_require_tool eve-tail evcat jq
	types=$BATS_TEST_DIRNAME/eve-types.json
}

teardown() {
	[ -z "${WRITER:-}" ] || kill "$WRITER" 2>/dev/null || true
	tl_teardown
}

# lines FROM TO: eve lines whose flow_id is their number.
lines() {
	seq "$1" "$2" | sed 's/.*/{"timestamp":"2026-11-27T00:00:00.000001+0000","flow_id":&,"event_type":"flow","src_ip":"10.0.0.1","src_port":1,"dest_ip":"10.0.0.2","dest_port":2,"proto":"TCP"}/'
}

# start_recorder: evcat at out.sock, which acknowledges what is in rec.tap; again: rec2.tap, ...
start_recorder() {
	tl_start "$1" evcat -I "ipc://$PWD/out.sock" -o "$1.tap" --ready-fd 9
}

# follow [OPTION...]: eve-tail as a service.
follow() {
	tl_start eve-tail eve-tail --checkpoint cp -o "ipc://$PWD/out.sock" --ready-fd 9 "$@"
}

# numbers FILE...: of the lines whose events are in recordings, an event_id once.
numbers() {
	evcat --json "$@" | jq -r 'select(.entities.suricata_flow_id) | [.event_id, .entities.suricata_flow_id] | @tsv' |
		sort -u | cut -f2 | sort -n
}

has_all() { # TO FILE...
	[ "$(numbers "${@:2}" 2>/dev/null | tail -n 1)" = "$1" ]
}

# all_once TO FILE...: every line up to TO is there, none twice.
all_once() {
	local to=$1
	shift
	tl_wait_for has_all "$to" "$@"
	numbers "$@" | diff - <(seq 1 "$to")
}

@test "every line of every type becomes an event" {
	eve-tail -q --once "$types" >out.tap
	evcat --json out.tap | jq -c 'select(.type != "tail_stats")' >events
	[ "$(wc -l <events)" -eq "$(wc -l <"$types")" ]
	diff <(jq -r '.event_type // "unknown"' "$types") <(jq -r .type events)
	evcat --check out.tap
}

@test "golden lines: every line an event, every field in it" {
	tl_require_golden
	golden=$GOLDEN_DIR/eve
	for file in "$golden"/*.json; do
		eve-tail -q --once "$file" | evcat --json | jq -c 'select(.type != "tail_stats")' >events
		[ "$(wc -l <events)" -eq "$(wc -l <"$file")" ]
		diff <(jq -r .event_type "$file") <(jq -r .type events)
	done
}

@test "standard input, until it ends" {
	lines 1 100 | eve-tail -q | evcat -o rec.tap
	all_once 100 rec.tap
}

@test "a FIFO: writers come and go" {
	mkfifo fifo
	start_recorder rec
	tl_start eve-tail eve-tail -r fifo --no-checkpoint -o "ipc://$PWD/out.sock" --ready-fd 9
	lines 1 10 >fifo
	tl_wait_for has_all 10 rec.tap
	lines 11 20 >fifo
	all_once 20 rec.tap
	tl_stop_ok eve-tail
	tl_stop_ok rec
}

@test "a unix stream socket, as Suricata connects to it" {
	start_recorder rec
	tl_start eve-tail eve-tail -r "unix:$PWD/eve.sock" --no-checkpoint -o "ipc://$PWD/out.sock" --ready-fd 9
	for from in 1 11; do
		lines $from $((from + 9)) | "$TL_PYTHON" -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(sys.stdin.buffer.read())' "$PWD/eve.sock"
	done
	all_once 20 rec.tap
	tl_stop_ok eve-tail
	tl_stop_ok rec
}

@test "what is appended arrives; half a line waits for its other half" {
	lines 1 3 >eve.json
	start_recorder rec
	follow eve.json
	tl_wait_for has_all 3 rec.tap
	lines 4 4 >line4
	head -c 50 line4 >>eve.json
	tl_wait_for at_offset $(($(wc -c <eve.json)))
	tail -c +51 line4 >>eve.json
	lines 5 5 >>eve.json
	all_once 5 rec.tap
	tl_stop_ok eve-tail
	tl_stop_ok rec
	[ "$(evcat --json rec.tap | jq -r .type | grep -c parse_error)" -eq 0 ]
}

# at_offset BYTES: eve-tail has read so much of the file (and more of it than lines).
at_offset() {
	local fd
	for fd in /proc/"${TL_PID[eve-tail]}"/fd/*; do
		[ "$(readlink "$fd")" != "$PWD/eve.json" ] || return 0
	done
	return 1
}

@test "renamed, copied and truncated, compressed while it runs" {
	lines 1 10 >eve.json
	start_recorder rec
	follow eve.json
	tl_wait_for has_all 10 rec.tap
	mv eve.json eve.json.1
	lines 11 20 >>eve.json.1
	lines 21 30 >eve.json
	tl_wait_for has_all 30 rec.tap
	cp eve.json eve.json.copy
	: >eve.json
	lines 31 40 >>eve.json
	tl_wait_for has_all 40 rec.tap
	mv eve.json eve.json.2 && gzip eve.json.2
	lines 41 50 >eve.json
	all_once 50 rec.tap
	tl_stop_ok eve-tail
	tl_stop_ok rec
}

@test "rotated and compressed twice while it is down: it goes on where it was, in order" {
	lines 1 10 >eve.json
	start_recorder rec
	follow eve.json
	tl_wait_for has_all 10 rec.tap
	tl_stop_ok eve-tail
	lines 11 20 >>eve.json
	gzip -c eve.json >eve.json.2.gz && rm eve.json
	lines 21 30 >eve.json
	zstd -q --rm eve.json -o eve.json.1.zst
	lines 31 40 >eve.json
	follow eve.json
	all_once 40 rec.tap
	tl_stop_ok eve-tail
	tl_stop_ok rec
}

@test "several files by a pattern, one of them later: a stream of its own for each" {
	lines 1 10 >eve.1.json
	start_recorder rec
	follow 'eve.*.json'
	tl_wait_for has_all 10 rec.tap
	lines 11 20 >eve.2.json
	all_once 20 rec.tap
	tl_stop_ok eve-tail
	tl_stop_ok rec
	[ "$(evcat --json rec.tap | jq -r 'select(.type == "flow") | .stream' | sort -u | wc -l)" -eq 2 ]
	holds rec.tap
}

# Numbers and books are right; files that are followed have not ended (4).
holds() {
	run evcat --check "$@"
	[ "$status" -eq 0 ] || [ "$status" -eq 4 ]
}

# 20,000 lines in bursts, the file rotated in four ways in turn.
write_and_rotate() {
	local at=1 turn=0
	while [ $at -lt 20000 ]; do
		lines $at $((at + 199)) >>eve.json
		at=$((at + 200))
		turn=$((turn + 1))
		case $((turn % 16)) in
		4) mv eve.json "eve.json.$turn" ;;
		8) mv eve.json "eve.json-2026$turn" && gzip "eve.json-2026$turn" ;;
		12) mv eve.json "eve.json.$turn" && zstd -q --rm "eve.json.$turn" ;;
		esac
	done
}

@test "kill -9 of eve-tail, again and again, while the file is written and rotated: all lines, once" {
	: >eve.json
	start_recorder rec
	follow eve.json
	write_and_rotate 3>&- &
	WRITER=$!
	for _ in 1 2 3 4 5 6 7 8; do
		seen=$(numbers rec.tap 2>/dev/null | wc -l)
		tl_wait_for got_further "$seen"
		tl_stop eve-tail KILL
		follow eve.json
	done
	wait "$WRITER"
	WRITER=
	all_once 20000 rec.tap
	tl_stop_ok eve-tail
	tl_stop_ok rec
	holds rec.tap
}

got_further() { # COUNT: or all is there
	local now
	now=$(numbers rec.tap 2>/dev/null | wc -l)
	[ "$now" -gt "$1" ] || [ "$now" -eq 20000 ]
}

@test "kill -9 of the consumer: nothing is missing" {
	: >eve.json
	start_recorder rec1
	follow eve.json
	lines 1 5000 >>eve.json
	tl_wait_for grep -q . rec1.tap
	tl_stop rec1 KILL
	lines 5001 10000 >>eve.json
	start_recorder rec2
	tl_wait_for has_all 10000 rec2.tap
	all_once 10000 rec1.tap rec2.tap
	tl_stop_ok eve-tail
	tl_stop_ok rec2
}

@test "nobody takes the events: it stops in time, exits 0, and the next run sends them" {
	lines 1 1000 >eve.json
	follow eve.json
	tl_wait_for grep -q '^file' cp
	tl_stop_ok eve-tail
	grep -q 'events are not safe .*the next run sends them again' eve-tail.err
	start_recorder rec
	follow eve.json
	all_once 1000 rec.tap
	tl_stop_ok eve-tail
	tl_stop_ok rec
}

@test "a 40 KiB line, a 5 MiB line, a binary line: the file goes on, and each is an event" {
	{
		lines 1 1
		printf '{"event_type":"http","pad":"%040960d"}\n' 0
		printf '{"event_type":"http","pad":"%05242880d"}\n' 0
		printf '\377\376\000\001{"\n'
		lines 2 2
	} >eve.json
	eve-tail -q --once eve.json >rec.tap
	all_once 2 rec.tap
	evcat --json rec.tap | jq -c 'select(.type != "tail_stats")' >events
	[ "$(jq -r .type events | tr '\n' ' ')" = "flow http parse_error parse_error flow " ]
	[ "$(jq -r 'select(.type == "http") | .entities.pad | length' events)" -eq 40960 ]
	[ "$(jq -r 'select(.entities.line_len > 1048576) | .entities.flags' events)" -eq 2 ]
}

# peak: of the memory of eve-tail, in KiB.
peak() {
	sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/${TL_PID[eve-tail]}/status"
}

@test "a line without end: memory does not grow with it, and the line behind it arrives" {
	lines 1 1 >eve.json
	start_recorder rec
	follow eve.json
	tl_wait_for has_all 1 rec.tap
	head -c 200000000 /dev/zero | tr '\0' x >>eve.json
	printf '\n' >>eve.json
	lines 2 2 >>eve.json
	all_once 2 rec.tap
	[ "$(peak)" -lt 65536 ]
	tl_stop_ok eve-tail
	tl_stop_ok rec
	[ "$(evcat --json rec.tap | jq -r 'select(.type == "parse_error") | .entities.line_len')" -eq 200000000 ]
}

@test "--types, --drop-stats, --raw, --community-id" {
	eve-tail -q --once --types alert,dns "$types" | evcat --json | jq -r 'select(.type != "tail_stats") | .type' | sort -u >kept
	[ "$(tr '\n' ' ' <kept)" = "alert dns " ]
	eve-tail -q --once --drop-stats "$types" | evcat --json | jq -r .type >kept
	grep -q '"event_type":"stats"' "$types"
	! grep -qx stats kept || false
	lines 1 1 | eve-tail -q --raw --community-id | evcat --json | jq 'select(.type == "flow") | .entities' >flow
	jq -e '.raw | fromjson | .flow_id == 1' flow
	[ "$(jq -r .community_id flow)" = "$(community_id)" ]
}

# Of the lines, by the specification (version 1, seed 0): lower end first, protocol, padding, ports.
community_id() {
	"$TL_PYTHON" -c '
import base64, hashlib
key = bytes([0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 6, 0, 0, 1, 0, 2])
print("1:" + base64.b64encode(hashlib.sha1(key).digest()).decode())'
}

@test "-c and --duration end it; the rest is read by the next run" {
	lines 1 100 >eve.json
	eve-tail -q -c 10 --checkpoint cp eve.json >a.tap
	[ "$(numbers a.tap | wc -l)" -eq 10 ]
	eve-tail -q --duration 200ms --checkpoint cp eve.json >b.tap
	all_once 100 a.tap b.tap
}

@test "--from end: only what is written from now on" {
	lines 1 100 >eve.json
	start_recorder rec
	tl_start eve-tail eve-tail --from end --no-checkpoint -o "ipc://$PWD/out.sock" --ready-fd 9 eve.json
	tl_wait_for evcat_has tail_stats rec.tap
	lines 101 110 >>eve.json
	tl_wait_for has_all 110 rec.tap
	[ "$(numbers rec.tap | head -n 1)" -eq 101 ]
	tl_stop_ok eve-tail
	tl_stop_ok rec
}

evcat_has() { # TYPE FILE
	evcat --json "$2" 2>/dev/null | grep -q "\"type\":\"$1\""
}

@test "tail_stats: the last one says what was read, and closes its stream" {
	{
		lines 1 10
		echo 'no json'
	} >eve.json
	eve-tail -q --once eve.json >rec.tap
	evcat --json rec.tap | jq -se 'map(select(.type == "tail_stats"))[-1].entities |
		.lines == 11 and .events == 11 and .parse_errors == 1 and .behind_bytes == 0 and .files == 1'
	evcat --json rec.tap | jq -se 'map(select(.type == "tail_stats"))[-1].entities.bytes' | grep -qx "$(wc -c <eve.json)"
}

@test "a second one on the same checkpoint is refused, with the reason" {
	lines 1 1 >eve.json
	start_recorder rec
	follow eve.json
	run --separate-stderr eve-tail -q --checkpoint cp --once -o /dev/null eve.json
	[ "$status" -eq 3 ]
	[[ $stderr == *cp* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	tl_stop_ok eve-tail
	tl_stop_ok rec
}

@test "usage: a URL needs a decision about the checkpoint; odd places are refused" {
	run --separate-stderr eve-tail -o "ipc://$PWD/out.sock" eve.json
	[ "$status" -eq 2 ]
	[[ $stderr == *--checkpoint*--no-checkpoint* ]]
	run --separate-stderr eve-tail --checkpoint a --no-checkpoint eve.json
	[ "$status" -eq 2 ]
	run --separate-stderr eve-tail --types , eve.json
	[ "$status" -eq 2 ]
	for place in "$PWD" /dev/null; do
		run --separate-stderr eve-tail --once -o /dev/null "$place"
		[ "$status" -eq 2 ]
		[ "${#stderr_lines[@]}" -eq 1 ]
	done
}

@test "--probe: usable where one of the places can be read, else the reason; --capabilities" {
	run --separate-stderr eve-tail --probe --plain -r nothing
	[ "$status" -eq 3 ]
	grep -qx 'usable=false' <<<"$output"
	grep -q '^reason=nothing: No such file' <<<"$output"
	lines 1 1 >eve.1.json
	run --separate-stderr eve-tail --probe -r nothing -r 'eve.*.json'
	[ "$status" -eq 0 ]
	jq -e '.usable and .mode == "file" and .name == "eve-tail" and .requires_root == false' <<<"$output"
	eve-tail --capabilities | jq -e '.emits_flows and (has("usable") | not)'
}

@test "as root it keeps only the right to read, and reads another user's file" {
	tl_require_root
	lines 1 5 >eve.json
	chown nobody eve.json
	chmod 600 eve.json
	start_recorder rec
	follow eve.json
	all_once 5 rec.tap
	for status in /proc/"${TL_PID[eve-tail]}"/task/*/status; do
		grep -q '^CapEff:.0000000000000004$' "$status"
		grep -q '^NoNewPrivs:.1$' "$status"
		grep -q '^Seccomp:.2$' "$status"
	done
	tl_stop_ok eve-tail
	tl_stop_ok rec
}

@test "nobody writes: it waits without working" {
	lines 1 1 >eve.json
	start_recorder rec
	follow eve.json
	tl_wait_for has_all 1 rec.tap
	ticks() { awk '{ print $14 + $15 }' "/proc/${TL_PID[eve-tail]}/stat"; }
	tl_wait_for evcat_has tail_stats rec.tap
	before=$(ticks)
	seconds=$(evcat --json rec.tap | grep -c tail_stats)
	more_stats() { [ "$(evcat --json rec.tap 2>/dev/null | grep -c tail_stats)" -ge $((seconds + 2)) ]; }
	tl_wait_for more_stats
	# Two seconds have passed: less than a tenth of one in use.
	[ $(($(ticks) - before)) -lt 20 ]
	tl_stop_ok eve-tail
	tl_stop_ok rec
}

@test "what cannot begin says so, and exits with 2" {
	lines 1 1 >eve.json
	for options in "--checkpoint nothing/cp -o out.tap" "-o nothing/out.tap" "-r unix:$PWD/nothing/sock"; do
		# shellcheck disable=SC2086
		run --separate-stderr eve-tail -q --once $options eve.json
		[ "$status" -eq 2 ]
		[ "${#stderr_lines[@]}" -eq 1 ]
	done
	touch file
	for socket in "$PWD/file" "/tmp/$(printf 'x%.0s' {1..120})"; do
		run --separate-stderr eve-tail -q --no-checkpoint -r "unix:$socket" -o out.tap
		[ "$status" -eq 2 ]
		[ "${#stderr_lines[@]}" -eq 1 ]
	done
}

@test "--once: a file that is not there, or cannot be read, is no success" {
	lines 1 1 >eve.json
	run --separate-stderr eve-tail -q --once -o out.tap eve.json nothing.json
	[ "$status" -eq 1 ]
	[[ $stderr == *nothing.json:\ No\ such\ file* ]]
	all_once 1 out.tap
	eve-tail -q --once -c 1 -o out.tap eve.json nothing.json
}

@test "--checkpoint: what is no checkpoint is left alone" {
	lines 1 1 >eve.json
	lines 1 1 >other
	mkdir folder
	for place in other folder; do
		run --separate-stderr eve-tail -q --once --checkpoint $place -o out.tap eve.json
		[ "$status" -eq 2 ]
		[ "${#stderr_lines[@]}" -eq 1 ]
	done
	cmp eve.json other
	[ -d folder ]
}

@test "what came from a FIFO and is not safe is lost, and that is no clean stop" {
	mkfifo fifo
	tl_start eve-tail eve-tail --checkpoint cp -o "ipc://$PWD/out.sock" --ready-fd 9 fifo
	lines 1 10 >fifo
	drained() { kill -USR1 "${TL_PID[eve-tail]}" && grep -q '10 lines' eve-tail.err; }
	tl_wait_for drained
	tl_stop eve-tail
	[ "$TL_STATUS" -eq 1 ]
	grep -q 'those of pipes and sockets are lost' eve-tail.err
}

@test "4,000 files by a pattern, with few descriptors" {
	"$TL_PYTHON" -c '
for i in range(1, 4001):
    open(f"eve.{i}.json", "w").write("{\"event_type\":\"flow\",\"flow_id\":%d}\n" % i)'
	(ulimit -n 512 && exec timeout "$TL_DEADLINE" eve-tail -q --once --checkpoint cp -o out.tap 'eve.*.json')
	all_once 4000 out.tap
}

@test "one of two outputs breaks: the other gets everything, and the checkpoint does not pass it" {
	lines 1 1000 >eve.json
	start_recorder rec
	tl_start eve-tail eve-tail --checkpoint cp -o "ipc://$PWD/out.sock" -o /dev/full --ready-fd 9 eve.json
	tl_wait_for has_all 1000 rec.tap
	lines 1001 2000 >>eve.json
	all_once 2000 rec.tap
	tl_stop eve-tail
	[ "$TL_STATUS" -eq 1 ]
	grep -q ' live 0 0 ' cp
	follow eve.json
	lines 2001 2010 >>eve.json
	all_once 2010 rec.tap
	tl_stop_ok eve-tail
	tl_stop_ok rec
}

@test "the window is full: signals are answered, --duration ends it, a rotated file is not missed" {
	seq 1 40000 | sed 's/.*/{"event_type":"flow","flow_id":&,"pad":"0123456789012345678901234567890123456789"}/' >eve.json
	follow --window 1M eve.json
	tl_wait_for window_is_full
	mv eve.json eve.json.1
	lines 40001 40010 >eve.json
	tl_wait_for holds_open eve.json
	rm eve.json
	start_recorder rec
	all_once 40010 rec.tap
	tl_stop_ok eve-tail
	tl_stop_ok rec
	eve-tail -q --window 1M --duration 1s --from start --checkpoint cp2 -o "ipc://$PWD/nobody.sock" eve.json.1
}

holds_open() { # FILE
	local fd
	for fd in /proc/"${TL_PID[eve-tail]}"/fd/*; do
		[ ! "$fd" -ef "$1" ] || return 0
	done
	return 1
}

# What it says of itself twice is the same, and there is more to read.
window_is_full() {
	kill -USR1 "${TL_PID[eve-tail]}"
	read -r -t 0.3 <> <(:) || true
	[ "$(grep -c 'not read yet' eve-tail.err)" -ge 2 ] &&
		[ "$(grep 'not read yet' eve-tail.err | tail -n 2 | sort -u | wc -l)" -eq 1 ] &&
		! grep 'not read yet' eve-tail.err | tail -n 1 | grep -q ' 0 bytes not read yet'
}
