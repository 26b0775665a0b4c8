# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
#
# What is told: lines on standard error, ladder.json, and engine_change events.

say() { # LEVEL TEXT
	case $1:$loud in
	note:warning | info:warning | info:note) return ;;
	esac
	printf 'capladder: %s: %s\n' "$1" "$2" >&2
}

# TEXT as a JSON string. What is plain needs no other process.
json() { # TEXT: in $json
	case $1 in
	*[!A-Za-z0-9\ .,:\;/_\(\)\'=+-]*)
		json=$(printf %s "$1" | tr '\000-\037\177' ' ' | iconv -f UTF-8 -t UTF-8 -c |
			sed 's/[\\"]/\\&/g')
		json="\"$json\""
		;;
	*) json="\"$1\"" ;;
	esac
}

json_list() { # LINES: in $list
	list=''
	while IFS= read -r line; do
		json "$line"
		list="$list${list:+,}$json"
	done <<-END
		$1
	END
	list="[$list]"
}

stamp() { # in $stamp: now, to the nanosecond
	stamp=$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)
}

# --- changes: told once their gap is known, or 2 s later without ---------------------

# KIND is start, restart, fallback, climb, settings, none or stop.
change() { # KIND FROM TO MODE REASON OLD-RUN NEW-RUN
	settle_change now
	stamp
	change_kind=$1 change_from=$2 change_to=$3 change_mode=$4 change_reason=$5
	change_old=$6 change_new=$7 change_stamp=$stamp change_down=$down_ms
	down_ms=null
	now
	change_by=$((now + 2000))
	changing=yes
	settle_change
}

# FIELD of the state file of RUN, a number of ns; fails where it is not known.
state_of() { # RUN FIELD: in $value
	value=''
	{ read -r first last _ <"$run/state.$1"; } 2>/dev/null || return 1
	case $2 in
	first) value=${first#first=} ;;
	last) value=${last#last=} ;;
	esac
	value=${value#"${value%%[!0]*}"}
	case $value in
	'' | *[!0-9]*) return 1 ;;
	esac
}

# The last packet of the old one, the first of the new one; fails while it may still come.
measure_gap() { # in $gap_ns, empty: not known
	gap_ns=''
	[ -n "$change_old" ] && [ -n "$change_new" ] || return 0
	[ "$change_old" != "$leaving" ] || return 1
	state_of "$change_old" last || return 0
	old_last=$value
	[ -e "$run/state.$change_new" ] || return 0
	state_of "$change_new" first || return 1
	gap_ns=$((value - old_last))
	[ "$gap_ns" -ge 0 ] || gap_ns=0
}

settle_change() { # [now]: does not wait any longer
	[ "$changing" = yes ] || return 0
	if ! measure_gap && [ -z "${1:-}" ]; then
		now
		[ "$change_old" != "$leaving" ] || change_by=$((now + 2000))
		if [ "$now" -lt "$change_by" ]; then
			[ -n "$polling" ] || nap 0.1 poll
			polling=yes
			return 0
		fi
	fi
	changing=no
	tell_change
}

tell_change() {
	gap_text='' gap_ms=null gap_json=''
	if [ "$change_down" != null ]; then
		gap_text=", down for $change_down ms"
		gap_json=",\"down_ns\":$((change_down * 1000000))"
	fi
	if [ -n "$gap_ns" ]; then
		gap_ms=$((gap_ns / 1000000))
		gap_text="$gap_text, gap $gap_ms ms"
		gap_json="$gap_json,\"gap_ns\":$gap_ns"
	elif [ -n "$change_new" ] && [ "$change_kind" != start ]; then
		gap_text="$gap_text, gap unknown"
	fi
	say "$(level_of "$change_kind")" \
		"$change_kind: $change_from -> $change_to${change_mode:+ ($change_mode)}${change_reason:+: $change_reason}$gap_text"
	json "$change_mode" && mode_json=$json
	json "$change_reason" && reason_json=$json
	remember_change
	send_event
}

level_of() { # KIND
	case $1 in
	restart | fallback | none) echo warning ;;
	*) echo note ;;
	esac
}

