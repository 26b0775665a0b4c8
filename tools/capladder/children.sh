# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
#
# Children, and what is heard of them. Whatever happens is one line in a queue,
# a fifo in the run folder, and the ladder reads one after the other:
#   ready ID · exit ID CODE · looked · tick · poll · term · hup · usr1 · usr2
# Descriptors: 4 the caller's --ready-fd, 5 the lock, 6 process ids, 7 the
# queue to read, 8 to write. None of them is handed on to a program.

apart() {
	"$@" 4>&- 5>&- 6>&- 7>&- 8>&-
}

open_queue() {
	rm -f "$run/queue" "$run/pids"
	mkfifo -m 600 "$run/queue" "$run/pids"
	exec 7<>"$run/queue" 8>"$run/queue" 6<>"$run/pids"
	# What waits in read(1) for an event is woken by these as well.
	for signal in term int hup usr1 usr2; do
		# shellcheck disable=SC2064  # expanded now: its own name
		trap "echo $signal >&8" "$(echo $signal | tr a-z A-Z)"
	done
	(pulse) 4>&- 5>&- 6>&- 7>&- >/dev/null 2>&1 &
	pulse=$!
}

# All deadlines are looked at once a second. Ends when nobody reads any more.
pulse() {
	while sleep 1; do
		echo tick >&8 || exit
	done
}

# An event that comes earlier.
nap() { # SECONDS EVENT
	(sleep "$1" && echo "$2" >&8) 4>&- 5>&- 6>&- 7>&- >/dev/null 2>&1 &
}

next_event() { # in $event, $which, $code
	event='' which='' code=''
	read -r event which code <&7 || event=${event:-none}
}

# Milliseconds that only go forward; tests bring their own.
now() { # in $now
	if [ -n "${CAPLADDER_CLOCK:-}" ]; then
		read -r now <"$CAPLADDER_CLOCK"
	else
		read -r now _ </proc/uptime
		now=${now%.*}${now#*.}0
	fi
}

# Starts COMMAND as the child ID. What it writes to descriptor 9 says it is ready.
launch() { # ID COMMAND...
	rm -f "$run/ready.$1"
	mkfifo -m 600 "$run/ready.$1"
	(attend "$@") 4>&- 5>&- 7>&- &
	until read -r pid <&6; do :; done
	born "$pid"
	echo "$pid $born ${2##*/}" >"$run/child.$1"
}

# The parent of one child. Asked to end, it stays until it can tell how that ended.
attend() { # ID COMMAND...
	trap : TERM INT HUP USR1 USR2
	id=$1
	shift
	"$@" 6>&- 8>&- 9>"$run/ready.$id" &
	echo "$!" >&6
	exec 6>&-
	read -r _ <"$run/ready.$id" && echo "ready $id" >&8
	while :; do
		code=0
		wait "$!" 2>/dev/null || code=$?
		kill -0 "$!" 2>/dev/null || break
	done
	echo "exit $id $code" >&8
}

# When PID began, in ticks since the machine did: tells it from a later one.
born() { # PID: in $born
	stat=''
	born=0
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
	# shellcheck disable=SC2086  # words
	set -- ${stat##*) }
	shift 19
	born=$1
}

child() { # ID: is there one? in $pid, $birth, $program
	pid=''
	{ read -r pid birth program <"$run/child.$1"; } 2>/dev/null
}

tell() { # ID SIGNAL
	child "$1" && kill "-$2" "$pid" 2>/dev/null
}

forget() { # ID
	rm -f "$run/child.$1" "$run/ready.$1"
}

# Asks children to end; kills after 5 s what has not. Nothing else is done meanwhile.
end_children() { # ID...
	for id; do
		tell "$id" TERM
	done
	ticks=0
	while any_child "$@"; do
		next_event
		case $event in
		exit) forget "$which" ;;
		tick) ticks=$((ticks + 1)) ;;
		esac
		[ "$ticks" -lt 6 ] || kill_children "$@"
	done
}

any_child() { # ID...
	for id; do
		[ ! -e "$run/child.$id" ] || return 0
	done
	return 1
}

kill_children() { # ID...
	for id; do
		child "$id" || continue
		say warning "$program ($pid) did not end within 5 s: killed"
		kill -KILL "$pid" 2>/dev/null
	done
	ticks=0
}

# --- the run folder: one ladder, and nothing left of an earlier one ----------------

open_folder() {
	if [ -z "$folder" ] && [ "$(id -u)" -eq 0 ]; then
		shared_folder /run/tapline
		folder=/run/tapline/capladder-$(printf %s "$ifaces" | tr '/\n' '__')
	fi
	if [ -n "$folder" ]; then
		run=$folder temporary=no
		shared_folder "$run" || refuse "--run: '$run' cannot be made"
		exec 5>"$run/lock"
		flock -n 5 || in_use
		end_left_over
	else
		run=$(mktemp -d "${TMPDIR:-/tmp}/capladder.XXXXXX") temporary=yes
	fi
	# Engines that gave up root read and dial here.
	umask 022
}

in_use() {
	say error "$run is in use by another capladder"
	exit 3
}

# Of the group tapline, where there is one, as engines become user and group tapline.
shared_folder() { # DIR
	if [ -d "$1" ]; then
		[ -w "$1" ]
		return
	fi
	mkdir -p "$1" 2>/dev/null || return 1
	[ "$(id -u)" -ne 0 ] || ! chgrp tapline "$1" 2>/dev/null || chmod 2770 "$1"
}

# Children of a ladder that was killed: an interface must not be counted twice.
end_left_over() {
	set +f
	set -- "$run"/child.*
	set -f
	for file; do
		id=${file##*/child.}
		child "$id" || continue
		ours && end_stranger
		forget "$id"
	done
	rm -f "$run"/state.* "$run"/cut.* "$run"/ready.*
}

ours() { # the process that child() found, or another with its number
	born "$pid" && [ "$born" = "$birth" ] && grep -qF "$program" "/proc/$pid/cmdline"
}

end_stranger() {
	say warning "$program ($pid) is left over from a ladder that was killed: stopping it"
	kill -TERM "$pid" 2>/dev/null
	tries=50
	while [ "$tries" -gt 0 ] && ours; do
		tries=$((tries - 1))
		sleep 0.1
	done
	! ours || kill -KILL "$pid" 2>/dev/null
}

close_folder() {
	kill "$pulse" 2>/dev/null
	if [ "$temporary" = yes ]; then
		rm -rf "$run"
		return
	fi
	set +f
	rm -f "$run"/queue "$run"/pids "$run"/capture.sock* "$run"/state.* "$run"/cut.* "$run"/ready.* "$run"/look "$run"/*.new
	set -f
}
