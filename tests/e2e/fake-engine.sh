#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A capture engine that captures nothing, for tests of capladder: linked under
# the name of an engine, it does what files in $FAKE say.
#   NAME.abilities  further lines of --capabilities
#   NAME.probe      exit code of --probe, mode and reason, divided by |
#   NAME.start      ready, hang, or the exit code to give before being ready
#   NAME.go         once it exists: one that hangs is ready
#   NAME.exit       once it exists: the exit code to give now; taken away
#   NAME.first, NAME.last  what to write into --state
#   NAME.stubborn   when it exists, SIGTERM and a cut do not end it
# What happens to it is a line in $FAKE/log.
set -u
name=${0##*/}
ready='' state='' cut='' standby='' ask='' hangs=''

note() {
	echo "$name $*" >>"$FAKE/log"
}

control() { # FILE DEFAULT
	if [ -e "$FAKE/$name.$1" ]; then
		cat "$FAKE/$name.$1"
	else
		echo "$2"
	fi
}

abilities() {
	echo "name=$name"
	control abilities "emits_flows=true"
}

answer() {
	abilities
	IFS='|' read -r code mode reason <<-END
		$(control probe '0|fake|')
	END
	[ "$code" -eq 0 ] && echo usable=true || echo usable=false
	echo "mode=$mode"
	echo "reason=$reason"
	[ "$code" -ne 2 ] || echo "$name: error: $reason" >&2
	exit "$code"
}

write_state() {
	[ -z "$state" ] || printf 'first=%020d last=%020d packets=%020d\n' \
		"$(control first 0)" "$(control last 0)" 1 >"$state"
}

on_cut() {
	note "cut $(cat "$cut")"
	if [ -n "$standby" ]; then
		standby=''
	elif [ ! -e "$FAKE/$name.stubborn" ]; then
		note "ends by cut"
		exit 0
	fi
}

on_term() {
	[ -e "$FAKE/$name.stubborn" ] || { note term && exit 0; }
}

line=''
for word; do
	line="$line <$word>"
done
while [ $# -gt 0 ]; do
	case $1 in
	--capabilities) abilities && exit 0 ;;
	--probe*) ask=$1 ;;
	--ready-fd) ready=$2 && shift ;;
	--state) state=$2 && shift ;;
	--cut) cut=$2 && shift ;;
	--standby) standby=yes ;;
	esac
	shift
done
if [ -n "$ask" ]; then
	note "$ask$line"
	answer
fi
trap on_cut USR2
trap on_term TERM
note "start$line"
write_state
is_ready() {
	note "ready ${standby:+in standby}"
	echo >&9
	exec 9>&-
}

case $(control start ready) in
ready) is_ready ;;
hang) hangs=yes ;;
*) exit "$(control start ready)" ;;
esac
while [ ! -e "$FAKE/$name.exit" ]; do
	[ -n "$hangs" ] && [ -e "$FAKE/$name.go" ] && hangs='' && is_ready
	sleep 0.05 9>&- >/dev/null 2>&1 &
	wait "$!"
	write_state
done
code=$(cat "$FAKE/$name.exit")
rm -f "$FAKE/$name.exit"
note "exit $code"
exit "$code"
