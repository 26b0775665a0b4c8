#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2154  # bats' run sets stderr, tl_netns_add a variable by name
# shipper to NATS JetStream: Debian's nats-server, one node and three.

bats_require_minimum_version 1.5.0
load lib

setup() {
	tl_setup
	tl_require_tool shipper pcap-flow evcat nats-server jq
	demo=$TL_BIN/../demo.pcap
	[ -r "$demo" ] || tl_skip "no demo.pcap (make build/demo.pcap)"
	"$TL_PYTHON" -c 'import msgpack' || tl_skip "no python3-msgpack"
	CRAFT=$BATS_TEST_DIRNAME/craft.py
	EXAMPLES=$TL_ROOT/examples
	STREAM=TAPLINE
	PG_DIR=
	unset NATS_TOKEN NATS_CA NATS_CERT NATS_KEY NATS_SERVER_NAME NATS_ACK_WAIT
}

teardown() {
	# These two have children of their own.
	[ -z "${TL_PID[cluster]:-}" ] || tl_stop cluster
	[ -z "${TL_PID[postgres]:-}" ] || tl_stop postgres INT
	[ -z "$PG_DIR" ] || rm -rf "$PG_DIR"
	tl_teardown
}

# --- what is sent ----------------------------------------------------------------

# 37 small batches of one stream in all.tap, the same as few big ones in whole.tap.
small_batches() {
	pcap-flow -q -r "$demo" -o whole.tap
	"$TL_PYTHON" "$CRAFT" cut 50 whole.tap all.tap
	BATCHES=$("$TL_PYTHON" "$CRAFT" sizes all.tap | wc -l)
	[ "$BATCHES" -gt 10 ]
}

# many_batches COUNT: the same under so many stream ids, in many.tap.
many_batches() {
	small_batches
	"$TL_PYTHON" "$BATS_TEST_DIRNAME/restream.py" "$1" all.tap many.tap
	BATCHES=$((BATCHES * $1))
}

# same_events SENT GOT: every event once or more often, unchanged, and no other.
same_events() {
	evcat --json "$1" | LC_ALL=C sort >sent.json
	[ -s sent.json ] || return 1
	evcat --json "$2" | LC_ALL=C sort -u | diff -q sent.json -
}

# --- the server --------------------------------------------------------------------

# configure [LINE...]: server.conf with a free port, on loopback; URL says where.
configure() {
	PORT=$("$TL_PYTHON" "$CRAFT" port)
	URL=nats://127.0.0.1:$PORT
	cat >server.conf <<-CONF
		listen: 127.0.0.1:$PORT
		jetstream { store_dir: "$PWD/store" }
	CONF
	printf '%s\n' "$@" >>server.conf
}

