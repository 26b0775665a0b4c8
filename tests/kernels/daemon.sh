#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Inside a kernel on trial: xdp-flowd in each of its modes counts what wiregen sends through a veth
# pair. The stream must hold and tell of exactly the packets that were sent.
FRAMES=${FRAMES:-5000}
failed=0

complain() {
	echo "  FAILED  xdp-flowd $1: $2"
	sed 's/^/          /' /tmp/err
	failed=1
}

# start OPTION...: when it counts, its process in $daemon.
start() {
	rm -f /tmp/ready /tmp/tap
	mkfifo /tmp/ready
	xdp-flowd -v -i w1 -w /tmp/tap --ready-fd 9 "$@" 9>/tmp/ready 2>/tmp/err &
	daemon=$!
	# Whoever exits closes it, so this ends either way.
	[ -n "$(timeout 60 head -n 1 /tmp/ready | tr '\n' r)" ]
}

# stop: its exit code.
stop() {
	kill -TERM "$daemon" 2>/dev/null
	(sleep 60 && kill -KILL "$daemon") 2>/dev/null &
	watchdog=$!
	wait "$daemon"
	code=$?
	kill "$watchdog"
	return "$code"
}

# Prints how many frames it sent. wiregen attaches native XDP at the other end where there is none,
# so it does not go with generic XDP.
send() {
	if [ "$sender" = ping ]; then
		timeout 60 ping -q -c 100 -i 0.02 10.99.0.2 | sed -n 's/ packets transmitted.*//p'
	else
		timeout 60 wiregen -q -i w0 --count "$FRAMES" --flows 100 --mix v4=50,v6=40,vlan=10 --plain |
			sed -n 's/^sent=//p'
	fi
}

# trial OPTION...
trial() {
	if ! start "$@"; then
		stop
		complain "$*" "exit $?, not ready"
		return
	fi
	sent=$(send 2>>/tmp/err)
	stop || { complain "$*" "exit $? at the end" && return; }
	evcat --check /tmp/tap >/tmp/checked 2>>/tmp/err || { complain "$*" "evcat --check: exit $?" && return; }
	grep -q ": holds; .*, ${sent:-no} packets," /tmp/checked || {
		cat /tmp/checked >>/tmp/err
		complain "$*" "${sent:-none} sent"
		return
	}
	echo "  ok      xdp-flowd $*: $sent packets$(sed -n 's/.*counting by/, counting by/p' /tmp/err)"
}

# answers OPTION...: exits with 0.
answers() {
	if timeout 60 xdp-flowd -i w1 "$@" >/tmp/out 2>/tmp/err; then
		echo "  ok      xdp-flowd $*"
	else
		code=$?
		cat /tmp/out >>/tmp/err
		complain "$*" "exit $code"
	fi
}

# Nothing but what is sent: the neighbour is known. Busybox's own ip knows no veth.
network() {
	/opt/ip link add w0 type veth peer name w1 &&
		/opt/ip addr add 10.99.0.1/24 dev w0 &&
		/opt/ip link set w0 up &&
		/opt/ip link set w1 up &&
		/opt/ip neigh add 10.99.0.2 lladdr 02:00:00:00:00:02 dev w0 nud permanent
}

network || {
	echo "  FAILED  no veth pair"
	exit 1
}
sender=wiregen
trial --attach xdp
trial --attach tcx
trial --direction both
trial --pin --fix-offloads
answers --unpin
sender=ping
trial --attach generic
answers --probe=load
answers --doctor
exit "$failed"
