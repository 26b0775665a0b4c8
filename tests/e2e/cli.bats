#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# What every program owes its caller: options, man pages, exit codes, one clear line.

bats_require_minimum_version 1.5.0
load lib

setup() {
	tl_setup
	tools=("$TL_BIN"/*)
	[ -x "${tools[0]}" ] || tl_skip "nothing built in $TL_BIN"
	tools=("${tools[@]##*/}")
	capture=$TL_BIN/../golden.pcap
}

teardown() {
	tl_teardown
}

# one_line WORD...: stderr of `run --separate-stderr` is one line with these words.
one_line() {
	local word
	# shellcheck disable=SC2154  # set by bats' run
	[ "${#stderr_lines[@]}" -eq 1 ] || {
		printf 'expected one line, got: %s\n' "$stderr" >&2
		return 1
	}
	for word; do
		[[ $stderr == *"$word"* ]] || {
			echo "'$word' is not in: $stderr" >&2
			return 1
		}
	done
}

# refuses STATUS WORDS COMMAND...: exits so, with nothing on stdout and one line that has the words.
refuses() {
	local code=$1 words
	read -ra words <<<"$2"
	shift 2
	run --separate-stderr "$@" </dev/null
	[ "$status" -eq "$code" ] || {
		echo "exit $status, expected $code: $*: $stderr" >&2
		return 1
	}
	[ -z "$output" ] || {
		echo "wrote to stdout: $*" >&2
		return 1
	}
	one_line "${words[@]}" || {
		echo "from: $*" >&2
		return 1
	}
}

# Options of the text on stdin, one a line: what stands before two blanks or the end of lines
# that begin with a dash.
options() {
	sed -nE 's/^ *(-.*)/\1/p' | sed -E 's/([^,])  .*/\1/' | tr ', ' '\n' | grep -E '^-' | sort -u
}

@test "every tool: --help and --version answer on stdout" {
	for tool in "${tools[@]}"; do
		for option in --help -h --version -V; do
			run --separate-stderr "$tool" "$option"
			[ "$status" -eq 0 ]
			[ -z "$stderr" ]
			[[ $output == *"$tool"* ]]
		done
	done
}

@test "every tool: --help comes before everything else, even on a machine that lacks something" {
	for tool in "${tools[@]}"; do
		run --separate-stderr env -i "$TL_BIN/$tool" --help
		[ "$status" -eq 0 ]
		[[ ${lines[0]} == "usage: $tool "* ]]
	done
}

@test "every tool: an unknown option is named" {
	for tool in "${tools[@]}"; do
		refuses 2 "$tool: --nonsense" "$tool" --nonsense
		refuses 2 "$tool: -Z" "$tool" -Z
	done
}

@test "every tool: an option without its value is named" {
	for tool in "${tools[@]}"; do
		refuses 2 "$tool: -o" "$tool" -o
		refuses 2 "$tool: --ready-fd" "$tool" --ready-fd
	done
}

@test "every tool: the man page and --help name the same options" {
	command -v mandoc >/dev/null || tl_skip "no mandoc"
	for tool in "${tools[@]}"; do
		page=$TL_ROOT/docs/man/$tool.1
		[ -r "$page" ] || {
			echo "no $page"
			false
		}
		"$tool" --help | sed -n '/^  /p' | options >in_help
		mandoc -T ascii -O width=200 "$page" | sed -e 's/.\x08//g' |
			awk '/^     -/ && before == "" { print } { before = $0 }' | options >in_page
		diff in_help in_page || {
			echo "$tool: < only in --help, > only in the man page"
			false
		}
	done
}

@test "every tool: the man page gives the exit codes and the other pages" {
	for tool in "${tools[@]}"; do
		grep -q '^\.Sh EXIT STATUS' "$TL_ROOT/docs/man/$tool.1"
		grep -q '^\.Xr tapline 7' "$TL_ROOT/docs/man/$tool.1"
	done
}

@test "every tool: bad values of common options" {
	for tool in "${tools[@]}"; do
		refuses 2 "--ready-fd 'soon' number" "$tool" --ready-fd soon
		refuses 2 "--ready-fd '-1'" "$tool" --ready-fd=-1
		for fd in 0 1 2 1024; do
			refuses 2 "--ready-fd '$fd' 3 1023" "$tool" --ready-fd "$fd"
		done
	done
}

@test "a --ready-fd that is not open is told of" {
	run --separate-stderr pcap-flow -q -r "$capture" -o out.tap --ready-fd 99
	[ "$status" -eq 0 ]
	one_line "--ready-fd 99" "Bad file descriptor"
}

