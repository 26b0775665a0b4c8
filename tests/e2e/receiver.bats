#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# receiver: each event is stored once, whatever is sent twice, killed or full; strangers, slow ones
# and malformed ones get nowhere. The events are those of a real capture.

bats_require_minimum_version 1.5.0
load lib

CRAFT=$BATS_TEST_DIRNAME/craft.py
HELP=$BATS_TEST_DIRNAME/receiver.py
TOKEN=an-excellent-token-of-alice

setup() {
	tl_setup
	tl_require_tool curl zstd
	"$TL_PYTHON" -c 'import msgpack' || tl_skip "no python3-msgpack"
	demo=$TL_BIN/../demo.pcap
	[ -r "$demo" ] || tl_skip "no demo.pcap (make build/demo.pcap)"
	pcap-flow -q -r "$demo" -o demo.tap
	"$TL_PYTHON" "$CRAFT" cut 100 demo.tap all.tap
	"$TL_PYTHON" "$CRAFT" batches all.tap part
	total=$(evcat --json all.tap | wc -l)
	[ "$total" -gt 1000 ]
}

teardown() {
	tl_teardown
}

# receive NAME OPTION...: a receiver on a free port of the loopback, which is then $port. Output
# is the folder seg unless said otherwise.
receive() {
	local name=$1
	shift
	tl_start "$name" receiver --ready-fd 9 --listen 127.0.0.1:0 -o seg "$@"
	port=$(sed -nE 's/.*listening at https?:.*:([0-9]+)$/\1/p' "$name.err")
	[ -n "$port" ]
}

# post FILE CURL-OPTION...: as Content-Type $type; prints the status; the answer's body is in `answer`, its head in `head`.
post() {
	local file=$1
	shift
	rm -f answer head
	curl -sS --max-time 20 -o answer -D head -w '%{http_code}' --data-binary "@$file" \
		-H "Content-Type:${type- application/msgpack}" "$@" "http://127.0.0.1:$port/v1/batches"
}

# expect STATUS COMMAND...: what the command prints.
expect() {
	local want=$1 got
	shift
	got=$("$@") || true
	[ "$got" = "$want" ] || {
		echo "$got, expected $want: $*" >&2
		cat answer >&2 2>/dev/null
		return 1
	}
}

# answered EVENTS DUPLICATES
answered() {
	[ "$(cat answer)" = "{\"events\":$1,\"duplicates\":$2}" ] || {
		cat answer >&2
		return 1
	}
}

get() {
	curl -sS --max-time 20 -o answer -D head -w '%{http_code}' "$@"
}

