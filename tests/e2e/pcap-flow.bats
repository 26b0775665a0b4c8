#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2030,SC2031,SC2154  # each test is a shell of its own; bats' run sets stderr
# Capture files of every kind, whole and damaged.

bats_require_minimum_version 1.5.0
load lib

setup() {
	tl_setup
	CRAFT=$BATS_TEST_DIRNAME/craft.py
	capture=$TL_BIN/../golden.pcap
	tl_require_tool pcap-flow evcat
	[ -r "$capture" ] || tl_skip "no golden.pcap (make build/golden.pcap)"
}

teardown() {
	tl_teardown
}

craft() {
	"$TL_PYTHON" "$CRAFT" "$@"
}

# flows ARGUMENT...: what the flow_end events of a run say, without what differs between runs.
flows() {
	pcap-flow -q "$@" | tee flows.tap | evcat --json --type flow_end |
		jq -cS '.entities' | sort
}

# stat NAME...: of the closing capture_stats of the last `flows`.
stat_of() {
	"$TL_PYTHON" "$BATS_TEST_DIRNAME/tap.py" stat flows.tap "$@"
}

# same ARGUMENT...: gives the flows of the plain file.
same() {
	flows "$@" >got
	diff expected got
}

# fails STATUS PATTERN ARGUMENT...: exits so after one line that matches.
fails() {
	local code=$1 pattern=$2
	shift 2
	run --separate-stderr pcap-flow -q "$@" -o /dev/null
	[ "$status" -eq "$code" ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr =~ $pattern ]]
}

@test "every wrapping and format of a file gives the same flows" {
	tl_require_tool gzip zstd jq
	flows -r "$capture" >expected
	[ -s expected ]
	craft pcapng "$capture" c.pcapng
	craft classic swap "$capture" swapped.pcap
	craft classic ns "$capture" ns.pcap
	craft classic ns swap "$capture" both.pcap
	gzip -c "$capture" >c.gz
	zstd -qc "$capture" >c.zst
	gzip -c c.pcapng >c.pcapng.gz
	zstd -qc c.pcapng >c.pcapng.zst
	for file in c.pcapng swapped.pcap ns.pcap both.pcap c.gz c.zst c.pcapng.gz c.pcapng.zst; do
		echo "$file"
		same -r "$file"
		same <"$file"
		tail -c +1 "$file" | same -r -
	done
}

@test "compressed in several members, frames and a skippable frame" {
	tl_require_tool gzip zstd jq
	flows -r "$capture" >expected
	half=$(($(wc -c <"$capture") / 2))
	{ head -c "$half" "$capture" | gzip; tail -c "+$((half + 1))" "$capture" | gzip; } >c.gz
	{ head -c "$half" "$capture" | zstd -q; printf '\x50\x2a\x4d\x18\4\0\0\0abcd'
		tail -c "+$((half + 1))" "$capture" | zstd -q; } >c.zst
	same -r c.gz
	same -r c.zst
}

@test "from tcpdump -w -" {
	tl_require_tool tcpdump jq
	flows -r "$capture" >expected
	tcpdump -r "$capture" -w - 2>/dev/null | same
	tcpdump -r "$capture" -U -w - 2>/dev/null | same -r -
}

@test "cut short at any byte: the packets before it, exit 1 and one line" {
	craft first 3 "$capture" three.pcap
	len=$(wc -c <three.pcap)
	for k in 0 1 2 3; do
		craft first $k "$capture" k.pcap
		whole[k]=$(wc -c <k.pcap)
	done
	packets=-1
	for ((cut = 0; cut <= len; cut++)); do
		expected=1
		if [ "$cut" -eq "${whole[packets + 1]:--1}" ]; then
			packets=$((packets + 1))
			expected=0
		fi
		code=0
		head -c "$cut" three.pcap >part.pcap
		pcap-flow -r part.pcap >part.tap 2>err || code=$?
		[ "$code" -eq "$expected" ]
		mapfile -t said <err
		# Nothing to say of a file that never began but what is wrong with it.
		if [ "$packets" -ge 0 ]; then
			[ "${#said[@]}" -eq $((expected + 1)) ]
			[[ ${said[-1]} == *": $packets packets,"* ]]
		else
			[ "${#said[@]}" -eq 1 ]
			[ ! -s part.tap ]
		fi
	done
	[ "$packets" -eq 3 ]
	evcat --check part.tap
}

