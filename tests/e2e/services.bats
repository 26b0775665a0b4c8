#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2030,SC2031,SC2154  # each test is a subshell of its own; bats sets variables
# What examples/runit, s6, systemd and container promise: the pipeline of a host comes up in any
# order, is ready when its supervisor says so, comes back after any kill, stops cleanly, and every
# packet is in the output. Everything happens in a folder and in namespaces of the test's own.

bats_require_minimum_version 1.5.0
load lib

setup() {
	tl_setup
	examples=$TL_ROOT/examples
	SUPERVISOR='' FOLDER=''
}

teardown() {
	if [ -z "${BATS_TEST_COMPLETED:-}" ] && [ -n "$FOLDER" ]; then
		tail -n 20 "$FOLDER"/log/*/current supervisor.err
	fi
	end_all
	tl_teardown
	[ -z "$FOLDER" ] || rm -rf "$FOLDER"
}

# --- a host with one of the supervisors ------------------------------------------------

SERVICES=(shipper batcher capture)

# host_with MANAGER: its services are down until they are asked for.
host_with() {
	tl_require_root
	tl_require_tool tpv3-capd batcher shipper evcat setpriv jq
	case $1 in
	runit) tl_require_tool runsvdir sv svlogd ;;
	s6) tl_require_tool s6-svscan s6-svc s6-log ;;
	esac
	tl_netns_setup
	make_folder "$1"
	start_supervisor "$1"
}

# A user other than root has to get there.
make_folder() {
	FOLDER=$(mktemp -d /tmp/tl-services.XXXXXX)
	chmod 755 "$FOLDER"
	cp -rL "$examples/$1" "$FOLDER/sv"
	user=nobody
	setpriv --reuid nobody --clear-groups "$TL_BIN/batcher" --version >/dev/null 2>&1 || user=none
	local service
	for service in "${SERVICES[@]}" capmetrics; do
		touch "$FOLDER/sv/$service/down"
	done
	set_env
}

# set_env LINE...: the settings, and what differs.
set_env() {
	cat >"$FOLDER/env" <<-END
		TAPLINE_RUN=$FOLDER/run
		TAPLINE_STATE=$FOLDER/state
		TAPLINE_LOG=$FOLDER/log
		TAPLINE_USER=$user
		CAPTURE=tpv3-capd
		CAPTURE_OPTIONS="-i rx0"
		BATCHER_OPTIONS="--batch-time 100ms"
		SHIPPER_OPTIONS="-o file:$FOLDER/state/flows"
	END
	printf '%s\n' "$@" >>"$FOLDER/env"
}

start_supervisor() {
	manager=$1
	local program=(s6-svscan "$FOLDER/sv")
	[ "$manager" = s6 ] || program=(runsvdir "$FOLDER/sv")
	tl_spawn supervisor tl_rx env TAPLINE_ENV="$FOLDER/env" "${program[@]}"
	SUPERVISOR=${TL_PID[supervisor]}
	local service
	for service in "${SERVICES[@]}"; do
		tl_wait_for supervised "$service"
	done
}

supervised() {
	if [ "$manager" = s6 ]; then
		s6-svok "$FOLDER/sv/$1"
	else
		sv status "$FOLDER/sv/$1" >/dev/null
	fi
}

# Whatever a test left: each process that has the folder for its place, by its id.
end_all() {
	[ -n "$FOLDER" ] || return 0
	local tries pid
	for tries in 1 2 3 4 5; do
		[ -n "$(processes)" ] || return 0
		[ -z "$SUPERVISOR" ] || kill -KILL "$SUPERVISOR" 2>/dev/null || true
		for pid in $(processes); do
			kill -KILL "$pid" 2>/dev/null || true
		done
	done
}

# Processes of this test: run in its folder, or told of it.
processes() {
	local dir
	for dir in /proc/[0-9]*; do
		[ "$dir" != "/proc/$BASHPID" ] || continue
		case $(readlink "$dir/cwd")$(tr '\0' ' ' <"$dir/cmdline") in
		"$FOLDER"* | *"$FOLDER/"*) echo "${dir#/proc/}" ;;
		esac
	done 2>/dev/null
}

has_pid() {
	[ -n "$(pid_of "$1")" ]
}

# up NAME: returns when the supervisor says that it is ready.
up() {
	if [ "$manager" = s6 ]; then
		s6-svc -uwU -T $((TL_DEADLINE * 1000)) "$FOLDER/sv/$1"
	else
		sv -w "$TL_DEADLINE" start "$FOLDER/sv/$1" >/dev/null
	fi
	[ -n "$(pid_of "$1")" ]
}

pid_of() {
	if [ "$manager" = s6 ]; then
		s6-svstat -o pid "$FOLDER/sv/$1" | grep -vx -- -1
	else
		cat "$FOLDER/sv/$1/supervise/pid"
	fi
}

is_ready() {
	if [ "$manager" = s6 ]; then
		[ "$(s6-svstat -o ready "$FOLDER/sv/$1")" = true ]
	else
		sv check "$FOLDER/sv/$1" >/dev/null
	fi
}

is_down() {
	if [ "$manager" = s6 ]; then
		[ "$(s6-svstat -o up "$FOLDER/sv/$1")" = false ]
	else
		sv status "$FOLDER/sv/$1" | grep -q '^down'
	fi
}

is_down_for_good() {
	if [ "$manager" = s6 ]; then
		[ "$(s6-svstat -o up,wantedup "$FOLDER/sv/$1")" = "false false" ]
	else
		# While it says "want up", sv would not ask for it again.
		sv status "$FOLDER/sv/$1" | grep -v 'want up' | grep -q '^down'
	fi
}

# The promise is 5 s; nothing is measured here but that it is kept.
stop_all() {
	local began=$SECONDS
	"$FOLDER/sv/stop" >stop.out
	[ $((SECONDS - began)) -le 8 ]
	local service
	for service in "${SERVICES[@]}"; do
		is_down "$service"
	done
}

# What supervises NAME: the child of the supervisor.
keeper_of() {
	if [ "$manager" = s6 ]; then
		pgrep -P "$SUPERVISOR" -xf "s6-supervise $1"
	else
		pgrep -P "$SUPERVISOR" -xf "runsv $1"
	fi
}

# Comes back as another process than PID, and is ready.
is_back() { # NAME PID
	local pid
	# runit: its finish script has a number too, and between that and its run sv check says yes.
	pid=$(pid_of "$1") && [ -n "$pid" ] && [ "$pid" != "$2" ] && is_ready "$1" && [ "$(pid_of "$1")" = "$pid" ]
}

kill_service() { # NAME
	local pid
	pid=$(pid_of "$1")
	kill -KILL "$pid"
	tl_wait_for is_back "$1" "$pid"
}

# --- packets -----------------------------------------------------------------------------

SENT=0
send() { # COUNT
	tl_tx "$TL_PYTHON" "$BATS_TEST_DIRNAME/tap.py" send tx0 udp:20 "$1"
	SENT=$((SENT + $1))
}

# The output, each event once.
delivered() {
	evcat -q --json --type flow_end "$FOLDER"/state/flows/*.tap |
		jq -s 'unique_by(.event_id) | map(.entities.packets) | add'
}

everything_arrived() {
	evcat --check "$FOLDER"/state/flows/*.tap
	[ "$(delivered)" -eq "$SENT" ] || {
		echo "$(delivered) packets arrived, sent $SENT" >&2
		return 1
	}
}

# hold COUNT: so many streams of a capture are whole.
hold() {
	[ "$(evcat --check "$FOLDER"/state/flows/*.tap | grep -c ': holds; .* packets')" -eq "$1" ]
}

nothing_came_twice() {
	local all
	all=$(evcat -q --json "$FOLDER"/state/flows/*.tap | jq -r .event_id)
	[ "$(sort <<<"$all" | uniq -d | wc -l)" -eq 0 ]
}

log_has() { # NAME PATTERN
	tl_wait_line "$FOLDER/log/$1/current" "$2"
}

log_count() { # NAME PATTERN
	grep -cE -e "$2" "$FOLDER/log/$1/current"
}

# --- what is so with each ------------------------------------------------------------------

any_order() {
	host_with "$1"
	local order service
	for order in "shipper batcher capture" "capture batcher shipper" "batcher capture shipper"; do
		for service in $order; do
			up "$service"
			is_ready "$service"
		done
		[ "$manager" != s6 ] || (cd "$FOLDER/sv" && s6-svwait -U -t $((TL_DEADLINE * 1000)) "${SERVICES[@]}")
		send 500
		stop_all
	done
	everything_arrived
	nothing_came_twice
	hold 3
	# Each has told how it ended.
	for service in "${SERVICES[@]}"; do
		[ "$(log_count "$service" "$service: (exit|killed)")" -eq 0 ]
	done
	log_has capture '[0-9] .*rx0: 500 packets'
}

@test "runit: the pipeline comes up in any order, and stops cleanly" {
	any_order runit
}

@test "s6: the pipeline comes up in any order, and stops cleanly" {
	any_order s6
}

all_up() {
	host_with "$1"
	local service
	for service in "${SERVICES[@]}"; do
		up "$service"
	done
}

kill_the_rest() {
	all_up "$1"
	send 300
	kill_service batcher
	send 300
	kill_service shipper
	send 300
	local batcher shipper
	# For a moment after a start runit has no id.
	tl_wait_for has_pid batcher
	tl_wait_for has_pid shipper
	batcher=$(pid_of batcher) shipper=$(pid_of shipper)
	kill -KILL "$batcher" "$shipper"
	send 300
	tl_wait_for is_back batcher "$batcher"
	tl_wait_for is_back shipper "$shipper"
	stop_all
	everything_arrived
	hold 1
	log_has batcher 'batcher: killed by signal 9: starting it again'
	[ "$(log_count batcher 'killed by signal 9')" -eq 2 ]
}

@test "runit: batcher and shipper killed, one and both: back, and every packet arrives" {
	kill_the_rest runit
}

@test "s6: batcher and shipper killed, one and both: back, and every packet arrives" {
	kill_the_rest s6
}

# It takes its flow table along: its stream has no end, what came after is another's.
kill_capture() {
	all_up "$1"
	send 300
	kill_service capture
	SENT=0
	send 400
	stop_all
	run evcat --check "$FOLDER"/state/flows/*.tap
	echo "$output"
	[ "$status" -eq 4 ]
	[ "$(grep -c 'not closed' <<<"$output")" -eq 1 ]
	grep -q ': holds; .* 400 packets' <<<"$output"
	log_has capture 'capture: killed by signal 9: starting it again'
}

@test "runit: the capture killed: back, its stream is told as cut off" {
	kill_capture runit
}

@test "s6: the capture killed: back, its stream is told as cut off" {
	kill_capture s6
}

# The next ladder ends the engine of the one before, so that nothing but the moment between is lost.
kill_ladder() {
	host_with "$1"
	tl_require_tool capladder xdp-flowd
	set_env "CAPTURE='capladder --run $FOLDER/run/ladder'"
	local service
	for service in "${SERVICES[@]}"; do
		up "$service"
	done
	send 300
	kill_service capture
	send 300
	stop_all
	everything_arrived
	hold 2
	log_has capture 'is left over from a ladder that was killed'
}

@test "runit: capladder killed: back, its engine ends first, and every packet arrives" {
	kill_ladder runit
}

@test "s6: capladder killed: back, its engine ends first, and every packet arrives" {
	kill_ladder s6
}

has_other_keeper() { # NAME PID
	local pid
	pid=$(keeper_of "$1") && [ -n "$pid" ] && [ "$pid" != "$2" ]
}

kill_keeper() { # NAME
	local keeper pid
	keeper=$(keeper_of "$1") pid=$(pid_of "$1")
	kill -KILL "$keeper"
	tl_wait_for has_other_keeper "$1" "$keeper"
	[ "$1" = capture ] || send 200
	tl_wait_for supervised "$1"
	# Whether one is up is in its file `down`, which a test has and a host has not.
	up "$1"
	tl_wait_for is_back "$1" "$pid"
	tl_gone "$pid"
	log_has "$1" "$1: process $pid is left over from a supervisor"
}

kill_keepers() {
	all_up "$1"
	kill_keeper batcher
	kill_keeper shipper
	kill_keeper capture
	send 200
	stop_all
	# Capture was asked to end, not killed: both of its streams are whole.
	everything_arrived
	hold 2
	# One of each, to the last.
	[ "$(pgrep -c -f "^[^ ]*(batcher|shipper) .*$FOLDER" || true)" -eq 0 ]
}

@test "runit: the children of the supervisor killed: what they ran ends, and is run again" {
	kill_keepers runit
}

@test "s6: the children of the supervisor killed: what they ran ends, and is run again" {
	kill_keepers s6
}

logger_of() {
	pgrep -f "^[^ ]*(svlogd|s6-log) .*$FOLDER/log/$1\$"
}

has_other_logger() { # NAME PID
	local pid
	pid=$(logger_of "$1") && [ -n "$pid" ] && [ "$pid" != "$2" ]
}

kill_loggers() {
	all_up "$1"
	local service pid logger
	for service in "${SERVICES[@]}"; do
		pid=$(pid_of "$service") logger=$(logger_of "$service")
		kill -KILL "$logger"
		tl_wait_for has_other_logger "$service" "$logger"
		[ "$(pid_of "$service")" = "$pid" ]
		kill -USR1 "$pid"
	done
	log_has capture 'rx0: 0 packets'
	send 100
	stop_all
	everything_arrived
	nothing_came_twice
}

@test "runit: the loggers killed: back, nobody else minds" {
	kill_loggers runit
}

@test "s6: the loggers killed: back, nobody else minds" {
	kill_loggers s6
}

stays_down() {
	host_with "$1"
	set_env 'BATCHER_OPTIONS="--nonsense"'
	start_it batcher
	log_has batcher 'batcher: exit 2, its settings are refused: stays down until'
	tl_wait_for is_down_for_good batcher
	[ "$(log_count batcher "nonsense")" -eq 1 ]
	[ "$(log_count batcher "exit 2")" -eq 1 ]
	set_env
	up batcher
}

# Without waiting for it to be ready.
start_it() {
	if [ "$manager" = s6 ]; then
		s6-svc -u "$FOLDER/sv/$1"
	else
		sv up "$FOLDER/sv/$1"
	fi
}

@test "runit: what is refused as usage stays down, and says so once" {
	stays_down runit
}

@test "s6: what is refused as usage stays down, and says so once" {
	stays_down s6
}

comes_back() {
	host_with "$1"
	set_env 'CAPTURE_OPTIONS="-i tl-later"'
	start_it capture
	log_has capture 'capture: exit 3, this machine lacks something: again in 4 s'
	ip -n "$TL_NS_RX" link add tl-later type veth peer name tl-other
	ip -n "$TL_NS_RX" link set tl-later up
	tl_wait_for is_ready capture
}

@test "runit: what this machine lacks is waited for" {
	comes_back runit
}

@test "s6: what this machine lacks is waited for" {
	comes_back s6
}

@test "s6: SIGTERM to s6-svscan stops all in order, and it ends" {
	all_up s6
	send 200
	kill -TERM "$SUPERVISOR"
	tl_join supervisor
	everything_arrived
	nothing_came_twice
	[ -z "$(processes)" ]
}

@test "runit: after stop the supervisor ends, and leaves nothing" {
	all_up runit
	send 200
	stop_all
	kill -HUP "$SUPERVISOR"
	tl_join supervisor
	nothing_runs() { [ -z "$(processes)" ]; }
	tl_wait_for nothing_runs
	everything_arrived
}

@test "as a user of its own: no service runs as root or with more than it needs" {
	all_up s6
	[ "$user" != none ] || tl_skip "nobody cannot run $TL_BIN"
	local service pid
	for service in "${SERVICES[@]}"; do
		pid=$(pid_of "$service")
		[ "$(sed -n 's/^Uid:\t\([0-9]*\)\t.*/\1/p' "/proc/$pid/status")" = "$(id -u nobody)" ]
		grep -q '^CapEff:	0*$' "/proc/$pid/status"
		grep -q '^CapBnd:	0*$' "/proc/$pid/status" || [ "$service" = capture ]
		grep -q '^NoNewPrivs:	1$' "/proc/$pid/status"
	done
	[ "$(stat -c %a:%U "$FOLDER/run" "$FOLDER/run/capture.sock" | tr '\n' ' ')" = "2770:nobody 660:nobody " ]
}