port_open() {
	(exec 7<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null
}

start_server() {
	tl_spawn server nats-server -c server.conf 8>&-
	tl_wait_for port_open
}

nats() {
	"$TL_PYTHON" "$EXAMPLES/nats.py" "$@"
}

add_stream() {
	tl_wait_for nats stream-add "$URL" "$STREAM" tapline.batches "$@"
}

stored() {
	nats stream-info "$URL" "$STREAM" | jq .state.messages
}

has_stored() {
	[ "$(stored)" -ge "$1" ]
}

# start_shipper OPTION...: reads in.fifo, which descriptor 8 writes to.
start_shipper() {
	mkfifo in.fifo
	exec 8<>in.fifo
	tl_start shipper shipper -I in.fifo --retry-max 500ms --compress none --ready-fd 9 "$@" 8>&-
}

# No more will come: it ends when all is delivered.
end_input() {
	exec 8>&-
	tl_join shipper
	[ "$TL_STATUS" -eq 0 ] || {
		cat shipper.err >&2
		return 1
	}
}

# --- tests -------------------------------------------------------------------------

@test "the stream holds what was sent, and once when it is sent twice" {
	small_batches
	configure
	start_server
	add_stream
	for _ in 1 2; do
		shipper --compress none -o "$URL" <all.tap
		[ "$(stored)" -eq "$BATCHES" ]
	done
	nats stream-read "$URL" "$STREAM" >got.tap
	same_events all.tap got.tap
	evcat --check got.tap
	nats stream-ids "$URL" "$STREAM" >ids
	[ "$(sort -u ids | wc -l)" -eq "$BATCHES" ]
	grep -qE '^[0-9a-f]{32}-[0-9]+-50$' ids
}

@test "the subject may be in the URL or an option; --compress zstd says so" {
	small_batches
	configure
	start_server
	nats stream-add "$URL" A one
	nats stream-add "$URL" B two.three
	shipper --compress none -o "$URL/one" <all.tap
	shipper --compress zstd --subject two.three -o "$URL" <all.tap
	[ "$(nats stream-info "$URL" A | jq .state.messages)" -eq "$BATCHES" ]
	[ "$(nats stream-info "$URL" B | jq .state.bytes)" -lt "$(nats stream-info "$URL" A | jq .state.bytes)" ]
	nats stream-read "$URL" B >got.tap
	same_events all.tap got.tap
}

@test "no stream: it waits, says what to do, and goes on" {
	small_batches
	configure
	start_server
	start_shipper -o "$URL"
	cat all.tap >&8
	tl_wait_line shipper.err 'no stream takes subject tapline.batches'
	add_stream
	end_input
	nats stream-read "$URL" "$STREAM" >got.tap
	same_events all.tap got.tap
}

@test "JetStream is off: the same" {
	small_batches
	configure
	sed -i '/jetstream/d' server.conf
	start_server
	start_shipper -o "$URL"
	cat all.tap >&8
	tl_wait_line shipper.err 'no stream takes subject'
	exec 8>&-
	tl_stop shipper
	[ "$TL_STATUS" -eq 1 ] # not delivered
}

@test "a full stream: it waits until there is room" {
	small_batches
	configure
	start_server
	add_stream max_msgs=5
	start_shipper -o "$URL"
	cat all.tap >&8
	tl_wait_line shipper.err 'maximum messages exceeded'
	add_stream max_msgs=1000
	end_input
	nats stream-read "$URL" "$STREAM" >got.tap
	same_events all.tap got.tap
}

@test "the server is killed and started again in between: nothing is lost" {
	many_batches 20
	configure
	start_server
	add_stream
	start_shipper -o "$URL"
	head -c 1000000 many.tap >&8
	tl_wait_for has_stored 100
	tl_stop server KILL
	tail -c +1000001 many.tap >&8 &
	tl_wait_line shipper.err '127.0.0.1'
	start_server
	wait $!
	end_input
	nats stream-read "$URL" "$STREAM" >got.tap
	same_events many.tap got.tap
	[ "$(stored)" -eq "$BATCHES" ] # what was sent again was known by its id
}

@test "there is no server yet" {
	small_batches
	configure
	start_shipper -o "$URL"
	cat all.tap >&8
	tl_wait_line shipper.err '127.0.0.1:.*'
	start_server
	add_stream
	end_input
	[ "$(stored)" -eq "$BATCHES" ]
}

@test "a wrong token is forbidden until the file has the right one" {
	small_batches
	configure 'authorization { token: "Op3nSesame" }'
	start_server
	export NATS_TOKEN=Op3nSesame
	add_stream
	umask 077
	echo Cl0seSesame >token
	start_shipper -o "$URL" --token-file token
	cat all.tap >&8
	tl_wait_line shipper.err 'Authorization Violation'
	[ "$(stored)" -eq 0 ]
	echo Op3nSesame >token.new
	mv token.new token
	end_input
	[ "$(stored)" -eq "$BATCHES" ]
	! grep -q Sesame shipper.err
}

@test "credentials of a stranger are forbidden until the file has ours" {
	small_batches
	tl_require_tool openssl
	configure
	umask 077
	"$TL_PYTHON" "$BATS_TEST_DIRNAME/natscreds.py" "$PORT"
	start_server
	cp stranger.creds creds
	start_shipper -o "$URL" --credentials-file creds
	cat all.tap >&8
	tl_wait_line shipper.err 'Authorization Violation'
	mv user.creds creds
	tl_wait_line shipper.err 'no stream takes subject' # this server has no JetStream
	exec 8>&-
	tl_stop shipper KILL
	! grep -q -e SU -e eyJ shipper.err
}

@test "a subject that is not allowed is forbidden, and says which" {
	small_batches
	configure 'authorization { users = [
		{ user: "a", password: "b", permissions: { publish: { deny: "tapline.>" } } } ] }' \
		'no_auth_user: "a"'
	start_server
	start_shipper -o "$URL"
	cat all.tap >&8
	tl_wait_line shipper.err 'Permissions Violation for Publish to .?tapline.batches'
	exec 8>&-
	tl_stop shipper
	[ "$TL_STATUS" -eq 1 ]
}

