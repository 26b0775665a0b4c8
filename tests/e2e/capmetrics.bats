#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2154  # bats' run sets stderr
# capmetrics: what it is told, what it shows, and who may look.

bats_require_minimum_version 1.5.0
load lib

setup() {
	tl_setup
	tl_require_tool capmetrics curl jq
	source_program=$TL_BIN/../tests/statsource
	[ -x "$source_program" ] || tl_skip "no statsource (make e2e builds it)"
	CRAFT=$BATS_TEST_DIRNAME/craft.py
	PEERS=$BATS_TEST_DIRNAME/capmetrics.py
	stats=ipc://$PWD/stats.sock
}

teardown() {
	tl_teardown
}

# start_capmetrics OPTION...: its address in $url, without a slash at the end.
start_capmetrics() {
	tl_start capmetrics capmetrics --listen 127.0.0.1:0 --stats "$stats" --ladder ladder.json \
		--engines "$PWD" --ready-fd 9 "$@"
	url=$(sed -n 's/.*serving at \(.*\)\/, reports.*/\1/p' capmetrics.err)
	[ -n "$url" ]
}

get() { # PATH CURL-OPTION...
	local path=$1
	shift
	curl -sS --max-time "$TL_DEADLINE" "$@" "$url$path"
}

status() { # PATH CURL-OPTION...
	rm -f body
	get "$@" -o body -w '%{http_code}'
}

# is PATH FILTER: the JSON there makes jq's filter true.
is() {
	get "$1" | jq -e "$2" >/dev/null
}

# says PATH STATUS PATTERN
says() {
	[ "$(status "$1")" = "$2" ] && grep -qE "$3" body
}

# describe NAME: what the source NAME says, from stdin; at once, as a whole.
describe() {
	cat >"$1.new"
	mv "$1.new" "$1.stats"
}

start_source() {
	tl_start "$1" "$source_program" "$1.stats" --ready-fd 9
}

# An engine whose books balance: NAME PACKETS
engine() {
	describe "$1" <<-END
		$stats tpv3-capd $1 tpv3-capd tpacket_v3 $1
		counter received_packets packets $2 iface=$1
		counter received_bytes bytes $(($2 * 100)) iface=$1
		counter class_packets packets $2 iface=$1 class=flow
		counter class_bytes bytes $(($2 * 100)) iface=$1 class=flow
		counter dropped_skbs skbs 0 iface=$1 reason=ring
		gauge ring_utilization_ratio ratio 0.25 iface=$1
	END
}

start_engine() { # NAME PACKETS
	engine "$@"
	start_source "$1"
	tl_wait_for is /capture/metrics ".packets_processed == $2"
}

is_value() { # EXPECTED NAME LABEL=VALUE...
	local expected=$1
	shift
	[ "$(value "$@")" = "$expected" ]
}

check_metrics() {
	if command -v promtool >/dev/null; then
		get /metrics | promtool check metrics
	fi
}

# value NAME LABEL=VALUE...: of the sample of /metrics that has these labels.
value() {
	local name=$1 label
	shift
	get /metrics | grep "^${name}[{ ]" >rows
	for label; do
		grep -F "${label%%=*}=\"${label#*=}\"" rows >rows.new || return 1
		mv rows.new rows
	done
	[ "$(wc -l <rows)" -eq 1 ] && sed 's/.* //' rows
}

# --- routes ---------------------------------------------------------------------

@test "every route answers GET and HEAD, with its type, and nothing is kept" {
	echo '{"state":"capturing"}' >ladder.json
	: >empty.tap
	start_capmetrics -I empty.tap
	start_engine eth0 1000
	while read -r path type; do
		echo "$path"
		[ "$(get "$path" -o body -D head -w '%{http_code}')" = 200 ]
		grep -qi "^content-type: $type" head
		grep -qi '^cache-control: no-store' head
		grep -qi "^content-security-policy: default-src 'self'" head
		grep -qi '^x-content-type-options: nosniff' head
		[ -s body ]
		[ "$(get "$path" -I -o head -w '%{http_code}')" = 200 ]
		grep -qi "^content-type: $type" head
	done <<-END
		/capture/metrics application/json
		/metrics text/plain; version=0.0.4
		/healthz text/plain
		/readyz text/plain
		/ladder application/json
		/capabilities application/json
		/flows/top application/json
		/events/recent application/json
	END
	[ "$(status /nothing)" = 404 ]
	[ "$(status /metrics/)" = 404 ]
	[ "$(status '/%2e%2e/etc/passwd')" = 404 ]
	for method in POST PUT DELETE OPTIONS TRACE; do
		[ "$(status /metrics -X "$method" -D head)" = 405 ]
		grep -qi '^allow: GET, HEAD' head
	done
	[ "$(status /metrics -d body)" = 405 ]
	[ "$(status '/flows/top?by=size')" = 400 ]
	[ "$(status '/flows/top?limit=0')" = 400 ]
	[ "$(status '/events/recent?types=a%20b')" = 400 ]
	[ "$(status '/events?after=x')" = 400 ]
	tl_stop_ok capmetrics
}

