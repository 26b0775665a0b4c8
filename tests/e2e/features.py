#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""usage: features.py CAPTURE...: features against tshark's fields.
       features.py --same EVENTS EVENTS...: the features of several engines.

For each capture: the first flow_features event of each flow, by pcap-flow, against
what tshark says of its first 16 packets (2 s), one direction at a time; the last, which
counts all packets, against all that tshark has. One line a capture: of each field how
many values, how many are equal; each difference. JA4, which tshark 4.0 does not have, is computed here from tshark's fields by
the rules of FoxIO's JA4.md.

--same: lines of evcat --json. Everything but times and direction must be equal,
flow by flow. Exit 1 when something differs.
"""
import collections
import concurrent.futures
import hashlib
import json
import math
import os
import subprocess
import sys
import tempfile

PACKETS, WINDOW = 16, 2.0
SHOWN = 20
ONE = "\x1f"
FIELDS = """frame.time_epoch frame.len ip.src ip.dst ipv6.src ipv6.dst ip.proto tcp.srcport tcp.dstport
udp.srcport udp.dstport vlan.id tcp.flags tcp.window_size_value tcp.options.mss_val tcp.option_kind
tcp.options.wscale.shift tcp.len tcp.payload udp.payload tcp.analysis.out_of_order
tls.handshake.type tls.handshake.extensions_server_name tls.handshake.extensions_alpn_str
tls.handshake.ja3 tls.handshake.ja3s tls.handshake.version tls.handshake.extensions.supported_version
tls.handshake.random tls.handshake.ciphersuite tls.handshake.extension.type tls.handshake.sig_hash_alg
quic.version dns.qry.name dns.qry.type dns.flags.response dns.flags.rcode dns.a dns.aaaa dns.cname dns.ns
dns.ptr.domain_name dns.mx.mail_exchange dns.srv.target
dns.resp.type dns.count.answers
http.request.method http.request.version http.host http.user_agent ssh.protocol ssh.kex.hassh ssh.kex.hasshserver
ip.frag_offset ip.id ipv6.fraghdr.offset ipv6.fraghdr.ident icmp.type icmpv6.type tcp.seq_raw tcp.ack_raw""".split()
VERSION_NAMES = {"0x0304": "TLS 1.3", "0x0303": "TLS 1.2", "0x0302": "TLS 1.1", "0x0301": "TLSv1", "0x0300": "SSLv3"}
VERSIONS = {"0x0304": "13", "0x0303": "12", "0x0302": "11", "0x0301": "10", "0x0300": "s3"}


def vlans(capture):
    """The tags there are: tshark takes equal ports in two VLANs for one stream."""
    command = ["tshark", "-n", "-r", capture, "-T", "fields", "-E", "occurrence=f", "-e", "vlan.id"]
    return sorted(set(subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\n")[:-1]))


def tshark(capture, vlan):
    part = tempfile.NamedTemporaryFile(suffix=".pcap")
    only = "vlan.id == %s" % vlan if vlan else "not vlan"
    subprocess.run(["tshark", "-n", "-r", capture, "-Y", only, "-F", "nsecpcap", "-w", part.name], capture_output=True, check=True)
    command = ["tshark", "-n", "-r", part.name, "-2", "-T", "fields", "-E", "occurrence=a", "-E", "separator=/t",
               "-E", "aggregator=" + ONE, "-o", "tcp.desegment_tcp_streams:TRUE", "-o", "ip.defragment:FALSE",
               "-o", "ipv6.defragment:FALSE", "-o", "tcp.reassemble_out_of_order:TRUE"]
    for field in FIELDS:
        command += ["-e", field]
    text = subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8", "replace")
    for line in text.splitlines():
        yield {f: v.split(ONE) if v else [] for f, v in zip(FIELDS, line.split("\t"))}


def flow_key(p):
    """Of the outermost IP header; None for what has no ports."""
    six = p["ipv6.src"] and not p["ip.src"]
    if six and (p["icmpv6.type"] or not (p["tcp.srcport"] or p["udp.srcport"])):
        return None
    if not six and (not p["ip.proto"] or p["ip.proto"][0] not in ("6", "17")):
        return None
    addresses = (p["ipv6.src"][0], p["ipv6.dst"][0]) if six else (p["ip.src"][0], p["ip.dst"][0])
    proto = ("tcp" if p["tcp.srcport"] else "udp") if six else {"6": "tcp", "17": "udp"}[p["ip.proto"][0]]
    if not p[proto + ".srcport"]:
        return None
    return addresses + (int(p[proto + ".srcport"][0]), int(p[proto + ".dstport"][0]), proto,
                        int(p["vlan.id"][0]) if p["vlan.id"] else 0)


def is_grease(text):
    v = int(text, 0)
    return v & 0x0f0f == 0x0a0a and v >> 8 == v & 0xff


def number(text):
    return "%04x" % int(text, 0)


def sha12(text):
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def alpn_ends(alpns):
    if not alpns or not alpns[0]:
        return "00"
    first = alpns[0].encode()
    ends = bytes([first[0], first[-1]])
    if all(chr(c).isascii() and chr(c).isalnum() for c in ends):
        return ends.decode()
    return first.hex()[0] + first.hex()[-1]


def best_version(p):
    versions = [v for v in p["tls.handshake.extensions.supported_version"] if not is_grease(v)]
    return max(versions) if versions else p["tls.handshake.version"][0]


def ja4(p, quic):
    """JA4.md, step by step; tshark's lists of one hello."""
    ciphers = sorted(number(c) for c in p["tls.handshake.ciphersuite"] if not is_grease(c))
    extensions = [number(e) for e in p["tls.handshake.extension.type"] if not is_grease(e)]
    version = best_version(p)
    signatures = [number(s) for s in p["tls.handshake.sig_hash_alg"] if not is_grease(s)]
    hashed = sorted(e for e in extensions if e not in ("0000", "0010"))
    text = ",".join(hashed) + ("_" + ",".join(signatures) if signatures else "")
    return "%s%s%s%02d%02d%s_%s_%s" % (
        "q" if quic else "t", VERSIONS.get(version, "00"), "d" if "0000" in extensions else "i",
        min(len(ciphers), 99), min(len(extensions), 99), alpn_ends(p["tls.handshake.extensions_alpn_str"]),
        sha12(",".join(ciphers)) if ciphers else "0" * 12, sha12(text) if hashed else "0" * 12)