# --- what all of them count ------------------------------------------------------------

has_tools() { # NAME...: they report
	local tool
	for tool; do
		tl_rx curl -s -m 5 http://127.0.0.1:8081/capture/metrics |
			jq -e --arg tool "$tool" '.tools | map(select(.tool == $tool and .state == "live")) | length == 1' >/dev/null ||
			return 1
	done
}

page_shows_all() { # MANAGER
	host_with "$1"
	tl_require_tool capmetrics capladder curl
	set_env "CAPTURE=\"capladder --run $FOLDER/run/capladder --engine tpv3-capd --args all=--stats=ipc://$FOLDER/run/stats.sock\"" \
		'CAPTURE_OPTIONS="-i rx0"'
	for service in capmetrics shipper batcher capture; do
		up "$service"
	done
	tl_wait_for has_tools tpv3-capd batcher shipper
	tl_rx curl -s -m 5 http://127.0.0.1:8081/readyz | grep -q ok
	tl_rx curl -s -m 5 http://127.0.0.1:8081/ladder | jq -e '.engine == "tpv3-capd"'
	"$FOLDER/sv/stop"
}

@test "runit: the page shows what all services count, and the ladder" {
	page_shows_all runit
}

@test "s6: the page shows what all services count, and the ladder" {
	page_shows_all s6
}

