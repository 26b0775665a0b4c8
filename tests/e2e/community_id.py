#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Community ids, computed apart from the product by the specification alone.

  community_id.py check FILE [coarse]  every flow and packet event has the id that follows from its
                                       other entities, as its last one; coarse flows have none, and
                                       with `coarse` there must be some; prints how many events
                                       have one and how many ids are of both directions
  community_id.py none FILE            no shape names one
  community_id.py ids FILE             endpoints, protocol and id of the flows, sorted, each once
  community_id.py eve FILE             Suricata's lines, with no id, of the flows whose ports are
                                       known
  community_id.py same FILE FILE       the ids of those lines, made events by evedump, are those
                                       of the flows of the first file
"""
import base64
import hashlib
import json
import struct
import sys

sys.dont_write_bytecode = True
import tap  # pylint: disable=wrong-import-position

ICMP, ICMP6 = 1, 58
WITH_PORTS = (ICMP, 6, 17, ICMP6, 132)
PAIRS = {
    ICMP: {8: 0, 0: 8, 13: 14, 14: 13, 15: 16, 16: 15, 10: 9, 9: 10, 17: 18, 18: 17},
    ICMP6: {128: 129, 129: 128, 130: 131, 131: 130, 133: 134, 134: 133, 135: 136, 136: 135,
            139: 140, 140: 139, 144: 145, 145: 144},
}
EVE_PROTO = {ICMP: "ICMP", 6: "TCP", 17: "UDP", ICMP6: "IPv6-ICMP", 132: "SCTP", 47: "GRE",
             50: "ESP", 51: "AH"}
FRAGMENT, COARSE = 1, 2
FLOWS = ("flow_start", "flow_update", "flow_end")


def endpoints(f):
    """Both of them, and whether their order means something."""
    if f["proto"] not in WITH_PORTS or f["flags"] & FRAGMENT:
        return (f["src_ip"], b""), (f["dst_ip"], b""), False
    ports, one_way = (f["src_port"], f["dst_port"]), False
    if f["proto"] in PAIRS:
        answer = PAIRS[f["proto"]].get(f["icmp_type"])
        one_way = answer is None
        ports = f["icmp_type"], f["icmp_code"] if one_way else answer
    source, target = (struct.pack("!H", port) for port in ports)
    return (f["src_ip"], source), (f["dst_ip"], target), one_way


def expected(f):
    source, target, one_way = endpoints(f)
    if not one_way and target < source:
        source, target = target, source
    data = b"\0\0" + source[0] + target[0] + bytes((f["proto"], 0)) + source[1] + target[1]
    return "1:" + base64.b64encode(hashlib.sha1(data).digest()).decode()


def cmd_check(path, coarse=""):
    count, without, directions = 0, 0, {}
    for _, kind, _, f in tap.events(path):
        if kind not in FLOWS + ("packet",):
            if "community_id" in f:
                sys.exit("%s with a community_id" % kind)
        elif f["flags"] & COARSE:
            without += 1
            if "community_id" in f:
                sys.exit("a coarse flow with a community_id")
        else:
            count += 1
            if list(f)[-1] != "community_id" or f["community_id"] != expected(f):
                sys.exit("%s, not %s: %s" % (f.get("community_id"), expected(f), f))
            directions.setdefault(f["community_id"], set()).add((f["src_ip"], f["dst_ip"]))
    if bool(without) != bool(coarse):
        sys.exit("%d events of coarse flows" % without)
    print(count, sum(len(ways) == 2 for ways in directions.values()))


def cmd_none(path):
    for batch in tap.batches(path):
        for shape in batch["shapes"]:
            if "community_id" in shape[2]:
                sys.exit("a shape of %s with community_id" % shape[1])
        for event in batch["events"]:
            if event[0] == 0 and "community_id" in event[3]:
                sys.exit("a %s with community_id" % event[2])


def flows(path):
    return [f for _, kind, _, f in tap.events(path) if kind in FLOWS]


def cmd_ids(path):
    names = "src_ip dst_ip src_port dst_port proto icmp_type icmp_code flags community_id".split()
    for row in sorted({"\t".join(str(tap.plain(name, f.get(name, "-"))) for name in names)
                       for f in flows(path)}):
        print(row)


def in_eve(f):
    return f["proto"] in EVE_PROTO and not f["flags"] & (FRAGMENT | COARSE)


def cmd_eve(path):
    for f in filter(in_eve, flows(path)):
        line = {"timestamp": "2026-01-01T00:00:00.000000+0000", "event_type": "alert",
                "src_ip": tap.plain("src_ip", f["src_ip"]),
                "dest_ip": tap.plain("dst_ip", f["dst_ip"]), "proto": EVE_PROTO[f["proto"]]}
        if f["proto"] in PAIRS:
            line.update(icmp_type=f["icmp_type"], icmp_code=f["icmp_code"])
        elif f["proto"] in WITH_PORTS:
            line.update(src_port=f["src_port"], dest_port=f["dst_port"])
        print(json.dumps(line))


def ids_of_any(path):
    for batch in tap.batches(path):
        names = {shape[0]: shape[2] for shape in batch["shapes"]}
        for event in batch["events"]:
            fields = dict(zip(names[event[0]], event[2:])) if event[0] else event[3]
            yield fields.get("community_id")


def cmd_same(path, eve):
    ours = [f["community_id"] for f in filter(in_eve, flows(path))]
    theirs = list(ids_of_any(eve))
    if ours != theirs:
        sys.exit("%d ids, %d of eve, different: %s" %
                 (len(ours), len(theirs), [pair for pair in zip(ours, theirs) if len({*pair}) > 1]))
    print(len(ours))


if __name__ == "__main__":
    globals()["cmd_" + sys.argv[1]](*sys.argv[2:])
