#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2154  # bats' run sets stderr and stderr_lines
# Delivery: whatever the sink answers, every event arrives or is declared lost.

bats_require_minimum_version 1.5.0
load lib

setup() {
	tl_setup
	CRAFT=$BATS_TEST_DIRNAME/craft.py
	HTTPD=$BATS_TEST_DIRNAME/httpd.py
	tl_require_tool pcap-flow batcher evcat shipper zstd
	demo=$TL_BIN/../demo.pcap
	[ -r "$demo" ] || tl_skip "no demo.pcap (make build/demo.pcap)"
	"$TL_PYTHON" -c 'import msgpack' || tl_skip "no python3-msgpack"
	small_batches
}

teardown() {
	tl_teardown
}

craft() {
	"$TL_PYTHON" "$CRAFT" "$@"
}

# all.tap: one stream in 37 batches of at most 50 events, as if for a consumer that acknowledges
# (in a file there is nobody to do so, and its batches say that); what it says in `expected`.
small_batches() {
	pcap-flow -q -r "$demo" -o whole.tap
	craft cut 50 whole.tap cut.tap
	"$TL_PYTHON" - "$BATS_TEST_DIRNAME" <<-'EOP'
		import sys
		sys.path.insert(0, sys.argv[1])
		import craft
		batches = map(craft.unpack, craft.batches("cut.tap"))
		craft.write("all.tap", b"".join(craft.pack({**b, "base": 0}) for b in batches))
	EOP
	evcat --json all.tap | sort >expected
	TOTAL=$(wc -l <expected)
}

# serve NAME [OPTION...] ANSWER...: httpd.py; commits to NAME.tap; its URL in URL.
serve() {
	local name=$1
	shift
	tl_start "$name" "$TL_PYTHON" "$HTTPD" --ready-fd 9 --port-file "$name.port" \
		--commit "$name.tap" --log "$name.log" "$@"
	PORT=$(<"$name.port")
	URL=http://127.0.0.1:$PORT
}

# books FILE WORD...: what was sent is in FILE or declared lost there, and these lines hold.
books() {
	local file=$1 word
	shift
	"$TL_PYTHON" "$BATS_TEST_DIRNAME/books.py" all.tap "$file" >books || return 1
	for word; do
		grep -qx "$word" books || {
			echo "not '$word' but:" && cat books
			return 1
		}
	done
}

# Every event, once or more.
all_in() {
	evcat --json "$1" | sort -u | diff -q expected -
}

# answered NAME ANSWER: how often.
answered() {
	grep -c "^$2 " "$1.log" || true
}

at_least() {
	[ "$1" -ge "$2" ]
}

has_committed() {
	[ -s "$1.tap" ] && all_in "$1.tap" >/dev/null
}

# start_shipper OPTION...: at in.sock, ready.
start_shipper() {
	tl_start shipper shipper -I "ipc://$PWD/in.sock" --ready-fd 9 "$@"
}

# In the foreground, with a deadline; quick to try again.
ship() {
	timeout -k 1 "$TL_DEADLINE" shipper --retry-max 500ms "$@"
}

# --- HTTP answers ----------------------------------------------------------------

@test "http: every event arrives once, compressed, each batch under its id" {
	serve web 200
	ship -o "$URL" <all.tap
	books web.tap "events $TOTAL" "declared 0" "twice 0"
	[ "$(sed 's/.* key=\([^ ]*\) .*/\1/' web.log | sort -u | wc -l)" -eq "$(wc -l <web.log)" ]
	[ "$(grep -c ' path=/v1/batches .*key=[0-9a-f]\{32\}-[0-9]*-[0-9]* encoding=zstd type=application/msgpack .* token=False' web.log)" -eq "$(wc -l <web.log)" ]
	# Connections are kept: never more of them than batches on their way.
	[ "$(sed 's/.* port=//' web.log | sort -u | wc -l)" -le 8 ]
}

@test "http: not compressed when told, and to the path of the URL" {
	serve web 204
	ship --compress none -o "$URL/in/here?x=1" <all.tap
	books web.tap "events $TOTAL" "twice 0"
	[ "$(grep -c ' path=/in/here?x=1 .*encoding=None' web.log)" -eq "$(wc -l <web.log)" ]
}

