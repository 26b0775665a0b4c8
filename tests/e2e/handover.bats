#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# One capture engine taking over from another: --state, --cut, --standby (common/handover.h).
#
# Each test is a subshell of its own, and so is the variable `engine` in it.
# shellcheck disable=SC2030,SC2031

bats_require_minimum_version 1.5.0
load lib
load engine

setup() {
	engine_setup 1500
	tl_require_tool evcat
}

teardown() {
	engine_teardown
	! mountpoint -q "$BATS_TEST_TMPDIR/bpf" || umount "$BATS_TEST_TMPDIR/bpf"
}

handover() {
	"$TL_PYTHON" "$BATS_TEST_DIRNAME/handover.py" "$@"
}

# state_says NAME PATTERN: the line that NAME keeps.
state_says() {
	grep -qE "^first=[0-9]{20} last=[0-9]{20} packets=$2\$" "$1.state"
}

# after MS: a time so far from now, as --cut wants it.
after() {
	echo $(($(date +%s%N) + $1 * 1000000))
}

# --- the state ------------------------------------------------------------------------

true_after_stop() {
	capture -q --state "$engine.state" --threads 2
	send udp:7 123
	finish
	handover state "$engine"
	state_says "$engine" '0+123'
}

@test "the state after a clean stop is what the stream tells" {
	use_engine tpv3-capd
	true_after_stop
	use_engine afp-capd
	true_after_stop
}

true_after_stop_in_kernel() {
	capture -q --state "$engine.state"
	send udp:7 123
	finish
	handover state "$engine"
	state_says "$engine" '0+123'
}

@test "the state after a clean stop: the same of what the kernel counted" {
	each_kernel true_after_stop_in_kernel
}

true_over_two() {
	capture_on -q -i rx0 -i lo --state "$engine.state"
	send udp:3 10
	tl_rx "$TL_PYTHON" "$TAP" send lo udp 4
	tl_stop_ok "$engine"
	state_says "$engine" '0+14'
}

@test "the state is of all interfaces together" {
	local here=("${RING_ENGINES[@]}" "xdp-flowd --attach tcx")
	each_of here loudly true_over_two
}

survives_kill() {
	local epoch=()
	[[ $engine != xdp-flowd* ]] || epoch=(--epoch 50ms)
	capture -q --state "$engine.state" "${epoch[@]}"
	state_says "$engine" '0{20}'
	send udp:7 123
	tl_wait_for state_says "$engine" '0+123'
	tl_stop "$engine" KILL
	state_says "$engine" '0+123'
	"$TL_PYTHON" -c '
import sys, time
first, last, _ = (int(word.split("=")[1]) for word in open(sys.argv[1]).read().split())
assert time.time_ns() - 60 * 10**9 < first <= last <= time.time_ns()' "$engine.state"
}

@test "the state survives kill -9, and there is one before the first packet" {
	each_engine survives_kill
}

state_of_other_user() {
	tl_start "$engine" ip netns exec "$TL_NS_RX" unshare -m sh -c '
		mount --bind passwd /etc/passwd && mount --bind group /etc/group && exec "$@"' \
		sh "${command[@]}" --ready-fd 9 -q -i rx0 --state closed/state --cut closed/cut \
		-w mine.tap
	grep -qx 'Uid:	64001	64001	64001	64001' /proc/"${TL_PID[$engine]}"/status
	send udp 3
	# In a folder that it may not search: in place.
	after 0 >closed/cut
	kill -USR2 "${TL_PID[$engine]}"
	tl_join "$engine"
	[ "$TL_STATUS" -eq 0 ]
	grep -qE 'packets=0+3$' closed/state
	rm -r closed/*
}

@test "state and cut work after the change to the user tapline, in a folder closed to it" {
	sed '/^tapline:/d' /etc/passwd >passwd
	sed '/^tapline:/d' /etc/group >group
	echo 'tapline:x:64001:64002::/:/bin/false' >>passwd
	echo 'tapline:x:64002:' >>group
	mkdir -m 700 closed
	each_engine state_of_other_user
}

# --- the cut --------------------------------------------------------------------------

# starts NAME ENGINE OPTION...
starts() {
	local name=$1
	read -ra words <<<"$2"
	tl_start "$name" tl_rx "${words[@]}" --ready-fd 9 -i rx0 -v --cut cut --state "$name.state" \
		"${@:3}"
}

# Both are told by the same file.
cut_both() {
	CUT=$(after 700)
	echo "$CUT" >cut
	kill -USR2 "${TL_PID[old]}" "${TL_PID[new]}"
	tl_join old
	[ "$TL_STATUS" -eq 0 ]
}

balanced() {
	tap check "$1.out"
	evcat --check "$1.out"
	handover state "$1"
}

# change OLD NEW: while packets come.
change() {
	rm -f cut
	starts old "$1"
	starts new "$2" --standby
	tl_spawn sender tl_tx "$TL_PYTHON" "$BATS_TEST_DIRNAME/handover.py" send tx0 times
	tl_wait_line sender.out sending
	cut_both
	tl_wait_for state_says new '0*[1-9][0-9]*'
	tl_stop_ok sender
	tl_stop_ok new
	balanced old
	balanced new
	[ "$(grep -c '"end_reason": 7' <(tap events old.out))" -eq 10 ]
	[ "$(grep -c '"end_reason": 5' <(tap events new.out))" -eq 10 ]
	before_and_after
}

# The last of the old one is before the cut, the first of the new one is not.
before_and_after() {
	local last first
	last=$(sed 's/.*last=0*\([0-9]*\).*/\1/' old.state)
	first=$(sed 's/first=0*\([0-9]*\).*/\1/' new.state)
	echo "last $((last - CUT)) ns, first $((first - CUT)) ns from the cut"
	[ "$last" -lt "$CUT" ]
	[ "$first" -ge "$CUT" ]
}

