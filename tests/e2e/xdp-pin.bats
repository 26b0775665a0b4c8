#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# xdp-flowd --pin: the kernel goes on counting while nobody reads, and the totals of all runs
# together are those of the wire.

bats_require_minimum_version 1.5.0
load lib

setup() {
	tl_setup
	TAP=$BATS_TEST_DIRNAME/tap.py
	TOTALS=$BATS_TEST_DIRNAME/totals.py
	tl_require_tool xdp-flowd ethtool
	"$TL_PYTHON" -c 'import msgpack' || tl_skip "no python3-msgpack"
	tl_netns_setup
	# Its own BPF file system: what is mounted below /sys is not there in a namespace.
	BPFFS=$BATS_TEST_TMPDIR/bpf
	mkdir "$BPFFS"
	mount -t bpf bpf "$BPFFS" || tl_skip "cannot mount a BPF file system"
	PIN=(--pin --pin-folder "$BPFFS/x")
}

teardown() {
	if [ -z "${BATS_TEST_COMPLETED:-}" ]; then
		tail -n 5 ./*.err
	fi
	tl_teardown
	umount "$BPFFS" 2>/dev/null || true
}

# run_pinned NAME OPTION...: in the background, events to NAME.tap.
run_pinned() {
	local name=$1
	shift
	tl_start "$name" tl_rx xdp-flowd --ready-fd 9 -i rx0 --epoch 100ms "${PIN[@]}" -w "$name.tap" "$@"
}

send() {
	tl_tx "$TL_PYTHON" "$TAP" send tx0 "$@"
}

# The sums over recordings of several runs, each event once: totals.py prints name=value lines.
totals() {
	"$TL_PYTHON" "$TOTALS" "$@" >totals.out
	cat totals.out
}

expect_total() {
	grep -qx "$1=$2" totals.out || {
		echo "expected $1=$2" >&2
		return 1
	}
}

flowing() {
	tl_spawn flood tl_tx "$TL_PYTHON" -c '
import runpy, sys
tap = runpy.run_path(sys.argv[1])
frames = [tap["crafted"]("udp", k, 50) for k in range(50)]
print("sending", flush=True)
for _ in range(int(sys.argv[2])): tap["transmit"]("tx0", frames * 20)
print("sent", flush=True)' "$TAP" "$1"
	tl_wait_line flood.out sending
}

each_attach() {
	for attach in xdp tcx; do
		echo "$attach"
		"$@" --attach "$attach"
		tl_rx xdp-flowd -q --unpin -i rx0 --pin-folder "$BPFFS/x"
		rm -f ./*.tap
	done
}

goes_on() {
	run_pinned one "$@"
	send udp:5 100
	tl_stop_ok one
	send udp:5 40 # nobody there
	run_pinned two "$@"
	send udp:5 3
	tl_stop_ok two
	totals one.tap two.tap
	expect_total flow_end 143
	expect_total lost_in_crash 0
	expect_total residual 0
	evcat --check one.tap
	evcat --check two.tap
}

@test "stopped and started again: what came in between is told by the second" {
	each_attach goes_on
}

killed() {
	run_pinned run0 "$@"
	flowing 300 # 300,000 packets
	for k in 1 2 3 4; do
		tl_wait_for test -s "run$((k - 1)).tap"
		tl_stop "run$((k - 1))" KILL
		run_pinned "run$k" "$@"
	done
	tl_wait_line flood.out sent
	tl_join flood
	tl_stop_ok run4
	totals run?.tap
	expect_total sum 300000
	expect_total residual 0
	code=0
	evcat --check run4.tap || code=$?
	[ "$code" -eq 0 ] || [ "$code" -eq 4 ]
}

@test "killed under load, again and again: flow_end + classes + lost_in_crash = packets sent" {
	each_attach killed
}

@test "what a killed run had taken and not told is lost_in_crash, to the packet" {
	run_pinned one
	send udp:5 100
	tl_wait_for grep -qs capture_stats one.tap
	tl_wait_for drained one.tap 100
	tl_stop one KILL
	run_pinned two
	send udp:5 7
	tl_stop_ok two
	grep -q '100 packets were in flows that a killed process had taken' two.err
	totals one.tap two.tap
	expect_total lost_in_crash 100
	expect_total flow_end 7
	code=0
	evcat --check two.tap || code=$?
	[ "$code" -eq 4 ] # the first stream, sent again, has no end
}

# drained FILE N: a capture_stats says that so many packets were counted.
drained() {
	"$TL_PYTHON" "$TAP" stat "$1" packets 2>/dev/null | grep -qx "$2"
}

@test "the filter changes from run to run, the counts go on" {
	run_pinned one -f 'udp'
	send udp 10
	send icmp 3
	tl_stop_ok one
	send udp 4 # by the filter that is still there
	send icmp 5
	run_pinned two -f 'icmp'
	send udp 6
	send icmp 7
	tl_stop_ok two
	run_pinned three
	send udp 1
	send icmp 2
	tl_stop_ok three
	totals one.tap two.tap three.tap
	expect_total flow_end $((10 + 4 + 7 + 3))
	expect_total filtered $((3 + 5 + 6))
	expect_total sum 38
}

@test "batches that could not be sent are sent by the next run" {
	tl_start one tl_rx xdp-flowd --ready-fd 9 -i rx0 --epoch 100ms --idle 200ms "${PIN[@]}" \
		-o "ipc://$PWD/nobody.sock"
	send udp:5 100
	tl_wait_for journaled 100
	tl_stop one KILL
	run_pinned two
	tl_stop_ok two
	totals two.tap
	expect_total flow_end 100
	expect_total lost_in_crash 0
	grep -q 'batches of the last run again' two.err
}

# The flows have ended: their idle time has passed twice.
journaled() {
	kill -USR1 "${TL_PID[one]}"
	grep -q "rx0: $1 packets.* 5 flows.* 1[0-9] events" one.err
}

@test "one process at a time; another direction, hook, layout or window is refused" {
	run_pinned one
	run --separate-stderr tl_rx xdp-flowd -i rx0 "${PIN[@]}" -o /dev/null
	[ "$status" -eq 3 ]
	[[ $stderr == *"another xdp-flowd has it"* ]]
	tl_stop_ok one
	run --separate-stderr tl_rx xdp-flowd -i rx0 --direction out "${PIN[@]}" -o /dev/null
	[ "$status" -eq 2 ]
	[[ $stderr == *"--unpin"* ]]
	run --separate-stderr tl_rx xdp-flowd -i rx0 --attach tcx "${PIN[@]}" -o /dev/null
	[ "$status" -eq 2 ]
	[[ $stderr == *"pinned by xdp"*"--unpin"* ]]
	run --separate-stderr tl_rx xdp-flowd -i rx0 --window 64M "${PIN[@]}" -o /dev/null
	[ "$status" -eq 2 ]
	[[ $stderr == *"--window"*"--unpin"* ]]
	bpftool map update pinned "$BPFFS"/x/*/control key 0 0 0 0 \
		value hex "$(printf '63 00 00 00%s' "$(printf ' 00%.0s' {1..28})")" 2>/dev/null ||
		bpftool map update pinned "$BPFFS"/x/*/control key 0 0 0 0 value hex \
			63 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
	run --separate-stderr tl_rx xdp-flowd -i rx0 "${PIN[@]}" -o /dev/null
	[ "$status" -eq 3 ]
	[[ $stderr == *"another version (layout 99"*"--unpin"* ]]
	tl_rx xdp-flowd -q --unpin -i rx0 --pin-folder "$BPFFS/x"
	[ -z "$(ls "$BPFFS/x")" ]
	run_pinned two
	tl_stop_ok two
}

@test "--unpin detaches, says what was not told, and leaves nothing" {
	run_pinned one
	send udp 10
	tl_stop_ok one
	send udp 4
	run --separate-stderr tl_rx xdp-flowd --unpin -i rx0 --pin-folder "$BPFFS/x"
	[ "$status" -eq 0 ]
	[[ $stderr == *"14 packets counted, 4 of them not told"* ]]
	[ -z "$(ls "$BPFFS/x")" ]
	[[ $(tl_rx bpftool net show dev rx0) != *rx0* ]]
	run --separate-stderr tl_rx xdp-flowd --unpin -i rx0 --pin-folder "$BPFFS/x"
	[ "$status" -eq 0 ]
	[[ $stderr == *"nothing was pinned"* ]]
}

@test "no BPF file system: exit 3 and how to mount one" {
	run --separate-stderr tl_rx xdp-flowd -i rx0 --pin --pin-folder "$BATS_TEST_TMPDIR/no" -o /dev/null
	[ "$status" -eq 3 ]
	[[ $stderr == *"mount -t bpf"* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
}