@test "without ladder, engines and events these are 404, with the reason" {
	start_capmetrics
	says /ladder 404 capladder
	says /flows/top 404 'without -I'
	says /events 404 'without -I'
	says /events/recent 404 'without -I'
	# The report says so, that nobody has to ask for what is not there.
	is /capture/metrics '.sources == {ladder: false, flows: false, events: false, capabilities: true}'
	echo '[]' >ladder.json
	says /ladder 200 '\[\]'
	is /capture/metrics '.sources.ladder'
	truncate -s 300K ladder.json
	says /ladder 404 capladder
	is /capture/metrics '.sources.ladder | not'
	mkfifo fifo.json
	mv fifo.json ladder.json
	says /ladder 404 capladder
	tl_stop_ok capmetrics
	rm ladder.json
	: >empty.tap
	start_capmetrics -I empty.tap --engines "$TL_BIN"
	is /capture/metrics '.sources == {ladder: false, flows: true, events: true, capabilities: true}'
}

@test "the page and all that it needs comes from here: compressed, and only when it changed" {
	start_capmetrics
	page=$TL_ROOT/tools/capmetrics/page
	[ -r "$page/index.html" ] || tl_skip "no page"
	for file in "$page"/*; do
		name=${file##*/}
		[ "$name" != VENDOR ] || continue
		get "/$name" -D head -H 'Accept-Encoding: identity' | cmp - "$file"
		run ! grep -qi '^content-encoding' head
		get "/$name" --compressed -H 'Accept-Encoding: br, gzip' | cmp - "$file"
		tag=$(tr -d '\r' <head | sed -n 's/^[Ee][Tt]ag: //p')
		[ "$(status "/$name" -H "If-None-Match: $tag")" = 304 ]
		[ ! -e body ]
		[ "$(status "/$name" -H 'If-None-Match: "other"')" = 200 ]
	done
	while read -r name path; do
		get "/$name" -H 'Accept-Encoding: gzip;q=0' | cmp - "$path"
		get "/$name" -o body -D head -H 'Accept-Encoding: gzip'
		grep -qi '^content-encoding: gzip' head
		gzip -dc <body | cmp - "$path"
	done <"$page/VENDOR"
	get / | cmp - "$page/index.html"
	[ "$(status /VENDOR)" = 404 ]
	# Nothing that the page names is anywhere else.
	grep -ohE '(src|href)="[^"]*"' "$page"/*.html >links
	run ! grep -E '"(https?:)?//' links
}

# --- what tools tell ------------------------------------------------------------------

@test "what tools report is in /capture/metrics and in /metrics, which promtool likes" {
	start_capmetrics
	start_engine eth0 12345
	is /capture/metrics '.engine == "tpv3-capd" and .mode == "tpacket_v3" and .ifaces == ["eth0"]
		and .bytes_processed == 1234500 and .dropped == 0 and .ring_utilization == 0.25
		and .books.balanced and (.tools | map(.tool) | contains(["tpv3-capd", "capmetrics"]))'
	[ "$(value tapline_received_packets_total tool=tpv3-capd engine=tpv3-capd mode=tpacket_v3 iface=eth0)" = 12345 ]
	[ "$(value tapline_capmetrics_tool_up tool=tpv3-capd)" = 1 ]
	check_metrics
	get /metrics -H 'Accept: application/openmetrics-text; version=1.0.0' -D head >open
	grep -qi '^content-type: application/openmetrics-text; version=1.0.0' head
	[ "$(tail -1 open)" = '# EOF' ]
	says /healthz 200 ok
	says /readyz 200 ok
}

@test "kill -9 and again: counters go on, and never back" {
	start_capmetrics
	start_engine eth0 1000
	tl_stop eth0 KILL
	engine eth0 10
	start_source eth0
	tl_wait_for is /capture/metrics '.packets_processed == 1010'
	engine eth0 500
	last=1010
	for _ in $(seq 50); do
		now=$(value tapline_received_packets_total tool=tpv3-capd iface=eth0)
		[ "$now" -ge "$last" ]
		last=$now
	done
	tl_wait_for is /capture/metrics '.packets_processed == 1500'
	[ "$(value tapline_capmetrics_tool_restarts_total tool=tpv3-capd)" = 1 ]
	is /capture/metrics '[.tools[] | select(.tool == "tpv3-capd")] | length == 1'
	# A clean stop and a start of capmetrics itself: tools find it again.
	tl_stop_ok capmetrics
	start_capmetrics
	tl_wait_for is /capture/metrics '.packets_processed == 500'
}

@test "a tool that falls silent turns /readyz red, and green again when it speaks" {
	start_capmetrics
	says /readyz 503 '^no_capture: '
	start_engine eth0 1
	says /readyz 200 ok
	kill -USR1 "${TL_PID[eth0]}"
	tl_wait_for says /readyz 503 '^silent: .*tpv3-capd'
	is /capture/metrics '.ready == false and ([.reasons[].code] | contains(["silent"]))'
	[ "$(value tapline_capmetrics_tool_up tool=tpv3-capd)" = 0 ]
	kill -USR1 "${TL_PID[eth0]}"
	tl_wait_for says /readyz 200 ok
	# A clean end is no silence, but nothing captures any more.
	tl_stop_ok eth0
	tl_wait_for says /readyz 503 '^no_capture: '
}

@test "books that do not balance, a full spool and a sink that is down turn /healthz red" {
	start_capmetrics
	start_engine eth0 1000
	says /healthz 200 ok
	sed 's/class_packets packets 1000/class_packets packets 999/' eth0.stats | describe eth0
	tl_wait_for says /healthz 503 '^unbalanced: .*eth0'
	is /capture/metrics '.books.balanced == false'
	[ "$(value tapline_capmetrics_book_residual tool=tpv3-capd book=packets)" = 1 ]
	says /readyz 200 ok
	engine eth0 1000
	tl_wait_for says /healthz 200 ok
	describe shipper <<-END
		$stats shipper ipc://x - - -
		gauge spool_utilization_ratio ratio 0.81
		gauge sink_up - 0 sink=https://collector/
		counter lost_events events 7 reason=quota
	END
	start_source shipper
	tl_wait_for says /healthz 503 '^spool: '
	tl_wait_for says /healthz 503 '^sink: .*collector'
	check_metrics
}

@test "batcher between files and sinks: its books are those of evcat --check" {
	demo=$TL_BIN/../demo.pcap
	[ -r "$demo" ] || tl_skip "no demo.pcap"
	tl_require_tool pcap-flow batcher evcat
	start_capmetrics
	tl_start batcher batcher -I "ipc://$PWD/in.sock" -o out.tap --stats "$stats" --ready-fd 9
	pcap-flow -q -r "$demo" -o "ipc://$PWD/in.sock"
	tl_stop_ok batcher
	evcat --check out.tap
	# The closing report says all.
	tl_wait_for is_value "$(evcat --json out.tap | wc -l)" tapline_received_events_total tool=batcher
	is_value 0 tapline_held_events tool=batcher
	is /capture/metrics '.books.balanced'
	check_metrics
}

@test "the whole pipeline: page data, Prometheus and evcat --check of the recording agree" {
	demo=$TL_BIN/../demo.pcap
	[ -r "$demo" ] || tl_skip "no demo.pcap"
	tl_require_tool tpv3-capd batcher evcat
	tpv3-capd --help | grep -q -- --stats || tl_skip "tpv3-capd does not report yet"
	tl_netns_setup
	ip -n "$TL_NS_TX" link set tx0 mtu 9000
	ip -n "$TL_NS_RX" link set rx0 mtu 9000
	# ipc sockets know no network namespaces.
	start_capmetrics -I "ipc://$PWD/show.sock"
	tl_start batcher batcher -I "ipc://$PWD/in.sock" -o rec.tap --stats "$stats" --ready-fd 9
	tl_start engine tl_rx tpv3-capd -i rx0 -o "ipc://$PWD/in.sock" -o "ipc://$PWD/show.sock" \
		--stats "$stats" --ready-fd 9
	tl_tx "$TL_PYTHON" "$BATS_TEST_DIRNAME/tap.py" replay tx0 "$demo"
	tl_wait_for is /capture/metrics '.packets_processed > 1000 and .running'
	tl_stop_ok engine
	tl_stop_ok batcher
	evcat --check --top rec.tap >check
	packets=$(awk '/^packets / { print $2 }' check)
	bytes=$(awk '/^bytes / { print $2 }' check)
	[ "$packets" -gt 1000 ]
	tl_wait_for is /capture/metrics ".packets_processed == $packets and .bytes_processed == $bytes
		and .dropped == 0 and .events_lost == 0 and .books.balanced"
	[ "$(get /metrics | awk '/^tapline_received_packets_total/ { n += $2 } END { print n }')" -eq "$packets" ]
	[ "$(get /metrics | awk '/^tapline_received_bytes_total/ && /tpv3/ { n += $2 } END { print n }')" -eq "$bytes" ]
	is /flows/top '.known_flows > 0 and .flows[0].source == "tpv3-capd"'
	check_metrics
}

# total NAME [PATTERN]: the sum of its samples in /metrics, of the lines with that pattern.
total() {
	get /metrics | awk -v name="^$1[{ ]" -v pattern="${2:-.}" '$0 ~ name && $0 ~ pattern { n += $NF } END { printf "%d\n", n }'
}

same() { # WHAT EXPECTED GOT
	echo "$1: $2 in the recording, $3"
	[ "$2" = "$3" ]
}

# A wire under load: by wiregen where it was built (make bench-programs), else as fast as python sends.
load_wire() {
	wiregen=$TL_BIN/../bench/wiregen
	if [ -x "$wiregen" ]; then
		tl_spawn load "$wiregen" -q --netns "$TL_NS_TX" --peer-netns "$TL_NS_RX" -i tx0 --flows 2000 \
			--order random --rate 200000 --duration 5s
	else
		tl_spawn load tl_tx "$TL_PYTHON" "$BATS_TEST_DIRNAME/tap.py" send tx0 udp:2000 100000
	fi
}

# What must hold at any moment, of what was said before too.
in_between() {
	local now scraped
	scraped=$(total tapline_received_packets_total)
	now=$(get /capture/metrics | tee moment.json | jq .packets_processed)
	[ "$scraped" -ge "$last" ]
	[ "$now" -ge "$scraped" ]
	last=$now
	jq -e '.books.balanced and ([.reasons[].code] | index("unbalanced") | not)' moment.json >/dev/null
	tl_gone "${TL_PID[load]}"
}

@test "under load: at any moment the books balance, and at the end all that is told is in the recording" {
	tl_require_tool tpv3-capd batcher evcat ethtool
	tl_netns_setup
	start_capmetrics -I "ipc://$PWD/show.sock"
	tl_start batcher batcher -q -I "ipc://$PWD/in.sock" -o rec.tap --batch-time 100ms --stats "$stats" --ready-fd 9
	# A ring that overflows now and then, and a table too small.
	tl_start engine tl_rx tpv3-capd -q -i rx0 --ring 512K --block 64K --flows 1990 --window 64M -o "ipc://$PWD/in.sock" \
		-o "ipc://$PWD/show.sock" --stats "$stats" --ready-fd 9
	tl_wait_for is /capture/metrics '.running'
	last=0
	load_wire
	tl_wait_for is /capture/metrics '.packets_processed > 0'
	tl_wait_for in_between
	# Some that nobody could read in time.
	kill -STOP "${TL_PID[engine]}"
	tl_tx "$TL_PYTHON" "$BATS_TEST_DIRNAME/tap.py" send tx0 udp 20000
	kill -CONT "${TL_PID[engine]}"
	tl_stop_ok engine
	tl_wait_for is /capture/metrics '([.tools[] | select(.tool == "tpv3-capd").state] == ["closed"]) and
		([.tools[] | select(.tool == "capmetrics").metrics[] | select(.name == "received_events").value] == [.events_emitted])'
	get '/flows/top?limit=20' >flows.json
	tl_stop_ok batcher
	evcat --check rec.tap | tee check
	evcat --json rec.tap | jq -c 'select(.type == "capture_stats").entities' | tail -n 1 >closing
	tl_wait_for is /capture/metrics '[.tools[] | select(.tool == "batcher").state] == ["closed"]'
	get /capture/metrics >report.json
	same packets "$(jq .packets closing)" "$(jq .packets_processed report.json)"
	same bytes "$(jq .bytes closing)" "$(jq .bytes_processed report.json)"
	same drops "$(jq .kernel_drops closing)" "$(jq .dropped report.json)"
	same events "$(sed -nE 's/.* ([0-9]+) events,.*/\1/p' check)" "$(jq .events_emitted report.json)"
	jq -e '.packets > 20000 and .kernel_drops > 0 and .flows_evicted > 0' closing
	jq -e '.books.balanced and .events_lost == 0' report.json
	same packets "$(jq .packets closing)" "$(total tapline_received_packets_total)"
	same bytes "$(jq .bytes closing)" "$(total tapline_received_bytes_total)"
	same drops "$(jq .kernel_drops closing)" "$(total tapline_dropped_skbs_total)"
	same evictions "$(jq .flows_evicted closing)" "$(total tapline_evicted_flows_total)"
	for class in flow coarse unattributed arp other_l3 malformed_l2 malformed_l3 filtered; do
		same "$class" "$(jq ".${class}_packets" closing) $(jq ".${class}_bytes" closing)" \
			"$(total tapline_class_packets_total "class=\"$class\"") $(total tapline_class_bytes_total "class=\"$class\"")"
	done
	events=$(sed -nE 's/.* ([0-9]+) events,.*/\1/p' check)
	same events "$events" "$(total tapline_assigned_events_total tpv3)"
	same events "$events" "$(total tapline_safe_events_total tpv3)"
	same events "$events" "$(total tapline_received_events_total batcher)"
	same events "$events" "$(total tapline_received_events_total capmetrics)"
	same flows "$(sed -nE 's/.* ([0-9]+) flows,.*/\1/p' check)" "$(total tapline_started_flows_total)"
	jq -c '[.flows[] | [.packets, .bytes]]' flows.json >top
	evcat --json rec.tap | jq -cs '[.[] | select(.type == "flow_end").entities | [.packets, .bytes]] |
		sort_by(-.[1]) | .[:20]' | diff - top
	check_metrics
}