@test "http: 500, 408, 425, 429 and 503 are tried again; Retry-After is heeded" {
	serve web 503,body=busy 500 408 425 429,retry-after=1 200
	run --separate-stderr ship --in-flight 1 -o "$URL" <all.tap
	[ "$status" -eq 0 ]
	books web.tap "events $TOTAL" "twice 0"
	for code in 500 408 425 503 429; do
		[ "$(answered web $code)" -eq 1 ]
	done
	[[ $stderr == *"$URL: down: HTTP 503: busy; trying again"* ]]
	[[ $stderr == *"last reason: HTTP 429"* ]]
	[[ $stderr =~ "$URL: back after "[1-9]"."[0-9]" s; 37 batches wait" ]]
	[[ $stderr == *"5 retries"* ]]
}

@test "http: many batches on their way when it goes wrong: nothing is missing" {
	serve web 500 200 429,retry-after=1 cut 200 drop 200 503 drop 200 cut 408 200
	ship --in-flight 16 -o "$URL" <all.tap
	books web.tap "events $TOTAL" "declared 0"
}

@test "http: a connection that is cut after the commit: delivered twice, and removable" {
	serve web cut 200
	ship --in-flight 1 -o "$URL" <all.tap
	books web.tap "events $TOTAL" "declared 0" "twice 50"
	[ "$(evcat --json web.tap | sort -u | wc -l)" -eq "$TOTAL" ]
}

@test "http: 401: kept, an alarm, and at once when the token file is put right" {
	echo good-secret >right
	echo wrong-secret >token
	chmod 600 token
	serve web token=right
	tl_spawn shipper shipper --token-file token --retry-max 1h -o "$URL" -I all.tap
	tl_wait_line shipper.err "error: $URL: refuses our credentials: HTTP 401"
	[ ! -s web.tap ]
	cp right token.new && chmod 600 token.new && mv token.new token
	tl_join shipper
	[ "$TL_STATUS" -eq 0 ]
	books web.tap "events $TOTAL" "twice 0"
	tl_wait_line shipper.err "back after"
	# Neither token is told to anybody.
	run ! grep -q -e wrong-secret -e good-secret shipper.err
}

@test "http: token files that are none" {
	: >empty
	printf 'two\nlines' >lines
	head -c 5000 /dev/zero | tr '\0' a >long
	chmod 600 empty lines long
	for file in empty lines long none; do
		run --separate-stderr ship --token-file "$file" -o http://127.0.0.1:1 </dev/null
		[ "$status" -eq 2 ]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == *"$file"* ]]
	done
	echo fine >all && chmod 644 all
	serve web 200
	run --separate-stderr ship --token-file all -o "$URL" <all.tap
	[ "$status" -eq 0 ]
	[[ $stderr == *"all: every user can read"* ]]
	[ "$(grep -c token=True web.log)" -eq "$(wc -l <web.log)" ]
}

@test "http: 413: cut in two until it fits" {
	serve web max=4000
	run --separate-stderr ship -o "$URL" <whole.tap
	[ "$status" -eq 0 ]
	books web.tap "events $TOTAL" "declared 0" "twice 0"
	[[ $stderr =~ ([0-9]+)" splits" ]]
	[ "${BASH_REMATCH[1]}" -ge 16 ]
	[ "$(answered web 413)" -eq "${BASH_REMATCH[1]}" ]
	[[ $stderr == *"rejected 0"* ]]
}

# One event that is too big for anybody, amid others.
big_event() {
	"$TL_PYTHON" - "$BATS_TEST_DIRNAME" <<-'EOP'
		import os, sys
		sys.path.insert(0, sys.argv[1])
		import craft
		batch = craft.unpack(next(craft.batches("all.tap")))
		blob = [0, batch["events"][0][1], "blob", {"data": os.urandom(30000).hex()}, []]
		batch["events"][20:20] = [blob]
		batch["end"] = True
		craft.write("big.tap", craft.pack(batch))
	EOP
	cp big.tap all.tap
	TOTAL=51
}

@test "http: 413 of a single event: kept in rejected/, declared lost, all else delivered" {
	big_event
	serve web max=20000
	run --separate-stderr ship --spool spool -o "$URL" <all.tap
	[ "$status" -eq 1 ]
	books web.tap "events 50" "declared 1" "twice 0" "both 0"
	[[ $stderr == *"-20-1 of 1 events rejected: HTTP 413"* ]]
	[[ $stderr == *"rejected 1"* ]]
	[ "$(find spool/rejected -type f ! -name '*.reason' | wc -l)" -eq 1 ]
	[ "$(ship --spool-status spool | awk '$1 == "rejected" { print $2 }')" -eq 1 ]
}

