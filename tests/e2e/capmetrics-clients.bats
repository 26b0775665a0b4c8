#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# capmetrics as a client: --top, --once, --mcp; with a server made of files, and the real one.

load lib

setup() {
	tl_setup
	tl_require_tool capmetrics
	cp -r "$BATS_TEST_DIRNAME/capstub" pages
}

teardown() {
	tl_teardown
}

stub() {
	tl_start stub "$TL_PYTHON" "$BATS_TEST_DIRNAME/capstub.py" pages --ready-fd 9
	url=http://127.0.0.1:$(cat pages/port)
}

client() { # CODE OPTION...: what it prints is in $output
	local code=$1
	shift
	run timeout "$TL_DEADLINE" capmetrics --url "$url" "$@"
	[ "$status" -eq "$code" ] || {
		echo "exit $status, not $code: $output" >&2
		return 1
	}
}

mcp() { # CASE OPTION...
	timeout 60 "$TL_PYTHON" "$BATS_TEST_DIRNAME/mcpclient.py" "$1" capmetrics --mcp --url "$url" "${@:2}"
}

top() { # STEP... -- OPTION...
	local steps=()
	while [ "$1" != -- ]; do
		steps+=("$1")
		shift
	done
	timeout 60 "$TL_PYTHON" "$BATS_TEST_DIRNAME/captop.py" "${steps[@]}" -- capmetrics --top --url "$url" "${@:2}"
}

# --- --once ----------------------------------------------------------------------

@test "--once prints the state of the pipeline, without colours into a pipe" {
	stub
	client 0 --once
	[[ $output == HEALTHY* ]]
	[[ $output == *"tpv3-capd by ring on rx0"* ]]
	[[ $output == *"xdp-flowd is refused: needs CAP_BPF"* ]]
	[[ $output == *"assigned 4321 = safe 4300 + held 21 + lost 0, residual 0"* ]]
	[[ $output == *"10.0.0.1:1000 -> 10.0.0.2:80"* ]]
	[[ $output != *$'\x1b'* ]]
}

@test "--once --json is the server's answer as it is" {
	stub
	timeout "$TL_DEADLINE" capmetrics --once --json --url "$url" >got
	cmp got pages/capture_metrics
}

@test "--once exits with 4 when the pipeline is not healthy" {
	sed -i -e 's/"healthy":true/"healthy":false/' \
		-e 's/"reasons":\[\]/"reasons":[{"code":"sink","text":"the sink burns"}]/' pages/capture_metrics
	stub
	client 4 --once
	[[ $output == "NOT HEALTHY"* ]]
	[[ $output == *"the sink burns"* ]]
	client 4 --once --json
}

@test "--once exits with 1 when the server does not answer, or not with a report" {
	stub
	for answer in 'HTTP 500' '{' '[]' ''; do
		printf '%s\n' "$answer" >pages/capture_metrics
		client 1 --once
		client 1 --once --json
	done
	head -c 9000000 /dev/zero | tr '\0' ' ' >pages/capture_metrics
	client 1 --once
	[[ $output == *"too long"* ]]
	tl_stop stub
	client 1 --once
	[[ $output == *"127.0.0.1"* ]]
}

@test "--once of a server that hangs gives up" {
	touch pages/capture_metrics.hang
	stub
	client 1 --once
}

@test "pages that are missing are said to be, and the rest is shown" {
	rm pages/ladder pages/flows_top pages/events_recent
	stub
	client 0 --once
	[[ $output == *"why      no capladder"* ]]
	[[ $output == *"FLOW     no event stream"* ]]
	[[ $output != *404* ]]
	[[ $output == *"balanced tpv3-capd"* ]]
}

@test "what the report says is not there is not asked for" {
	sed -i 's/^{/{"sources":{"ladder":false,"flows":false,"events":false,"capabilities":true},/' pages/capture_metrics
	touch pages/ladder.hang pages/flows_top.hang pages/events_recent.hang
	stub
	client 0 --once
	[[ $output == *"why      no capladder"* ]]
	[[ $output == *"FLOW     no event stream"* ]]
}

@test "a token comes from its file, and is in no argument and no message" {
	echo secret-7f3a >pages/token
	(umask 077 && printf '# who\nme secret-7f3a\n' >mine && echo secret-7f3a >bare && echo wrong-1c9e >wrong && : >empty)
	stub
	client 1 --once
	[[ $output == *"--token-file"* ]]
	client 0 --once --token-file mine
	client 0 --once --token-file bare
	client 1 --once --token-file wrong
	[[ $output != *wrong-1c9e* ]]
	client 2 --once --token-file empty
	chmod a+r mine
	client 0 --once --token-file mine
	[[ $output == *"every user can read"* ]]
	[[ $output != *secret* ]]
}