# --- systemd: it is not the first process here, so what it would read is checked ---------------

UNITS=(tapline-capture.service tapline-batcher.service tapline-shipper.service tapline-capmetrics.service
	tapline.target)

# The units with this build's programs.
units_here() {
	command -v systemd-analyze >/dev/null || tl_skip "no systemd-analyze"
	mkdir units
	local unit
	for unit in "${UNITS[@]}"; do
		sed "s#/usr/local/bin/#$PWD/bin/#" "$examples/systemd/$unit" >"units/$unit"
	done
	# A stand-in only where there is none.
	mkdir bin
	local program
	for program in capladder batcher shipper capmetrics; do
		ln -s "$(command -v "$program" || command -v true)" "bin/$program"
	done
}

@test "systemd: the units are without a fault" {
	units_here
	run systemd-analyze verify --man=no "${UNITS[@]/#/units/}"
	echo "$output"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	sed -i 's/^Type=notify/Type=notifies/' units/tapline-batcher.service
	run systemd-analyze verify --man=no units/tapline-batcher.service
	[ -n "$output" ]
}

@test "systemd: how exposed the services are" {
	units_here
	grep -q -- --offline <<<"$(systemd-analyze security --help)" || tl_skip "systemd-analyze without --offline"
	cd units
	systemd-analyze security --offline=yes --no-pager tapline-batcher.service --threshold=10 | tail -n 1
	systemd-analyze security --offline=yes --no-pager tapline-shipper.service --threshold=20 | tail -n 1
	systemd-analyze security --offline=yes --no-pager tapline-capmetrics.service --threshold=20 | tail -n 1
	systemd-analyze security --offline=yes --no-pager tapline-capture.service --threshold=30 | tail -n 1
}

