# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What the tests of capture engines share, after `load lib`: an engine is a
# program with the options that make it that engine. $engine is its name, and
# that of its files; $command starts it.

TAP=$BATS_TEST_DIRNAME/tap.py
RING_ENGINES=(tpv3-capd afp-capd)
KERNEL_ENGINES=("xdp-flowd --attach xdp" "xdp-flowd --attach tcx")
ENGINES=("${RING_ENGINES[@]}" "${KERNEL_ENGINES[@]}")

# The wire, whose ends take frames of MTU bytes.
engine_setup() {
	tl_setup
	tl_require_tool ethtool tpv3-capd afp-capd xdp-flowd
	"$TL_PYTHON" -c 'import msgpack' || tl_skip "no python3-msgpack"
	tl_netns_setup
	ip -n "$TL_NS_TX" link set tx0 mtu "$1"
	ip -n "$TL_NS_RX" link set rx0 mtu "$1"
}

engine_teardown() {
	if [ -z "${BATS_TEST_COMPLETED:-}" ]; then
		tail -n 5 ./*.err
	fi
	tl_teardown
}

tap() {
	"$TL_PYTHON" "$TAP" "$@"
}

use_engine() {
	read -ra command <<<"$1"
	engine=${1//--attach /}
	engine=${engine//--clock /}
	engine=${engine// /-}
}

# each_engine FUNCTION [ARGUMENT...]: by one engine after the other.
# Never behind `||` or `if`: bash would then go on after a command that fails.
each_engine() {
	each_of ENGINES loudly "$@"
}

each_ring() {
	each_of RING_ENGINES loudly "$@"
}

each_kernel() {
	each_of KERNEL_ENGINES loudly "$@"
}

loudly() {
	echo "$engine: $*"
	"$@"
}

each_of() {
	local -n engines=$1
	local each
	shift
	for each in "${engines[@]}"; do
		use_engine "$each"
		"$@"
	done
}

# capture OPTION...: starts $engine on rx0.
capture() {
	capture_on -i rx0 "$@"
}

capture_on() {
	tl_start "$engine" tl_rx "${command[@]}" --ready-fd 9 "$@"
}

# Frames from the other end; tap.py's kinds.
send() {
	tl_tx "$TL_PYTHON" "$TAP" send tx0 "$@"
}

finish() {
	tl_stop_ok "$engine"
	tap check "$engine.out"
}

# --- several engines at the same time ------------------------------------------------

# capture_all LIST OPTION...: the engines of that list, all of them on rx0.
capture_all() {
	local list=$1
	shift
	declare -gA READY_FD=()
	each_of "$list" begin_one "$@"
	each_of "$list" await_one
}

# Opened before anything is read: they start side by side.
begin_one() {
	local fd
	tl_spawn_ready "$engine" tl_rx "${command[@]}" --ready-fd 9 -i rx0 "$@"
	exec {fd}<"$engine.ready"
	READY_FD[$engine]=$fd
}

await_one() {
	local fd=${READY_FD[$engine]}
	read -r -t "$TL_DEADLINE" -u "$fd" _
	exec {fd}<&-
}

stop_all() {
	each_of "$1" kill_one
	each_of "$1" tl_stop_one
}

kill_one() {
	kill -TERM "${TL_PID[$engine]}"
}

tl_stop_one() {
	tl_stop_ok "$engine"
}

# files_of LIST: their recordings, in FILES.
files_of() {
	FILES=()
	each_of "$1" add_file
}

add_file() {
	FILES+=("$engine.out")
}

# --- what they told ---------------------------------------------------------------------

# expect_stat NAME VALUE
expect_stat() {
	local value
	value=$(tap stat "$engine.out" "$1")
	[ "$value" = "$2" ] || {
		echo "$1 is $value, expected $2" >&2
		return 1
	}
}

# count_events NAME=VALUE...: events that hold all of them, as tap.py prints them.
count_events() {
	tap events "$engine.out" | {
		lines=$(cat)
		for word; do
			lines=$(grep -F -- "\"${word%%=*}\": ${word#*=}" <<<"$lines") || true
		done
		grep -c . <<<"$lines" || true
	}
}

expect_events() {
	local expected=$1 got
	shift
	got=$(count_events "$@")
	[ "$got" -eq "$expected" ] || {
		echo "$got events with $*, expected $expected" >&2
		return 1
	}
}

# --- traffic ------------------------------------------------------------------------------

# What TCP itself counts (struct tcp_info): tcpi_segs_in of the receiver, at 140, after which
# comes the acknowledgement of its FIN; tcpi_bytes_sent of the sender, at 200, repeated ones
# included.
transfer() {
	tl_spawn sink tl_rx "$TL_PYTHON" -c '
import socket, struct
s = socket.create_server(("10.99.0.2", 5001))
print("listening", flush=True)
c = s.accept()[0]
while c.recv(1 << 20): pass
info = c.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
print(struct.unpack_from("=I", info, 140)[0] + 1)'
	tl_wait_line sink.out listening
	SENT_BYTES=$(tl_tx "$TL_PYTHON" -c '
import socket, struct
s = socket.create_connection(("10.99.0.2", 5001))
s.sendall(bytes(5000000))
s.shutdown(socket.SHUT_WR)
while s.recv(4096): pass
print(struct.unpack_from("=Q", s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 208), 200)[0])')
	tl_join sink
	SEGMENTS=$(tail -n 1 sink.out)
}

# packets, bytes, ip_bytes, skbs of what transfer sent
segments_of() {
	tap events "$1" | "$TL_PYTHON" -c '
import json, sys
for line in sys.stdin:
    e = json.loads(line)
    if e["type"] == "flow_end" and e["dst_port"] == 5001:
        print(e["packets"], e["bytes"], e["ip_bytes"], e["skbs"])'
}

# Counts of TCP itself, headers included: Ethernet 14; IP and TCP with time stamps 52, the SYN 60.
expect_transfer() {
	local packets bytes ip_bytes skbs
	read -r packets bytes ip_bytes skbs < <(segments_of "$engine.out")
	echo "$engine: $packets packets, $bytes bytes, $ip_bytes in IP, $skbs skbs;" \
		"TCP: $SEGMENTS segments, $SENT_BYTES bytes"
	[ "$packets" -eq "$SEGMENTS" ]
	[ "$bytes" -eq $((ip_bytes + 14 * packets)) ]
	[ "$ip_bytes" -eq $((SENT_BYTES + 52 * packets + 8)) ]
	[ "$skbs" -le "$packets" ]
}

# Without end, until it is killed: 50 flows.
flood() {
	tl_spawn flood tl_tx "$TL_PYTHON" -c '
import runpy, sys
tap = runpy.run_path(sys.argv[1])
frames = [tap["crafted"]("udp", k, 50) for k in range(50)]
print("sending", flush=True)
while True: tap["transmit"]("tx0", frames * 100)' "$TAP"
	tl_wait_line flood.out sending
}