# --- bad input --------------------------------------------------------------------------

@test "bytes that are no report are counted, and nothing else happens" {
	start_capmetrics
	start_engine eth0 5
	head -c 5000 /dev/urandom >random0
	head -c 100000 /dev/zero >random1
	: >random2
	printf '\xde\x00\x12\xa1v\x01\xa4size\xce\x00\x00\x00\x10abc' >random3
	"$TL_PYTHON" "$PEERS" mutants 200 mutant "$TL_BIN/../tests/seeds"
	for _ in 1 2 3; do
		"$TL_PYTHON" "$CRAFT" send stats.sock random0 random1 random2 random3 mutant*
	done
	tl_wait_for is /capture/metrics '[.tools[] | select(.tool == "capmetrics").metrics[] |
		select(.name == "malformed_reports" or .name == "skipped_bytes").value] | add > 300000'
	is_value 5 tapline_received_packets_total tool=tpv3-capd "instance=$(hostname):eth0" iface=eth0
	check_metrics
}

@test "malformed requests are refused or cut off, and do no harm" {
	start_capmetrics --timeout 2s --deadline 3s --max-connections 64
	"$TL_PYTHON" "$PEERS" malformed "${url##*:}"
	[ "$(status /healthz)" = 503 ]
	tl_stop_ok capmetrics
}