@test "cut short within compressed data and pcapng: events before it, exit 1" {
	tl_require_tool gzip zstd
	craft pcapng "$capture" c.pcapng
	gzip -c "$capture" >c.gz
	zstd -qc "$capture" >c.zst
	for file in c.pcapng c.gz c.zst; do
		echo "$file"
		head -c "$(($(wc -c <"$file") * 3 / 4))" "$file" >part
		fails 1 "part: damaged after [0-9]+ packets" -r part
		head -c 30 "$file" >part
		fails 1 "part: " -r part
	done
}

@test "no capture file: empty, too short, garbage, missing, a folder" {
	: >empty
	fails 1 "empty: no capture file: empty" -r empty
	fails 1 "no capture file: empty" -r /dev/null
	printf 'short' >short
	fails 1 "short: no capture file" -r short
	head -c 100000 /dev/zero >zero
	fails 1 "zero: no capture file" -r zero
	fails 1 "no capture file" -r "$BATS_TEST_FILENAME"
	fails 2 "missing: No such file" -r missing
	mkdir folder
	fails 2 "folder: Is a directory" -r folder
}

@test "a packet header that claims too much ends the file there" {
	craft first 3 "$capture" three.pcap
	printf '\0\0\0\0\0\0\0\0\xff\xff\xff\x7f\xff\xff\xff\x7f' >>three.pcap
	fails 1 "damaged after 3 packets: a packet longer than 262144 bytes" -r three.pcap
}

@test "an unknown link type is named" {
	craft classic link=105 "$capture" wifi.pcap
	fails 1 "wifi.pcap: link type 105 \(IEEE802_11\)" -r wifi.pcap
	craft classic link=9999 "$capture" odd.pcap
	fails 1 "odd.pcap: link type 9999" -r odd.pcap
	craft pcapng wifi.pcap wifi.pcapng
	fails 1 "wifi.pcapng: link type 105" -r wifi.pcapng
}

@test "a filter, by option or as words: the rest is counted" {
	tl_require_tool jq
	flows -r "$capture" -f 'udp or vlan and udp' >by_option
	flows -r "$capture" udp or vlan and udp >by_words
	[ -s by_option ]
	diff by_option by_words
	[ -z "$(jq -r '.proto | select(. != "udp")' by_option)" ]
	mapfile -t got < <(stat_of packets flow_packets filtered_packets bytes filtered_bytes)
	flows -r "$capture" >/dev/null
	mapfile -t all < <(stat_of packets bytes)
	[ "${got[0]}" -eq "${all[0]}" ]
	[ "${got[3]}" -eq "${all[1]}" ]
	[ "$((got[1] + got[2]))" -eq "${got[0]}" ]
	[ "${got[2]}" -gt 0 ]
}

@test "a filter that does not compile is usage" {
	fails 2 "udp porrt 53" -r "$capture" -f "udp porrt 53"
	fails 2 "porrt" -r "$capture" udp porrt 53
}

@test "-c stops after so many packets, those the filter refuses not counted" {
	flows -r "$capture" -c 7 >/dev/null
	[ "$(stat_of packets)" -eq 7 ]
	flows -r "$capture" -c 2 udp >/dev/null
	[ "$(stat_of flow_packets)" -eq 2 ]
	flows -r "$capture" -c 1000000 >/dev/null
	[ "$(stat_of packets)" -gt 100 ]
}

