# SPDX-License-Identifier: BSD-2-Clause
# Shared by the benchmark scripts: environment, timing, samples. Sourced, with `set -eu`.
# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is read by the scripts

BUILD=${BUILD:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build}
BIN=$BUILD/bin
BENCH=$BUILD/bench
ROUNDS=${ROUNDS:-5}
declare -A SAMPLES # label and quantity -> samples

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
