# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
#
# --list and --explain: what is here, without capturing anything.

show() {
	rungs=$(ask '')
	choose || :
	running_name=$chosen
	case $job:$format in
	list:json) list_json ;;
	list:*) list_table ;;
	*) explain ;;
	esac
	[ -n "$chosen" ] || exit 3
	exit 0
}

list_json() {
	rung_lines=''
	each_rung add_rung_json
	json_list "$ifaces"
	printf '{"interfaces":%s,"chosen":%s,"rungs":[\n%s\n]}\n' "$list" "$(quoted_or_null "$chosen")" "$rung_lines"
}

list_table() {
	row '' ENGINE USABLE MODE FLOWS ZERO-COPY KERNEL RAW Mpps ''
	each_rung list_row
}

list_row() {
	[ "$name" = "$chosen" ] && mark='*' || mark=''
	[ "$usable" = yes ] && yes=yes || yes=no
	row "$mark" "$name" "$yes" "${mode:--}" "$(truth "$flows")" "$(truth "$zero")" \
		"$(truth "$offload")" "$(truth "$raw")" "$mpps"
	[ -z "$reason" ] || printf '%s\n' "$reason" | fold -s -w 90 | sed 's/^/      /'
}

row() {
	printf '%-1s %-11s %-7s %-12s %-6s %-10s %-7s %-5s %s\n' "$1" "$2" "$3" "$4" "$5" "$6" "$7" "$8" "$9"
}

truth() {
	[ "$1" = true ] && echo yes || echo no
}

explain() {
	where=$(printf %s "$ifaces" | tr '\n' ' ')
	if [ -n "$chosen" ]; then
		mode_of "$chosen"
		echo "On ${where:-no interface} capladder would capture with $chosen${found:+, by $found}."
	else
		echo "On ${where:-no interface} no engine works."
	fi
	each_rung explain_rung | fold -s -w 98
}

explain_rung() {
	case $offload:$zero in
	true:*) abilities='it counts in the kernel' ;;
	*:true) abilities='it reads packets without copying them' ;;
	*) abilities='it is slower' ;;
	esac
	case $score:$usable in
	-1:*) echo "$name is ${reason}." ;;
	*:yes)
		[ "$name" != "$chosen" ] ||
			{ echo "$name works${reason:+ ($reason)} and comes first, with $score points: $abilities." && return; }
		echo "$name would work, with $score points, and is what to fall back to."
		;;
	*) echo "$name, with $score points, does not work here: $reason." ;;
	esac
}
