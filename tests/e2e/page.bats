#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The page of capmetrics in a real browser: it shows what /capture/metrics says, turns red when capture
# is gone and green when it is back, and can be used by mouse, keyboard and screen reader at any width.

bats_require_minimum_version 1.5.0
load lib

PAGE=$BATS_TEST_DIRNAME/page.py
SOURCE=$BATS_TEST_DIRNAME/page_source.py

setup() {
	tl_setup
	tl_require_tool capmetrics chromium chromedriver curl jq setpriv
	"$TL_PYTHON" -c 'import selenium, msgpack' || tl_skip "no python3-selenium or python3-msgpack"
	demo=$TL_BIN/../demo.pcap
	[ -r "$demo" ] || tl_skip "no demo.pcap (make build/demo.pcap)"
	export TMPDIR=$PWD HOME=$PWD ARTEFACTS=${BUILD:-$TL_BIN/..}/artefacts/page/$BATS_TEST_NUMBER
	write_ladder
}

teardown() {
	tl_teardown
}

# metrics OPTION...: capmetrics on a free port of the loopback, then $url.
metrics() {
	tl_start metrics capmetrics --ready-fd 9 --listen "127.0.0.1:${port:-0}" --stats "ipc://$PWD/stats.sock" \
		--engines "$TL_BIN" -I "ipc://$PWD/events.sock" --ladder ladder.json "$@"
	url=$(sed -nE 's#.*(https?://127\.0\.0\.1:[0-9]+).*#\1/#p' metrics.err | head -n 1)
	[ -n "$url" ]
	port=${url##*:} port=${port%/}
}

# A pipeline: packets of a file that does not end, batcher, shipper, a folder; and the events to capmetrics.
pipeline() {
	tl_start shipper shipper --ready-fd 9 --stats "ipc://$PWD/stats.sock" -I "ipc://$PWD/ship.sock" --spool "$PWD/spool" -o "file:$PWD/sink"
	tl_start batcher batcher --ready-fd 9 --stats "ipc://$PWD/stats.sock" -I "ipc://$PWD/batch.sock" --batch-time 50ms -o "ipc://$PWD/ship.sock"
	mkfifo packets
	exec 7<>packets
	capture
	feed
}

capture() {
	tl_start capture pcap-flow --ready-fd 9 --stats "ipc://$PWD/stats.sock" -r packets -o "ipc://$PWD/batch.sock" -o "ipc://$PWD/events.sock"
}

feed() {
	timeout "$TL_DEADLINE" dd if="$demo" of=packets bs=64k status=none
}

ask() { # PATH [CURL-OPTION...]
	local path=$1
	shift
	curl -sS --max-time 10 "$@" "$url$path"
}

answers() { # PATH FILTER
	ask "$1" | jq -e "$2" >/dev/null
}

wait_answer() { # PATH FILTER
	tl_wait_for answers "$@" || {
		ask "$1" | jq . >&2
		return 1
	}
}

page() { # CHECK [ARGUMENT...]
	local check=$1
	shift
	timeout 150 "$TL_PYTHON" "$PAGE" "$check" "$url" "$@"
}

# A ladder whose best rung is refused.
write_ladder() {
	cat >ladder.json <<-'END'
		{"state":"capturing","engine":"pcap-flow","mode":"file","since":"2026-01-01T00:00:00.000000000Z","pid":1,"run":1,
		"interfaces":["eth0"],"restarts":1,"next_probe_ms":60000,
		"rungs":[
		{"name":"xdp-flowd","usable":false,"mode":"","reason":"CAP_BPF is missing: run it as root","score":175,"chosen":false,"emits_flows":true,"zero_copy":true,"kernel_offload":true,"emits_raw_packets":false,"max_throughput_mpps":4.5},
		{"name":"pcap-flow","usable":true,"mode":"file","reason":"","score":75,"chosen":true,"emits_flows":true,"zero_copy":false,"kernel_offload":false,"emits_raw_packets":false,"max_throughput_mpps":null},
		{"name":"eve-tail","usable":false,"mode":"","reason":"no eve.json: name it by -r","score":25,"chosen":false,"emits_flows":true,"zero_copy":false,"kernel_offload":false,"emits_raw_packets":false,"max_throughput_mpps":0.0}
		],
		"changes":[
		{"time":"2026-01-01T00:00:00.000000000Z","change":"start","from":"none","to":"xdp-flowd","mode":"tcx","reason":"","gap_ms":null},
		{"time":"2026-01-01T00:10:00.000000000Z","change":"fallback","from":"xdp-flowd","to":"pcap-flow","mode":"file","reason":"xdp-flowd ended 3 times in 60 s","gap_ms":212}
		]}
	END
}

# made_up FILTER: tools that do not exist report what jq makes of the usual two.
made_up() {
	jq -n '
		def c($n; $u; $l; $v): [$n, $u, "counter", $l, $v];
		def hop($l): [c("assigned_events"; "events"; $l; 1000), c("safe_events"; "events"; $l; 900), ["held_events", "events", "gauge", $l, 70],
			c("lost_events"; "events"; $l + {reason: "window"}; 30)];
		[{tool: "tpv3-capd", place: "eth0", engine: "tpv3-capd", mode: "tpacket_v3", ifaces: ["eth0"], cpu: 0.2, samples: ([
			c("received_packets"; "packets"; {iface: "eth0"}; [5000, 250]), c("class_packets"; "packets"; {iface: "eth0", class: "flow"}; [4990, 250]),
			c("class_packets"; "packets"; {iface: "eth0", class: "malformed_l3"}; 10), c("dropped_skbs"; "skbs"; {iface: "eth0", reason: "kernel"}; 123),
			c("received_bytes"; "bytes"; {iface: "eth0"}; [1000, 90000]), ["ring_utilization_ratio", "ratio", "gauge", {iface: "eth0"}, 0.37]] + hop({}))},
		{tool: "shipper", place: "ipc:///ship.sock", cpu: 0.1, samples: ([["sink_up", "", "gauge", {sink: "https://a.example"}, 1],
			["spool_utilization_ratio", "ratio", "gauge", {sink: "https://a.example"}, 0.2]] + hop({sink: "https://a.example"}))}] | '"$1" >tools.json.new
	mv tools.json.new tools.json
}

source_of() { # FILTER
	made_up "$1"
	tl_start source "$TL_PYTHON" "$SOURCE" stats.sock tools.json
}

@test "the page shows what /capture/metrics says of a pipeline, and asks nobody else" {
	metrics
	pipeline
	wait_answer capture/metrics '.packets_processed == 20000 and (.tools | length) >= 4 and .healthy'
	page values 6
	for tool in capture batcher shipper; do
		tl_stop "$tool"
	done
	tl_stop_ok metrics
}

@test "without capladder and events nothing is asked for that is not there" {
	mkdir none
	tl_start metrics capmetrics --ready-fd 9 --listen 127.0.0.1:0 --stats "ipc://$PWD/stats.sock" \
		--engines "$PWD/none" --ladder "$PWD/none/ladder.json"
	url=$(sed -nE 's#.*(http://127\.0\.0\.1:[0-9]+).*#\1/#p' metrics.err | head -n 1)
	source_of .
	wait_answer capture/metrics '.running and (.sources | .ladder or .flows or .events | not)'
	page alone
	cp ladder.json none
	page ladder
}

@test "numbers are told short, with units, and none as another" {
	metrics
	page numbers
}

@test "killed capture: red, and green again when it is back; the same for capmetrics" {
	metrics
	pipeline
	wait_answer capture/metrics '.running and .healthy'
	tl_spawn browser "$TL_PYTHON" "$PAGE" watch "$url"
	tl_wait_line browser.out '^ok \| yes \| Capturing'
	tl_stop capture KILL
	tl_wait_line browser.out '^bad \| .* \| Nothing is captured \| .*has not reported'
	capture
	tl_wait_for tail_is browser.out '^ok \| '
	tl_stop metrics KILL
	tl_wait_line browser.out '^gone \| .* \| capmetrics does not answer \| .*are old'
	metrics
	tl_wait_for tail_is browser.out '^ok \| '
	tl_stop_ok browser
}

tail_is() { # FILE PATTERN
	tail -n 1 "$1" | grep -qE -e "$2"
}

@test "drops, a sink that is down and books that do not balance: each with its reason" {
	metrics
	source_of .
	wait_answer capture/metrics '.dropped == 123'
	page values 4
	made_up '.[1].samples[0][4] = 0 | .[1].samples[1][4] = 0.9 | .[0].samples[0][4] = [5007, 250] | .[0].samples += [["refused_batches", "batches", "counter", {reason: "malformed"}, 3]]'
	wait_answer capture/metrics '[.reasons[].code] | contains(["unbalanced", "spool", "sink"])'
	page values 4
}

@test "flows are sorted and filtered, by mouse and by keyboard" {
	metrics
	pipeline
	wait_answer flows/top '.flows | length > 20'
	page flows
}

@test "all that can be used is reached by Tab, in order, and seen" {
	metrics
	pipeline
	wait_answer flows/top '.flows | length > 20'
	page keyboard
}

@test "contrast, labels and widths from 320 to 1920: when all is well, and when not" {
	metrics
	pipeline
	wait_answer flows/top '.flows | length > 20'
	page looks
	source_of '.[0].samples[0][4] = [5007, 250] | .[1].samples[0][4] = 0'
	wait_answer capture/metrics '[.reasons[].code] | contains(["unbalanced", "sink"])'
	page looks
}

@test "foreign text stays text: tools, sinks, alerts" {
	local markup='<img src=x onerror=alert(1)>' long
	long=$(printf 'x%.0s' {1..100})
	metrics
	source_of ".[0].place = \"$markup\" | .[1].samples[] |= (if .[3].sink then .[3].sink = \"<script>$long\" else . end) | .[0].ifaces = [\"$markup\", \"$long\"]"
	printf '{"timestamp":"2026-01-01T00:00:00.000000+0000","event_type":"alert","src_ip":"10.0.0.1","dest_ip":"10.0.0.2","alert":{"signature":"%s","severity":1}}\n' "$markup alert" "$long" >eve.json
	tl_start eve eve-tail --ready-fd 9 -r eve.json --no-checkpoint -o "ipc://$PWD/events.sock"
	wait_answer events/recent '.events | length >= 2'
	page hostile "$markup" "$markup alert" "<script>$long" "$long"
}

alert() { # SECOND SIGNATURE
	printf '{"timestamp":"2026-01-01T00:20:%02d.000000+0000","event_type":"alert","src_ip":"10.0.0.1","dest_ip":"10.0.0.2","alert":{"signature":"%s","severity":2}}' "$@"
}

@test "alerts appear as they come, and by asking when no stream can be had" {
	metrics --max-clients 1
	: >eve.json
	tl_start eve eve-tail --ready-fd 9 -r eve.json --no-checkpoint -o "ipc://$PWD/events.sock"
	tl_spawn reader curl -sN --max-time 100 "${url}events"
	tl_wait_line reader.out ': capmetrics'
	page events polled eve.json "$(alert 1 first)" "$(alert 2 second)"
	tl_stop reader
	wait_answer capture/metrics '[.tools[].metrics[] | select(.name == "event_clients").value] == [0]'
	page events live eve.json "$(alert 3 third)" "$(alert 4 fourth)"
}

@test "a capmetrics with a token asks for it, and shows nothing before" {
	printf 'alice an-excellent-token-of-alice\n' >tokens
	chmod 600 tokens
	metrics --token-file tokens
	page token an-excellent-token-of-alice
}

@test "nothing of the page is written in it: no script, style or handler but in files of its origin" {
	metrics
	ask '' -D head >index.html
	grep -qi "^content-security-policy: .*default-src 'self'" head
	run -1 grep -qiE "unsafe|https?:" <(grep -i '^content-security-policy' head)
	run -1 grep -qE 'style=|<style| on[a-z]+=|javascript:|https?://' <(grep -v 'xmlns' index.html)
	run -1 grep -qE 'innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function' "$TL_ROOT"/tools/capmetrics/page/*.js
	ask chart.min.js.LICENSE.txt | grep -q 'Permission is hereby granted'
	[ "$(ask nothing -o answer -w '%{http_code}')" = 404 ]
}