@test "http: 400: to rejected/ after --tries, declared lost, all else delivered" {
	serve web 400,body=nonsense 400 400 200
	run --separate-stderr ship --spool spool --in-flight 1 --tries 3 -o "$URL" <all.tap
	[ "$status" -eq 1 ]
	[ "$(answered web 400)" -eq 3 ]
	books web.tap "events $((TOTAL - 50))" "declared 50" "twice 0" "both 0"
	[[ $stderr == *"-0-50 of 50 events rejected: HTTP 400"* ]]
	[[ $stderr == *"rejected 50"* ]]
	[ "$(find spool/rejected -type f ! -name '*.reason' | wc -l)" -eq 1 ]
}

@test "http: one poisonous batch does not hold up the others" {
	serve web 200 200 400 200 400 400 200
	run --separate-stderr ship --in-flight 1 --tries 5 -o "$URL" <all.tap
	[ "$status" -eq 0 ]
	books web.tap "events $TOTAL" "twice 0"
}

@test "http: all is refused, also what declares the loss: it ends" {
	serve web 422
	run --separate-stderr ship --tries 1 -o "$URL" <all.tap
	[ "$status" -eq 1 ]
	[ ! -s web.tap ]
	[[ $stderr == *"rejected $TOTAL"* ]]
}

@test "http: a redirect is not followed" {
	serve other 200
	to=$URL
	serve web "302,location=$to/v1/batches" 200
	ship --in-flight 1 --tries 1 -o "$URL" <all.tap
	[ ! -s other.log ]
	books web.tap "events $TOTAL" "twice 0"
}

@test "http: what is wrong with the URL rejects nothing" {
	serve web 404 405 407 410 421 307 200
	ship --in-flight 1 --tries 1 --retry-max 200ms -o "$URL" <all.tap
	books web.tap "events $TOTAL" "declared 0" "twice 0"
}

@test "http: a token that the server sends back is not told on" {
	echo good-secret >token
	chmod 600 token
	serve web "500,body=you sent Bearer good-secret" 200
	ship --in-flight 1 --spool spool --token-file token -o "$URL" <all.tap 2>shipper.err
	grep -q 'HTTP 500: you sent Bearer \*\*\*' shipper.err
	run ! grep -r good-secret shipper.err spool
}

@test "http: proxies of the environment are not used" {
	serve web 200
	http_proxy=http://127.0.0.1:1 all_proxy=http://127.0.0.1:1 ship -o "$URL" <all.tap
	books web.tap "events $TOTAL"
}

@test "http: a server that never answers: the time-out ends it, and it is tried again" {
	serve web hang 200
	run --separate-stderr ship --in-flight 1 --timeout 300ms -o "$URL" <all.tap
	[ "$status" -eq 0 ]
	books web.tap "events $TOTAL" "twice 0"
	[[ $stderr =~ "down: "[^$'\n']*"timed out" ]]
}

@test "http: an answer without an end is cut off, and counts" {
	serve web endless 200
	ship --in-flight 1 -o "$URL" <all.tap
	books web.tap "events $TOTAL" "twice 0"
	[ "$(answered web endless)" -eq 1 ]
}

@test "http: what a server says cannot change a terminal" {
	serve web "$(printf '503,body=\033[2Jgone')" 200
	run --separate-stderr ship --in-flight 1 -o "$URL" <all.tap
	[[ $stderr == *"HTTP 503: ?[2Jgone"* ]]
	[[ $stderr != *$'\033'* ]]
}

# --- TLS -------------------------------------------------------------------------

# certificate NAME CA SUBJECT-ALT-NAME
certificate() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" \
		-out "$1.csr" -subj "/CN=$1" 2>openssl.log
	openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 2 \
		-extfile <(printf 'subjectAltName=%s' "$3") -out "$1.pem" 2>openssl.log
}

authority() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" \
		-out "$1.pem" -days 2 -subj "/CN=$1" 2>openssl.log
}

pin() {
	openssl x509 -in "$1.pem" -pubkey -noout | openssl pkey -pubin -outform der |
		openssl dgst -sha256 -binary | base64
}

certificates() {
	tl_require_tool openssl
	authority ca
	authority stranger
	certificate server ca IP:127.0.0.1
	certificate named ca DNS:receiver.example
}

# serve_tls NAME CERTIFICATE [OPTION...] ANSWER...
serve_tls() {
	local name=$1 certificate=$2
	shift 2
	serve "$name" --cert "$certificate.pem" --key "$certificate.key" "$@"
	URL=https://127.0.0.1:$PORT
}

# stays_out WORD OPTION...: nothing is delivered, it says why, and all is kept.
stays_out() {
	local word=$1
	shift
	tl_spawn shipper shipper --spool spool -I all.tap -o "$URL" "$@"
	tl_wait_line shipper.err "$word"
	tl_stop shipper
	[ "$TL_STATUS" -eq 0 ]
	[ ! -s web.tap ]
	grep -q "37 batches of $TOTAL events wait in spool" shipper.err
	rm -rf spool
}