def escaped(text):
    return "".join(c if " " <= c < "\x7f" else "".join("\\x%02x" % b for b in c.encode()) for c in text)[:250]


def once(values):
    return list(dict.fromkeys(values))


RETRY = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"  # RFC 8446, 4.1.3
RCODES = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"]
TYPES = {"1": "A", "2": "NS", "5": "CNAME", "6": "SOA", "12": "PTR", "15": "MX", "16": "TXT", "28": "AAAA",
         "33": "SRV", "64": "SVCB", "65": "HTTPS", "255": "ANY"}


DATA = {"1": "a", "28": "aaaa", "5": "cname", "2": "ns", "12": "ptr.domain_name", "15": "mx.mail_exchange",
        "33": "srv.target"}


def expect_tls(e, p):
    kinds = p["tls.handshake.type"]
    quic = bool(p["quic.version"])
    prefix = "quic." if quic else "tls."
    if "1" in kinds and prefix + "ja3.hash" not in e:
        e[prefix + "ja3.hash"] = p["tls.handshake.ja3"][0]
        e[prefix + "ja4"] = ja4(p, quic)
        if p["tls.handshake.extensions_server_name"]:
            e[prefix + "sni"] = escaped(p["tls.handshake.extensions_server_name"][0])
        if p["tls.handshake.extensions_alpn_str"]:
            e[prefix + "client_alpns"] = p["tls.handshake.extensions_alpn_str"]
        if not quic:
            e["tls.client_version"] = VERSION_NAMES[best_version(p)]
        if quic:
            e["quic.version"] = {"0x00000001": "1", "0x6b3343cf": "2"}[p["quic.version"][0]]
    retry = [r.replace(":", "") for r in p["tls.handshake.random"][:1]] == [RETRY]
    if "2" in kinds and not quic and not retry and "tls.ja3s.hash" not in e and p["tls.handshake.ja3s"]:
        e["tls.ja3s.hash"] = p["tls.handshake.ja3s"][0]
        # What follows the hello in the clear has neither ciphers nor extensions.
        e["tls.version"] = VERSION_NAMES[best_version(p)]
        e["tls.server_handshake.cipher"] = int(p["tls.handshake.ciphersuite"][0], 0)
        e["tls.server_handshake.exts"] = [int(x) for x in p["tls.handshake.extension.type"]]
        e["tls.server_alpns"] = p["tls.handshake.extensions_alpn_str"]


