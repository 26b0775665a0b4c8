#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Recordings of the same packets by several engines must tell the same.

  parity.py FILE...    fails, with what differs from the first, unless each is one ended stream that
                       nothing is missing from, and all have the same flows, counts and classes;
                       prints how many flows that is
"""
import collections
import os
import sys

sys.dont_write_bytecode = True
import tap  # pylint: disable=wrong-import-position

KEY = "src_ip dst_ip src_port dst_port proto vlan vlan_inner direction flags".split()
ICMP = "icmp_type icmp_code icmp_id".split()
COUNTS = "packets bytes ip_bytes tcp_flags".split()
CLASSES = "flow coarse unattributed arp other_l3 malformed_l2 malformed_l3".split()


def told(path):
    """How often each flow_end comes, and the classes."""
    rows, stats = collections.Counter(), {}
    for _, kind, _, f in tap.events(path):
        if kind == "flow_end":
            icmp = [name + "=" + str(f[name]) for name in ICMP if name in f]
            values = [tap.plain(name, f[name]) for name in KEY + COUNTS]
            rows[" ".join(map(str, values + icmp))] += 1
        elif kind == "capture_stats":
            stats = f
    for name in CLASSES:
        rows["%s: %d packets, %d bytes" % (name, stats[name + "_packets"],
                                           stats[name + "_bytes"])] += 1
    residual = stats["residual_packets"], stats["residual_bytes"], stats["kernel_drops"]
    if any(residual):
        sys.exit("%s: residual %d packets, %d bytes, %d drops" % (path, *residual))
    return rows


def differences(name, rows, than, others):
    for row, times in sorted((rows - others).items()):
        print("%s only, %d times: %s" % (name, times, row), file=sys.stderr)
    for row, times in sorted((others - rows).items()):
        print("%s only, %d times: %s" % (than, times, row), file=sys.stderr)


def main(paths):
    all_told = {}
    for path in paths:
        tap.cmd_check(path)
        all_told[os.path.basename(path)] = told(path)
    first = next(iter(all_told))
    for name, rows in all_told.items():
        differences(name, rows, first, all_told[first])
    if any(rows != all_told[first] for rows in all_told.values()):
        sys.exit("columns: " + " ".join(KEY + COUNTS))
    print(sum(all_told[first].values()) - len(CLASSES))


if __name__ == "__main__":
    main(sys.argv[1:])