# All that is stored, in one file.
collect() {
	local file
	: >stored.tap
	for file in seg/*.tap seg/*.tap.zst; do
		case $file in
		*\**) ;;
		*.zst) zstd -dcq "$file" >>stored.tap ;;
		*) cat "$file" >>stored.tap ;;
		esac
	done
}

# The books: every event is there, once.
stored_once() {
	collect
	[ "$("$TL_PYTHON" "$HELP" numbers stored.tap)" = "$total $total" ] || {
		echo "events, distinct: $("$TL_PYTHON" "$HELP" numbers stored.tap); expected $total" >&2
		return 1
	}
	evcat --check stored.tap
}

no_more_than() {
	[ "$1" -le "$2" ] || {
		echo "$1 is more than $2" >&2
		return 1
	}
}

resident_kb() {
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/${TL_PID[$1]}/status"
}

# --- storing --------------------------------------------------------------------

@test "a delivery is stored, and the same again is not" {
	receive r
	expect 200 post all.tap
	answered "$total" 0
	expect 200 post all.tap
	answered 0 "$total"
	zstd -q all.tap
	expect 200 post all.tap.zst -H 'Content-Encoding: zstd'
	answered 0 "$total"
	type=" application/octet-stream" expect 200 post all.tap
	type="" expect 200 post all.tap -H 'Content-Encoding: identity'
	expect 200 get "http://127.0.0.1:$port/healthz"
	[ "$(cat answer)" = ok ]
	tl_stop_ok r
	stored_once
	[ "$(ls seg/*.open 2>/dev/null | wc -l)" -eq 0 ]
	grep -q "5 deliveries, $total events, $((4 * total)) duplicates" r.err
}

@test "compressed segments hold the same" {
	receive r --zstd
	for part in part*; do
		expect 200 post "$part"
	done
	tl_stop_ok r
	stored_once
	[ "$(ls seg/*.tap.zst | wc -l)" -eq 1 ]
}

@test "of an overlap only what is new is stored" {
	receive r
	"$TL_PYTHON" "$CRAFT" cut 70 demo.tap other.tap
	"$TL_PYTHON" "$CRAFT" batches other.tap other
	expect 200 post part3
	expect 200 post other2
	expect 200 post part7
	expect 200 post other11
	cat part3 other2 part9 >mixed
	expect 200 post mixed
	answered 100 170
	expect 200 post demo.tap
	tl_stop_ok r
	stored_once
}

@test "a gap is no reason to refuse, and is filled later" {
	receive r
	for part in $(printf '%s\n' part* | sort -r); do
		expect 200 post "$part"
		answered "$("$TL_PYTHON" "$CRAFT" flat "$part")" 0
	done
	tl_stop_ok r
	stored_once
}

@test "runs of no events, which declare loss or the end, are stored once" {
	receive r
	"$TL_PYTHON" "$HELP" bare part0 loss loss
	"$TL_PYTHON" "$HELP" bare part0 end end
	"$TL_PYTHON" "$HELP" bare part0 both loss end
	"$TL_PYTHON" "$HELP" bare part0 nothing
	for file in loss end loss end both nothing loss; do
		expect 200 post "$file"
		answered 0 0
	done
	tl_stop_ok r
	collect
	"$TL_PYTHON" "$HELP" runs stored.tap >runs
	diff runs - <<-EOF
		95 100 0 False
		100 100 0 True
	EOF
	# An end that is new comes with events that are not.
	receive r
	last=part$(($(ls part* | wc -l) - 1))
	count=$("$TL_PYTHON" "$CRAFT" flat "$last")
	"$TL_PYTHON" - "$CRAFT" "$last" unended <<-'EOF'
		import os
		import sys
		sys.path.insert(0, os.path.dirname(sys.argv[1]))
		import craft
		batch = craft.unpack(craft.read(sys.argv[2]))
		assert batch["end"]
		craft.write(sys.argv[3], craft.pack({**batch, "end": False}))
	EOF
	expect 200 post unended
	answered "$count" 0
	expect 200 post "$last"
	answered 0 "$count"
	tl_stop_ok r
	collect
	"$TL_PYTHON" "$HELP" runs stored.tap | tail -n 2 >runs
	diff runs - <<-EOF
		$((total - count)) $((total - count)) $count False
		$total $total 0 True
	EOF
}

@test "concurrent deliveries of the same batches store each event once" {
	receive r --segment-size 20K
	run "$TL_PYTHON" "$HELP" flood "$port" 8 part*
	echo "$output"
	[ "$output" = "{200: $((8 * $(ls part* | wc -l)))} $total $((7 * total))" ]
	tl_stop_ok r
	no_more_than 2 "$(ls seg/*.tap | wc -l)"
	stored_once
}

@test "the answer comes after the sync" {
	tl_require_tool strace
	receive r
	expect 200 get "http://127.0.0.1:$port/healthz"
	tl_spawn trace strace -f -e trace=pwrite64,fdatasync,fsync,sendto,sendmsg,writev,write \
		-s 200 -o trace -p "${TL_PID[r]}"
	tl_wait_line trace.err attached
	expect 200 post part0
	expect 200 post part1
	tl_stop trace INT
	tl_stop_ok r
	awk '/pwrite64\(/ { dirty = 1 }
		/(fdatasync|fsync)\(.*= 0/ || /(fdatasync|fsync) resumed.*= 0/ { synced += dirty; dirty = 0 }
		/HTTP\/1.1 200/ { if (dirty || synced <= answers) exit 1; answers++ }
		END { exit answers != 2 }' trace || {
		cat trace >&2
		false
	}
}

@test "standard output: piped to evcat" {
	tl_start r receiver --ready-fd 9 --listen 127.0.0.1:0
	port=$(sed -nE 's/.*:([0-9]+)$/\1/p' r.err)
	expect 200 post all.tap
	expect 200 post part0
	tl_stop_ok r
	[ "$("$TL_PYTHON" "$HELP" numbers r.out)" = "$total $total" ]
	evcat --check r.out
}

@test "an output that does not take it: others are asked to wait" {
	mkfifo pipe
	exec 7<>pipe
	tl_start r sh -c 'exec receiver --backlog 64K --ready-fd 9 --listen 127.0.0.1:0 >pipe 7>&-'
	port=$(sed -nE 's/.*:([0-9]+)$/\1/p' r.err)
	tl_spawn first curl -sS --max-time 20 -w '%{http_code}' --data-binary @all.tap -H 'Content-Type:' \
		"http://127.0.0.1:$port/v1/batches"
	is_behind() {
		[ "$(get "http://127.0.0.1:$port/healthz")" = 503 ]
	}
	tl_wait_for is_behind
	expect 429 post part0
	grep -qiE '^retry-after: [1-5].?$' head
	grep -q 'waits' answer
	# Somebody reads: all goes on.
	tl_spawn reader head -c "$(stat -c %s all.tap)" pipe
	tl_join first
	[ "$(tail -n 1 first.out)" = 200 ]
	expect 200 post part0
	answered 0 100
	tl_stop_ok r
	exec 7>&-
}

# --- across restarts ----------------------------------------------------------------

@test "killed again and again: nothing is missing or stored twice" {
	for round in 1 2 3 4 5 6; do
		case $((round % 3)) in
		0) receive r --segment-size 16K ;;
		1) receive r --zstd --segment-size 16K ;;
		2) receive r ;;
		esac
		tl_spawn flood "$TL_PYTHON" "$HELP" flood "$port" 3 part*
		stored_some() {
			[ "$(cat seg/* | wc -c)" -gt $((round * 9000)) ]
		}
		tl_wait_for stored_some
		tl_stop r KILL
		tl_join flood
	done
	receive r
	for part in part*; do
		expect 200 post "$part"
	done
	tl_stop_ok r
	[ "$(ls seg/*.open 2>/dev/null | wc -l)" -eq 0 ]
	stored_once
}

@test "what is stored is known after a restart, also of segments that were collected" {
	receive r
	expect 200 post all.tap
	tl_stop_ok r
	[ -s seg/checkpoint ]
	mkdir collected
	mv seg/*.tap collected
	receive r
	expect 200 post all.tap
	answered 0 "$total"
	tl_stop_ok r
	[ "$(ls seg)" = checkpoint ]
}

@test "a bad checkpoint is set aside, and the segments are read instead" {
	receive r --segment-size 16K
	for part in part*; do
		expect 200 post "$part"
	done
	tl_stop_ok r
	size=$(stat -c %s seg/checkpoint)
	for damage in cut flip empty gone; do
		case $damage in
		cut) truncate -s $((size - 3)) seg/checkpoint ;;
		flip) printf 'xxxxxxxx' | dd of=seg/checkpoint bs=1 seek=90 conv=notrunc status=none ;;
		empty) : >seg/checkpoint ;;
		gone) rm seg/checkpoint ;;
		esac
		rm -f seg/checkpoint.bad
		receive r
		[ "$damage" = gone ] || {
			tl_wait_line r.err 'checkpoint is bad'
			[ -e seg/checkpoint.bad ]
		}
		expect 200 post all.tap
		answered 0 "$total"
		tl_stop_ok r
		[ "$(stat -c %s seg/checkpoint)" -eq "$size" ]
	done
	stored_once
}

@test "a folder has one receiver, and one that cannot be is named" {
	receive r
	run --separate-stderr receiver --listen 127.0.0.1:0 -o seg
	[ "$status" -eq 1 ]
	[[ $stderr == *"seg: another process writes there"* ]]
	tl_stop_ok r
	for place in no/such demo.tap; do
		run --separate-stderr receiver --listen 127.0.0.1:0 -o "$place"
		[ "$status" -eq 2 ]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == *"$place"* ]]
	done
}

@test "SIGHUP begins a new segment" {
	receive r
	expect 200 post part0
	kill -HUP "${TL_PID[r]}"
	is_complete() {
		[ "$(ls seg/*.tap 2>/dev/null | wc -l)" -eq "$1" ]
	}
	tl_wait_for is_complete 1
	expect 200 post part1
	[ "$(ls seg/*.open | wc -l)" -eq 1 ]
	tl_stop_ok r
	is_complete 2
}

@test "SIGTERM lets a request that is on its way finish" {
	receive r
	size=$(stat -c %s all.tap)
	exec 8<>"/dev/tcp/127.0.0.1/$port"
	printf 'POST /v1/batches HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n' "$size" >&8
	head -c 1000 all.tap >&8
	# The first piece is there when the request is counted.
	has_begun() {
		kill -USR1 "${TL_PID[r]}"
		grep -q ' 1 requests' r.err
	}
	tl_wait_for has_begun
	kill -TERM "${TL_PID[r]}"
	refused() {
		! curl -s --max-time 5 "http://127.0.0.1:$port/healthz" >/dev/null
	}
	tl_wait_for refused
	tail -c +1001 all.tap >&8
	read -r -t 20 line <&8
	[[ $line == "HTTP/1.1 200"* ]]
	tl_join r
	[ "$TL_STATUS" -eq 0 ]
	exec 8>&-
	stored_once
}

# --- what is refused ------------------------------------------------------------------

@test "malformed bodies: 400, where and why, and nothing of them is stored" {
	receive r
	"$TL_PYTHON" "$CRAFT" break part1 broken
	cat part0 broken part2 >mixed
	expect 400 post mixed
	grep -qE '^at byte [0-9]+: .+' answer
	at=$(sed -E 's/^at byte ([0-9]+):.*/\1/' answer)
	[ "$at" -gt "$(stat -c %s part0)" ]
	[ "$(wc -l <answer)" -eq 1 ]
	: >empty
	expect 400 post empty
	head -c 500 part0 >short
	expect 400 post short
	cat part0 short >tail
	expect 400 post tail
	expect 400 post "$CRAFT"
	# Compressed badly: not at all, cut short, with rubbish behind.
	expect 400 post part0 -H 'Content-Encoding: zstd'
	zstd -q part0
	head -c 500 part0.zst >short.zst
	expect 400 post short.zst -H 'Content-Encoding: zstd'
	cat part0.zst short >rubbish.zst
	expect 400 post rubbish.zst -H 'Content-Encoding: zstd'
	expect 400 post empty -H 'Content-Encoding: zstd'
	tl_stop_ok r
	[ "$(ls seg/*.tap 2>/dev/null | wc -l)" -eq 0 ]
	grep -q ' 9 malformed' r.err
	[ "$(grep -c 'malformed delivery' r.err)" -le 3 ]
}

