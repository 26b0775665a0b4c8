# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
#
# Rungs: the engines, what they answer when asked, and their order. $rungs is a
# table, best first, one line an engine:
#   score|place on the ladder|name|usable|mode|flows|zero_copy|kernel_offload|raw_packets|mpps|reason
# A rung that --require leaves out has the score -1. usable is yes, no, or
# usage: it refused its options.

engines=${CAPLADDER_ENGINES:-xdp-flowd tpv3-capd afp-capd eve-tail}

reads_files() { # NAME: lines that another program has written, not packets
	[ "$1" = eve-tail ]
}

# Beside this program, else where the shell finds it; the bare name fails with 127.
find_program() { # NAME: in $program
	program=$here/$1
	[ -x "$program" ] || program=$1
}

# The commands of an engine have what it reads, and its own words, in common.
# Calls COMMAND with these behind its ARGUMENTs.
with_input_of() { # NAME COMMAND ARGUMENT...
	name=$1
	shift
	if reads_files "$name"; then
		options=-r entries=$eves
	else
		options=-i entries=$ifaces
		[ -z "$direction" ] || set -- "$@" --direction "$direction"
		[ -z "$filter" ] || set -- "$@" -f "$filter"
	fi
	while IFS= read -r entry; do
		[ -z "$entry" ] || set -- "$@" "$options" "$entry"
	done <<-END
		$entries
	END
	with_words_of "$name" "$@"
}

with_words_of() { # WHO COMMAND ARGUMENT...
	who=$1
	shift
	while IFS= read -r word; do
		case $word in
		"$who="*) set -- "$@" "${word#*=}" ;;
		all=*) [ "$who" = raw ] || reads_files "$who" || set -- "$@" "${word#*=}" ;;
		esac
	done <<-END
		$words
	END
	"$@"
}

# Asks all engines, or those named; prints their lines of the table.
ask() { # HOW NAME...
	how=$1
	shift
	place=0
	for engine in $engines; do
		place=$((place + 1))
		case " $* " in
		*" $engine "* | '  ') ask_one "$how" "$engine" ;;
		esac
	done | sort -t '|' -k 1,1nr -k 2,2n
}

ask_one() { # HOW NAME
	find_program "$2"
	code=0
	usable='' mode='' reason='' complaint=''
	can_flows=false can_zero=false can_offload=false can_raw=false mpps=-
	if reads_files "$2" && [ -z "$eves" ]; then
		answer=$(apart "$program" --capabilities --plain 2>&1) || code=$?
		[ "$code" -ne 0 ] || code=3 reason='no eve.json: name it by -r'
	elif [ "$2" = xdp-flowd ] && [ "$ifaces" = any ]; then
		answer=$(apart "$program" --capabilities --plain 2>&1) || code=$?
		[ "$code" -ne 0 ] || code=3 reason='any: it counts on interfaces named one by one'
	else
		answer=$(with_input_of "$2" apart timeout 10 "$program" "--probe$1" --plain 2>&1) || code=$?
	fi
	read_answer
	judge "$2"
	echo "$score|$place|$2|$usable|$mode|$can_flows|$can_zero|$can_offload|$can_raw|$mpps|$reason"
}

read_answer() {
	while IFS='=' read -r key value; do
		case $key in
		emits_flows) can_flows=$value ;;
		zero_copy) can_zero=$value ;;
		kernel_offload) can_offload=$value ;;
		emits_raw_packets) can_raw=$value ;;
		max_throughput_mpps) mpps=$value ;;
		mode) mode=$value ;;
		reason) reason=${reason:-$value} ;;
		*': error: '*) complaint=${key#*: error: }${value:+=$value} ;;
		esac
	done <<-END
		$answer
	END
}

# The score, and what the exit code of the probe says.
judge() { # NAME
	score=0
	[ "$can_offload" != true ] || score=$((score + 100))
	[ "$can_zero" != true ] || score=$((score + 50))
	[ "$can_flows" != true ] || score=$((score + 25))
	case $code in
	0) usable=yes ;;
	2) usable=usage reason=${complaint:-it refuses its options} ;;
	124) usable=no reason='no answer within 10 s' ;;
	126 | 127) usable=no reason='not installed' ;;
	*) usable=no reason=${reason:-${complaint:-exit $code}} ;;
	esac
	lacks "$1" || return 0
	score=-1 reason="left out: $lack"
}

lacks() { # NAME: why it is left out, in $lack
	lack=''
	[ -z "$only" ] || [ "$1" = "$only" ] || lack="only $only is wanted"
	for what in $(printf %s "$require" | tr , ' '); do
		case $what:$can_flows:$can_zero:$can_offload:$can_raw in
		flows:true:* | zero_copy:*:true:*:* | kernel_offload:*:*:true:* | raw_packets:*:true) ;;
		*) lack="${lack:+$lack, }without $what" ;;
		esac
	done
	[ -n "$lack" ]
}

# Calls COMMAND with the columns of every line, best first, until it fails.
each_rung() { # COMMAND...
	while IFS='|' read -r score place name usable mode flows zero offload raw mpps reason; do
		[ -z "$name" ] || "$@" || return 0
	done <<-END
		$rungs
	END
}

# The first that works, in $chosen; with --no-fallback only the first of all counts.
choose() {
	chosen=''
	each_rung choose_this
	[ -n "$chosen" ]
}

choose_this() {
	[ "$score" -ge 0 ] || return 1
	if [ "$usable" = yes ]; then
		chosen=$name
		return 1
	fi
	[ "$fallback" = yes ]
}

# The names above NAME, in $above; all where there is no such.
rungs_above() { # NAME
	above=''
	each_rung add_above "$1"
}

add_above() {
	[ "$score" -ge 0 ] && [ "$name" != "$1" ] || return 1
	above="$above $name"
}

mode_of() { # NAME: in $found
	found=''
	each_rung find_mode "$1"
}

find_mode() {
	[ "$name" = "$1" ] || return 0
	found=$mode
	return 1
}

# Changes what is known of NAME.
mark() { # NAME USABLE REASON
	table=''
	each_rung mark_this "$@"
	rungs=${table#"$nl"}
}

mark_this() { # NAME USABLE REASON
	[ "$name" != "$1" ] || usable=$2 reason=$3
	table="$table$nl$score|$place|$name|$usable|$mode|$flows|$zero|$offload|$raw|$mpps|$reason"
}

# Takes what was asked anew into the table; the order stays.
learn() { # LINES
	table=''
	news=$1
	each_rung learn_this
	rungs=${table#"$nl"}
}

learn_this() {
	line=$(printf '%s\n' "$news" | grep -F "|$place|$name|") ||
		line="$score|$place|$name|$usable|$mode|$flows|$zero|$offload|$raw|$mpps|$reason"
	table="$table$nl$line"
}

# Whether every engine that counts packets, and is there, refuses its options.
all_refuse() {
	refused=0 others=0
	each_rung count_refusal
	[ "$refused" -gt 0 ] && [ "$others" -eq 0 ]
}

count_refusal() {
	[ "$score" -ge 0 ] && [ "$reason" != 'not installed' ] && ! reads_files "$name" || return 0
	if [ "$usable" = usage ]; then
		refused=$((refused + 1)) complaint=$reason
	else
		others=$((others + 1))
	fi
}
