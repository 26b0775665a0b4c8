#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""One engine taking over from another, seen from outside (tap.py reads and sends).

  handover.py send IFACE TIMES         a frame of one of ten flows each 20 us, at most, until
                                       SIGTERM; writes when each was sent to TIMES, and prints how
                                       many
  handover.py sums TIMES CUT NAME...   were the packets of all flow_end events of NAME.out, and what
                                       the kernel dropped, those that were sent? Prints the
                                       difference, and how many were sent within a millisecond of
                                       CUT. Exit status 4: there is a difference, but not above that
  handover.py state NAME               is NAME.state what NAME.out tells: packets of the closing
                                       capture_stats, the earliest start and the latest end
"""
import array
import os
import re
import runpy
import signal
import sys
import time

TAP = runpy.run_path(os.path.join(os.path.dirname(os.path.abspath(__file__)), "tap.py"))
FLOWS = 10
NEAR_NS = 1000000
APART_NS = 20000


def frames(times):
    going = [True]
    signal.signal(signal.SIGTERM, lambda *_: going.clear())
    crafted = [TAP["crafted"]("udp", k, FLOWS) for k in range(FLOWS)]
    due = time.time_ns()
    print("sending", flush=True)
    while going:
        for frame in crafted:
            while (now := time.time_ns()) < due:
                pass
            due = now + APART_NS
            times.append(now)
            yield frame


def cmd_send(iface, path):
    times = array.array("Q")
    TAP["transmit"](iface, frames(times))
    with open(path, "wb") as file:
        times.tofile(file)
    print(len(times), flush=True)


def events_of(name, wanted):
    return [f for _, kind, _, f in TAP["events"](name + ".out") if kind == wanted]


def flow_ends(name):
    return events_of(name, "flow_end")


def closing(name):
    return events_of(name, "capture_stats")[-1]


def cmd_sums(path, cut, *names):
    with open(path, "rb") as file:
        times = array.array("Q", file.read())
    counts = [sum(f["packets"] for f in flow_ends(name)) for name in names]
    near = sum(abs(t - int(cut)) < NEAR_NS for t in times)
    drops = sum(closing(name)["kernel_drops"] for name in names)
    difference = sum(counts) + drops - len(times)
    print("sent", len(times), *("%s %d" % pair for pair in zip(names, counts)),
          "dropped", drops, "difference", difference, "near", near)
    if min(counts) == 0:
        sys.exit("one of them counted nothing: no hand-over")
    sys.exit(0 if difference == 0 else 4 if abs(difference) <= near else 1)


def cmd_state(name):
    with open(name + ".state", encoding="ascii") as file:
        line = file.read()
    match = re.fullmatch(r"first=(\d{20}) last=(\d{20}) packets=(\d{20})\n", line)
    if not match:
        sys.exit("not a state: %r" % line)
    ends = flow_ends(name)
    told = (min((f["start"].to_unix_nano() for f in ends), default=0),
            max((f["end"].to_unix_nano() for f in ends), default=0), closing(name)["packets"])
    if tuple(map(int, match.groups())) != told:
        sys.exit("state %r, events %r" % (line, told))


if __name__ == "__main__":
    globals()["cmd_" + sys.argv[1]](*sys.argv[2:])
