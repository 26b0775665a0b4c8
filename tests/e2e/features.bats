#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Flow features: equal to an independent dissector's, equal in all engines that have them.
#
# Each test is a subshell of its own, and so is the variable `engine` in it.
# shellcheck disable=SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0
load lib
load engine

FEATURES=$BATS_TEST_DIRNAME/features.py
FEATURE_ENGINES=(tpv3-capd afp-capd "tpv3-capd --threads 2")

setup() {
	engine_setup 1500
	tl_require_tool pcap-flow evcat jq
}

teardown() {
	engine_teardown
}

features_of() {
	evcat -q --json -t flow_features "$1"
}

require_tshark() {
	tl_require_tool tshark
	tshark -G fields 2>/dev/null | grep -q 'tls\.handshake\.ja3s' || tl_skip "tshark without JA3"
}

# some PATH NUMBER FILE: at least so many of the events have the entity.
some() {
	local found
	found=$(jq -r --arg name "$1" 'select(.entities[$name]) | .number' "$3" | wc -l)
	[ "$found" -ge "$2" ] || {
		echo "$found events have $1"
		return 1
	}
}

# --- files --------------------------------------------------------------------------

@test "golden captures: the features are what tshark finds" {
	require_tshark
	tl_require_golden
	"$TL_PYTHON" "$FEATURES" "$GOLDEN_DIR"/*.pcap
}

@test "the demo capture: the features are what tshark finds" {
	require_tshark
	[ -r "$TL_BIN/../demo.pcap" ] || tl_skip "no demo.pcap (make build/demo.pcap)"
	"$TL_PYTHON" "$FEATURES" "$TL_BIN/../demo.pcap"
	pcap-flow -q --features -r "$TL_BIN/../demo.pcap" -o demo.tap
	features_of demo.tap >demo.json
	some tls.sni 100 demo.json
	some tls.ja3s.hash 100 demo.json
	some quic.ja4 30 demo.json
	some dns.answers.rdata 100 demo.json
	some ssh.server.hassh.hash 10 demo.json
}

@test "features come with the first packets and before the end, where they grew; the books hold" {
	[ -r "$TL_BIN/../demo.pcap" ] || tl_skip "no demo.pcap (make build/demo.pcap)"
	pcap-flow -q --features -r "$TL_BIN/../demo.pcap" -o f.tap
	pcap-flow -q -r "$TL_BIN/../demo.pcap" -o plain.tap
	evcat --check f.tap | grep ': holds; '
	# Without the new events it is the stream it was, to the last total.
	evcat --json f.tap | jq -c 'select(.type != "flow_features" and .type != "capture_stats") | [.type, .entities]' >with
	evcat --json plain.tap | jq -c 'select(.type != "capture_stats") | [.type, .entities]' >without
	diff with without
	evcat --json f.tap | jq -r '[.type, .entities.flow_id, .entities.direction, .entities.start, .entities.packets,
		.entities.bytes, (.entities.feature_flags // 0) >= 128] | @tsv' >events
	# The last one has the packets and bytes that the flow ends with; it says so if it came at the end.
	awk -F '\t' '
		$1 == "flow_start" { started++ }
		$1 == "flow_features" {
			if (told[$2, $3]++ && (last[$2, $3] == $5 || $7 != "true")) exit 2
			last[$2, $3] = $5; bytes[$2, $3] = $6; twice += told[$2, $3] == 2
		}
		$1 == "flow_end" {
			if (!told[$2, $3] || last[$2, $3] != $5 || bytes[$2, $3] != $6) exit 3
			ended++; told[$2, $3] = 0
		}
		END { exit !(started > 100 && started == ended && twice > 0) }' events
}

@test "--features-once: one event a flow, of its first packets" {
	[ -r "$TL_BIN/../demo.pcap" ] || tl_skip "no demo.pcap (make build/demo.pcap)"
	pcap-flow -q --features --features-once -r "$TL_BIN/../demo.pcap" | evcat --json -t flow_features,flow_end >events
	[ "$(jq 'select(.type == "flow_features") | .entities.packets' events | sort -n | tail -1)" -eq 16 ]
	[ "$(jq 'select(.type == "flow_end") | .entities.packets' events | sort -n | tail -1)" -gt 16 ]
	[ "$(grep -c flow_features events)" -eq "$(grep -c flow_end events)" ]
}

@test "--features-flows: with fewer states than flows some are told early, and it is said" {
	[ -r "$TL_BIN/../demo.pcap" ] || tl_skip "no demo.pcap (make build/demo.pcap)"
	pcap-flow --features --features-flows 2 -r "$TL_BIN/../demo.pcap" -o f.tap 2>said
	cat said
	[[ $(<said) =~ flow_features,\ ([0-9]+)\ flows\ early ]]
	[ "${BASH_REMATCH[1]}" -gt 10 ]
	evcat --check f.tap | grep ': holds; '
}

@test "--features-packets: so many are looked into" {
	[ -r "$TL_BIN/../demo.pcap" ] || tl_skip "no demo.pcap (make build/demo.pcap)"
	pcap-flow -q --features --features-once --features-packets 3 -r "$TL_BIN/../demo.pcap" | evcat --json -t flow_features >few
	pcap-flow -q --features --features-once --features-packets 40 -r "$TL_BIN/../demo.pcap" | evcat --json -t flow_features >many
	# Merged or not, packets come one by one in a file.
	[ "$(jq .entities.packets few | sort -n | tail -1)" -eq 3 ]
	[ "$(jq .entities.packets many | sort -n | tail -1)" -gt 16 ]
	# The first 16 are told one by one.
	[ "$(jq '.entities["size.first"] | length' many | sort -n | tail -1)" -eq 16 ]
}

@test "--features is refused where it cannot be" {
	local tool
	for tool in tpv3-capd afp-capd; do
		run --separate-stderr tl_rx "$tool" -i rx0 --raw --features -o /dev/null
		[ "$status" -eq 2 ]
		[[ $stderr == *"--features with --raw"* ]]
		run --separate-stderr tl_rx "$tool" -i rx0 --features --features-packets 0 -o /dev/null
		[ "$status" -eq 2 ]
		run --separate-stderr tl_rx "$tool" -i rx0 --features --features-flows 0 -o /dev/null
		[ "$status" -eq 2 ]
	done
	run --separate-stderr pcap-flow --features --features-packets 0 -r /dev/null -o /dev/null
	[ "$status" -eq 2 ]
}

# --- live -----------------------------------------------------------------------------

young_flow_is_told_at_the_end() {
	capture -q --features
	send udp 3
	finish
	expect_events 1 type='"flow_features"' packets=3
	expect_events 1 type='"flow_end"' packets=3
}

@test "a stop tells the features of flows that are young" {
	each_of FEATURE_ENGINES loudly young_flow_is_told_at_the_end
}

features_come_with_the_16th_packet() {
	tl_start "$engine" tl_rx "${command[@]}" --ready-fd 9 -i rx0 -q --features -o "$engine.tap"
	send udp 16
	tl_wait_for told "$engine.tap"
	send udp 5
	tl_stop_ok "$engine"
	[ "$(features_of "$engine.tap" | jq -r '[.entities.packets, .entities.feature_flags] | @csv' | xargs)" = "16,0 21,128" ]
}

told() {
	[ -n "$(features_of "$1" 2>/dev/null)" ]
}

@test "the 16th packet brings the features, long before the flow ends; its end the count of all" {
	each_of FEATURE_ENGINES loudly features_come_with_the_16th_packet
}

@test "golden captures replayed: the features of all engines are equal" {
	tl_require_golden
	local pcap
	ip -n "$TL_NS_TX" link set tx0 mtu 9000
	ip -n "$TL_NS_RX" link set rx0 mtu 9000
	for pcap in "$GOLDEN_DIR"/{wikipedia,get,mixed-vlan-mpls,q-in-q,vlan-collisions,ipv6-http-atomic-frag}.pcap; do
		echo "$pcap"
		capture_all FEATURE_ENGINES -q --features
		tl_tx "$TL_PYTHON" "$TAP" replay tx0 "$pcap"
		stop_all FEATURE_ENGINES
		same_features
	done
}

same_features() {
	files_of FEATURE_ENGINES
	local file
	local -a events=()
	for file in "${FILES[@]}" "$@"; do
		tap check "$file"
		features_of "$file" >"$file.json"
		events+=("$file.json")
	done
	"$TL_PYTHON" "$FEATURES" --same "${events[@]}"
}

# --- real clients -------------------------------------------------------------------------

NAME=www.test.example
SERVER=10.99.0.2

# Each is one process, so that the end of the test ends it.
start_servers() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 30 -subj "/CN=$NAME" 2>/dev/null
	ssh-keygen -q -t ed25519 -N '' -f hostkey
	cat >nginx.conf <<-EOF
		daemon off; master_process off; pid nginx.pid; error_log nginx.err; events {}
		http { access_log off; client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3;
		uwsgi_temp_path t4; scgi_temp_path t5;
		server { listen 80; listen 443 ssl http2; ssl_protocols TLSv1.2 TLSv1.3;
		ssl_certificate $PWD/cert.pem; ssl_certificate_key $PWD/key.pem; location / { return 200 "hello\n"; } } }
	EOF
	tl_spawn nginx tl_rx nginx -p "$PWD" -c "$PWD/nginx.conf"
	tl_spawn dnsmasq tl_rx dnsmasq -k --no-resolv --no-hosts --conf-file=/dev/null --pid-file= --user=root \
		"--address=/$NAME/$SERVER" --cname=alias.test.example,target.test.example \
		--host-record=target.test.example,10.1.2.3 --mx-host=test.example,mail.test.example,10 \
		--local=/test.example/
	# sshd wants a folder in /run.
	tl_spawn sshd tl_rx unshare -m sh -c "mount -t tmpfs none /run && mkdir /run/sshd &&
		exec $(command -v sshd) -D -h $PWD/hostkey -o UsePAM=no -o PidFile=none"
	tl_spawn quic tl_rx gtlsserver -q "$SERVER" 4434 key.pem cert.pem
	tl_wait_for listening tcp 80
	tl_wait_for listening tcp 443
	tl_wait_for listening tcp 22
	tl_wait_for listening udp 53
	tl_wait_for listening udp 4434
}

listening() {
	tl_rx ss -Hln "--$1" "sport = :$2" | grep -q .
}

# What a client says of a server with a certificate of its own is of no interest.
client() {
	tl_tx timeout 10 "$@" </dev/null >>clients.out 2>&1 || true
}

run_clients() {
	local option query
	for query in "$NAME A" "$NAME AAAA" "alias.test.example A" "test.example MX" "nothere.test.example A"; do
		client dig "@$SERVER" $query
		client dig +tcp "@$SERVER" $query
	done
	client curl -s "http://$SERVER/"
	client curl -s --resolve "$NAME:80:$SERVER" -A 'odd agent/1.0 (x; "y")' -X DELETE "http://$NAME/a/b?c"
	client curl -s -H 'User-Agent:' "http://$SERVER/1" "http://$SERVER/2"
	for option in --tlsv1.3 "--tls-max 1.2" --http1.1 --no-alpn; do
		client curl -sk $option --resolve "$NAME:443:$SERVER" "https://$NAME/"
	done
	for option in "-noservername -tls1_2" "-servername $NAME -tls1_3" "-servername $NAME -alpn h2" \
		"-servername $NAME -groups P-521:P-384" "-servername $NAME -split_send_frag 256"; do
		client openssl s_client -connect "$SERVER:443" $option
	done
	for option in "-o Compression=yes" "-o Ciphers=aes128-ctr -o MACs=hmac-sha2-256"; do
		client ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null $option "$SERVER" true
	done
	client gtlsclient -q --exit-on-all-streams-close "$SERVER" 4434 "https://$NAME/"
}

# tcpdump forgets what it has not read when it is stopped: the last packet says that it has.
stop_tcpdump() {
	tl_tx bash -c "echo the last packet >/dev/udp/$SERVER/9"
	tl_wait_for grep -aqs "the last packet" live.pcap
	tl_stop tcpdump INT
}

@test "curl, openssl, ssh, dig and QUIC: tshark and every engine find the same" {
	require_tshark
	tl_require_tool tcpdump curl openssl ssh ssh-keygen sshd dig nginx dnsmasq gtlsclient gtlsserver ss
	start_servers
	tl_spawn tcpdump tl_rx tcpdump -i rx0 -U --immediate-mode -s 0 -w live.pcap
	tl_wait_line tcpdump.err "listening on"
	capture_all FEATURE_ENGINES -q --features --direction both
	run_clients
	stop_tcpdump
	stop_all FEATURE_ENGINES
	pcap-flow -q --features -r live.pcap -o file.tap
	same_features file.tap
	"$TL_PYTHON" "$FEATURES" live.pcap
	some tls.sni 8 file.tap.json
	some tls.ja4 9 file.tap.json
	some tls.ja3s.hash 9 file.tap.json
	some tls.server_handshake.cipher 9 file.tap.json
	some quic.ja4 1 file.tap.json
	some dns.rrname 16 file.tap.json
	some dns.answers.rdata 6 file.tap.json
	some http.hostname 3 file.tap.json
	some ssh.client.hassh.hash 2 file.tap.json
	some ssh.server.hassh.hash 2 file.tap.json
	some tcp.synack_time 15 file.tap.json
}
