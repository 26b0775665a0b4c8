# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
#
# Settings: the command line, and a file of NAME=value lines. Both say the same
# things by the same names, so a line of the file is an option. Lists hold one
# entry a line, so that blanks in names survive.

# Every option: NAME|LETTER|VALUE|TEXT. Without VALUE it is a flag.
known_options='interface|i|IFACE|capture from it; repeatable (the default route'\''s)
output|o|PLACE|URL, file or - (the default: stdout); repeatable: each gets all
write|w|PLACE|the same as -o
eve|r|FILE|for eve-tail; repeatable (/var/log/suricata/eve.json)
filter|f|FILTER|pcap filter, for every engine on interfaces
direction||WAY|in (the default), out or both
require||WHAT,...|only engines with flows, zero_copy, kernel_offload, raw_packets
engine||NAME|this engine and no other
no-fallback|||only the best engine, even when it cannot run
pin|||xdp-flowd --pin: a restart of it loses nothing
no-pin|||not that (the default)
args||WHO=WORDS|further options of one engine, of raw (--hybrid), or of all
hybrid||FLOW,RAW|two engines at once, flows and packets; FLOW may be auto
raw-filter||FILTER|--hybrid: pcap filter of the second engine
probe-every||TIME|look this often whether a better engine works (60s)
once|||end when no engine works, or when the first that did has ended
run||DIR|run folder (/run/tapline/capladder-IFACE)
env-file||FILE|settings as CAPLADDER_NAME=value lines; SIGHUP reads it again
list|||what every engine can do here, and exit
json|||--list as JSON
explain|||say which engine would be chosen, why, and why not the others
ready-fd||FD|write a newline to that descriptor when capturing
verbose|v||say more; engines too
quiet|q||errors and warnings only; engines too
help|h||this text
version|V||the version'

show_help() {
	echo 'usage: capladder [options] -i IFACE -o PLACE [-- engine options]'
	echo 'capture with the best engine this machine can run, down the ladder when it breaks, up when it heals'
	echo
	while IFS='|' read -r name letter wanted text; do
		printf '  %-3s %-24s  %s\n' "${letter:+-$letter,}" "--$name${wanted:+ $wanted}" "$text"
	done <<-END
		$known_options
	END
	echo
	echo 'exit: 0 clean stop or end of capture, 1 failed while running, 2 usage,'
	echo '      3 this machine lacks something; see capladder(1)'
}

defaults() {
	ifaces='' places='' eves='' words='' filter='' raw_filter='' direction=''
	require='' only='' hybrid_flow='' hybrid_raw=''
	fallback=yes pin=no once=no job=run format=text
	folder='' env_file='' ready_fd='' loud=note
	probe_ms=60000
}

# Sets everything from "$@" and the file that it names; exits with 2 at what is wrong.
settings() {
	defaults
	command_line "$@"
	if [ -n "$env_file" ]; then
		file=$env_file
		defaults
		env_lines "$file"
		command_line "$@"
	fi
	fill_in
}

refuse() {
	say error "$1"
	exit 2
}

bad_value() { # OPTION VALUE WANTED
	refuse "--$1: bad value '$2': wants $3"
}

command_line() {
	while [ $# -gt 0 ]; do
		case $1 in
		--)
			shift
			for word; do add words "all=$word"; done
			return
			;;
		--*=*)
			find_given "${1%%=*}"
			[ -n "$wanted" ] || refuse "option '$given' takes no value"
			option "$name" "${1#*=}"
			;;
		-?*)
			find_given "$1"
			if [ -z "$wanted" ]; then
				option "$name" yes
				[ -z "$rest" ] || { shift && set -- "$given" "-$rest" "$@"; }
			elif [ -n "$rest" ]; then
				option "$name" "$rest"
			else
				[ $# -gt 1 ] || refuse "option '$given' wants a value"
				option "$name" "$2"
				shift
			fi
			;;
		*) refuse "what is '$1'? options for the engines come after --" ;;
		esac
		shift
	done
}

# Which option WORD is: $given of it, $name and $wanted; and $rest, what follows a letter.
find_given() { # WORD
	given=$1 rest=''
	case $1 in
	--*) find_option "${1#--}" none ;;
	*)
		given=${1%"${1#-?}"} rest=${1#-?}
		find_option '' "${given#-}"
		;;
	esac || refuse "unknown option '$given'; --help lists what there is"
}

find_option() { # NAME LETTER: in $name and $wanted
	while IFS='|' read -r name letter wanted text; do
		[ "$name" != "$1" ] && [ "$letter" != "$2" ] || return 0
	done <<-END
		$known_options
	END
	return 1
}