# The names that a unit allows, sets expanded.
allowed_calls() { # UNIT
	local word
	sed -n 's/^SystemCallFilter=//p' "$examples/systemd/$1" | while read -r line; do
		case $line in
		'~'*) expand_calls "${line#?}" | sed 's/^/-/' ;;
		*) expand_calls "$line" | sed 's/^/+/' ;;
		esac
	done | awk '{ on[substr($0, 2)] = /^[+]/ } END { for (n in on) if (on[n]) print n }' >allowed
	expand_calls @default >>allowed
}

expand_calls() { # WORDS
	local word
	for word in $1; do
		case $word in
		@*) expand_calls "$(systemd-analyze syscall-filter --no-pager "$word" | sed -e 1d -e '/#/d' | tr -s ' \n' ' ')" ;;
		*) echo "$word" ;;
		esac
	done
}

# unit_allows UNIT NAME...: what those programs called, traced in NAME.calls.
unit_allows() {
	allowed_calls "$1"
	[ "$(wc -l <allowed)" -gt 100 ]
	sed -nE 's/^([0-9]+ +)?([a-z0-9_]+)\(.*/\2/p' "${@:2}" | sort -u >called
	[ "$(wc -l <called)" -gt 20 ]
	grep -vxFf allowed called >refused || true
	[ ! -s refused ] || {
		echo "$1 refuses what is called: $(tr '\n' ' ' <refused)" >&2
		return 1
	}
	# RestrictAddressFamilies, MemoryDenyWriteExecute
	sed -n 's/^RestrictAddressFamilies=//p' "$examples/systemd/$1" | tr ' ' '\n' >families
	sed -nE 's/.*socket\((AF_[A-Z0-9_]+),.*/\1/p' "${@:2}" | sort -u >asked
	[ -s asked ]
	run ! grep -vxFf families asked
	echo "$output"
	run ! grep -F 'PROT_WRITE|PROT_EXEC' "${@:2}"
	echo "$output"
}