def expect_dns(e, p):
    if not p["dns.flags.response"]:
        return
    e.setdefault("dns.rrname", []).extend(n if n != "<Root>" else "." for n in p["dns.qry.name"])
    e.setdefault("dns.rrtype", []).extend(TYPES.get(t, "TYPE" + t) for t in p["dns.qry.type"])
    if p["dns.flags.response"][0] in ("1", "True"):
        e.setdefault("dns.rcode", []).extend(RCODES[int(r)] for r in p["dns.flags.rcode"])
        left = {t: list(p["dns." + f]) for t, f in DATA.items()}
        answers = sum(int(c) for c in p["dns.count.answers"])
        for kind in p["dns.resp.type"][:answers]:
            if left.get(kind):
                e.setdefault("dns.answers.rdata", []).append(left[kind].pop(0))


def expect_rest(e, p):
    if p["http.request.method"] and not (p["http.request.version"] or [""])[0].startswith("HTTP/1."):
        p = dict(p, **{"http.request.method": []})  # HTTP/0.9
    for name, field in (("http.http_method", "http.request.method"), ("http.hostname", "http.host"),
                        ("http.http_user_agent", "http.user_agent")):
        if p["http.request.method"] and p[field] and "http" not in e["seen"]:
            e[name] = escaped(p[field][0])
    if p["http.request.method"]:
        e["seen"].add("http")
    if p["ssh.protocol"] and "ssh" not in e["seen"]:
        e["seen"].add("ssh")
        e["ssh.banner"] = escaped(p["ssh.protocol"][0])
    if p["ssh.kex.hassh"]:
        e.setdefault("ssh.client.hassh.hash", p["ssh.kex.hassh"][0])
    if p["ssh.kex.hasshserver"]:
        e.setdefault("ssh.server.hassh.hash", p["ssh.kex.hasshserver"][0])


def expect_syn(e, p, flows, key):
    flags = int(p["tcp.flags"][0], 16)
    if not flags & 2 or "tcp.window" in e:
        return
    e["tcp.window"] = int(p["tcp.window_size_value"][0])
    e["tcp.mss"] = int(p["tcp.options.mss_val"][0]) if p["tcp.options.mss_val"] else 0
    kinds = [int(k) for k in p["tcp.option_kind"]]
    e["tcp.options"] = kinds[:kinds.index(0) + 1] if 0 in kinds else kinds  # behind the end is padding
    e["tcp.window_scale"] = int(p["tcp.options.wscale.shift"][0]) if p["tcp.options.wscale.shift"] else 0
    if flags & 0x10:
        other = flows.get((key[1], key[0], key[3], key[2], key[4], key[5]))
        if other and "syn_at" in other:
            e["tcp.synack_time"] = round((float(p["frame.time_epoch"][0]) - other["syn_at"]) * 1e9)
    else:
        e["syn_at"] = float(p["frame.time_epoch"][0])


def entropy(data):
    counts = collections.Counter(data)
    return -sum(c / len(data) * math.log2(c / len(data)) for c in counts.values()) if data else 0.0


def add_payload(e, p):
    """In TCP only what moves the stream forward."""
    data = bytes.fromhex((p["tcp.payload"] or p["udp.payload"] or [""])[0].replace(":", ""))
    if p["tcp.seq_raw"] and data:
        at = int(p["tcp.seq_raw"][0])
        skip = (e.get("next", at) - at) & 0xffffffff
        skip = 0 if skip >= 1 << 31 else skip
        if skip < len(data):
            e["next"] = at + len(data) & 0xffffffff
        data = data[skip:]
    e["data"] += data[:1024 - len(e["data"])]


def payload_len(p):
    """NaN where tshark does not say: TCP in fragments."""
    if p["tcp.srcport"] and not p["tcp.len"]:
        return float("nan")
    return int(p["tcp.len"][0]) if p["tcp.len"] else len((p["udp.payload"] or [""])[0].replace(":", "")) // 2


def is_later_fragment(p):
    return any(int(o) for o in p["ip.frag_offset"][:1] + p["ipv6.fraghdr.offset"][:1])


def datagram(p):
    return tuple(tuple(p[f][:1]) for f in ("ip.src", "ip.dst", "ip.id", "ip.proto", "ipv6.src", "ipv6.dst",
                                           "ipv6.fraghdr.ident", "vlan.id"))