is_ring() {
	[[ " ${RING_ENGINES[*]} " == *" $1 "* ]]
}

# Packet sockets see one time stamp: no packet is lost or counted twice. A kernel program looks at
# the clock itself, some microseconds before or after that.
change_and_sum() {
	echo "$1 -> $2"
	change "$1" "$2"
	run handover sums times "$CUT" old new
	echo "$output"
	[ "$status" -eq 0 ] || { [ "$status" -eq 4 ] && { ! is_ring "$1" || ! is_ring "$2"; }; }
}

changes_from() {
	local new
	for new in "${ENGINES[@]}"; do
		# The hook takes one program.
		[ "$1 $new" = "xdp-flowd --attach xdp xdp-flowd --attach xdp" ] ||
			change_and_sum "$1" "$new"
	done
}

@test "tpv3-capd hands over to every engine" {
	changes_from tpv3-capd
}

@test "afp-capd hands over to every engine" {
	changes_from afp-capd
}

@test "xdp-flowd, native, hands over to every engine" {
	changes_from "xdp-flowd --attach xdp"
}

@test "xdp-flowd, tcx, hands over to every engine" {
	changes_from "xdp-flowd --attach tcx"
}

# times NAME: the last packet of each flow.
times() {
	tap events "$1.out" | jq -r 'select(.type == "flow_end") | "\(.src_port) \(.end)"' | sort
}

same_times() {
	starts old "$1"
	starts new "$2"
	send udp:50 2000
	tl_stop_ok old
	tl_stop_ok new
	[ "$(times old | wc -l)" -eq 50 ]
	diff <(times old) <(times new)
}

@test "packet sockets have one time for a packet, or two of them would cut it differently" {
	tl_require_tool jq
	same_times tpv3-capd tpv3-capd
	same_times tpv3-capd afp-capd
	same_times afp-capd afp-capd
}

second_is_refused() {
	use_engine "xdp-flowd --attach xdp"
	capture -q
	run tl_rx xdp-flowd --attach xdp -i rx0 -o /dev/null --standby --cut cut
	echo "$output"
	[ "$status" -eq 3 ]
	finish
}

@test "xdp-flowd, native, cannot stand by for itself: the hook is taken, exit 3" {
	second_is_refused
}

# A second change, by the same file, of the engine that stood by in the first.
changes_twice() {
	rm -f cut
	starts old "$1"
	starts new "$1" --standby
	send udp:3 30
	cut_both
	send udp:3 40
	starts third "$1" --standby
	CUT=$(after 300)
	echo "$CUT" >cut
	kill -USR2 "${TL_PID[new]}" "${TL_PID[third]}"
	tl_join new
	[ "$TL_STATUS" -eq 0 ]
	send udp:3 50
	tl_stop_ok third
	balanced old
	balanced new
	balanced third
	state_says old '0+30'
	state_says new '0+40'
	state_says third '0+50'
}

@test "who stood by hands over in its turn" {
	changes_twice tpv3-capd
	changes_twice afp-capd
	changes_twice "xdp-flowd --attach tcx"
}

# As an editor or mv does it.
renamed() {
	rm -f cut
	starts old "$1"
	send udp 3
	after 100 >fresh
	mv fresh cut
	kill -USR2 "${TL_PID[old]}"
	tl_join old
	[ "$TL_STATUS" -eq 0 ]
	state_says old '0+3'
}