@test "systemd: no call that a service makes is refused by its unit" {
	tl_require_root
	tl_require_tool strace tpv3-capd xdp-flowd capladder batcher shipper setpriv
	command -v systemd-analyze >/dev/null || tl_skip "no systemd-analyze"
	tl_netns_setup
	make_folder s6
	[ "$user" != none ] || tl_skip "nobody cannot run $TL_BIN"
	install -d -o nobody "$FOLDER/run" "$FOLDER/state"
	local caps=+net_raw,+net_admin,+bpf,+perfmon
	traced() { # NAME CAPS COMMAND...
		tl_start "$1" tl_rx strace -f -qq -o "$PWD/$1.calls" setpriv --reuid nobody --clear-groups \
			--inh-caps="-all$2" --ambient-caps="-all$2" --no-new-privs "${@:3}" --ready-fd 9
	}
	traced shipper '' shipper -I "ipc://$FOLDER/run/events.sock" --spool "$FOLDER/state/spool" \
		-o "file:$FOLDER/state/flows" -o http://127.0.0.1:9/
	traced batcher '' batcher -I "ipc://$FOLDER/run/capture.sock" -o "ipc://$FOLDER/run/events.sock"
	traced ring ",$caps" tpv3-capd -q -i rx0 -o "ipc://$FOLDER/run/capture.sock"
	traced ladder ",$caps" capladder --run "$FOLDER/run/ladder" -i rx0 -o "ipc://$FOLDER/run/capture.sock"
	send 100
	local name
	for name in ring ladder batcher shipper; do
		pkill -TERM -P "${TL_PID[$name]}"
		tl_join "$name"
		# What setpriv does is done by systemd.
		sed -i '1,/execve("[^"]*\/\(shipper\|batcher\|tpv3-capd\|capladder\)",.* = 0$/d' "$name.calls"
	done
	unit_allows tapline-shipper.service shipper.calls
	unit_allows tapline-batcher.service batcher.calls
	grep -q 'bpf(BPF_PROG_LOAD' ladder.calls
	unit_allows tapline-capture.service ring.calls ladder.calls
}

