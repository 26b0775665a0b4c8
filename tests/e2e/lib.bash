# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What every end-to-end test shares: private namespaces joined by a veth pair,
# background programs that are waited for and never left behind. A test file
# does `load lib` and calls tl_setup in setup() and tl_teardown in teardown().
#
# Nothing here sleeps to synchronise: a program is ready when it wrote its
# newline to descriptor 9 (pass it `--ready-fd 9`), a line is there when
# tl_wait_line saw it, and every wait has a deadline.

TL_ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
TL_BIN=${TL_BIN:-$TL_ROOT/build/bin}
TL_PYTHON=${TL_PYTHON:-/usr/bin/python3}
TL_DEADLINE=${TL_DEADLINE:-20} # seconds any single wait may take
GOLDEN_DIR=${GOLDEN_DIR:-$TL_ROOT/../shared/golden}

# Skips with a reason; with TL_REQUIRE=all a skip is a failure.
tl_skip() {
	if [ "${TL_REQUIRE:-}" = all ]; then
		echo "TL_REQUIRE=all, and this test cannot run: $*" >&2
		return 1
	fi
	skip "$*"
}

# Public captures and eve lines that are not in the repository: a test uses them where they are, and
# where they are not it is no failure, whatever TL_REQUIRE says.
tl_require_golden() {
	[ -r "$GOLDEN_DIR/golden.tsv" ] || skip "no golden captures in $GOLDEN_DIR"
}

tl_require_root() {
	[ "$(id -u)" -eq 0 ] || tl_skip "needs root (network namespaces)"
}

# tl_require_tool NAME...: programs of the system or of build/bin.
tl_require_tool() {
	local tool
	for tool in "$@"; do
		[ -x "$TL_BIN/$tool" ] || command -v "$tool" >/dev/null || tl_skip "no $tool"
	done
}

tl_setup() {
	set -o pipefail
	declare -gA TL_PID=()
	TL_NETNS=()
	PATH=$TL_BIN:$PATH
	cd "$BATS_TEST_TMPDIR" || return 1
}

# --- namespaces ----------------------------------------------------------------

# tl_netns_add VAR: a new namespace, its name in VAR, loopback up, no IPv6 noise.
tl_netns_add() {
	local name="tl-$$-$BATS_TEST_NUMBER-${#TL_NETNS[@]}"
	ip netns add "$name" || return 1
	TL_NETNS+=("$name")
	printf -v "$1" %s "$name"
	tl_netns_quiet "$name"
	ip -n "$name" link set lo up
}

# Without this the kernel sends router solicitations and MLD reports of its own.
tl_netns_quiet() {
	ip netns exec "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
		net.ipv6.conf.default.disable_ipv6=1
}

# Two namespaces, $TL_NS_TX and $TL_NS_RX, joined by tx0 (10.99.0.1) and rx0
# (10.99.0.2): offloads off, neighbours fixed, so that only what a test sends
# is on the wire.
tl_netns_setup() {
	tl_require_root
	tl_netns_add TL_NS_TX
	tl_netns_add TL_NS_RX
	tl_veth_add "$TL_NS_TX" tx0 10.99.0.1 "$TL_NS_RX" rx0 10.99.0.2
}

# tl_veth_add NS-A DEV-A ADDRESS-A NS-B DEV-B ADDRESS-B
tl_veth_add() {
	local a=$1 dev_a=$2 addr_a=$3 b=$4 dev_b=$5 addr_b=$6
	ip -n "$a" link add "$dev_a" type veth peer name "$dev_b" netns "$b" || return 1
	tl_offloads off "$a" "$dev_a"
	tl_offloads off "$b" "$dev_b"
	ip -n "$a" addr add "$addr_a/24" dev "$dev_a"
	ip -n "$b" addr add "$addr_b/24" dev "$dev_b"
	ip -n "$a" link set "$dev_a" up
	ip -n "$b" link set "$dev_b" up
	tl_neighbour "$a" "$dev_a" "$addr_b" "$(tl_mac "$b" "$dev_b")"
	tl_neighbour "$b" "$dev_b" "$addr_a" "$(tl_mac "$a" "$dev_a")"
}

tl_mac() {
	ip netns exec "$1" cat "/sys/class/net/$2/address"
}

# A fixed entry is never probed: no ARP on the wire.
tl_neighbour() {
	ip -n "$1" neigh replace "$3" lladdr "$4" dev "$2" nud permanent
}