@test "https: with the right CA; not with another, nor the system's, nor under another name" {
	certificates
	serve_tls web server 200
	stays_out "who it should be: SSL certificate problem" --ca-file stranger.pem
	stays_out "who it should be: SSL certificate problem"
	stays_out "who it should be: SSL: no alternative certificate subject name" --ca-file ca.pem --server-name other.example
	ship --ca-file ca.pem -o "$URL" <all.tap
	books web.tap "events $TOTAL" "twice 0"
}

@test "https: a name to verify instead of the URL's" {
	certificates
	serve_tls web named 200
	stays_out "who it should be: " --ca-file ca.pem
	ship --ca-file ca.pem --server-name receiver.example -o "$URL" <all.tap
	books web.tap "events $TOTAL" "twice 0"
	grep -q "host=receiver.example" web.log
}

@test "https: a pinned key" {
	certificates
	serve_tls web server 200
	stays_out "who it should be: SSL: public key does not match" --ca-file ca.pem --pinned-key "sha256//$(pin named)"
	ship --ca-file ca.pem --pinned-key "sha256//$(pin server)" -o "$URL" <all.tap
	books web.tap "events $TOTAL" "twice 0"
}

@test "https: a client certificate" {
	certificates
	certificate client ca DNS:client
	certificate foreign stranger DNS:client
	cat client.pem client.key >both.pem
	serve_tls web server --client-ca ca.pem 200
	stays_out "down: .*(alert|certificate|reset|closed|SSL_ERROR|not connected|Broken pipe)" --ca-file ca.pem
	stays_out "down: .*(alert|certificate|reset|closed|SSL_ERROR|not connected|Broken pipe)" --ca-file ca.pem --cert-file foreign.pem --key-file foreign.key
	ship --ca-file ca.pem --cert-file client.pem --key-file client.key -o "$URL" <all.tap
	books web.tap "events $TOTAL" "twice 0"
	ship --ca-file ca.pem --cert-file both.pem -o "$URL" <all.tap
	books web.tap "events $TOTAL" "twice $TOTAL"
}

# nginx in front of the server of that URL: TLS, HTTP/2.
start_nginx() {
	local backend=$1
	NGINX_PORT=$(craft port)
	cat >nginx.conf <<-EOC
		daemon off;
		master_process off;
		pid $PWD/nginx.pid;
		error_log $PWD/nginx.log;
		events {}
		http {
			access_log $PWD/access.log;
			client_body_temp_path $PWD/body;
			proxy_temp_path $PWD/proxy;
			fastcgi_temp_path $PWD/fastcgi;
			uwsgi_temp_path $PWD/uwsgi;
			scgi_temp_path $PWD/scgi;
			server {
				listen 127.0.0.1:$NGINX_PORT ssl http2;
				ssl_certificate $PWD/server.pem;
				ssl_certificate_key $PWD/server.key;
				ssl_client_certificate $PWD/ca.pem;
				ssl_verify_client optional;
				client_max_body_size 20k;
				location /v1/ {
					proxy_pass $backend;
					proxy_set_header X-Version \$server_protocol;
				}
				location /strict/ {
					if (\$ssl_client_verify != SUCCESS) { return 496; }
					return 204;
				}
			}
		}
	EOC
	tl_spawn nginx nginx -c "$PWD/nginx.conf" -p "$PWD"
	tl_wait_for nginx_listens
	URL=https://127.0.0.1:$NGINX_PORT
}

nginx_listens() {
	curl -sk -o /dev/null "https://127.0.0.1:$NGINX_PORT/"
}

@test "https: HTTP/2 when the server has it, over one connection; its 413 splits" {
	PATH=$PATH:/usr/sbin
	tl_require_tool nginx curl
	certificates
	serve web 200
	start_nginx "$URL"
	cp whole.tap all.tap
	run --separate-stderr ship --ca-file ca.pem -o "$URL" <all.tap
	[ "$status" -eq 0 ]
	books web.tap "events $TOTAL" "declared 0" "twice 0"
	[ "$(grep -c version=HTTP/2.0 web.log)" -eq "$(wc -l <web.log)" ]
	[[ $stderr =~ [1-9][0-9]*" splits" ]]
	grep -q ' 413 ' access.log
}