@test "systemd: each tool tells the manager that it is ready, once, and nobody is no error" {
	tl_require_root
	tl_netns_add namespace
	"$TL_PYTHON" - >told <<-'END'
		import os, signal, socket, subprocess
		manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		manager.bind("notify")
		manager.settimeout(20)
		environ = dict(os.environ, NOTIFY_SOCKET=os.path.abspath("notify"))
		for words in ("batcher -I ipc://b -o ipc://s", "shipper -I ipc://s -o file:flows",
		              "receiver --listen 127.0.0.1:0 -o store"):
		    tool = subprocess.Popen(words.split(), env=environ, stderr=subprocess.DEVNULL)
		    print(words.split()[0], manager.recv(100).decode())
		    tool.send_signal(signal.SIGTERM)
		    print(tool.wait(20))
		manager.setblocking(False)
		try:
		    print("more:", manager.recv(100))
		except BlockingIOError:
		    pass
	END
	printf '%s READY=1\n0\n' batcher shipper receiver | diff - told
	NOTIFY_SOCKET=$PWD/nobody ip netns exec "$namespace" tpv3-capd -q -i lo --duration 10ms -o one.tap
}

# --- the container: built nowhere here, so what its file says is compared ------------------------

# The packages of the second stage.
runtime_packages() {
	awk '/^FROM/ { stage++ } stage == 2' "$examples/container/Containerfile" |
		sed -n '/apt-get install/,/rm -rf/p' | tr -s ' \t\\' '\n' | grep -xE '[a-z0-9.+-]+' |
		grep -vxE -e 'install|-y|--no-install-recommends|apt-get|rm|-rf'
}

