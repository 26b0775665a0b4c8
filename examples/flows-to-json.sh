#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The biggest talkers of a capture file, by way of JSON lines and jq.
# usage: flows-to-json.sh CAPTURE [HOW-MANY]
set -euo pipefail
BIN=${BIN:-$(dirname "$0")/../build/bin}
capture=${1:?usage: flows-to-json.sh CAPTURE [HOW-MANY]}
count=${2:-10}

"$BIN/pcap-flow" -r "$capture" |
	"$BIN/evcat" --json --type flow_end |
	jq -rn --argjson count "$count" '
		reduce (inputs | .entities) as $f ({};
			.[$f.src_ip].bytes += $f.bytes | .[$f.src_ip].packets += $f.packets)
		| to_entries | sort_by(-.value.bytes, .key) | .[:$count][]
		| [.key, .value.packets, .value.bytes] | @tsv'