@test "several files: a stream each; a bad one does not keep the others back" {
	printf 'garbage garbage garbage garbage' >bad
	code=0
	pcap-flow -q -r "$capture" -r bad -r missing -r "$capture" -o two.tap 2>err || code=$?
	[ "$code" -ne 0 ]
	[ "$(wc -l <err)" -eq 2 ]
	[ "$(evcat --json two.tap | jq -r .stream | sort -u | wc -l)" -eq 2 ]
	evcat --check two.tap
}

@test "options of the flow table are heard" {
	tl_require_tool jq
	flows -r "$capture" --flows 1 >/dev/null
	[ "$(stat_of flows_evicted)" -gt 0 ]
	evcat --check flows.tap
	demo=$TL_BIN/../demo.pcap
	[ "$(pcap-flow -q -r "$demo" --every 10 | evcat --json --type flow_update | wc -l)" -gt 10 ]
	[ "$(pcap-flow -q -r "$demo" --every 0 --active 0 | evcat --json --type flow_update | wc -l)" -eq 0 ]
	[ "$(flows -r "$demo" --idle 1ms --linger 1ms | wc -l)" -gt "$(flows -r "$demo" | wc -l)" ]
}

@test "a full disk is an error that says what was lost, a closed pipe is not" {
	run --separate-stderr pcap-flow -q -r "$capture" -o /dev/full
	[ "$status" -eq 1 ]
	[[ $stderr =~ "No space left" ]]
	[[ $stderr =~ [0-9]+\ events\ were\ not\ delivered ]]
	{ pcap-flow -q -r "$capture" 2>err || echo $? >code; } | true
	[ ! -s code ]
	[ ! -s err ]
}

@test "a pipe that stalls does not split the flows of an old capture" {
	tl_require_tool jq
	flows -r "$capture" >expected
	mkfifo pipe
	pcap-flow -r pipe -o stalled.tap --ready-fd 9 9>ready 2>err 3>&- &
	TL_PID["pcap-flow"]=$!
	exec 7>pipe
	head -c 5000 "$capture" >&7
	# Two looks at the clock: it was idle in between.
	for k in 1 2; do
		tl_wait_for grep -qs . stalled.tap
		kill -USR1 "${TL_PID[pcap-flow]}"
		tl_wait_for eval "[ \$(grep -c packets err) -ge $k ]"
	done
	tail -c +5001 "$capture" >&7
	exec 7>&-
	tl_join pcap-flow
	[ "$TL_STATUS" -eq 0 ]
	evcat --json --type flow_end stalled.tap | jq -cS '.entities' | sort >got
	diff expected got
}

@test "live from a pipe: prompt, ended by SIGTERM, closed in order" {
	tl_require_tool jq
	craft first 3 "$capture" three.pcap
	mkfifo pipe
	exec 7<>pipe
	tl_start pcap-flow pcap-flow -r pipe --ready-fd 9
	cat three.pcap >&7
	tl_wait_for grep -qs flow_start pcap-flow.out
	kill -USR1 "${TL_PID[pcap-flow]}"
	tl_wait_line pcap-flow.err "3 packets"
	tl_stop_ok pcap-flow
	evcat --check pcap-flow.out
	evcat --json --type flow_end pcap-flow.out >ends
	grep -q '"end_reason":"shutdown"' ends
}

@test "live from a pipe: silence ends flows" {
	craft first 3 "$capture" three.pcap
	craft now three.pcap now.pcap
	mkfifo pipe
	exec 7<>pipe
	tl_start pcap-flow pcap-flow -r pipe --idle 1s --ready-fd 9
	cat now.pcap >&7
	# The other flow was closed by RST, and ends 2 s later.
	tl_wait_for grep -qs flow_end pcap-flow.out
	tl_stop_ok pcap-flow
	evcat --json --type flow_end pcap-flow.out >ends
	grep -q '"end_reason":"idle"' ends
}