@test "slow requests are cut off, and others are answered meanwhile" {
	start_capmetrics --timeout 2s --deadline 3s --max-connections 64
	"$TL_PYTHON" "$PEERS" slow "${url##*:}" 40
	tl_wait_for is /capture/metrics '[.tools[] | select(.tool == "capmetrics").metrics[] |
		select(.name == "refused_requests" and .labels.reason == "slow").value] == [40]'
	tl_stop_ok capmetrics
}

@test "1,000 clients at a time are all answered" {
	start_capmetrics
	start_engine eth0 777
	"$TL_PYTHON" "$PEERS" crowd "${url##*:}" 1000 /capture/metrics >crowd.json
	jq -c . crowd.json >&3
	jq -e '.answered == 1000 and .other == 0' crowd.json
	tl_stop_ok capmetrics
}

@test "what it costs: 200 flows/s of change, 6 tools, a scrape a second (printed, not judged)" {
	demo=$TL_BIN/../demo.pcap
	[ -r "$demo" ] || tl_skip "no demo.pcap"
	start_capmetrics -I "ipc://$PWD/events.sock"
	for tool in eth0 eth1 eth2 eth3 eth4 eth5; do
		engine "$tool" 1000
		start_source "$tool"
	done
	pcap-flow -q -r "$demo" -o "ipc://$PWD/events.sock"
	pid=${TL_PID[capmetrics]}
	before=$(awk '{ print $14 + $15 }' "/proc/$pid/stat")
	for _ in $(seq 100); do
		get /metrics -o body -w '%{time_total}\n'
	done | sort -n >times
	after=$(awk '{ print $14 + $15 }' "/proc/$pid/stat")
	resident_kib=$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status")
	echo "# scrape: median $(sed -n 50p times) s; 100 of them $(((after - before) * 10)) ms of processor;" \
		"$resident_kib KiB resident" >&3
	[ "$resident_kib" -lt 65536 ]
}