@test "https: a server that misses a client certificate says so by 400: kept, an alarm" {
	PATH=$PATH:/usr/sbin
	tl_require_tool nginx curl
	certificates
	start_nginx http://127.0.0.1:1
	tl_spawn shipper shipper --spool spool --ca-file ca.pem -I all.tap -o "$URL/strict/"
	tl_wait_line shipper.err "refuses our credentials: HTTP 400: .*SSL certificate"
	tl_stop_ok shipper
	[ "$(find spool/rejected -type f | wc -l)" -eq 0 ]
}

# --- several sinks ---------------------------------------------------------------

@test "several sinks: each has its own position; one that is down holds up nobody" {
	serve up 200
	up=$URL
	down=http://127.0.0.1:$(craft port)
	tl_spawn shipper shipper --spool spool -I all.tap -o "$up" -o "$down" -o "file:$PWD/out"
	tl_wait_for has_committed up
	tl_wait_line shipper.err "$down: down: "
	ship --spool-status spool >status
	tl_stop_ok shipper
	grep -q "$down: 37 batches of $TOTAL events wait in spool" shipper.err
	cat out/*.tap >out.tap
	books out.tap "events $TOTAL" "twice 0"
	# Later it is there: it gets all, the others nothing again.
	serve late --port "${down##*:}" 200
	ship --spool spool -I /dev/null -o "$up" -o "$down" -o "file:$PWD/out"
	books late.tap "events $TOTAL" "twice 0"
	books up.tap "events $TOTAL" "twice 0"
}

@test "copies to files, standard output and nobody at once" {
	ship -o "file:$PWD/out" -o - -o null: <all.tap >stdout.tap
	cmp all.tap stdout.tap
	cat out/*.tap | evcat --check -
	cat out/*.tap | cmp all.tap -
}

# --- files and pipes -------------------------------------------------------------

@test "file: compressed, in several files, none open at the end" {
	ship --compress zstd --segment-size 32K -o "file:$PWD/out" <all.tap
	[ "$(find out -name '*.tap.zst' | wc -l)" -ge 3 ]
	[ "$(find out -name '*.open' | wc -l)" -eq 0 ]
	zstd -dcq out/*.zst >out.tap
	cmp all.tap out.tap
}

complete_files() {
	[ "$(find out -name '*.tap' | wc -l)" -eq "$1" ]
}

@test "file: SIGHUP completes the file" {
	start_shipper -o "file:$PWD/out"
	craft batches all.tap batch
	craft send in.sock batch0
	tl_wait_for at_least_files 1
	kill -HUP "${TL_PID[shipper]}"
	tl_wait_for complete_files 1
	cmp batch0 out/*.tap
	tl_stop_ok shipper
}

at_least_files() {
	[ "$(find out -type f -size +0 ! -name lock | wc -l)" -ge "$1" ]
}

@test "stdout: a reader that has gone is a clean end" {
	for _ in 1 2 3 4 5 6; do cat all.tap; done >input
	ship -I input | head -c 100 >/dev/null
	[ "${PIPESTATUS[0]}" -eq 0 ]
}

@test "stdout: a slow reader gets all of it" {
	ship -I all.tap | { tl_wait_for true; cat; } >out.tap
	cmp all.tap out.tap
}

# --- the input -------------------------------------------------------------------

@test "what is malformed is counted and declared lost, what came twice is dropped" {
	craft batches all.tap batch
	# Its last value is none of any type: the head before it is good.
	cp batch1 broken
	printf '\301' | dd of=broken bs=1 seek=$(($(wc -c <broken) - 1)) conv=notrunc status=none
	{ cat batch0 broken; printf garbage; cat batch2 batch0 batch2 batch3; } >mixed.tap
	cat batch0 batch1 batch2 batch3 >all.tap
	run --separate-stderr bash -c 'timeout 20 shipper -I mixed.tap >out.tap'
	[ "$status" -eq 0 ]
	books out.tap "events 150" "declared 50" "twice 0" "both 0"
	[[ $stderr =~ "batch of "[0-9]+" bytes refused at offset "[0-9]+": "[^$'\n']*"; its events are declared lost" ]]
	[[ $stderr == *"100 events came twice"* ]]
	[[ $stderr == *"malformed 1 batches of 50 events"* ]]
	[[ $stderr == *"skipped 7 bytes"* ]]
}

@test "a pipe with a gap: what is missing is declared lost" {
	craft batches all.tap batch
	cat batch0 batch3 batch4 >gap.tap
	cat batch0 batch1 batch2 batch3 batch4 >all.tap
	run --separate-stderr bash -c 'timeout 20 shipper -I gap.tap >out.tap'
	[ "$status" -eq 0 ]
	books out.tap "events 150" "declared 100"
	[[ $stderr == *"100 got lost on the way"* ]]
}

@test "what overlaps is cut" {
	craft cut 70 whole.tap other.tap
	craft batches all.tap a
	craft batches other.tap b
	cat a0 b0 a1 b1 a2 b2 a3 >mixed.tap
	cat a0 a1 a2 a3 >all.tap
	run --separate-stderr bash -c 'timeout 20 shipper -I mixed.tap >out.tap'
	"$TL_PYTHON" "$BATS_TEST_DIRNAME/books.py" whole.tap out.tap >books || true
	grep -qx "twice 0" books
	grep -qx "events 210" books
}

# --- acknowledged ----------------------------------------------------------------

# A producer that holds each batch until it is acknowledged, and ends when all are.
start_producer() {
	tl_spawn producer batcher --batch-size 1 -I "${1:-all.tap}" -o "ipc://$PWD/in.sock"
}

@test "a producer ends when all is safe; without a spool that is when the sink has it" {
	serve web 503 200
	start_shipper -o "$URL"
	start_producer
	tl_join producer
	[ "$TL_STATUS" -eq 0 ]
	books web.tap "events $TOTAL" "twice 0"
	tl_stop_ok shipper
}

@test "a producer ends when all is safe; with a spool that is before the sink has it" {
	start_shipper --spool spool -o "http://127.0.0.1:$(craft port)"
	start_producer
	tl_join producer
	[ "$TL_STATUS" -eq 0 ]
	tl_stop_ok shipper
	grep -q "37 batches of $TOTAL events wait in spool" shipper.err
}

@test "killed without a spool, what was not delivered comes again" {
	down=http://127.0.0.1:$(craft port)
	start_shipper -o "$down"
	start_producer
	tl_wait_line shipper.err "$down: down: "
	tl_stop shipper KILL
	serve late --port "${down##*:}" 200
	start_shipper -o "$down"
	tl_join producer
	[ "$TL_STATUS" -eq 0 ]
	books late.tap "events $TOTAL" "declared 0"
	tl_stop_ok shipper
}

@test "SIGTERM without a spool: what is left is counted, exit 1" {
	tl_spawn shipper shipper -I all.tap -o "http://127.0.0.1:$(craft port)"
	tl_wait_line shipper.err ": down: "
	tl_stop shipper
	[ "$TL_STATUS" -eq 1 ]
	grep -q "$TOTAL events were not delivered" shipper.err
}

@test "a full store blocks, and goes on when there is room" {
	echo right >right
	echo wrong >token
	chmod 600 token
	serve web token=right
	start_shipper --window 64K --token-file token -o "$URL"
	start_producer
	tl_wait_line shipper.err "refuses our credentials"
	tl_wait_for stats_say "full 1 times"
	cp right token
	tl_join producer
	[ "$TL_STATUS" -eq 0 ]
	books web.tap "events $TOTAL" "declared 0" "twice 0"
	tl_stop_ok shipper
}

stats_say() {
	kill -USR1 "${TL_PID[shipper]}" 2>/dev/null
	grep -q "$1" shipper.err
}

@test "no acks: a producer that waits for none, and a shipper that gives none" {
	serve web 200
	start_shipper --no-acks -o "$URL"
	timeout "$TL_DEADLINE" batcher -q --batch-size 1 --no-acks -I all.tap -o "ipc://$PWD/in.sock"
	tl_wait_for has_committed web
	tl_stop_ok shipper
	books web.tap "events $TOTAL" "twice 0"
}

# --- kill -9 ---------------------------------------------------------------------

# die_at POINT:COUNT: a shipper that kills itself there while a producer sends.
die_at() {
	rm -rf spool web.tap web.log
	serve web 200
	# Some points are passed before it is ready.
	TL_FAULT=$1 tl_spawn shipper shipper -I "ipc://$PWD/in.sock" --spool spool --in-flight 2 -o "$URL"
	start_producer "${@:2}"
	tl_join shipper
	[ "$TL_STATUS" -eq 137 ]
	start_shipper --spool spool -o "$URL"
	tl_join producer
	[ "$TL_STATUS" -eq 0 ]
	tl_wait_for has_committed web
	tl_stop_ok shipper
	tl_stop web KILL
	books web.tap "events $TOTAL" "declared 0"
}

@test "killed at each named point, once and later: nothing is missing" {
	for point in after-receive after-send after-answer before-fsync after-rename; do
		for count in 1 5; do
			echo "$point:$count"
			die_at "$point:$count"
		done
	done
	# How often there is a commit depends on how much comes at once.
	for point in before-commit after-commit; do
		die_at "$point:1"
	done
}

# Else the next shipper takes what it sees first, and drops what is sent again.
@test "killed while batches of a recording, which says that nobody waits, are sent: the same" {
	for _ in 1 2 3; do
		die_at after-receive:1 cut.tap
	done
}

requests() {
	[ -e "$1.log" ] && [ "$(wc -l <"$1.log")" -ge "$2" ]
}

@test "killed at random, over and over: nothing is missing" {
	serve web 200
	start_shipper --spool spool --rate 200K -o "$URL"
	start_producer
	done=0
	for _ in 1 2 3 4 5 6 7 8; do
		done=$((done + 1 + RANDOM % 4))
		tl_wait_for requests web "$done"
		tl_stop shipper KILL
		start_shipper --spool spool --rate 200K -o "$URL"
	done
	tl_join producer
	[ "$TL_STATUS" -eq 0 ]
	tl_wait_for has_committed web
	tl_stop_ok shipper
	books web.tap "events $TOTAL" "declared 0"
}

@test "TL_FAULT that names no point is refused" {
	for value in nowhere:1 after-send after-send:0 after-send:x :1; do
		run --separate-stderr env TL_FAULT=$value shipper </dev/null
		[ "$status" -eq 2 ]
		[[ $stderr == *TL_FAULT* ]]
	done
}

# --- the spool -------------------------------------------------------------------

@test "a disk with less room than the reserve: said, and nothing is taken or lost" {
	tl_spawn shipper shipper --spool spool --spool-reserve 900G -I all.tap -o "file:$PWD/out"
	tl_wait_line shipper.err "spool: the disk is full but for --spool-reserve: what comes has to wait"
	tl_stop shipper
	[ "$TL_STATUS" -eq 1 ]
	ship --spool spool -I all.tap -o "file:$PWD/out"
	[ "$(evcat -q --json out/*.tap | wc -l)" -eq "$TOTAL" ]
}

@test "drop-oldest under a quota declares exactly what is lost" {
	for k in 1 2 3; do
		pcap-flow -q -r "$demo" -o "more$k"
		craft cut 50 "more$k" "cut$k"
		cat "cut$k" >>all.tap
	done
	TOTAL=$((4 * TOTAL))
	down=http://127.0.0.1:$(craft port)
	tl_start shipper shipper --spool spool --spool-quota 256K --on-full drop-oldest -I all.tap \
		-o "$down" --ready-fd 9
	tl_wait_for stats_say "$TOTAL events in"
	tl_stop_ok shipper
	dropped=$(sed -n 's/.*events dropped \([0-9]*\).*/\1/p' shipper.err | tail -1)
	[ "$dropped" -gt 0 ]
	serve late --port "${down##*:}" 200
	ship --spool spool -I /dev/null -o "$down"
	books late.tap "events $((TOTAL - dropped))" "declared $dropped" "twice 0" "both 0"
}

