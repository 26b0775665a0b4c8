# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
#
# SIGHUP: the settings again, and over to what is now best with them.

reload() { # ARGUMENT...
	if ! (settings "$@"); then
		say warning "the settings stay as they are"
		return
	fi
	kept_places=$places kept_folder=$folder kept_ready=$ready_fd
	settings "$@"
	if [ "$batched" = yes ] && [ "$places" != "$kept_places" ]; then
		say warning "other outputs than URLs change at a restart only"
		places=$kept_places
	fi
	[ "$batched" = yes ] || targets=$places
	folder=$kept_folder ready_fd=$kept_ready climb_every=$probe_ms
	name_interfaces
	reloading=wanted
	now
	look_up
	[ -z "$hybrid_raw" ] || { raw_again=yes && tell raw TERM; }
}

# A rung in the kernel holds its hook: there the old one has to go first.
use_settings() {
	reloading=''
	rungs=$answers
	if ! choose; then
		say warning "with the new settings no engine works; ${running_name:-nothing} goes on"
		each_rung say_refusal
	elif [ -z "$running" ]; then
		start "$chosen" settings "new settings"
	elif [ "$chosen" = "$running_name" ] && holds_hook "$chosen"; then
		replacing=yes
		tell "$running" TERM
	else
		start "$chosen" settings "new settings" standby
	fi
}

holds_hook() { # NAME
	found=false
	each_rung find_offload "$1"
	[ "$found" = true ]
}

find_offload() {
	[ "$name" != "$1" ] || found=$offload
}