# --- events and flows --------------------------------------------------------------------

# tell TYPE TEXT...: an event of that type for each text, into events.sock.
tell() {
	local type=$1 text
	shift
	for text; do
		printf '{"type":"%s","timestamp":"2026-01-02T03:04:05Z","entities":{"text":"%s"},"edges":[]}\n' \
			"$type" "$text"
	done | timeout "$TL_DEADLINE" evcat -q --from-json -o "ipc://$PWD/events.sock"
}

# follow NAME PATH CURL-OPTION...: a client of /events, its answer in NAME.out.
follow() {
	local name=$1 path=$2
	shift 2
	tl_spawn "$name" curl -sSN "$@" "$url$path"
	tl_wait_line "$name.out" '^: capmetrics'
}

@test "events come as they happen, of the types that are asked for" {
	tl_require_tool evcat
	start_capmetrics -I "ipc://$PWD/events.sock"
	follow usual /events
	follow dns '/events?types=dns,engine_change'
	tell alert one
	tell dns two
	tell engine_change three
	tl_wait_line usual.out 'three'
	tl_wait_line dns.out 'three'
	[ "$(grep -c '^data: ' usual.out)" -eq 2 ]
	[ "$(grep -c '^data: ' dns.out)" -eq 2 ]
	sed -n 's/^data: //p' dns.out | jq -es 'map(.entities.text) == ["two", "three"]'
	is /events/recent '(.events | map(.entities.text)) == ["one", "three"]'
	is '/events/recent?types=alert' '(.events | map(.entities.text)) == ["one"]'
	is '/events/recent?limit=1' '.left_out == 1 and (.events | map(.entities.text)) == ["three"]'
	# Where one was cut off it goes on, and that is what last_id is for.
	id=$(sed -n 's/^id: //p' usual.out | head -1)
	follow again /events -H "Last-Event-ID: $id"
	tl_wait_line again.out three
	run ! grep -q one again.out
	follow behind "/events?after=$(get /events/recent | jq .last_id)"
	tell alert four
	tl_wait_line behind.out four
	[ "$(grep -c '^data: ' behind.out)" -eq 1 ]
	tl_stop_ok capmetrics
	tl_join usual
}