@test "other forms, paths and methods: 415, 404, 405" {
	receive r
	expect 415 post part0 -H 'Content-Encoding: gzip'
	expect 415 post part0 -H 'Content-Encoding: zstd, gzip'
	type=" application/json" expect 415 post part0
	type=" application/msgpackx" expect 415 post part0
	type=" Application/MsgPack; charset=binary" expect 200 post part0
	expect 404 get "http://127.0.0.1:$port/"
	expect 404 get "http://127.0.0.1:$port/v1/batches/x"
	expect 404 get "http://127.0.0.1:$port/x%41"
	expect 405 get "http://127.0.0.1:$port/v1/batches"
	grep -qiE '^allow: POST.?$' head
	expect 405 get -X DELETE "http://127.0.0.1:$port/healthz"
	grep -qiE '^allow: GET, HEAD.?$' head
	expect 200 get -I "http://127.0.0.1:$port/healthz"
	tl_stop_ok r
}

@test "bodies over the limit: 413, and a bomb stays small" {
	receive r --max-body 16K --backlog 1M
	head -c 20000 /dev/zero >big
	expect 413 post big
	expect 413 post big -H 'Expect: 100-continue'
	[[ $("$TL_PYTHON" "$HELP" chunked "$port" 100000) == "HTTP/1.1 413"* ]]
	# Without an end it is cut off, answered or not.
	"$TL_PYTHON" "$HELP" chunked "$port" 100000000 >endless
	grep -qE 'closed|413' endless
	head -c 70000 /dev/zero | zstd -q >bomb.zst
	no_more_than "$(stat -c %s bomb.zst)" 1000
	expect 413 post bomb.zst -H 'Content-Encoding: zstd'
	# 1 GiB in 32 KiB, and a window that is not ours to allocate.
	before=$(resident_kb r)
	head -c 400M /dev/zero | zstd -q -T1 >bomb.zst
	expect 413 post bomb.zst -H 'Content-Encoding: zstd'
	tl_stop_ok r
	receive r
	before=$(resident_kb r)
	expect 413 post bomb.zst -H 'Content-Encoding: zstd'
	no_more_than $(($(resident_kb r) - before)) 200000
	head -c 64M /dev/zero | zstd -q --ultra --long=27 >long.zst
	expect 400 post long.zst -H 'Content-Encoding: zstd'
	expect 200 post all.tap
	tl_stop_ok r
}