option() { # NAME VALUE
	case $1 in
	interface) add ifaces "$2" ;;
	output | write) add places "$2" ;;
	eve) add eves "$2" ;;
	filter) filter=$2 ;;
	raw-filter) raw_filter=$2 ;;
	direction) one_of "$1" "$2" in out both && direction=$2 ;;
	require) check_require "$2" && require=$2 ;;
	engine) one_of "$1" "$2" $engines && only=$2 ;;
	args) take_args "$2" ;;
	hybrid) take_hybrid "$2" ;;
	probe-every) duration "$1" "$2" && probe_ms=$ms ;;
	run) folder=$2 ;;
	env-file) env_file=$2 ;;
	ready-fd) descriptor "$1" "$2" && ready_fd=$2 ;;
	no-fallback) fallback=no ;;
	pin) pin=yes ;;
	no-pin) pin=no ;;
	once) once=yes ;;
	list) job=list ;;
	explain) job=explain ;;
	json) format=json ;;
	verbose) loud=info ;;
	quiet) loud=warning ;;
	help) show_help && exit 0 ;;
	version) echo "capladder (tapline) @VERSION@" && exit 0 ;;
	esac
}

add() { # LIST ENTRY
	case $2 in
	*"$nl"*) refuse "'$2': a name of more than one line" ;;
	esac
	eval "$1=\${$1:+\$$1\$nl}\$2"
}

one_of() { # OPTION VALUE ALLOWED...
	option=$1 value=$2
	shift 2
	for allowed; do
		[ "$value" != "$allowed" ] || return 0
	done
	bad_value "$option" "$value" "one of $*"
}

descriptor() { # OPTION VALUE
	case $2 in
	'' | *[!0-9]* | ?????*) ;;
	*) [ "$2" -lt 3 ] || [ "$2" -gt 1023 ] || return 0 ;;
	esac
	bad_value "$1" "$2" "a whole number, 3 to 1023"
}

duration() { # OPTION VALUE: in $ms
	unit=${2#"${2%%[!0-9]*}"}
	ms=${2%"$unit"}
	case $ms in
	'' | 0* | ????????*) unit=bad ;;
	esac
	case $unit in
	ms) ;;
	'' | s) ms=$((ms * 1000)) ;;
	m) ms=$((ms * 60000)) ;;
	h) ms=$((ms * 3600000)) ;;
	*) bad_value "$1" "$2" "a duration such as 100ms, 5s or 1m" ;;
	esac
}

check_require() {
	for what in $(printf %s "$1" | tr , ' '); do
		one_of require "$what" flows zero_copy kernel_offload raw_packets
	done
}

take_args() { # WHO=WORDS
	case $1 in
	?*=*) ;;
	*) bad_value args "$1" "an engine's name, = and its options" ;;
	esac
	for word in ${1#*=}; do
		add words "${1%%=*}=$word"
	done
}

take_hybrid() { # FLOW,RAW
	case $1 in
	*,*,* | ,* | *,) bad_value hybrid "$1" "two engines, FLOW,RAW" ;;
	*,*) hybrid_flow=${1%,*} hybrid_raw=${1#*,} ;;
	*) bad_value hybrid "$1" "two engines, FLOW,RAW" ;;
	esac
}

env_lines() { # FILE
	[ -r "$1" ] && [ ! -d "$1" ] || refuse "--env-file: '$1' cannot be read"
	while IFS= read -r line || [ -n "$line" ]; do
		case $line in
		'' | '#'*) ;;
		CAPLADDER_?*=*) env_line "${line%%=*}" "${line#*=}" ;;
		*) refuse "$1: what is '$line'? Lines are CAPLADDER_NAME=value" ;;
		esac
	done <"$1"
}

env_line() { # NAME VALUE
	setting=$(printf %s "${1#CAPLADDER_}" | tr A-Z_ a-z-)
	value=$2
	case $value in
	\"*\" | \'*\') value=${value#?} && value=${value%?} ;;
	esac
	[ "$setting" != iface ] || setting=interface
	find_option "$setting" none || name=''
	case $name in
	'' | env-file | help | version) refuse "$file: there is no setting '$1'" ;;
	esac
	if [ -n "$wanted" ]; then
		[ -z "$value" ] || option "$name" "$value"
	else
		one_of "$1" "$value" yes no ''
		[ "$value" != yes ] || option "$name" yes
	fi
}

# What nobody said.
fill_in() {
	[ -n "$ifaces" ] || ifaces=$(default_route)
	[ -n "$places" ] || places=-
	if [ -z "$eves" ] && [ -r /var/log/suricata/eve.json ]; then
		eves=/var/log/suricata/eve.json
	fi
	case $hybrid_flow in
	'' | auto) ;;
	*) only=$hybrid_flow ;;
	esac
	[ -z "$hybrid_raw" ] || require=flows${require:+,$require}
}

default_route() {
	ip -o route show default 2>/dev/null |
		sed -n -e 's/.* dev \([^ ]*\).*/\1/p' -e q
}
