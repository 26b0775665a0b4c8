#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Sums the output of `evcat --json` up to the rows of a golden table, without its first column.

  rows.py < EVENTS          from JSON lines
  rows.py TSV NAME          the rows of one file, the same way: sorted, ICMP summed up
"""
import json
import sys
from collections import Counter

# IANA's keywords, as the product has to write them.
PROTO = {"hopopt": 0, "icmp": 1, "igmp": 2, "ipv4": 4, "tcp": 6, "udp": 17, "dccp": 33, "ipv6": 41,
         "ipv6-route": 43, "ipv6-frag": 44, "gre": 47, "esp": 50, "ah": 51, "ipv6-icmp": 58,
         "ipv6-nonxt": 59, "ipv6-opts": 60, "ospfigp": 89, "pim": 103, "vrrp": 112, "sctp": 132,
         "mobility-header": 135, "udplite": 136}
NON_IP = ("arp", "other_l3", "malformed_l2", "malformed_l3")


def from_json(lines):
    rows, other = {}, {}
    for line in lines:
        event = json.loads(line)
        e = event["entities"]
        if event["type"] == "flow_end":
            proto = e["proto"] if isinstance(e["proto"], int) else PROTO[e["proto"]]
            key = (e["src_ip"], e["dst_ip"], e["src_port"], e["dst_port"], proto, e["vlan"])
            rows.setdefault(key, Counter()).update(
                {name: e[name] for name in ("packets", "bytes", "ip_bytes")})
        elif event["type"] == "capture_stats":
            other = {what: sum(e[f"{name}_{what}"] for name in NON_IP)
                     for what in ("packets", "bytes")}
    if other["packets"]:
        rows["-", "-", 0, 0, "non-ip", 0] = Counter(other)
    return rows


def from_tsv(lines, name):
    rows = {}
    for line in lines:
        file, *key, packets, size, ip_bytes = line.rstrip("\n").split("\t")
        if file == name:
            rows.setdefault(tuple(key), Counter()).update(
                packets=int(packets), bytes=int(size), ip_bytes=int(ip_bytes))
    return rows


def main(arguments):
    if arguments:
        with open(arguments[0], encoding="ascii") as file:
            rows = from_tsv(file, arguments[1])
    else:
        rows = from_json(sys.stdin)
    print("\n".join(sorted(
        "\t".join(map(str, (*key, row["packets"], row["bytes"], row["ip_bytes"])))
        for key, row in rows.items())))


if __name__ == "__main__":
    main(sys.argv[1:])
