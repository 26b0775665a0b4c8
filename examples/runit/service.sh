# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
#
# shellcheck disable=SC2034  # used by those who read this
#
# What the services of a host share; each run script reads it first. Nothing runs as root for longer
# than it takes to make folders.
set -eu
umask 027

# The service that is asked for: the folder that we are in, or that above its log's.
name=${PWD%/log}
name=${name##*/}

# --- settings: what the file says, else the environment, else this ----------------------

: "${TAPLINE_ENV:=/etc/tapline/env}"
if [ -r "$TAPLINE_ENV" ]; then
	# shellcheck source=/dev/null
	. "$TAPLINE_ENV"
fi
: "${TAPLINE_RUN:=/run/tapline}"         # sockets
: "${TAPLINE_STATE:=/var/lib/tapline}"   # spool, recordings
: "${TAPLINE_LOG:=/var/log/tapline}"     # a folder for the log of each service
: "${TAPLINE_USER:=tapline}"             # who all run as, where there is such a user
capture_url=ipc://$TAPLINE_RUN/capture.sock
events_url=ipc://$TAPLINE_RUN/events.sock
stats_url=ipc://$TAPLINE_RUN/stats.sock
show_url=ipc://$TAPLINE_RUN/show.sock
report="--args all=--stats=$stats_url --args eve-tail=--stats=$stats_url"
: "${CAPTURE:=capladder --run $TAPLINE_RUN/capladder $report}"
: "${CAPTURE_OPTIONS:=}"
: "${BATCHER_OPTIONS:=}"
: "${SHIPPER_OPTIONS:=-o file:$TAPLINE_STATE/flows}"
: "${CAPMETRICS_OPTIONS:=}"

# --- who -------------------------------------------------------------------------------

there_is_user() {
	[ "$(id -u)" -eq 0 ] && id "$TAPLINE_USER" >/dev/null 2>&1
}

# Becomes PROGRAM, as that user, with the capabilities CAPS (+net_raw,+bpf), and none to come.
become() { # CAPS PROGRAM...
	caps=-all${1:+,$1}
	shift
	if there_is_user; then
		set -- setpriv --reuid "$TAPLINE_USER" --regid "$(id -g "$TAPLINE_USER")" --init-groups \
			--inh-caps="$caps" --ambient-caps="$caps" --bounding-set="$caps" --no-new-privs "$@"
	fi
	exec "$@"
}

# --- where -----------------------------------------------------------------------------

folder() { # MODE DIR
	[ ! -d "$2" ] || return 0
	if there_is_user; then
		install -d -m "$1" -o "$TAPLINE_USER" -g "$(id -g "$TAPLINE_USER")" "$2"
	else
		install -d -m "$1" "$2"
	fi
}

# Sockets are for the group.
prepare() {
	folder 2770 "$TAPLINE_RUN"
	folder 0750 "$TAPLINE_STATE"
	end_left_over
	rm -f supervise/tapline.ready.*
	echo "$$ $(born $$)" >supervise/tapline.pid
}

# --- what a killed supervisor left -------------------------------------------------------

# When PID began, which tells it from a later one with its number.
born() { # PID
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
	# shellcheck disable=SC2086  # words
	set -- ${stat##*) }
	[ "$1" = Z ] || echo "${20}"
}

# It goes on without its supervisor, and would stand in our way.
end_left_over() {
	old='' began=''
	[ ! -r supervise/tapline.pid ] || read -r old began <supervise/tapline.pid || return 0
	[ -n "$began" ] && [ "$(born "$old")" = "$began" ] || return 0
	echo "$name: process $old is left over from a supervisor that was killed: stopping it" >&2
	kill "$old" || return 0
	tries=80
	while [ "$(born "$old")" = "$began" ]; do
		[ "$tries" -gt 0 ] || kill -KILL "$old" || break
		tries=$((tries - 1))
		sleep 0.1
	done
}