# tl_offloads on|off NS DEV: segmentation, GRO, checksums, VLAN tags.
tl_offloads() {
	ip netns exec "$2" ethtool -K "$3" tso "$1" gso "$1" gro "$1" tx "$1" rx "$1" \
		rxvlan "$1" txvlan "$1" >/dev/null
}

tl_tx() {
	ip netns exec "$TL_NS_TX" "$@"
}

tl_rx() {
	ip netns exec "$TL_NS_RX" "$@"
}

# --- programs ------------------------------------------------------------------

# tl_start NAME COMMAND...: in the background, stdout to NAME.out, stderr to
# NAME.err; returns when it wrote its newline to descriptor 9, fails at once
# when it exits before that. COMMAND is a program, after tl_tx or tl_rx where
# it is to run in that namespace.
tl_start() {
	local name=$1
	tl_spawn_ready "$@"
	if ! read -r -t "$TL_DEADLINE" _ <"$name.ready"; then
		echo "$name did not become ready; its stderr:" >&2
		cat "$name.err" >&2
		return 1
	fi
}

# A function in the background would be a shell around the program, which no
# signal reaches: ip becomes the program.
tl_command() {
	TL_COMMAND=("$@")
	case $1 in
	tl_tx) TL_COMMAND=(ip netns exec "$TL_NS_TX" "${@:2}") ;;
	tl_rx) TL_COMMAND=(ip netns exec "$TL_NS_RX" "${@:2}") ;;
	esac
}

# What an earlier run printed must not be taken for this one's.
tl_forget() {
	: >"$1.out"
	: >"$1.err"
}

tl_spawn_ready() {
	local name=$1
	shift
	tl_command "$@"
	set -- "${TL_COMMAND[@]}"
	rm -f "$name.ready"
	mkfifo "$name.ready"
	tl_forget "$name"
	"$@" >"$name.out" 2>"$name.err" 9>"$name.ready" 3>&- &
	TL_PID[$name]=$!
}

# The same for programs without --ready-fd: wait for what they print.
tl_spawn() {
	local name=$1
	shift
	tl_command "$@"
	set -- "${TL_COMMAND[@]}"
	tl_forget "$name"
	"$@" >"$name.out" 2>"$name.err" 3>&- &
	TL_PID[$name]=$!
}

# tl_wait_for COMMAND...: until it succeeds or the deadline has passed.
tl_wait_for() {
	local end=$((SECONDS + TL_DEADLINE))
	until "$@"; do
		if [ "$SECONDS" -ge "$end" ]; then
			echo "waited ${TL_DEADLINE}s in vain for: $*" >&2
			return 1
		fi
		read -r -t 0.02 <> <(:) || true
	done
}

# tl_wait_line FILE PATTERN: until a line of FILE matches (extended regexp).
tl_wait_line() {
	tl_wait_for grep -qsE -e "$2" "$1" || {
		echo "$1 holds:" >&2
		cat "$1" >&2
		return 1
	}
}

tl_gone() {
	! kill -0 "$1" 2>/dev/null || [ "$(sed -n 's/^State:[^A-Z]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null)" = Z ]
}

# tl_stop NAME [SIGNAL]: signals it, waits for it; its exit code in TL_STATUS.
tl_stop() {
	local pid=${TL_PID[$1]}
	kill "-${2:-TERM}" "$pid" 2>/dev/null || true
	tl_join "$1"
}

# tl_join NAME: waits until it ends by itself; its exit code in TL_STATUS.
tl_join() {
	local pid=${TL_PID[$1]}
	tl_wait_for tl_gone "$pid" || {
		kill -KILL "$pid"
		return 1
	}
	TL_STATUS=0
	wait "$pid" || TL_STATUS=$?
	unset "TL_PID[$1]"
}

# tl_stop_ok NAME: as tl_stop, and fails unless it exits with 0.
tl_stop_ok() {
	tl_stop "$1"
	[ "$TL_STATUS" -eq 0 ] || {
		echo "$1 exited with $TL_STATUS; its stderr:" >&2
		cat "$1.err" >&2
		return 1
	}
}

tl_teardown() {
	local name
	for name in "${!TL_PID[@]}"; do
		kill -KILL "${TL_PID[$name]}" 2>/dev/null || true
		wait "${TL_PID[$name]}" 2>/dev/null || true
	done
	for name in "${TL_NETNS[@]}"; do
		ip netns del "$name" || true
	done
}
