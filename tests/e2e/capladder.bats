#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# capladder's policy, with engines that are scripts (fake-engine.sh) and a clock that stands still
# until a test moves it.

bats_require_minimum_version 1.5.0
load lib

setup() {
	tl_setup
	tl_require_tool capladder evcat batcher jq
	export FAKE=$PWD/fake CAPLADDER_ENGINES="high middle low" CAPLADDER_CLOCK=$PWD/clock
	mkdir -p bin fake
	cp "$TL_BIN/capladder" bin/
	ln -s "$TL_BIN/evcat" "$TL_BIN/batcher" bin/
	engine high zero_copy=true kernel_offload=true
	engine middle zero_copy=true emits_raw_packets=true
	engine low
	: >fake/log
	clock 1000000
	run=$PWD/run
}

teardown() {
	local file pid
	tl_teardown
	for file in run/child.*; do
		[ ! -e "$file" ] || { read -r pid _ <"$file" && kill -KILL "$pid" 2>/dev/null; } || true
	done
}

# engine NAME LINE...: there is such an engine, with these abilities beside flows
engine() {
	ln -sf "$TL_ROOT/tests/e2e/fake-engine.sh" "bin/$1"
	printf '%s\n' emits_flows=true "${@:2}" >"fake/$1.abilities"
}

# Whole, or a reader would see half of it.
write() { # FILE TEXT
	printf '%s\n' "$2" >"$1.new"
	mv "$1.new" "$1"
}

clock() { # MS
	write clock "$1"
}

fake() { # NAME.WHAT TEXT
	write "fake/$1" "$2"
}

ladder() { # OPTION...
	tl_start ladder bin/capladder --ready-fd 9 --run "$run" -i if0 -o "$PWD/out.tap" "$@"
}

# ladder.json has it: jq's filter is true.
books() {
	jq -e "$1" "$run/ladder.json" >/dev/null
}

wait_books() {
	tl_wait_for books "$1" || {
		cat "$run/ladder.json" ladder.err fake/log >&2
		return 1
	}
}

wait_log() {
	tl_wait_line fake/log "$1"
}

engine_pid() {
	jq .pid "$run/ladder.json"
}

starts() { # NAME: how often it was started
	grep -c "^$1 start" fake/log || true
}

starts_are() { # NAME COUNT
	[ "$(starts "$1")" -eq "$2" ]
}

lines_are() { # PATTERN COUNT
	[ "$(grep -c "$1" ladder.err)" -eq "$2" ]
}

crash() { # kills what captures now, and waits until that is seen
	local pid
	pid=$(engine_pid)
	kill -KILL "$pid"
	tl_wait_for books ".pid != $pid"
}

# The engine_change events of the recording, one line each.
events() {
	evcat --json -t engine_change "${1:-out.tap}" |
		jq -r '.entities | "\(.change) \(.from) \(.to) \(.gap_ns)"'
}

# A `!` that fails does not fail a test.
none() { # COMMAND...
	if "$@"; then
		return 1
	fi
}

refused() { # CODE WORDS COMMAND...
	run --separate-stderr timeout 20 "${@:3}"
	[ "$status" -eq "$1" ]
	[[ $stderr == *"$2"* ]] || {
		echo "'$2' is not in: $stderr" >&2
		return 1
	}
}

# --- choosing ---------------------------------------------------------------------