@test "flow_end comes on request, and /flows/top is what the events say" {
	demo=$TL_BIN/../demo.pcap
	[ -r "$demo" ] || tl_skip "no demo.pcap"
	tl_require_tool pcap-flow evcat
	start_capmetrics -I "ipc://$PWD/events.sock"
	follow ends '/events?types=flow_end'
	pcap-flow -q -r "$demo" | evcat --json | jq -c 'select(.type == "flow_end").entities' >expected
	pcap-flow -q -r "$demo" -o "ipc://$PWD/events.sock"
	tl_wait_for is /flows/top ".known_flows > 100"
	for by in bytes packets; do
		get "/flows/top?by=$by&limit=10" >top.json
		jq -c ".flows[] | [.flow_id, .$by]" top.json | cut -d, -f2 >got
		jq -s "sort_by(-.$by) | .[0:10][] | .$by" expected | sed 's/$/]/' | diff - got
	done
	jq -e '.flows[0] | .active == false and (.src_ip | length) > 6 and .source == "pcap-flow" and (.end_reason | length) > 0' top.json
	tl_wait_line ends.out '^data: .*"flow_end"'
}

@test "a client of /events that does not read misses events, and costs nobody else anything" {
	tl_require_tool evcat
	start_capmetrics -I "ipc://$PWD/events.sock" --timeout 8s
	"$TL_PYTHON" "$PEERS" deaf "${url##*:}" >deaf.out 3>&- &
	TL_PID[deaf]=$!
	tl_wait_line deaf.out open
	follow good /events
	text=$(head -c 30000 /dev/zero | tr '\0' x)
	# More than the kernel's buffers and ours together.
	texts=()
	for _ in $(seq 600); do
		texts+=("$text")
	done
	tell alert "${texts[@]}" last
	tl_wait_line good.out '"last"'
	tl_wait_for is /capture/metrics '[.tools[] | select(.tool == "capmetrics").metrics[] |
		select(.name == "missed_events" or (.name == "refused_requests" and .labels.reason == "stalled")).value] | min > 0'
}