@test "slow and silent clients are cut off, others are served meanwhile" {
	receive r --deadline 1s --timeout 5s
	tl_spawn head "$TL_PYTHON" "$HELP" slow "$port" head
	tl_spawn body "$TL_PYTHON" "$HELP" slow "$port" body
	expect 200 post all.tap
	tl_join head
	tl_join body
	cat head.out body.out
	grep -qE '^(HTTP/1.1 408.*|closed)$' head.out
	grep -qE '^HTTP/1.1 408' body.out
	tl_stop_ok r
	grep -q 'cut off 2' r.err
	receive r --timeout 1s
	[ "$("$TL_PYTHON" "$HELP" silent "$port")" = closed ]
	tl_stop_ok r
}

@test "clients that leave half a request behind leave no connection behind" {
	receive r
	"$TL_PYTHON" "$HELP" leave "$port" 50
	only_listens() {
		[ "$(find "/proc/${TL_PID[r]}/fd" -lname 'socket:*' | wc -l)" -eq 1 ]
	}
	tl_wait_for only_listens
	expect 200 post part0
	tl_stop_ok r
	grep -q '1 deliveries' r.err
}

@test "headers have a limit" {
	receive r
	head -c 60000 /dev/zero | tr '\0' x >filler
	expect 431 get -H "X-Filler: $(cat filler)" "http://127.0.0.1:$port/healthz"
	expect 200 post part0
	tl_stop_ok r
}