def expected(capture):
    flows, firsts = {}, {}
    for p in (p for vlan in vlans(capture) for p in tshark(capture, vlan)):
        later = is_later_fragment(p)
        key = firsts.get(datagram(p)) if later else flow_key(p)
        if key is None:
            continue
        firsts[datagram(p)] = key
        now = float(p["frame.time_epoch"][0])
        e = flows.setdefault(key, {"start": now, "times": [], "sizes": [], "seen": set(), "data": b"",
                                   "all": {"times": [], "sizes": [], "payload": 0}})
        e["all"]["times"].append(now)
        e["all"]["sizes"].append(int(p["frame.len"][0]))
        e["all"]["payload"] += 0 if later else payload_len(p)
        if len(e["sizes"]) >= PACKETS or now - e["start"] > WINDOW or "past" in e:
            e["past"] = True
            continue
        e["sizes"].append(int(p["frame.len"][0]))
        e["times"].append(now)
        if later:
            continue
        add_payload(e, p)
        if p["tcp.flags"] and key[4] == "tcp":
            expect_syn(e, p, flows, key)
        expect_tls(e, p)
        expect_dns(e, p)
        expect_rest(e, p)
    return flows


def have(capture):
    tap = subprocess.run(["pcap-flow", "-q", "--features", "-r", capture], capture_output=True, check=True).stdout
    text = subprocess.run(["evcat", "-q", "--json", "-t", "flow_features"], input=tap, capture_output=True, check=True)
    for line in text.stdout.decode().splitlines():
        e = json.loads(line)["entities"]
        if e["proto"] in ("tcp", "udp") and (e["src_port"] or e["dst_port"]):
            yield (e["src_ip"], e["dst_ip"], e["src_port"], e["dst_port"], e["proto"], e["vlan"]), e


TEXTS = ["tls.client_version", "tls.sni", "tls.client_alpns", "tls.ja3.hash", "tls.ja4", "tls.version",
         "tls.server_alpns", "tls.ja3s.hash", "tls.server_handshake.cipher", "tls.server_handshake.exts", "quic.version", "quic.sni",
         "quic.client_alpns", "quic.ja3.hash", "quic.ja4", "dns.rrname", "dns.rrtype", "dns.rcode",
         "dns.answers.rdata", "http.http_method", "http.hostname", "http.http_user_agent", "ssh.banner",
         "ssh.client.hassh.hash", "ssh.server.hassh.hash", "tcp.window", "tcp.mss", "tcp.window_scale",
         "tcp.options", "tcp.synack_time"]
SETS = ("dns.rrname", "dns.rrtype", "dns.rcode")


def normal(name, value):
    if name == "dns.rrname" and value:  # tshark shows a dot within a label as it is
        value = [v.replace("\\.", ".") for v in value]
    if name in SETS:
        return once(value or []) or None
    if name == "dns.answers.rdata":
        return sorted(value) if value else None
    return value or None


def close(a, b, tolerance):
    return abs(a - b) <= tolerance * max(1.0, abs(a), abs(b))


def gaps_of(times):
    return [max(0, b - a) for a, b in zip(times, times[1:])]


def compare_sizes(sizes, got, report):
    report("packets", len(sizes), got["packets"], len(sizes) == got["packets"])
    report("bytes", sum(sizes), got["bytes"], sum(sizes) == got["bytes"])
    report("size.min", min(sizes), got["size.min"], min(sizes) == got["size.min"])
    report("size.max", max(sizes), got["size.max"], max(sizes) == got["size.max"])
    mean = sum(sizes) / len(sizes)
    variance = sum((s - mean) ** 2 for s in sizes) / len(sizes)
    report("size.mean", mean, got["size.mean"], close(mean, got["size.mean"], 1e-9))
    report("size.variance", variance, got["size.variance"], close(variance, got["size.variance"], 1e-9))


def compare_whole_flow(want, got, report):
    """Of the event when it ended; tshark's times are good to a microsecond here."""
    compare_sizes(want["sizes"], got, report)
    if not math.isnan(want["payload"]):
        report("payload.bytes", want["payload"], got["payload.bytes"], want["payload"] == got["payload.bytes"])
    gaps = gaps_of(want["times"])
    length = max(want["times"]) - want["times"][0]
    report("duration", length, got["duration"], abs(length * 1e9 - got["duration"]) < 2000)
    if gaps:
        mean = sum(gaps) / len(gaps)
        report("gap.mean", mean, got["gap.mean"], abs(mean * 1e9 - got["gap.mean"]) < 2000)
        deviation = math.sqrt(sum((g - mean) ** 2 for g in gaps) / len(gaps))
        report("gap.variance", deviation, got["gap.variance"],
               abs(deviation * 1e9 - math.sqrt(got["gap.variance"])) < 2000)
        report("gap.max", max(gaps), got["gap.max"], abs(max(gaps) * 1e9 - got["gap.max"]) < 2000)
        report("gap.min", min(gaps), got["gap.min"], abs(min(gaps) * 1e9 - got["gap.min"]) < 2000)