@test "clients of /events are limited, and one that has gone makes room" {
	: >empty.tap
	start_capmetrics -I empty.tap --max-clients 2
	follow one /events
	follow two /events
	[ "$(status /events -D head)" = 429 ]
	grep -qi '^retry-after: ' head
	[ "$(status /healthz)" = 503 ]
	tl_stop one
	tl_stop two
	tl_wait_for can_follow
}

can_follow() {
	[ "$(status /events --max-time 0.5)" = 200 ]
}

# --- who may look ---------------------------------------------------------------------------

@test "off loopback TLS and a token are needed, on loopback the Host must be ours" {
	for address in 0.0.0.0:0 '[::]:0'; do
		run --separate-stderr capmetrics --listen "$address" --stats "$stats"
		[ "$status" -eq 2 ]
		[[ $stderr == *"--cert-file"* ]]
	done
	for bad in localhost:1 127.0.0.1 127.0.0.1:70000 '::1:8081'; do
		run --separate-stderr capmetrics --listen "$bad" --stats "$stats"
		[ "$status" -eq 2 ]
		[[ $stderr == *"--listen '$bad'"* ]]
	done
	run --separate-stderr capmetrics --stats file
	[ "$status" -eq 2 ]
	start_capmetrics --host metrics.example
	[ "$(status /healthz -H 'Host: evil.example')" = 421 ]
	[ "$(status / -H 'Host: evil.example')" = 421 ]
	[ "$(status /healthz -H 'Host: metrics.example:1')" = 503 ]
}

@test "with a token file all but health and the page's own files need a token" {
	echo "me 0123456789abcdef" >tokens
	chmod 600 tokens
	start_capmetrics --token-file tokens
	for path in /metrics /capture/metrics /ladder /capabilities /flows/top /events /events/recent /nothing; do
		[ "$(status "$path" -D head)" = 401 ]
		grep -qi '^www-authenticate: Bearer' head
		[ "$(status "$path" -H 'Authorization: Bearer 0123456789abcdeX')" = 401 ]
	done
	[ "$(status /metrics -H 'Authorization: Bearer 0123456789abcdef')" = 200 ]
	[ "$(status /healthz)" = 503 ]
	[ "$(status /)" != 401 ]
	# SIGHUP reads it again.
	echo "me fedcba9876543210" >tokens
	kill -HUP "${TL_PID[capmetrics]}"
	tl_wait_line capmetrics.err 'read again'
	[ "$(status /metrics -H 'Authorization: Bearer 0123456789abcdef')" = 401 ]
	[ "$(status /metrics -H 'Authorization: Bearer fedcba9876543210')" = 200 ]
	run ! grep -q 'fedcba\|012345' capmetrics.err
}