@test "max_payload: bigger batches go in pieces" {
	small_batches
	configure 'max_payload: 8192'
	start_server
	add_stream
	shipper --compress none -o "$URL" <whole.tap
	nats stream-read "$URL" "$STREAM" >got.tap
	same_events whole.tap got.tap
	[ "$("$TL_PYTHON" "$CRAFT" sizes got.tap | sort -n | tail -n 1)" -le 8192 ]
	evcat --check got.tap
}

# certificate NAME SAN: NAME.pem and NAME.key, signed by ca.pem.
certificate() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
		-keyout "$1.key" -out "$1.csr"
	openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
		-extfile <(echo "subjectAltName=$2") -out "$1.pem"
}

certificates() {
	tl_require_tool openssl
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca \
		-keyout ca.key -out ca.pem
	certificate server DNS:nats.example
	certificate client DNS:client.example
}

@test "TLS: CA, client certificate and name are checked, and then it works" {
	small_batches
	certificates 2>openssl.err
	configure 'tls { cert_file: "server.pem", key_file: "server.key", ca_file: "ca.pem", verify: true }'
	URL=tls://127.0.0.1:$PORT
	start_server
	keys=(--cert-file client.pem --key-file client.key)
	expect() {
		tl_forget shipper
		rm -f in.fifo
		start_shipper -o "$URL" "${@:2}"
		cat all.tap >&8
		tl_wait_line shipper.err "$1"
		exec 8>&-
		tl_stop shipper KILL
	}
	expect 'unable to get local issuer' "${keys[@]}" --server-name nats.example
	# --ca-file stands instead of what the machine trusts, not beside it
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=other \
		-keyout other.key -out other.pem 2>openssl.err
	export SSL_CERT_FILE=$PWD/ca.pem
	expect 'no stream takes subject' "${keys[@]}" --server-name nats.example
	expect 'unable to get local issuer' "${keys[@]}" --ca-file other.pem --server-name nats.example
	unset SSL_CERT_FILE
	expect 'IP address mismatch' "${keys[@]}" --ca-file ca.pem
	expect "127.0.0.1:$PORT" --ca-file ca.pem --server-name nats.example # no certificate of ours
	rm -f in.fifo
	start_shipper -o "$URL" "${keys[@]}" --ca-file ca.pem --server-name nats.example
	cat all.tap >&8
	tl_wait_line shipper.err 'no stream takes subject'
	export NATS_CA=ca.pem NATS_CERT=client.pem NATS_KEY=client.key NATS_SERVER_NAME=nats.example
	add_stream
	end_input
	[ "$(stored)" -eq "$BATCHES" ]
}

@test "what cannot work is refused at once, with one line" {
	for bad in nats://192.0.2.1:4222 "nats://user:secret@127.0.0.1:4222" "nats://127.0.0.1/a.*" \
		"nats://" "nats://127.0.0.1:4222,/x" "nats://127.0.0.1/.a"; do
		run --separate-stderr -2 shipper -o "$bad" </dev/null
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr != *secret* ]]
	done
	run --separate-stderr -2 shipper -o nats://127.0.0.1 --token-file none </dev/null
	run --separate-stderr -2 shipper -o nats://127.0.0.1 --credentials-file none </dev/null
	run --separate-stderr -2 shipper -o tls://127.0.0.1 --ca-file none </dev/null
}

# --- the cluster of examples/ ---------------------------------------------------------