@test "more connections than allowed wait for their turn" {
	receive r --max-connections 2
	mkfifo hold
	tl_spawn holder sh -c "exec '$TL_PYTHON' '$HELP' hold $port 2 <hold"
	exec 8>hold
	tl_wait_line holder.out held
	run get --max-time 1 "http://127.0.0.1:$port/healthz"
	[ "$output" != 200 ]
	exec 8>&-
	tl_join holder
	healthy() {
		[ "$(get "http://127.0.0.1:$port/healthz")" = 200 ]
	}
	tl_wait_for healthy
	tl_stop_ok r
}

@test "one address holds only so many connections, and another gets in" {
	receive r --max-per-address 2
	mkfifo hold
	tl_spawn holder sh -c "exec '$TL_PYTHON' '$HELP' hold $port 2 <hold"
	exec 8>hold
	tl_wait_line holder.out held
	run get --max-time 1 "http://127.0.0.1:$port/healthz"
	[ "$output" != 200 ]
	[ "$(get --interface 127.0.0.2 "http://127.0.0.1:$port/healthz")" = 200 ]
	exec 8>&-
	tl_join holder
	tl_stop_ok r
}

@test "on loopback: only by our names, and never for a web page" {
	receive r --host cap.example
	for host in "127.0.0.1:$port" localhost LOCALHOST:1 cap.example cap.example:99; do
		expect 200 post part0 -H "Host: $host"
	done
	for host in evil.example 127.0.0.2 "[::1]:$port" localhost.evil.example cap.example.evil:1; do
		expect 421 post part0 -H "Host: $host"
		expect 421 get -H "Host: $host" "http://127.0.0.1:$port/healthz"
	done
	expect 403 post part0 -H 'Origin: http://evil.example'
	tl_stop_ok r
	[ -e /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6 || return 0
	tl_start r receiver --ready-fd 9 --listen '[::1]:0' -o seg
	port=$(sed -nE 's/.*:([0-9]+)$/\1/p' r.err)
	expect 200 get "http://[::1]:$port/healthz"
	tl_stop_ok r
}

# --- who may deliver ---------------------------------------------------------------------

@test "tokens: the right one of any name, no other; read again on SIGHUP; never logged" {
	printf '# who\n\nalice %s\n  bob\tanother-good-token-of-bob  \n' "$TOKEN" >tokens
	chmod 600 tokens
	receive r -v --token-file tokens
	expect 200 post part0 -H "Authorization: Bearer $TOKEN"
	expect 200 post part1 -H "authorization: bearer another-good-token-of-bob"
	for wrong in "Bearer ${TOKEN}x" "Bearer ${TOKEN%?}" "Bearer" "Bearer " "Basic $TOKEN" "$TOKEN" \
		"Bearer $(head -c 300 /dev/zero | tr '\0' x)" "Bearer alice"; do
		expect 401 post part2 -H "Authorization: $wrong"
		grep -qiE '^www-authenticate: Bearer.?$' head
	done
	expect 401 post part2
	expect 200 get "http://127.0.0.1:$port/healthz"
	printf 'carol a-brand-new-token-of-carol\n' >tokens
	kill -HUP "${TL_PID[r]}"
	tl_wait_line r.err 'tokens: read again, 1'
	expect 401 post part2 -H "Authorization: Bearer $TOKEN"
	expect 200 post part2 -H "Authorization: Bearer a-brand-new-token-of-carol"
	# A file that cannot be understood changes nothing.
	printf 'dave\n' >tokens
	kill -HUP "${TL_PID[r]}"
	tl_wait_line r.err 'the tokens stay'
	expect 200 post part3 -H "Authorization: Bearer a-brand-new-token-of-carol"
	tl_stop_ok r
	grep -q 'carol: 2 deliveries, 200 events' r.err
	grep -q 'alice: 100 events' r.err
	run ! grep -q 'token-of' r.err
}

@test "token files that others can read, or that are wrong" {
	printf 'alice %s\n' "$TOKEN" >tokens
	chmod 644 tokens
	receive r --token-file tokens
	grep -q "tokens: every user can read" r.err
	tl_stop_ok r
	head -c 2M /dev/zero >huge
	printf 'alice\n' >half
	printf 'alice one two\n' >three
	printf '# nobody\n' >nobody
	{ printf 'alice '; head -c 300 /dev/zero | tr '\0' x; echo; } >long
	chmod 600 huge half three nobody long
	for file in no-such-file huge half three nobody long; do
		run --separate-stderr receiver --listen 127.0.0.1:0 --token-file "$file" -o seg
		[ "$status" -eq 2 ]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == *"$file"* ]]
	done
}

@test "off loopback neither without TLS nor without tokens" {
	printf 'alice %s\n' "$TOKEN" >tokens
	certificates
	for options in "" "--token-file tokens" "--cert-file server.pem --key-file server.key"; do
		# shellcheck disable=SC2086
		run --separate-stderr receiver --listen 0.0.0.0:0 -o seg $options
		[ "$status" -eq 2 ]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == *"0.0.0.0:0"* ]]
	done
	for address in 8480 127.0.0.1 127.0.0.1:x 127.0.0.1:65536 localhost:80 ::1:80 '[::1]' :80; do
		run --separate-stderr receiver --listen "$address" -o seg
		[ "$status" -eq 2 ]
		[[ $stderr == *"$address"* ]]
	done
	tl_start r receiver --ready-fd 9 --listen 0.0.0.0:0 --token-file tokens --cert-file server.pem \
		--key-file server.key -o seg
	tl_stop_ok r
}

