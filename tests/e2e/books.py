#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""books.py SENT ARRIVED: is every number that was sent delivered, or declared lost?

Both are files of batches. Prints the sums over all streams of SENT:

  events N    delivered, each number once
  declared N  declared lost
  twice N     delivered more than once
  both N      delivered, and declared lost by a run that came later or before

and fails when a number is neither, an event is not what was sent, or there are
events that nobody sent.
"""
import sys

import craft


def streams(path):
    """{stream: ({number: event}, [number...], declared numbers, next)}"""
    found = {}
    for batch in map(craft.unpack, craft.batches(path)):
        events, order, lost, last = found.setdefault(batch["stream"], ({}, [], set(), [0]))
        shapes = {s[0]: s[1:] for s in batch["shapes"]}
        lost.update(range(batch["after"], batch["first"]))
        for k, event in enumerate(batch["events"], batch["first"]):
            # Shape ids are valid within a batch only.
            events[k] = repr((shapes.get(event[0]), event[1:]))
            order.append(k)
        last[0] = max(last[0], batch["first"] + len(batch["events"]))
    return found


def main(sent_path, arrived_path):
    sent, arrived = streams(sent_path), streams(arrived_path)
    sums = dict.fromkeys(("events", "declared", "twice", "both"), 0)
    wrong = []
    for stream in arrived.keys() - sent.keys():
        wrong.append(f"stream {stream.hex()} was never sent")
    for stream, (events, _, lost, last) in sent.items():
        got, order, declared, _ = arrived.get(stream, ({}, [], set(), [0]))
        wrong += [f"{stream.hex()}: {k} was altered" for k in got if got[k] != events.get(k)]
        missing = set(range(last[0])) - got.keys() - declared - lost
        if missing:
            wrong.append(f"{stream.hex()}: {len(missing)} missing, the first is {min(missing)}")
        sums["events"] += len(got)
        sums["declared"] += len(declared - got.keys())
        sums["twice"] += len(order) - len(got)
        sums["both"] += len(declared & got.keys())
    for name, value in sums.items():
        print(name, value)
    print("\n".join(wrong[:20]), file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
