#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Two engines at once: the flows of everything, counted by the best engine of this machine, and the
# first bytes of every packet of port 53, by a packet ring. Both carry community_id and flow_id, by
# which they are joined here: a line for each flow that had such packets, with the first payload of it.
#   examples/hybrid-dns.sh IFACE [SECONDS]; needs root.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
bin=${BIN:-$here/build/bin}
iface=${1:?usage: hybrid-dns.sh IFACE [SECONDS]}
seconds=${2:-10}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 711 "$work"

"$bin/capladder" -q --run "$work/ladder" --hybrid auto,tpv3-capd --raw-filter 'port 53' -i "$iface" \
	-o "$work/both.tap" -- --community-id --duration "${seconds}s"

"$bin/evcat" --json -t flow_end,packet "$work/both.tap" | jq -rs '
	(map(select(.type == "packet")) | group_by(.entities.community_id) |
		map({key: .[0].entities.community_id, value: .[0].entities.payload}) | from_entries) as $heads |
	map(select(.type == "flow_end" and $heads[.entities.community_id])) | sort_by(.timestamp)[] |
	[.entities.community_id, .entities.src_ip, .entities.dst_ip, .entities.packets, .entities.bytes,
		$heads[.entities.community_id]] | @tsv'