# --- TLS ------------------------------------------------------------------------------------

# A CA, a server and a client certified by it, and a client certified by another.
certificates() {
	tl_require_tool openssl
	local name
	for name in ca other; do
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
			-subj "/CN=$name" -keyout "$name.key" -out "$name.pem" 2>>openssl.log
	done
	certify server ca "$(printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth')"
	certify client ca "extendedKeyUsage=clientAuth"
	certify stranger other "extendedKeyUsage=clientAuth"
	certify second ca "subjectAltName=IP:127.0.0.1"
}

# certify NAME CA EXTENSION
certify() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
		-keyout "$1.key" -out "$1.csr" 2>>openssl.log
	printf '%s\n' "$3" >"$1.ext"
	openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 2 \
		-extfile "$1.ext" -out "$1.pem" 2>>openssl.log
}

tls_post() {
	local file=$1
	shift
	curl -sS --max-time 20 -o answer -w '%{http_code}' --data-binary "@$file" -H 'Content-Type:' --cacert ca.pem \
		"$@" \
		"https://127.0.0.1:$port/v1/batches"
}

@test "TLS: 1.2 and 1.3, with the certificate given, which is read again on SIGHUP" {
	certificates
	receive r --cert-file server.pem --key-file server.key
	expect 200 tls_post all.tap
	answered "$total" 0
	expect 200 tls_post all.tap --tls-max 1.2
	answered 0 "$total"
	expect 200 tls_post all.tap --tlsv1.3
	expect 000 tls_post all.tap --cacert other.pem
	run ! openssl s_client -connect "127.0.0.1:$port" -tls1_1 -cipher 'ALL:@SECLEVEL=0' </dev/null
	expect 000 get "http://127.0.0.1:$port/healthz"
	openssl s_client -connect "127.0.0.1:$port" </dev/null 2>/dev/null | grep -q 'CN = server'
	cp second.pem server.pem
	kill -HUP "${TL_PID[r]}"
	tl_wait_line r.err 'not the key'
	expect 200 tls_post part0
	cp second.key server.key
	kill -HUP "${TL_PID[r]}"
	tl_wait_line r.err 'server.pem: read again'
	openssl s_client -connect "127.0.0.1:$port" </dev/null 2>/dev/null | grep -q 'CN = second'
	expect 200 tls_post part0
	tl_stop_ok r
	stored_once
}