@test "container: every library of every program is in its second stage" {
	command -v dpkg-query >/dev/null || tl_skip "no dpkg"
	runtime_packages | sort >packages
	[ "$(wc -l <packages)" -gt 10 ]
	local program library
	for program in "$TL_BIN"/*; do
		# capladder is a script.
		{ objdump -p "$program" 2>/dev/null || true; } | awk -v of="${program##*/}" '/NEEDED/ { print $2, of }'
	done | sort -u -k1,1 >needed
	while read -r library program; do
		# A build with a sanitizer has more.
		case $library in libc.so.* | libm.so.* | libgcc_s.* | *san.so.*) continue ;; esac
		dpkg-query -S "*/$library" | cut -d: -f1 | sort -u | grep -qxFf packages || {
			echo "no package for $library of $program" >&2
			return 1
		}
	done <needed
}

@test "container: its first process is s6, which brings up and stops the services" {
	tl_require_root
	tl_require_tool s6-svscan batcher shipper tpv3-capd
	tl_netns_setup
	make_folder s6
	manager=s6
	tl_spawn supervisor tl_rx env TAPLINE_ENV="$FOLDER/env" TAPLINE_SCAN="$FOLDER/scan" \
		TAPLINE_SERVICES="$examples/s6" "$examples/container/start"
	SUPERVISOR=${TL_PID[supervisor]}
	rm -rf "$FOLDER/sv"
	ln -s scan "$FOLDER/sv"
	local service
	for service in "${SERVICES[@]}"; do
		tl_wait_for supervised "$service"
		tl_wait_for is_ready "$service"
	done
	send 100
	kill -TERM "$SUPERVISOR"
	tl_join supervisor
	everything_arrived
	nothing_came_twice
	# No loggers: what they say is the container's output.
	grep -q 'rx0: 100 packets' supervisor.out
}

@test "the scripts of the examples are without a fault" {
	tl_require_tool shellcheck
	cd "$examples"
	local script
	for script in runit/*/run s6/*/run; do
		(cd "${script%/*}" && shellcheck -x -S warning -e SC2034,SC2154,SC2238 "${script##*/}")
	done
	shellcheck -S warning -e SC2034,SC2154 runit/service.sh runit/finish runit/check runit/stop \
		s6/finish s6/stop s6/.s6-svscan/SIGTERM container/start
}