@test "--spool-status says what waits, since when and why" {
	down=http://127.0.0.1:$(craft port)
	tl_spawn shipper shipper --spool spool -I all.tap -o "$down"
	tl_wait_line shipper.err ": down: "
	tl_wait_for status_has "	37	$TOTAL	[0-9]+	20[0-9-]+T"
	status_has "down since 20[0-9-]*T.*Z: "
	tl_stop_ok shipper
	status_has "	37	$TOTAL	"
	serve web --port "${down##*:}" 200
	ship --spool spool -I /dev/null -o "$down"
	status_has "	0	0	0	-	-	20[0-9-]+T.*Z ok"
}

status_has() {
	ship --spool-status spool >status && grep -qE "$1" status
}

@test "--spool-status of what is no spool" {
	mkdir folder
	for place in folder none all.tap; do
		run --separate-stderr ship --spool-status "$place"
		[ "$status" -ne 0 ]
		[ "${#stderr_lines[@]}" -eq 1 ]
	done
}

@test "one spool has one shipper" {
	start_shipper --spool spool -o null:
	run --separate-stderr ship --spool spool -I /dev/null -o null:
	[ "$status" -eq 1 ]
	[[ $stderr == *spool* ]]
	tl_stop_ok shipper
}

# --- rate ------------------------------------------------------------------------