@test "over TLS" {
	tl_require_tool openssl
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem \
		-days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 2>openssl.err
	start_capmetrics --cert-file cert.pem --key-file key.pem
	[[ $url == https://* ]]
	[ "$(status /healthz --cacert cert.pem)" = 503 ]
	run ! get /healthz --cacert cert.pem --tls-max 1.1
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.pem -out x.pem \
		-days 2 -subj /CN=x 2>openssl.err
	run --separate-stderr capmetrics --stats "$stats" --cert-file cert.pem --key-file other.pem
	[ "$status" -eq 2 ]
}

@test "it runs without privileges, and starts no programs" {
	tl_require_root
	start_capmetrics
	for thread in "/proc/${TL_PID[capmetrics]}"/task/*/status; do
		[ "$(sed -n 's/^CapEff:\t//p' "$thread")" = 0000000000000000 ]
		grep -q '^NoNewPrivs:.1' "$thread"
		grep -q '^Seccomp:.2' "$thread"
	done
}

@test "a second one finds the address in use, and says so" {
	start_capmetrics
	run --separate-stderr capmetrics --listen "${url#http://}" --stats "ipc://$PWD/other.sock"
	[ "$status" -eq 1 ]
	[[ $stderr == *"${url#http://}"*"in use"* ]]
}

# --- Prometheus -------------------------------------------------------------------------------

@test "a Prometheus scrapes it, with the instances of the tools, and the rules fire" {
	command -v prometheus >/dev/null || tl_skip "no prometheus"
	start_capmetrics
	start_engine eth0 4242
	sed -e "s|127.0.0.1:8081|${url#http://}|" -e 's/interval: .*/interval: 1s/' \
		-e '/^alerting:/,/^$/d' "$TL_ROOT/examples/prometheus/prometheus.yml" >prometheus.yml
	sed 's/for: .*/for: 0s/' "$TL_ROOT/examples/prometheus/rules.yml" >rules.yml
	promtool check config prometheus.yml
	port=$("$TL_PYTHON" "$CRAFT" port)
	tl_spawn prometheus prometheus --config.file=prometheus.yml --storage.tsdb.path=tsdb \
		--web.listen-address="127.0.0.1:$port" --log.level=warn
	tl_wait_for asks "$port" 'tapline_received_packets_total{tool="tpv3-capd",iface="eth0"}' \
		'.data.result[0] | .value[1] == "4242" and (.metric.instance | endswith(":eth0"))'
	sed 's/class_packets packets 4242/class_packets packets 42/' eth0.stats | describe eth0
	tl_wait_for fires "$port" TaplineBooksDoNotBalance
	tl_stop prometheus
}

asks() { # PORT QUERY FILTER
	curl -sS -G --data-urlencode "query=$2" "http://127.0.0.1:$1/api/v1/query" | jq -e "$3"
}

fires() { # PORT ALERT
	curl -sS "http://127.0.0.1:$1/api/v1/alerts" |
		jq -e ".data.alerts[] | select(.labels.alertname == \"$2\" and .state == \"firing\")"
}

@test "the examples for Prometheus and Grafana are good" {
	command -v promtool >/dev/null || tl_skip "no promtool"
	cd "$TL_ROOT/examples/prometheus"
	promtool check config prometheus.yml
	promtool check rules rules.yml
	promtool test rules rules.test.yml
	# What the dashboard asks for is there.
	jq -r '.. | .expr? // empty' grafana/dashboard.json | grep -oE 'tapline_[a-z_]+' | sort -u >"$BATS_TEST_TMPDIR/asked"
	[ -s "$BATS_TEST_TMPDIR/asked" ]
	while read -r name; do
		bare=${name#tapline_}
		bare=${bare%_total}
		grep -rqE "\"$bare\"" "$TL_ROOT"/tools/*/*.c "$TL_ROOT"/common/*.[ch] || {
			echo "nobody tells $name"
			false
		}
	done <"$BATS_TEST_TMPDIR/asked"
}

@test "docs/metrics.md is what the tools say of themselves" {
	sh "$TL_ROOT/docs/metrics.sh" "$TL_BIN" >now.md
	diff "$TL_ROOT/docs/metrics.md" now.md || {
		echo "sh docs/metrics.sh build/bin > docs/metrics.md brings it up to date"
		false
	}
}