leader() {
	LEADER=$(ip netns exec "$ns" "$TL_PYTHON" "$EXAMPLES/nats.py" stream-info "$URL" "$STREAM" |
		jq -re .cluster.leader)
}

@test "three nodes: the leader is killed in between, and nothing is lost" {
	tl_require_root
	many_batches 40
	tl_netns_add ns
	nats() {
		ip netns exec "$ns" "$TL_PYTHON" "$EXAMPLES/nats.py" "$@"
	}
	URL=nats://127.0.0.1:4222,127.0.0.1:4223,127.0.0.1:4224
	tl_spawn cluster ip netns exec "$ns" "$EXAMPLES/nats-cluster/run.sh" "$PWD/cluster"
	tl_wait_line cluster.out '^ready:'
	[ "$(nats stream-info "$URL" "$STREAM" | jq .config.num_replicas)" -eq 3 ]
	mkfifo in.fifo
	exec 8<>in.fifo
	tl_start shipper ip netns exec "$ns" "$TL_BIN/shipper" -I in.fifo -o "$URL" --compress none \
		--timeout 2s --retry-max 500ms --rate 2M --ready-fd 9 8>&-
	leader
	half=$(($(stat -c %s many.tap) / 2))
	head -c $half many.tap >&8
	tl_wait_for has_stored 100
	kill -KILL "$(sed -n "s/^$LEADER: pid \([0-9]*\),.*/\1/p" cluster.out)"
	dead=$LEADER
	tail -c +$((half + 1)) many.tap >&8
	tl_wait_for leader
	TL_DEADLINE=60 end_input
	leader
	[ "$LEADER" != "$dead" ]
	nats stream-read "$URL" "$STREAM" >got.tap
	same_events many.tap got.tap
	tl_stop_ok cluster
}

# --- the consumers of examples/ ---------------------------------------------------------

@test "nats_print.py: the events, each acknowledged once printed" {
	small_batches
	configure
	start_server
	add_stream
	shipper --compress zstd -o "$URL" <all.tap
	"$TL_PYTHON" "$EXAMPLES/read_events.py" all.tap >expected
	"$TL_PYTHON" "$EXAMPLES/nats_print.py" --drain "$URL" "$STREAM" printer >got
	diff expected got
	"$TL_PYTHON" "$EXAMPLES/nats_print.py" --drain "$URL" "$STREAM" printer >again
	[ ! -s again ]
}

@test "nats_print.py: a message that is no batch is told, left out, and holds up nothing" {
	small_batches
	configure
	start_server
	add_stream
	"$TL_PYTHON" - "$EXAMPLES" "$URL" <<-'PYTHON'
		import sys
		sys.path.insert(0, sys.argv[1])
		import msgpack
		import nats
		client = nats.Client(sys.argv[2])
		like = {"v": 1, "stream": bytes(16), "first": 0, "shapes": [], "source": "", "host": "", "iface": "",
		        "events": [[0, 5, "type", {}, []]]} # its time is a number
		for body in (b"", b"\xc1", b"\x80", b"\x81\xa1v", b"hello", msgpack.packb(like)):
		    client.request("tapline.batches", body)
	PYTHON
	shipper --compress none -o "$URL" <all.tap
	"$TL_PYTHON" "$EXAMPLES/read_events.py" all.tap >expected
	"$TL_PYTHON" "$EXAMPLES/nats_print.py" --drain "$URL" "$STREAM" printer >got 2>told
	diff expected got
	[ "$(grep -c 'no batch' told)" -eq 6 ]
}

@test "nats_print.py ends when its reader does" {
	small_batches
	configure
	start_server
	add_stream
	shipper --compress none -o "$URL" <all.tap
	timeout 10 "$TL_PYTHON" "$EXAMPLES/nats_print.py" "$URL" "$STREAM" printer | head -n 3 >got
	[ "$(wc -l <got)" -eq 3 ]
}