def compare_first(want, got, report):
    sizes, gaps = want["sizes"], gaps_of(want["times"])
    compare_sizes(sizes, got, report)
    report("size.first", sizes, got["size.first"], sizes == got["size.first"])
    same = len(gaps) == len(got["gap.first"]) and all(abs(a * 1e9 - b) < 1000 for a, b in zip(gaps, got["gap.first"]))
    report("gap.first", gaps, got["gap.first"], same)
    if gaps and same:
        exact = got["gap.first"]
        mean = sum(exact) / len(exact)
        variance = sum((g - mean) ** 2 for g in exact) / len(exact)
        report("gap.mean", mean, got["gap.mean"], close(mean, got["gap.mean"], 1e-9))
        report("gap.variance", variance, got["gap.variance"], close(variance, got["gap.variance"], 1e-6))
    h = entropy(want["data"])
    report("payload.entropy", h, got["payload.entropy"], close(h, got["payload.entropy"], 1e-9))


def compare(capture):
    want = expected(capture)
    counts = collections.OrderedDict()
    differences = []

    def report(name, a, b, same, key=None):
        total = counts.setdefault(name, [0, 0])
        total[0] += 1
        total[1] += bool(same)
        if not same:
            differences.append("    %s: tshark %r, tapline %r %s" % (name, a, b, key or ""))

    events = collections.defaultdict(list)
    for key, event in have(capture):
        events[key].append(event)
    for key, e in want.items():
        if key not in events:
            report("flow", key, None, False)
            continue
        of_key = events.pop(key)
        report("flow", 1, 1, True)
        got = of_key[0]  # of the first flow of this key
        if len(set(event["start"] for event in of_key)) == 1:
            compare_whole_flow(e["all"], of_key[-1], lambda n, a, b, s, k=key: report("whole " + n, a, b, s, k))
        got["ssh.banner"] = got.get("ssh.client.banner") or got.get("ssh.server.banner")
        compare_first(e, got, lambda n, a, b, s, k=key: report(n, a, b, s, k))
        for name in TEXTS:
            a, b = normal(name, e.get(name)), normal(name, got.get(name))
            if name == "tcp.synack_time" and a and b:
                report(name, a, b, abs(a - b) < 1000, key)
            elif a is not None or b is not None:
                report(name, a, b, a == b, key)
    for key in events:
        report("flow", None, key, False)
    head = "%s: %s" % (capture, ", ".join("%s %d/%d" % (n, c[1], c[0]) for n, c in counts.items()))
    return "\n".join([head] + differences), not differences


# --- engines --------------------------------------------------------------------------

ENDED = 128
OF_TIME = ("start", "duration", "direction", "tcp.synack_time", "gap.mean", "gap.variance", "gap.min", "gap.max")


def timeless(path):
    flows = {}
    with open(path) as lines:
        for line in lines:
            e = json.loads(line)["entities"]
            key = (e["src_ip"], e["dst_ip"], e["src_port"], e["dst_port"], e["proto"])
            e["gap.first"] = len(e["gap.first"])
            e["feature_flags"] &= ~ENDED  # of a flow that ends with its first 2 s
            e["has synack_time"] = "tcp.synack_time" in e
            flows.setdefault(key, []).append({n: v for n, v in e.items() if n not in OF_TIME})
    return flows


def what_differs(a, b):
    if len(a) != len(b):
        return "%d, %d events" % (len(a), len(b))
    return ", ".join("%s %r, %r" % (n, x.get(n), y.get(n)) for x, y in zip(a, b)
                     for n in sorted(set(x) | set(y)) if x.get(n) != y.get(n))


def same(paths):
    first, *others = [timeless(path) for path in paths]
    differences = []
    for path, other in zip(paths[1:], others):
        for key in sorted(set(first) | set(other)):
            a, b = first.get(key, []), other.get(key, [])
            if a != b:
                differences.append("%s, %s: %s: %s" % (paths[0], path, key, what_differs(a, b)))
    print("\n".join(differences[:SHOWN] + ["%d flows, %d differ" % (len(first), len(differences))]))
    return 0 if first and not differences else 1


def main():
    if sys.argv[1] == "--same":
        return same(sys.argv[2:])
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(compare, sys.argv[1:]))
    for text, _ in results:
        print(text)
    equal = sum(ok for _, ok in results)
    print("%d of %d captures equal" % (equal, len(results)))
    return 0 if equal == len(results) else 1


sys.exit(main())
