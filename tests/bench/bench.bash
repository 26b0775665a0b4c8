# SPDX-License-Identifier: BSD-2-Clause
# Shared by the benchmark scripts: environment, timing, samples. Sourced, with `set -eu`.
# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is read by the scripts

BUILD=${BUILD:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build}
BIN=$BUILD/bin
BENCH=$BUILD/bench
ROUNDS=${ROUNDS:-5}
declare -A SAMPLES # label and quantity -> samples
PIN=()             # what all programs of a row are started by: taskset
PIDS=()            # of programs in the background
NAP=0.01           # seconds between looks at whether something has happened
exec {NEVER}<> <(:) # nothing ever comes there

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# need PROGRAM...: dies when one of ours is not built.
need() {
	local program
	for program in "$@"; do
		[[ -x $program ]] || die "$program is missing: make all bench-programs"
	done
}

have() { command -v "$1" >/dev/null; }

environment() {
	echo "# $1"
	echo "cpu: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)"
	echo "cores: $(nproc)  kernel: $(uname -r)  load: $(cut -d' ' -f1-3 /proc/loadavg)"
	echo "tapline: $("$BIN/pcap-flow" --version 2>/dev/null || echo not built)"
}

# versions PACKAGE...: what Debian installed.
versions() {
	local package
	for package in "$@"; do
		echo "$package: $(dpkg-query -W -f '${Version}' "$package" 2>/dev/null || echo missing)"
	done
}

# timed COMMAND...: runs it quietly; sets WALL and CPU (seconds). The command must succeed.
timed() {
	local TIMEFORMAT='%3R %3U %3S' user sys log
	log=$(mktemp)
	if ! { time "$@" >"$log" 2>&1; } 2>"$log.time"; then
		cat "$log" >&2
		rm -f "$log" "$log.time"
		die "failed: $*"
	fi
	read -r WALL user sys <"$log.time"
	CPU=$(calc "$user + $sys")
	rm -f "$log" "$log.time"
}

calc() { awk "BEGIN { printf \"%.6g\", $* }"; }

# sample LABEL QUANTITY VALUE
sample() { SAMPLES[$1/$2]="${SAMPLES[$1/$2]:-} $3"; }

median() {
	local key=$1/$2
	# shellcheck disable=SC2086 # a list of numbers
	printf '%s\n' ${SAMPLES[$key]} | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# row LABEL QUANTITY UNIT: median and raw samples.
row() { printf '%-34s %10.4g %-14s [%s ]\n' "$1" "$(median "$1" "$2")" "$3" "${SAMPLES[$1/$2]}"; }

# ratio OURS PEER QUANTITY TEXT: peer's median over ours.
ratio() {
	printf '%-34s %10.2f x\n' "$4" "$(calc "$(median "$2" "$3") / $(median "$1" "$3")")"
}

# --- several programs at a time: in a folder DIR, with a socket each -------------

# background COMMAND...: its output goes to $DIR/log.
background() {
	"${PIN[@]}" "$@" >>"$DIR/log" 2>&1 &
	PIDS+=($!)
}

# listener SOCKET COMMAND...: in the background, until it listens.
listener() {
	local socket=$1
	shift
	background "$@"
	await 10 test -S "$socket"
}

# await SECONDS COMMAND...: until it succeeds; dies when it takes longer, or the last program
# that was started has ended.
await() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		kill -0 "${PIDS[-1]}" 2>/dev/null && ((SECONDS < deadline)) ||
			die "in vain: $*: $(tail -n 5 "$DIR/log")"
		read -r -t "$NAP" -u "$NEVER" || true
	done
}

stop_all() {
	((${#PIDS[@]} == 0)) || kill "${PIDS[@]}" 2>/dev/null || true
	((${#PIDS[@]} == 0)) || wait "${PIDS[@]}" 2>/dev/null || true
	PIDS=()
	rm -f "$DIR"/*.sock*
}

# Sets CHILDREN_CPU: seconds of all that have ended. In a subshell `times` would tell of that alone.
children_cpu() {
	times >"$DIR/times"
	CHILDREN_CPU=$(awk -F '[ms ]+' 'NR == 2 { print $1 * 60 + $2 + $3 * 60 + $4 }' "$DIR/times")
}