@test "--rate paces what goes to each sink" {
	bytes=$(wc -c <all.tap)
	start=$(date +%s%N)
	ship --rate 150K -o null: <all.tap
	passed=$(($(date +%s%N) - start))
	# The first tenth of a second's worth, and the last batch, go without waiting.
	least=$((bytes - 153600 / 10 - 16384))
	[ $((passed / 1000)) -ge $((least * 1000 / 153600 * 1000)) ]
}

# --- receiver --------------------------------------------------------------------

@test "to receiver, over TLS, with a token: every event, once" {
	tl_require_tool receiver openssl
	certificates
	port=$(craft port)
	printf 'host1 0123456789abcdef0123456789abcdef\n' >tokens
	echo 0123456789abcdef0123456789abcdef >token
	chmod 600 token tokens
	tl_start receiver receiver --listen "127.0.0.1:$port" --cert-file server.pem --key-file server.key \
		--token-file tokens -o received --ready-fd 9
	ship --ca-file ca.pem --token-file token -o "https://127.0.0.1:$port" <all.tap
	tl_stop_ok receiver
	cat received/*.tap >out.tap
	books out.tap "events $TOTAL" "declared 0" "twice 0"
}

# --- command line ----------------------------------------------------------------

# refuses WORDS OPTION...: exit 2 and one line with these words.
refuses() {
	local words word
	read -ra words <<<"$1"
	shift
	run --separate-stderr ship "$@" </dev/null
	[ "$status" -eq 2 ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	for word in "${words[@]}"; do
		[[ $stderr == *"$word"* ]] || {
			echo "no '$word' in: $stderr"
			return 1
		}
	done
}

@test "what cannot be is refused in one line" {
	refuses "htp://x https:// file:DIR null:" -o htp://x
	refuses "twice null:" -o null: -o null:
	refuses "9 8" -o file:1 -o file:2 -o file:3 -o file:4 -o file:5 -o file:6 -o file:7 -o file:8 -o file:9
	refuses "--key-file --cert-file" --key-file k -o null:
	refuses "--pinned-key sha256//" --pinned-key abc -o null:
	refuses "--pinned-key https" --pinned-key sha256//abc -o tls://127.0.0.1/x
	refuses "--insecure" -o http://192.0.2.1/
	refuses "--insecure" -o http://127.example.org/
	refuses "--token-file" -o https://user:secret@127.0.0.1/
	[[ $stderr != *secret* ]]
	refuses "--ack-url" --ack-url ipc:///x -o null:
	refuses "--spool-sync batch interval none" --spool-sync never -o null:
	refuses "--on-full block drop-oldest" --on-full panic -o null:
	refuses "--in-flight 64" --in-flight 65 -o null:
	refuses "nofile user" --ca-file nofile -o null:
	refuses "operands -I" -o null: all.tap
	refuses "file:DIR" -o file:
}

# --- privileges ------------------------------------------------------------------

# What follows runs where there is a user tapline.
with_user() {
	grep -v '^tapline:' /etc/passwd >passwd
	echo 'tapline:x:64999:64999::/:/bin/false' >>passwd
	unshare -m true 2>/dev/null || tl_skip "no mount namespaces"
	chmod 711 "$PWD" && chmod a+x "$PWD"/.. "$PWD"/../..
	printf '#!/bin/sh\nmount --bind %q /etc/passwd && exec "$@"\n' "$PWD/passwd" >as_usual
	chmod +x as_usual
}

@test "as root with a user tapline: the spool is that user's, and works on" {
	tl_require_root
	with_user
	mkdir spool run && chown 64999:64999 run
	echo secret >token
	chmod 600 token
	serve web 200
	# Its token is not readable to that user: said at the start.
	run --separate-stderr timeout 20 unshare -m ./as_usual shipper -I "ipc://$PWD/run/in.sock" --spool spool --token-file token -o "$URL"
	[ "$status" -eq 2 ]
	[[ $stderr == *"cannot read token as user tapline"* ]]
	chown 64999 token
	tl_start shipper unshare -m ./as_usual shipper -I "ipc://$PWD/run/in.sock" --spool spool \
		--token-file token -o "$URL" -o "file:$PWD/out" --ready-fd 9
	[ "$(stat -c %u spool out)" = $'64999\n64999' ]
	[ "$(stat -c %u "/proc/${TL_PID[shipper]}")" -eq 64999 ]
	chmod a+r all.tap
	timeout "$TL_DEADLINE" setpriv --reuid 64999 --regid 64999 --clear-groups \
		batcher -q --batch-size 1 -I all.tap -o "ipc://$PWD/run/in.sock"
	tl_wait_for has_committed web
	tl_stop_ok shipper
	[ "$(find spool ! -uid 64999 | wc -l)" -eq 0 ]
	# From a pipe it runs as who it was, and gets its spool back.
	timeout 20 unshare -m ./as_usual shipper --spool spool -o null: <all.tap
	[ "$(find spool ! -uid 0 | wc -l)" -eq 0 ]
}