# A private cluster of PostgreSQL's, which refuses to run as root.
start_postgres() {
	PG_BIN=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
	[ -x "$PG_BIN/initdb" ] || tl_skip "no PostgreSQL server (postgresql)"
	"$TL_PYTHON" -c 'import psycopg2' || tl_skip "no python3-psycopg2"
	tl_require_root
	id postgres >/dev/null || tl_skip "no user postgres"
	PG_DIR=$(mktemp -d)
	chown postgres "$PG_DIR"
	DSN="host=$PG_DIR user=postgres dbname=postgres"
	setpriv --reuid postgres --regid postgres --clear-groups \
		"$PG_BIN/initdb" -D "$PG_DIR/data" -A trust --no-sync >initdb.out
	tl_spawn postgres setpriv --reuid postgres --regid postgres --clear-groups \
		"$PG_BIN/postgres" -D "$PG_DIR/data" -k "$PG_DIR" -c listen_addresses=
	tl_wait_for sql 'select 1' >/dev/null
}

sql() {
	psql -X -q -A -t -h "$PG_DIR" -U postgres -c "$1" postgres
}

has_rows() {
	[ "$(sql 'select count(*) from events' 2>/dev/null || echo 0)" -gt 0 ]
}

@test "nats_to_postgres.py: killed in between, neither loss nor duplicates" {
	many_batches 20
	configure
	start_server
	add_stream
	start_postgres
	shipper --compress none -o "$URL" <many.tap
	export NATS_ACK_WAIT=1
	tl_spawn consumer "$TL_PYTHON" "$EXAMPLES/nats_to_postgres.py" "$URL" "$STREAM" db "$DSN"
	tl_wait_for has_rows
	tl_stop consumer KILL
	evcat --json many.tap | jq -r .event_id | LC_ALL=C sort >expected
	[ "$(sql 'select count(*) from events')" -lt "$(wc -l <expected)" ]
	"$TL_PYTHON" "$EXAMPLES/nats_to_postgres.py" --drain "$URL" "$STREAM" db "$DSN"
	sql 'select event_id from events' | LC_ALL=C sort | diff -q expected -
	# What it cannot store is told, and holds up nothing.
	"$TL_PYTHON" - "$EXAMPLES" "$URL" <<-'PYTHON'
		import sys
		sys.path.insert(0, sys.argv[1])
		import msgpack
		import nats
		late = msgpack.Timestamp(9400000000000)
		batch = {"v": 1, "stream": bytes(16), "first": 0, "shapes": [], "source": "a\0b", "host": "", "iface": "",
		         "events": [[0, late, "t", {}, []], [0, msgpack.Timestamp(1), "t", {"x": float("nan")}, []]]}
		nats.Client(sys.argv[2]).request("tapline.batches", msgpack.packb(batch))
	PYTHON
	"$TL_PYTHON" "$EXAMPLES/nats_to_postgres.py" --drain "$URL" "$STREAM" db "$DSN" 2>told
	grep -q 'left out' told
	[ "$(sql "select count(*) from events where stream = repeat('0', 32)")" -eq 1 ]
	sql "delete from events where stream = repeat('0', 32)"
	evcat --json many.tap | jq -cS '[.event_id, .type, .entities.bytes, .entities.src_ip, .edges]' | LC_ALL=C sort >expected
	sql "select json_build_array(event_id, type, entities->'bytes', entities->'src_ip', edges) from events" |
		jq -cS . | LC_ALL=C sort | diff -q expected -
}

@test "nats_to_postgres.py: the database goes away and comes back" {
	small_batches
	configure
	start_server
	add_stream
	start_postgres
	tl_spawn consumer "$TL_PYTHON" "$EXAMPLES/nats_to_postgres.py" "$URL" "$STREAM" db "$DSN"
	tl_stop postgres INT
	shipper --compress none -o "$URL" <all.tap
	tl_wait_line consumer.err 'again in a second'
	tl_spawn postgres setpriv --reuid postgres --regid postgres --clear-groups \
		"$PG_BIN/postgres" -D "$PG_DIR/data" -k "$PG_DIR" -c listen_addresses=
	evcat --json all.tap | wc -l >expected
	all_there() {
		[ "$(sql 'select count(*) from events' 2>/dev/null || echo 0)" -eq "$(cat expected)" ]
	}
	tl_wait_for all_there
}