@test "the best rung runs, and everything says so" {
	ladder
	grep -q 'capladder: note: start: none -> high (fake)' ladder.err
	books '.state == "capturing" and .engine == "high" and .mode == "fake" and .restarts == 0'
	books '.rungs | map(.name) == ["high", "middle", "low"] and map(.chosen) == [true, false, false]'
	books '.rungs | map(.score) == [175, 75, 25]'
	books '.interfaces == ["if0"] and (.changes | length) == 1'
	[ -d "/proc/$(engine_pid)" ]
	tl_stop_ok ladder
	books '.state == "stopped" and .pid == null'
	[ "$(events)" = "start none high null
stop high none null" ]
	evcat --check out.tap
	grep -q '^high term' fake/log
}

@test "score comes before place, place decides a tie" {
	CAPLADDER_ENGINES="low middle high" ladder
	books '.rungs | map(.name) == ["high", "middle", "low"]'
	tl_stop_ok ladder
	engine low zero_copy=true
	CAPLADDER_ENGINES="low middle" ladder
	books '.engine == "low"'
	tl_stop_ok ladder
	printf 'kernel_offload=true\n' >fake/low.abilities
	CAPLADDER_ENGINES="middle low" ladder
	books '.engine == "low"'
	tl_stop_ok ladder
}

@test "--require leaves out, --engine pins, --no-fallback looks at the best alone" {
	ladder --require flows,raw_packets
	books '.engine == "middle" and (.rungs[] | select(.name == "high") | .score == -1)'
	tl_stop_ok ladder
	ladder --engine low
	books '.engine == "low"'
	tl_stop_ok ladder
	fake high.probe '3||no hook'
	ladder
	books '.engine == "middle"'
	grep -q 'start: none -> middle (fake): high: no hook' ladder.err
	tl_stop_ok ladder
	refused 3 'high: no hook' bin/capladder --once --no-fallback --run run -i if0 -o out.tap
	refused 3 'high: no hook' bin/capladder --once --engine high --run run -i if0 -o out.tap
	none grep -q '^high start' fake/log
}

@test "names with blanks, quotes and stars arrive as they are" {
	name='a "b" *'\''\'
	tl_start ladder bin/capladder --ready-fd 9 --run "$run" -i "$name" -i if0 -o 'ou t *.tap' \
		-f 'port 53 or host "x"' --args 'high=--one two' -- --idle '5 s'
	grep -qF "<-i> <$name> <-i> <if0>" fake/log
	grep -qF "<-f> <port 53 or host \"x\">" fake/log
	grep -qF "<--one> <two> <--idle> <5 s>" fake/log
	books ".interfaces[1] == \"if0\" and (.interfaces[0] | length) == ${#name}"
	tl_stop_ok ladder
	[ "$(events 'ou t *.tap')" = "start none high null
stop high none null" ]
	[ "$(evcat --json 'ou t *.tap' | jq -r '.entities.iface[0]' | head -n 1)" = "$name" ]
}

@test "--list is a table and JSON, --explain is sentences" {
	fake high.probe '3||no "hook" here'
	run --separate-stderr bin/capladder --list -i if0
	[ "$status" -eq 0 ]
	[[ ${lines[1]} == "  high "*no* ]]
	[[ ${lines[2]} == *'no "hook" here'* ]]
	[[ ${lines[3]} == "* middle "*yes*fake* ]]
	[ "$(awk 'length > 100' <<<"$output" | wc -l)" -eq 0 ]
	bin/capladder --list --json -i if0 | jq -e '.chosen == "middle" and (.rungs | length) == 3 and
		.rungs[0].reason == "no \"hook\" here" and (.rungs[0].usable | not) and .rungs[1].chosen'
	run --separate-stderr bin/capladder --explain -i if0
	[[ ${lines[0]} == *"capture with middle"* ]]
	[[ $output == *'high'*'no "hook" here'* ]]
	[[ $output == *"low would work"* ]]
	for name in high middle low; do
		fake "$name.probe" '3||gone'
	done
	run bin/capladder --list -i if0
	[ "$status" -eq 3 ]
}

# --- going down -------------------------------------------------------------------

@test "killed: the same rung at once, no probe, the gap measured" {
	fake high.first 5000000000
	fake high.last 9000000000
	ladder
	tl_wait_for grep -q 'last=00000000009' run/state.1
	probes=$(grep -c 'high --probe' fake/log)
	fake high.first 9123000000
	crash
	wait_books '.engine == "high" and .restarts == 1 and .changes[-1].gap_ms == 123'
	books '.changes[-1].change == "restart" and (.changes[-1].reason | test("signal 9"))'
	[ "$(grep -c 'high --probe' fake/log)" -eq "$probes" ]
	grep -q 'warning: restart: high -> high (fake): killed by signal 9, down for 0 ms, gap 123 ms' ladder.err
	tl_stop_ok ladder
	[ "$(events | sed -n 2p)" = "restart high high 123000000" ]
}

@test "a gap that nothing tells is unknown, after two seconds" {
	fake high.last 9000000000
	ladder
	tl_wait_for grep -q 'last=00000000009' run/state.1
	crash
	clock 1002000
	tl_wait_line ladder.err 'restart: high -> high .*gap unknown'
	tl_stop_ok ladder
	[ "$(events | sed -n 2p)" = "restart high high null" ]
}

@test "three ends within 60 s: the next rung" {
	ladder
	crash
	wait_books '.engine == "high"'
	crash
	starts_are high 2
	books '.state == "starting"'
	clock 1000250
	wait_books '.engine == "high"'
	crash
	wait_books '.engine == "middle" and .changes[-1].change == "fallback"'
	starts_are high 3
	books '.rungs[0] | (.usable | not) and (.reason | test("three times"))'
	tl_stop_ok ladder
}

@test "killed again after an hour: the same rung, counted anew" {
	ladder
	for hour in 1 2 3 4; do
		clock $((1000000 + hour * 3600000))
		crash
		wait_books '.engine == "high"'
	done
	starts_are high 5
	books '.restarts == 4'
	tl_stop_ok ladder
}

@test "exit 3, 126 and 127: the next rung at once" {
	for code in 3 126 127; do
		fake high.start "$code"
		: >fake/log
		ladder
		books '.engine == "middle"'
		starts_are high 1
		books '.changes[0] | .change == "fallback" and (.reason | test("high: exit '$code'"))'
		tl_stop_ok ladder
	done
	rm fake/high.start
	: >fake/log
	ladder
	fake high.exit 3
	wait_books '.engine == "middle"'
	starts_are high 1
	tl_stop_ok ladder
}

@test "an engine that is not there is passed over" {
	rm bin/high
	ladder
	books '.engine == "middle" and .rungs[-1].reason == "not installed"'
	tl_stop_ok ladder
}

@test "not ready within 10 s: the next rung" {
	fake high.start hang
	tl_spawn ladder bin/capladder --run "$run" -i if0 -o out.tap
	wait_log '^high start'
	clock 1009999
	clock 1010000
	tl_wait_line ladder.err 'fallback: high -> middle|middle \(fake\): high: not ready within 10 s'
	wait_books '.engine == "middle"'
	tl_stop_ok ladder
}

@test "exit 2 is never tried again" {
	ladder
	fake high.exit 2
	tl_join ladder
	[ "$TL_STATUS" -eq 2 ]
	grep -q 'high refuses its options' ladder.err
	starts_are high 1
	fake high.start 2
	refused 2 'high refuses its options' bin/capladder --run "$run" -i if0 -o out.tap
	for name in high middle low; do
		fake "$name.probe" '2||filter no good'
	done
	refused 2 'filter no good' bin/capladder --run "$run" -i if0 -o out.tap
	starts_are middle 0
}

@test "exit 0 ends the ladder" {
	ladder
	fake high.exit 0
	tl_join ladder
	[ "$TL_STATUS" -eq 0 ]
	[ "$(events | tail -n 1)" = "stop high none null" ]
}

@test "every rung gone: said, looked at each second, and back" {
	for name in high middle low; do
		fake "$name.probe" '3||gone'
	done
	tl_spawn ladder bin/capladder --run "$run" -i if0 -o out.tap
	tl_wait_line ladder.err 'none: none -> none: no engine works here'
	tl_wait_line ladder.err 'nothing captures: low: gone'
	books '.state == "none" and .engine == null'
	wait_log '^low --probe=load'
	lines_are 'captures: low' 1
	clock 1060000
	tl_wait_for lines_are 'captures: low' 2
	fake middle.probe '0|fake|'
	wait_books '.engine == "middle" and .state == "capturing"'
	tl_stop_ok ladder
	[ "$(events | sed -n 2p)" = "start none middle null" ]
}

@test "every engine breaks while running: nothing is left, until one works again" {
	ladder
	for name in high middle low; do
		fake "$name.probe" '3||gone'
		fake "$name.start" 3
	done
	fake high.exit 3
	wait_books '.state == "none" and .engine == null and .changes[-1].to == "none"'
	fake low.start ready
	fake low.probe '0|fake|'
	wait_books '.engine == "low"'
	tl_stop_ok ladder
}

@test "--once: one attempt" {
	for name in high middle low; do
		fake "$name.start" 3
	done
	refused 3 'no engine works here' bin/capladder --once --run "$run" -i if0 -o out.tap
	starts_are low 1
	fake low.start ready
	fake middle.start 1
	ladder --once
	books '.engine == "low"'
	fake low.exit 1
	tl_join ladder
	[ "$TL_STATUS" -eq 1 ]
	starts_are low 2
}

# --- going up ---------------------------------------------------------------------

# middle captures, as high does not work
below() {
	fake high.probe '3||no hook'
	ladder
	books '.engine == "middle"'
}

@test "climbing: the new one is ready before the old one is told" {
	fake middle.last 7000000000
	below
	fake high.probe '0|fake|'
	fake high.first 7000000001
	clock 1059999
	clock 1060000
	wait_books '.engine == "high" and .changes[-1].change == "climb"'
	tl_wait_line fake/log '^middle ends by cut'
	tl_wait_line fake/log '^high cut'
	grep -q '^high --probe=load' fake/log
	grep -v -e '--probe' fake/log | sed 's/ <.*//' >order
	cut=$(sed -n 's/^high cut //p' order)
	# Both are told at once: who of them says so first is chance.
	grep -v '^high cut' order >others
	diff - others <<-END
		middle start
		middle ready 
		high start
		high ready in standby
		middle cut $cut
		middle ends by cut
	END
	[ "$(grep -n '^high cut' order | cut -d: -f1)" -gt 4 ]
	[ "$cut" -gt "$(date +%s)000000000" ] || [ "$cut" -gt $(($(date +%s) - 30))000000000 ]
	wait_books '.changes[-1].gap_ms == 0'
	tl_stop_ok ladder
	[ "$(events | sed -n 2p)" = "climb middle high 1" ]
}

@test "a climb that fails changes nothing, and is tried less often" {
	below
	fake high.probe '0|fake|'
	fake high.start 3
	clock 1060000
	tl_wait_line ladder.err 'climb: high did not start: exit 3.*middle goes on'
	books '.engine == "middle" and (.changes | length) == 1 and .next_probe_ms == 1180000'
	fake high.start ready
	clock 1180000
	wait_books '.engine == "high"'
	starts_are middle 1
	starts_are high 2
	tl_stop_ok ladder
}

@test "a climb that does not hold for 10 min doubles the time, one that does resets it" {
	below
	fake high.probe '0|fake|'
	clock 1060000
	wait_books '.engine == "high"'
	clock 1600000
	fake high.exit 3
	wait_books '.engine == "middle" and .next_probe_ms == 1720000'
	clock 1720000
	wait_books '.engine == "high"'
	clock 2320000
	fake high.exit 3
	wait_books '.engine == "middle" and .next_probe_ms == 2380000'
	tl_stop_ok ladder
}

@test "the one that captures dies during a climb: the new one takes over" {
	below
	fake high.probe '0|fake|'
	fake high.start hang
	clock 1060000
	wait_log '^high start'
	fake high.start hang
	kill -KILL "$(engine_pid)"
	tl_wait_line ladder.err 'middle: killed by signal 9 while high starts'
	wait_books '.engine == null'
	fake high.go yes
	wait_books '.engine == "high" and .changes[-1].from == "middle"'
	wait_log '^high cut'
	tl_stop_ok ladder
}

@test "the one that captures dies during a climb that fails: the same rung" {
	below
	fake high.probe '0|fake|'
	fake high.start hang
	clock 1060000
	wait_log '^high start'
	kill -KILL "$(engine_pid)"
	wait_books '.engine == null'
	clock 1070000
	wait_books '.engine == "middle" and (.changes | length) == 2'
	tl_stop_ok ladder
}

@test "SIGUSR2 looks up now" {
	below
	fake high.probe '0|fake|'
	kill -USR2 "${TL_PID[ladder]}"
	wait_books '.engine == "high"'
	tl_stop_ok ladder
}

@test "an old engine that stays after its cut is killed, and that is said" {
	fake middle.stubborn yes
	below
	fake high.probe '0|fake|'
	clock 1060000
	wait_log '^middle cut'
	old=$(awk '{ print $1 }' run/child.1)
	clock 1066200
	tl_wait_line ladder.err 'middle did not end within 6 s'
	tl_wait_for tl_gone "$old"
	rm fake/middle.stubborn
	tl_stop_ok ladder
}

# --- eve-tail ---------------------------------------------------------------------

@test "eve-tail: the last rung reads files, and gives way without a cut" {
	export CAPLADDER_ENGINES="high eve-tail"
	engine eve-tail
	fake high.probe '3||no hook'
	: >'eve 1.json'
	ladder -r 'eve 1.json' -f 'port 53' -- --idle 5s
	books '.engine == "eve-tail"'
	grep '^eve-tail start' fake/log | grep -qF '<-r> <eve 1.json>'
	grep '^eve-tail start' fake/log | none grep -q -e '--state' -e '--idle' -e '<-f>' -e '<-i>'
	fake high.probe '0|fake|'
	clock 1060000
	wait_books '.engine == "high"'
	wait_log '^eve-tail term'
	none grep -q '^high start.*standby' fake/log
	tl_stop_ok ladder
}

# --- signals and settings -----------------------------------------------------------

@test "SIGUSR1 prints how things stand" {
	below
	kill -USR1 "${TL_PID[ladder]}"
	tl_wait_line ladder.err 'capladder: capturing: middle \(fake\) since'
	tl_wait_line ladder.err 'high: no, no hook'
	tl_stop_ok ladder
}

@test "SIGHUP: the settings are read again, and handed over to" {
	printf '%s\n' '# settings' CAPLADDER_IFACE=if1 CAPLADDER_FILTER='"port 53"' CAPLADDER_ENGINE=middle >env
	tl_start ladder bin/capladder --ready-fd 9 --run "$run" -o out.tap --env-file env
	grep -qF '<-f> <port 53> <-i> <if1>' fake/log
	printf '%s\n' CAPLADDER_IFACE=if2 CAPLADDER_REQUIRE=flows >env
	kill -HUP "${TL_PID[ladder]}"
	wait_books '.engine == "high" and .interfaces == ["if2"] and .changes[-1].change == "settings"'
	wait_log '^middle ends by cut'
	grep '^high start' fake/log | grep -q 'standby'
	echo CAPLADDER_NONSENSE=1 >>env
	kill -HUP "${TL_PID[ladder]}"
	tl_wait_line ladder.err "no setting 'CAPLADDER_NONSENSE'"
	tl_wait_line ladder.err 'settings stay as they are'
	sed -i -e '/NONSENSE/d' -e s/if2/if3/ env
	kill -HUP "${TL_PID[ladder]}"
	wait_books '.engine == "high" and .interfaces == ["if3"] and (.changes | length) == 3'
	grep '^high start' fake/log | tail -n 1 | none grep -q standby
	tl_stop_ok ladder
}

@test "SIGTERM ends an engine that does not want to" {
	fake high.stubborn yes
	ladder
	pid=$(engine_pid)
	tl_stop_ok ladder
	tl_gone "$pid"
	grep -q 'did not end within 5 s: killed' ladder.err
}

@test "one ladder for a run folder; one that was killed leaves no engine behind" {
	ladder
	refused 3 'in use' bin/capladder --run "$run" -i if0 -o out.tap
	pid=$(engine_pid)
	tl_stop ladder KILL
	kill -0 "$pid"
	# What the old ones still write goes to the old file.
	tl_start second bin/capladder --ready-fd 9 --run "$run" -i if0 -o "$PWD/out.tap"
	grep -q "high ($pid) is left over" second.err
	tl_gone "$pid"
	[ "$(engine_pid)" -ne "$pid" ]
	tl_stop_ok second
}

@test "programs inherit none of the ladder's descriptors" {
	ladder
	for file in run/child.*; do
		read -r pid _ <"$file"
		ls -l "/proc/$pid/fd" | none grep -E 'run/(lock|queue|pids)'
	done
	tl_stop_ok ladder
}

@test "a process that only has the number of an old engine is left alone" {
	mkdir -p run
	tl_spawn other sleep 60
	echo "${TL_PID[other]} 12345 sleep" >run/child.7
	ladder
	kill -0 "${TL_PID[other]}"
	tl_stop_ok ladder
}

# --- output -----------------------------------------------------------------------

@test "events reach a URL beside the engine's" {
	tl_start cat evcat --json --ready-fd 9 "ipc://$PWD/events.sock"
	tl_start ladder bin/capladder --ready-fd 9 --run "$run" -i if0 -o "ipc://$PWD/events.sock"
	grep -qF "<-o> <ipc://$PWD/events.sock>" fake/log
	tl_wait_line cat.out '"engine_change"'
	crash
	tl_wait_line cat.out '"restart"'
	tl_stop_ok ladder
	tl_wait_line cat.out '"stop"'
	jq -e '.entities.change and .source == "capladder" and .iface == "if0" and
		.edges == ["\(.entities.from) -> \(.entities.to)"]' cat.out
	tl_stop_ok cat
}

@test "standard output is data, and ends with its reader" {
	mkfifo data
	evcat -c 1 --json data >first 3>&- &
	TL_PID[reader]=$!
	bin/capladder --run "$run" -i if0 >data 2>ladder.err 3>&- &
	TL_PID[ladder]=$!
	tl_join reader
	jq -e '.entities.change == "start"' first
	# batcher sees that its reader has gone at the second batch that it cannot write.
	crash
	wait_books '.engine == "high"'
	clock 9000000
	kill -KILL "$(engine_pid)"
	tl_join ladder
	[ "$TL_STATUS" -eq 0 ]
	grep -q 'the reader of the output has gone' ladder.err
}

@test "a killed batcher is started again" {
	ladder
	pid=$(awk '{ print $1 }' run/child.batcher)
	clock 1005000
	kill -KILL "$pid"
	tl_wait_line ladder.err 'batcher ended: killed by signal 9'
	tl_wait_for grep -qv "^$pid " run/child.batcher
	tl_stop_ok ladder
	# The event of the start may have been on its way to the one that was killed, and comes again.
	[ "$(events | grep -cx "stop high none null")" -eq 1 ]
}

@test "hybrid: flows and packets side by side" {
	ladder --hybrid auto,low --raw-filter 'port 53' -f tcp --args 'raw=--payload 128'
	wait_log '^low start'
	grep '^low start' fake/log | grep -F '<--raw>' | grep -F '<-f> <port 53>' | grep -qF '<--payload> <128>'
	grep '^high start' fake/log | grep -qF '<-f> <tcp>'
	books '.engine == "high" and .raw.engine == "low"'
	clock 1005000
	fake low.exit 1
	tl_wait_line ladder.err 'hybrid: low ended: exit 1'
	tl_wait_for starts_are low 2
	starts_are high 1
	fake low.exit 2
	tl_join ladder
	[ "$TL_STATUS" -eq 2 ]
}
