# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
#
# What runs beside the engine on the ladder: the batcher before a file or pipe,
# to which two processes must not write at a time, and the second engine of
# --hybrid. Both are started again when they end.

open_batcher() {
	targets=$places
	batched=no
	while IFS= read -r place; do
		case $place in
		ipc://?* | tcp://?*) ;;
		*) batched=yes ;;
		esac
	done <<-END
		$places
	END
	[ "$batched" = yes ] || return 0
	targets=ipc://$run/capture.sock
	rm -f "$run/capture.sock"
	start_batcher
	while :; do
		next_event
		case $event:$which in
		ready:batcher) return ;;
		exit:batcher)
			forget batcher
			[ "$code" -le 3 ] || code=3
			finish "$code" "batcher did not start"
			;;
		term:* | int:*) finish 0 "asked to stop" ;;
		esac
	done
}

start_batcher() {
	now
	batcher_at='' batcher_began=$now
	find_program batcher
	set -- batcher "$program" --ready-fd 9 --batch-time 200ms -I "$targets"
	[ "$loud" != warning ] || set -- "$@" -q
	while IFS= read -r place; do
		set -- "$@" -o "$place"
	done <<-END
		$places
	END
	launch "$@"
}

batcher_ended() { # CODE
	case $1 in
	0) finish 0 "the reader of the output has gone" ;;
	2) finish 2 "batcher refuses its options" ;;
	esac
	say warning "batcher ended: $(how_it_ended "$1"); starting it again"
	again_after batcher_at "$batcher_began" || start_batcher
}

# At once, unless it lived for less than a second: then at a time to come.
again_after() { # VARIABLE BEGAN
	now
	[ $((now - $2)) -lt 1000 ] || return 1
	eval "$1=$((now + 1000))"
}

# --- the second engine of --hybrid --------------------------------------------------

start_raw() {
	now
	raw_at='' raw_began=$now raw_again=''
	find_program "$hybrid_raw"
	set -- raw "$program" --raw --ready-fd 9
	[ "$loud" != warning ] || set -- "$@" -q
	while IFS= read -r target; do
		set -- "$@" -o "$target"
	done <<-END
		$targets
	END
	flow_filter=$filter filter=$raw_filter
	with_input_of "$hybrid_raw" with_words_of raw launch "$@" >&2
	filter=$flow_filter
}

raw_ended() { # CODE
	if [ -n "$raw_again" ]; then
		start_raw
		return
	fi
	case $1 in
	0)
		say note "hybrid: $hybrid_raw has ended"
		return
		;;
	2) finish 2 "$hybrid_raw refuses its options" ;;
	esac
	raw_restarts=$((raw_restarts + 1))
	say warning "hybrid: $hybrid_raw ended: $(how_it_ended "$1"); starting it again"
	again_after raw_at "$raw_began" || start_raw
}