remember_change() {
	changes=$(printf '%s\n%s\n' "$changes" \
		"{\"time\":\"$change_stamp\",\"change\":\"$change_kind\",\"from\":\"$change_from\",\"to\":\"$change_to\",\"mode\":$mode_json,\"reason\":$reason_json,\"down_ms\":$change_down,\"gap_ms\":$gap_ms}" |
		grep . | tail -n 20)
	write_ladder
}

# In the background, one process a place, and not for ever: a consumer may be away.
send_event() {
	event_line="{\"type\":\"engine_change\",\"timestamp\":\"$change_stamp\",\"source\":\"capladder\",\"host\":$host_json,\"iface\":$iface_json,\"entities\":{\"change\":\"$change_kind\",\"from\":\"$change_from\",\"to\":\"$change_to\",\"mode\":$mode_json,\"reason\":$reason_json$gap_json,\"iface\":$ifaces_json},\"edges\":[\"$change_from -> $change_to\"]}"
	find_program evcat
	told=''
	while IFS= read -r target; do
		(put_event "$target" 10) 4>&- 5>&- 6>&- 7>&- 8>&- >/dev/null &
		told="$told $!"
	done <<-END
		$targets
	END
	# shellcheck disable=SC2086 # numbers
	[ "$change_kind" != stop ] || wait $told
}

put_event() { # PLACE SECONDS
	[ "$change_kind" != stop ] || set -- "$1" 2
	printf '%s\n' "$event_line" | timeout "$2" "$program" -q --from-json -o "$1" ||
		say warning "$1 did not take the event of this change within $2 s"
}

# --- ladder.json: how things stand, replaced as a whole -----------------------------

write_ladder() {
	json "$running_mode" && mode_now=$json
	rung_lines=''
	each_rung add_rung_json
	{
		printf '{"state":"%s","engine":%s,"mode":%s,"since":"%s","pid":%s,"run":%s,\n' \
			"$state" "$(quoted_or_null "$running_name")" "$mode_now" "$since" "${running_pid:-null}" "$count"
		printf '"interfaces":%s,"restarts":%s,"next_probe_ms":%s,\n' "$ifaces_json" "$restarts" \
			"${climb_at:-null}"
		[ -z "$hybrid_raw" ] || printf '"raw":{"engine":"%s","restarts":%s},\n' "$hybrid_raw" "$raw_restarts"
		printf '"rungs":[\n%s\n],\n' "$rung_lines"
		printf '"changes":[\n%s\n]}\n' "$(printf '%s\n' "$changes" | grep . | sed '$!s/$/,/')"
	} >"$run/ladder.json.new"
	mv "$run/ladder.json.new" "$run/ladder.json"
}

quoted_or_null() {
	[ -n "$1" ] && echo "\"$1\"" || echo null
}

add_rung_json() {
	rung_json
	rung_lines="$rung_lines${rung_lines:+,$nl}$rung"
}

# The columns of each_rung as an object, in $rung.
rung_json() {
	json "$mode" && mode_text=$json
	json "$reason" && reason_text=$json
	[ "$usable" = yes ] && truth=true || truth=false
	[ "$name" = "${running_name:-}" ] && is_chosen=true || is_chosen=false
	case $mpps in
	'' | *[!0-9.]*) mpps=null ;;
	esac
	rung="{\"name\":\"$name\",\"usable\":$truth,\"mode\":$mode_text,\"reason\":$reason_text,\"score\":$score,\"chosen\":$is_chosen,\"emits_flows\":$flows,\"zero_copy\":$zero,\"kernel_offload\":$offload,\"emits_raw_packets\":$raw,\"max_throughput_mpps\":$mpps}"
}

# SIGUSR1.
print_status() {
	printf 'capladder: %s%s%s since %s on %s, %s restarts\n' "$state" \
		"${running_name:+: $running_name}" "${running_mode:+ ($running_mode)}" "$since" \
		"$(printf %s "$ifaces" | tr '\n' ' ')" "$restarts"
	each_rung print_rung
}

print_rung() {
	printf 'capladder:   %s: %s%s\n' "$name" "$usable" "${reason:+, $reason}"
}
