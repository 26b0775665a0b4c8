#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Adds up recordings of several runs of one capture, as a reader of the stream would: every event
once by stream and number, the last capture_stats of each stream. Recordings may be cut short.

  totals.py FILE...    prints name=value lines; sum = flow_end + classes + lost_in_crash
"""
import sys

import msgpack

CLASSES = ("unattributed", "arp", "other_l3", "malformed_l2", "malformed_l3", "filtered")


def batches(path):
    with open(path, "rb") as file:
        try:
            yield from msgpack.Unpacker(file, raw=False, strict_map_key=False,
                                        max_buffer_size=1 << 30)
        except ValueError as error:  # a writer was killed in the middle
            print(f"{path}: {error}", file=sys.stderr)


def main(paths):
    seen, last = {}, {}
    flow_end = events = twice = 0
    for path in paths:
        for batch in batches(path):
            shapes = {shape[0]: shape for shape in batch["shapes"]}
            numbers = seen.setdefault(batch["stream"], set())
            for k, event in enumerate(batch["events"]):
                number = batch["first"] + k
                if number in numbers:
                    twice += 1
                    continue
                numbers.add(number)
                events += 1
                shape = shapes[event[0]]
                if shape[1] == "flow_end":
                    flow_end += event[2 + shape[2].index("packets")]
                elif shape[1] == "capture_stats":
                    if number >= last.get(batch["stream"], (-1,))[0]:
                        last[batch["stream"]] = number, dict(zip(shape[2], event[2:]))
    stats = [fields for _, fields in last.values()]
    classes = {name: sum(s[name + "_packets"] for s in stats) for name in CLASSES}
    lost = sum(s["lost_in_crash"] for s in stats)
    print(f"streams={len(seen)}\nevents={events}\ntwice={twice}\nflow_end={flow_end}")
    for name, value in classes.items():
        print(f"{name}={value}")
    print(f"coarse={sum(s['coarse_packets'] for s in stats)}")
    print(f"lost_in_crash={lost}\nsum={flow_end + sum(classes.values()) + lost}")
    print(f"residual={sum(abs(s['residual_packets']) + abs(s['residual_bytes']) for s in stats)}")


if __name__ == "__main__":
    main(sys.argv[1:])