@test "a cut that a rename put there is found" {
	renamed tpv3-capd
	renamed "xdp-flowd --attach xdp"
}

renamed_out_of_reach() {
	chmod 755 closed
	tl_start "$engine" ip netns exec "$TL_NS_RX" unshare -m sh -c '
		mount --bind passwd /etc/passwd && mount --bind group /etc/group && exec "$@"' \
		sh "${command[@]}" --ready-fd 9 -q -i rx0 --cut closed/cut -w mine.tap
	chmod 700 closed
	after 0 >closed/fresh
	mv closed/fresh closed/cut
	kill -USR2 "${TL_PID[$engine]}"
	tl_wait_line "$engine.err" 'replaced, and not to be read by this user: write it in place'
	tl_stop_ok "$engine"
	rm -r closed/*
}

@test "a cut that a rename put out of reach is said to be there" {
	sed '/^tapline:/d' /etc/passwd >passwd
	sed '/^tapline:/d' /etc/group >group
	echo 'tapline:x:64001:64002::/:/bin/false' >>passwd
	echo 'tapline:x:64002:' >>group
	mkdir -m 755 closed
	each_engine renamed_out_of_reach
}

never_told() {
	capture -q --cut cut --state "$engine.state" --standby
	send udp:5 500
	tl_rx "$TL_PYTHON" "$TAP" send rx0 udp 5
	finish
	expect_events 0 type='"flow_start"'
	expect_events 0 type='"flow_end"'
	expect_stat packets 0
	expect_stat skbs 0
	expect_stat kernel_drops 0
	expect_stat residual_packets 0
	expect_stat flow_packets 0
	evcat --check "$engine.out"
	handover state "$engine"
}

@test "standby that never gets a cut: all books are zero, exit 0" {
	each_engine never_told
}

stopped_before() {
	capture -q --cut cut --standby
	after 30000 >cut
	kill -USR2 "${TL_PID[$engine]}"
	send udp:5 50
	finish
	expect_stat packets 0
	# And one that was to end.
	capture -q --cut cut
	after 30000 >cut
	kill -USR2 "${TL_PID[$engine]}"
	send udp:5 50
	finish
	expect_stat packets 50
	expect_events 5 type='"flow_end"' end_reason=5
}

@test "SIGTERM before the cut: as if there were none" {
	each_engine stopped_before
}

refuses_drops() {
	capture -q --cut cut --state "$engine.state" --standby --ring 256K --block 64K
	# Stopped, it reads nothing: the kernel drops.
	kill -STOP "${TL_PID[$engine]}"
	send udp 20000
	kill -CONT "${TL_PID[$engine]}"
	after 0 >cut
	kill -USR2 "${TL_PID[$engine]}"
	tl_wait_for counts_again
	finish
	expect_stat kernel_drops 0
	expect_stat residual_packets 0
}

counts_again() {
	send udp 1
	state_says "$engine" '0*[1-9][0-9]*'
}

@test "what the kernel dropped in standby is not in the books" {
	each_ring refuses_drops
}

# warned TEXT CONTENT: that in the file changes nothing.
warned() {
	: >"$engine.err"
	printf '%s' "$2" >cut
	kill -USR2 "${TL_PID[$engine]}"
	tl_wait_line "$engine.err" "SIGUSR2: .*$1"
	[ "$(wc -l <"$engine.err")" -eq 1 ]
}

bad_cuts() {
	rm -f cut
	capture -q --cut cut
	warned 'no time in ns' ''
	warned 'no time in ns' 'soon'
	warned 'no time in ns' '-5'
	warned 'no time in ns' '0'
	warned 'no time in ns' '1e18'
	warned 'no time in ns' '99999999999999999999'
	warned 'no time in ns' "$(after 100) $(after 100)"
	warned 'no time in ns' "$(head -c 100 /dev/zero | tr '\0' 1)"
	warned 'more than a minute ahead' "$(after 90000)"
	rm cut
	mkdir cut
	: >"$engine.err"
	kill -USR2 "${TL_PID[$engine]}"
	tl_wait_line "$engine.err" 'SIGUSR2: '
	rmdir cut
	send udp 3
	finish
	expect_stat packets 3
	expect_events 1 type='"flow_end"' end_reason=5
}

@test "a bad cut: one warning, nothing changes" {
	each_engine bad_cuts
}

told_twice() {
	rm -f cut
	capture -v --cut cut --state "$engine.state" --standby
	local cut
	cut=$(after 500)
	echo "$cut" >cut
	kill -USR2 "${TL_PID[$engine]}"
	tl_wait_line "$engine.err" "counting from $cut"
	warned 'still to come' "$(after 600)"
	tl_wait_for counts_again
	# The same once more: it would end what just began.
	warned 'taken already' "$cut"
	cut=$(after 20000)
	echo "$cut" >cut
	kill -USR2 "${TL_PID[$engine]}"
	tl_wait_line "$engine.err" "counting until $cut"
	warned 'still to come' "$(after 20000)"
	finish
}

@test "the same cut again, or another before it came: a warning" {
	each_engine told_twice
}

without_file() {
	capture -q
	kill -USR2 "${TL_PID[$engine]}"
	tl_wait_line "$engine.err" 'there is no --cut'
	finish
}

@test "SIGUSR2 without --cut: a warning" {
	each_engine without_file
}

past() {
	rm -f cut
	capture -q --cut cut --state "$engine.state"
	send udp 3
	after -3600000 >cut
	kill -USR2 "${TL_PID[$engine]}"
	tl_join "$engine"
	[ "$TL_STATUS" -eq 0 ]
	tap check "$engine.out"
	expect_stat packets 3
	expect_events 1 type='"flow_end"' end_reason=7
	handover state "$engine"
}

past_in_standby() {
	rm -f cut
	capture -q --cut cut --state "$engine.state" --standby
	send udp 3
	after -3600000 >cut
	kill -USR2 "${TL_PID[$engine]}"
	tl_wait_for counts_again
	finish
	expect_events 1 type='"flow_end"' end_reason=5
}

@test "a cut that has passed is now" {
	each_engine past
	use_engine tpv3-capd
	past_in_standby
	use_engine afp-capd
	past_in_standby
	use_engine "xdp-flowd --attach xdp --epoch 20ms"
	past_in_standby
	use_engine "xdp-flowd --attach tcx --epoch 20ms"
	past_in_standby
}

# Who stands by with --tap must not take the packets of who captures.
lets_pass() {
	rm -f cut
	starts old tpv3-capd
	starts new "xdp-flowd --attach xdp --tap=force" --standby
	send udp:3 30
	cut_both
	send udp:3 40
	tl_stop_ok new
	balanced old
	balanced new
	state_says old '0+30'
	state_says new '0+40'
}

# And who ends leaves them to who begins.
stops_dropping() {
	rm -f cut
	starts old "xdp-flowd --attach tcx --tap=force"
	starts new tpv3-capd --standby
	send udp:3 30
	CUT=$(after 200)
	echo "$CUT" >cut
	kill -USR2 "${TL_PID[old]}" "${TL_PID[new]}"
	tl_join old
	send udp:3 40
	tl_stop_ok new
	balanced old
	balanced new
	state_says old '0+30'
	state_says new '0+40'
}

@test "--tap drops nothing that is not its own to count" {
	lets_pass
	stops_dropping
}

usage() {
	local code=$1 text=$2
	shift 2
	run tl_rx "${command[@]}" -i rx0 -o /dev/null "$@"
	echo "$engine $*: exit $status: $output"
	[ "$status" -eq "$code" ]
	[[ $output == *"$text"* ]]
	[ "${#lines[@]}" -eq 1 ]
}

@test "bad usage of --state, --cut, --standby: exit 2 and one line" {
	mkfifo pipe
	mkdir folder
	each_engine usage 2 '--standby: nothing would end it' --standby
	each_engine usage 2 '--state folder' --state folder
	each_engine usage 2 '--state pipe' --state pipe
	each_engine usage 2 '--cut pipe: not a file' --cut pipe
	each_engine usage 2 '--cut none/cut: No such file' --cut none/cut
}

# --- pinned programs --------------------------------------------------------------------

# The kernel goes on without a process, but counts nothing that somebody else has counted.
@test "--pin: after a cut the pinned programs count nothing until the next one's cut" {
	mkdir bpf
	mount -t bpf bpf bpf || tl_skip "cannot mount a BPF file system"
	local pinned="xdp-flowd --attach xdp --pin --pin-folder $PWD/bpf/x"
	starts old "$pinned"
	starts new tpv3-capd --standby
	send udp:3 30
	cut_both
	send udp:3 40
	starts third "$pinned" --standby
	send udp:3 50
	CUT=$(after 300)
	echo "$CUT" >cut
	kill -USR2 "${TL_PID[new]}" "${TL_PID[third]}"
	tl_join new
	send udp:3 60
	tl_stop_ok third
	balanced old
	balanced new
	# It sends what its predecessor may not have sent again: two streams.
	tap check third.out
	evcat --check third.out
	state_says old '0+30'
	state_says new '0+90'
	state_says third '0+60'
	tl_rx xdp-flowd -i rx0 --unpin --pin-folder "$PWD/bpf/x"
}