@test "TLS: with forward secrecy only, also where the key is RSA" {
	tl_require_tool openssl
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=rsa -keyout rsa.key -out rsa.pem \
		2>openssl.log
	receive r --cert-file rsa.pem --key-file rsa.key
	openssl s_client -connect "127.0.0.1:$port" -tls1_2 </dev/null
	run ! openssl s_client -connect "127.0.0.1:$port" -tls1_2 -cipher kRSA </dev/null
	tl_stop_ok r
}

@test "TLS: a client certificate, when one is asked for" {
	certificates
	receive r --cert-file server.pem --key-file server.key --client-ca-file ca.pem
	expect 200 tls_post all.tap --cert client.pem --key client.key
	answered "$total" 0
	expect 200 tls_post all.tap --cert client.pem --key client.key --tls-max 1.2
	for version in 1.2 1.3; do
		expect 000 tls_post part0 --tls-max "$version"
		expect 000 tls_post part0 --tls-max "$version" --cert stranger.pem --key stranger.key
		expect 000 tls_post part0 --tls-max "$version" --cert server.pem --key server.key
	done
	tl_stop_ok r
	grep -q '^receiver: note: 2 deliveries' r.err
}

@test "TLS files that are wrong" {
	certificates
	for options in "--cert-file server.pem" "--key-file server.key" "--client-ca-file ca.pem" \
		"--cert-file no-such-file --key-file server.key" "--cert-file server.pem --key-file client.key" \
		"--cert-file demo.tap --key-file server.key" "--cert-file server.pem --key-file server.key --client-ca-file demo.tap"; do
		# shellcheck disable=SC2086
		run --separate-stderr receiver --listen 127.0.0.1:0 -o seg $options
		[ "$status" -eq 2 ]
		[ "${#stderr_lines[@]}" -eq 1 ]
	done
}

# --- the disk -----------------------------------------------------------------------------------

@test "a full disk: 429 with Retry-After, and it recovers" {
	tl_require_root
	mkdir seg
	unshare -m true || tl_skip "no mount namespaces"
	# The file system goes with the namespace.
	tl_start r unshare -m --propagation private sh -c \
		'mount -t tmpfs -o size=100k none seg && exec receiver --ready-fd 9 --listen 127.0.0.1:0 -o seg'
	port=$(sed -nE 's/.*:([0-9]+)$/\1/p' r.err)
	inside=/proc/${TL_PID[r]}/root/$BATS_TEST_TMPDIR/seg
	accepted=0
	for part in part*; do
		case $(post "$part") in
		200) accepted=$((accepted + $("$TL_PYTHON" "$CRAFT" flat "$part"))) ;;
		429) break ;;
		*) false ;;
		esac
	done
	[ "$accepted" -gt 200 ]
	grep -qiE '^retry-after: [1-5].?$' head
	expect 503 get "http://127.0.0.1:$port/healthz"
	grep -q 'cannot store: No space left' answer
	# What was answered with 200 is there, and no more.
	cat "$inside"/*.open >seen.tap
	"$TL_PYTHON" "$HELP" numbers seen.tap >numbers
	diff numbers - <<<"$accepted $accepted"
	nsenter -t "${TL_PID[r]}" -m mount -o remount,size=8M "$BATS_TEST_TMPDIR/seg"
	for part in part*; do
		expect 200 post "$part"
	done
	expect 200 get "http://127.0.0.1:$port/healthz"
	cat "$inside"/*.open >stored.tap
	[ "$("$TL_PYTHON" "$HELP" numbers stored.tap)" = "$total $total" ]
	tl_stop_ok r
	grep -q 'cannot store deliveries: No space left' r.err
	grep -q 'stored again' r.err
}