@test "flow options: bad values, and what is allowed" {
	for tool in pcap-flow tpv3-capd afp-capd; do
		refuses 2 "--flows '0' 1 16777216" "$tool" --flows 0
		refuses 2 "--flows 'many'" "$tool" --flows many
		refuses 2 "--flows '99999999999999999999'" "$tool" --flows 99999999999999999999
		refuses 2 "--idle '5parsecs' duration" "$tool" --idle 5parsecs
		refuses 2 "--idle ''" "$tool" --idle ""
		refuses 2 "--count '0'" "$tool" -c 0
	done
}

@test "batcher: bad values and operands" {
	refuses 2 "--batch-size '0'" batcher --batch-size 0
	refuses 2 "--batch-size '65536' 65535" batcher --batch-size 65536
	refuses 2 "--batch-time '0s'" batcher --batch-time 0s
	refuses 2 "rec.tap -I" batcher rec.tap
}

@test "binary output to a terminal is refused with a hint" {
	command -v script >/dev/null || tl_skip "no script(1)"
	for command in "pcap-flow -r /dev/null" "batcher" "tpv3-capd -i lo" "afp-capd -i lo" \
		"evcat --msgpack /dev/null" "evcat --replay /dev/null"; do
		echo "$command"
		code=0
		script -qec "$TL_BIN/$command 2>err" /dev/null </dev/null >out || code=$?
		[ "$code" -eq 2 ]
		[ "$(wc -l <err)" -eq 1 ]
		grep -q 'stdout is a terminal.*evcat' err
		[ ! -s out ]
	done
}

@test "places that cannot be opened are named" {
	refuses 2 "no-such-file" pcap-flow -r no-such-file
	refuses 2 "no-such-file" batcher -I no-such-file
	mkdir folder
	touch file
	refuses 2 "folder" pcap-flow -r folder
	refuses 2 "folder" batcher -I folder
	refuses 2 "folder" receiver --listen 127.0.0.1:0 --token-file folder
	refuses 2 "file/x" shipper --spool file/x
	for place in no-dir/x folder file/x; do
		for tool in "pcap-flow -r $capture" batcher "evcat --msgpack" "eve-tail --once file"; do
			# shellcheck disable=SC2086
			refuses 2 "$place" $tool -o "$place"
		done
	done
	refuses 2 "http://x ipc:// tcp://" batcher -I http://x
	refuses 2 "http://x ipc:// tcp://" pcap-flow -r "$capture" -o http://x
}

@test "tcp:// off loopback needs --insecure" {
	for place in tcp://0.0.0.0:4711 tcp://192.0.2.1:4711; do
		refuses 2 "$place --insecure" batcher -I "$place"
		refuses 2 "$place --insecure" pcap-flow -r "$capture" -o "$place"
		refuses 2 "$place --insecure" evcat --json -I "$place"
	done
}

@test "quiet says nothing about a clean run, verbose never less" {
	run --separate-stderr pcap-flow -q -r "$capture" -o out.tap
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	run --separate-stderr pcap-flow -r "$capture" -o out.tap
	one_line packets flows
	run --separate-stderr pcap-flow -vv -r "$capture" -o out.tap
	[ "${#stderr_lines[@]}" -ge 1 ]
}

@test "a file is not input and output at once: exit 2, and it is what it was" {
	local demo=$TL_BIN/../demo.pcap
	[ -r "$demo" ] || tl_skip "no demo.pcap (make build/demo.pcap)"
	cp "$demo" cap.pcap
	pcap-flow -q -r cap.pcap -o rec.tap
	echo '{"timestamp":"2026-01-01T00:00:00.000000+0000","event_type":"dns"}' >eve.json
	cp rec.tap rec.copy
	cp eve.json eve.copy
	ln rec.tap link.tap
	run -2 pcap-flow -r cap.pcap -w cap.pcap
	[[ $output == *"'cap.pcap' is both input and output"* ]]
	run -2 evcat -t flow_end -o rec.tap rec.tap
	run -2 evcat -t flow_end -o link.tap rec.tap
	run -2 batcher -I rec.tap -o rec.tap
	run -2 eve-tail --once --no-checkpoint -r eve.json -o eve.json
	cmp cap.pcap "$demo"
	cmp rec.tap rec.copy
	cmp eve.json eve.copy
}

@test "options of features and engines that make no sense are refused" {
	run -2 pcap-flow --features-once -r /dev/null -o /dev/null
	[[ $output == *"goes with --features"* ]]
	run -2 capladder --engine tpv3 -i lo -o /dev/null
	[[ $output == *"wants one of xdp-flowd tpv3-capd afp-capd eve-tail"* ]]
}