@test "a URL that cannot work is refused" {
	for url in ftp://127.0.0.1 http://u:p@127.0.0.1 http://192.0.2.1 'http://127.0.0.1/?x' nonsense://; do
		client 2 --once
		client 2 --mcp
		client 2 --top
	done
	[[ $output != *u:p* ]]
}

# --- --top -----------------------------------------------------------------------

@test "--top without a terminal prints blocks, says when the server is gone, and sees it again" {
	stub
	tl_spawn top capmetrics --top --url "$url"
	tl_wait_line top.out '^HEALTHY'
	mv pages/capture_metrics kept
	tl_wait_line top.out '^NO ANSWER'
	tl_wait_line top.out 'HTTP 404: nothing there'
	sed 's/"value":1234567/"value":1235567/; s/"reported":"2026-11-27T03:00:10/"reported":"2026-11-27T03:00:20/' kept >pages/new
	mv pages/new pages/capture_metrics
	tl_wait_line top.out 'packets/s 100 '
	tl_stop_ok top
	run grep -c $'\x1b' top.out
	[ "$output" = 0 ]
}

@test "--top ends cleanly when nobody reads" {
	stub
	timeout "$TL_DEADLINE" capmetrics --top --url "$url" | head -n 1 >got
	[ "${PIPESTATUS[0]}" -eq 0 ]
	grep -q HEALTHY got
}

@test "--top in a terminal draws, follows its size, and q leaves it as it was" {
	stub
	top size=50x100 wait=HEALTHY wait=10.0.0.2:80 size=12x30 wait=HEALTHY key=x wait=HEALTHY key=q end=0 -- >got
	grep -q $'\x1b\\[32m' got
	NO_COLOR=1 top size=50x100 wait=HEALTHY stop end=0 -- >got
	run grep -c $'\x1b\\[[0-9;]*m' got
	[ "$output" = 0 ]
}

@test "--top in a terminal can be left while the server hangs" {
	touch pages/ladder.hang
	stub
	tl_spawn top "$TL_PYTHON" "$BATS_TEST_DIRNAME/captop.py" size=30x100 key=q end=0 -- capmetrics --top --url "$url"
	tl_join top
	[ "$TL_STATUS" -eq 0 ] || {
		cat top.err >&2
		return 1
	}
}

# --- --mcp -----------------------------------------------------------------------

@test "--mcp serves the current revision: discovery, tools, calls, errors" {
	stub
	mcp modern >got
	jq -e '.health.healthy and (.list_engines.engines | length == 2)' got
	jq -e '.top_flows.flows | map(.bytes) == [9000, 700]' got
	grep -q '"flow_id": 18446744073709551615' got
	jq -e '.recent_events.events | map(.type) == ["dns", "alert", "engine_change"]' got
	jq -e '.read_metrics.metrics | length == 8' got
	jq -e '.read_ladder.rungs[0].reason == "needs CAP_BPF"' got
}

@test "--mcp serves clients that begin with initialize" {
	stub
	mcp legacy
}

@test "--mcp survives what is no message" {
	stub
	mcp hostile
}

@test "--mcp tells the model when the server is away" {
	url=http://127.0.0.1:1
	mcp unreachable >got
	grep -q /capture/metrics got
}

@test "--mcp ends on SIGTERM" {
	stub
	mkfifo in
	exec {keep}<>in
	tl_spawn mcp sh -c 'exec capmetrics --mcp --url "$1" <in' sh "$url"
	printf '{"jsonrpc":"2.0","id":1,"method":"ping"}\n' >&"$keep"
	tl_wait_line mcp.out '"result"'
	exec {keep}>&-
	tl_stop_ok mcp
}

# --- the real server -------------------------------------------------------------

@test "the clients show what the real server says" {
	tl_start server capmetrics --listen 127.0.0.1:0 --stats "ipc://$PWD/stats" --ready-fd 9
	url=$(sed -n 's/.*serving at \(.*\)\/, reports.*/\1/p' server.err)
	[ -n "$url" ]
	client 4 --once
	[[ $output == *"nothing captures"* ]]
	capmetrics --once --json --url "$url" >got || [ "$?" -eq 4 ]
	jq -e '.healthy == false and .reasons[0].code == "no_capture"' got
	mcp report >got
	jq -e '.healthy == false' got
	tl_stop_ok server
}
