#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What became of the events of tests/soak/source.c, at the far end.

  oracle.py [--allow WORD]... [--declared N] TRUTH FILE|FOLDER...

TRUTH is what source printed. A FOLDER is one of segments. Prints the sums and what is wrong:

  missing      a number neither there nor declared lost
  altered      an event that is not what source made, or in a stream that it did not make
  declared     declared lost, but there; or not as many as --declared says (nothing: those
               that source itself lost or dropped)
  twice        there more than once, which a kill or a lost answer may explain: then --allow twice
  end          the stream's end is not there
  torn         bytes that are no batch, other than at the end of a file that was being written

Exits with 1 when something is wrong that is not allowed.
"""
import argparse
import os
import struct
import subprocess
import sys

import msgpack

SIZE_AT = 10  # of a batch whose map has at most 15 keys
HEAD = b"\xa1v\x01\xa4size\xce"
MASK = (1 << 64) - 1
FIRST_TS_NS = 1700000000000000000
TYPES = ("tick", "tock")
NAMES = ["n", "check", "pad"]
SHOWN = 5


def mix(x):
    """As in source.c."""
    x = (x + 0x9e3779b97f4a7c15) & MASK
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9 & MASK
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb & MASK
    return x ^ (x >> 31)


class Truth:
    """What source says it did: keys, numbers used up, and what it lost."""

    def __init__(self, text, pad=16):
        self.numbers, self.lost, self.outbox, self.pad = {}, {}, {}, pad
        self.checks = {}
        for line in text.splitlines():
            word, *rest = line.split()
            if word == "stream":
                self.numbers.setdefault(int(rest[0], 16))
                self.checks[int(rest[0], 16)] = []
            elif word == "numbers":
                self.numbers[int(rest[0], 16)] = int(rest[1])
                self.lost[int(rest[0], 16)] = int(rest[2])
            elif word == "outbox":
                self.outbox = {k: int(v) for k, v in (item.split("=") for item in rest)}

    def check(self, key, number):
        known = self.checks[key]
        while len(known) <= number < len(known) + (1 << 24):
            known.append(mix(key ^ mix(len(known))))
        return known[number] if number < len(known) else -1

    def all_lost(self):
        """By source: used up for nothing, or dropped from its window."""
        return sum(self.lost.values()) + self.outbox.get("dropped", 0)


class Stream:
    def __init__(self):
        self.ids, self.there, self.declared = set(), set(), set()
        self.events = 0
        self.ended = None  # the number that the end came with


class Books:
    """All that a sink holds."""

    def __init__(self, truth):
        self.truth = truth
        self.streams = {key: Stream() for key in truth.numbers}
        self.wrong = []  # (word, text)
        self.data = []

    # --- reading ---------------------------------------------------------------

    def add_bytes(self, data, name, may_be_torn=False):
        at, end = 0, len(data)
        while at < end:
            size = batch_size(data, at)
            if not size or at + size > end:
                if not may_be_torn or (size and not at + size > end):
                    self.wrong.append(("torn", f"{name}: no batch at {at} of {end}"))
                break
            self.add_batch(data[at:at + size], f"{name} at {at}")
            at += size
        self.data.append(data[:at])

    def add_file(self, path):
        if path.endswith((".zst", ".zst.open")):
            result = subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE,
                                    stderr=subprocess.DEVNULL)
            data = result.stdout
        else:
            with open(path, "rb") as file:
                data = file.read()
        self.add_bytes(data, path, path.endswith(".open"))

    def add_folder(self, path):
        for name in sorted(os.listdir(path)):
            if name.endswith((".tap", ".tap.zst", ".tap.open", ".tap.zst.open")):
                self.add_file(os.path.join(path, name))

    def add_batch(self, data, where):
        try:
            batch = msgpack.unpackb(data, strict_map_key=False, timestamp=2)
        except ValueError as error:
            self.wrong.append(("altered", f"{where}: {error}"))
            return
        key = key_of(batch)
        stream = self.streams.get(key)
        if stream is None or batch["source"] != "source" or batch["host"] != "soak":
            self.wrong.append(("altered", f"{where}: of {batch['source']}/{batch['iface']}"))
            return
        stream.ids.add(batch["stream"])
        stream.declared.update(range(batch["after"], batch["first"]))
        self.add_events(stream, key, batch, where)
        if batch["end"]:
            ended = batch["first"] + len(batch["events"])
            if stream.ended not in (None, ended):
                self.wrong.append(("altered", f"{where}: ends at {ended} and {stream.ended}"))
            stream.ended = ended

    def add_events(self, stream, key, batch, where):
        types = {s[0]: s[1] for s in batch["shapes"] if s[2] == NAMES}
        truth, first = self.truth, batch["first"]
        pads = truth.pad + 1
        for number, event in enumerate(batch["events"], first):
            check = truth.check(key, number)
            pad = bytes([check & 255]) * ((check >> 56) % pads)
            if (types.get(event[0]) != TYPES[check & 1] or event[1:] != [
                    FIRST_TS_NS + number * 1000 + (check & 0x1ff), number, check, pad]):
                self.wrong.append(("altered", f"{where}: number {number}"))
        stream.there.update(range(first, first + len(batch["events"])))
        stream.events += len(batch["events"])

    # --- judging -----------------------------------------------------------------

    def sums(self):
        streams = self.streams.values()
        return {
            "events": sum(len(s.there) for s in streams),
            "twice": sum(s.events - len(s.there) for s in streams),
            "declared": sum(len(s.declared - s.there) for s in streams),
            "both": sum(len(s.declared & s.there) for s in streams),
            "missing": sum(len(m) for m in (self.missing(key) for key in self.streams)),
        }

    def missing(self, key):
        stream = self.streams[key]
        numbers = self.truth.numbers[key]
        if numbers is None:  # source was killed: what there was before it is not known
            numbers = max(stream.there | stream.declared, default=-1) + 1
        return set(range(numbers)) - stream.there - stream.declared

    def judge(self, declared):
        """[(word, text)...]; `declared`: how many events have to be declared lost, None: any."""
        wrong = list(self.wrong)
        for key, stream in self.streams.items():
            wrong += [(word, f"{key:016x}: {text}") for word, text in self.judge_stream(key, stream)]
        sums = self.sums()
        if declared is not None and sums["declared"] != declared:
            wrong.append(("declared", f"{sums['declared']} events declared lost, not {declared}"))
        return wrong

    def judge_stream(self, key, stream):
        wrong, numbers = [], self.truth.numbers[key]
        missing, both = self.missing(key), stream.declared & stream.there
        if missing:
            wrong.append(("missing", f"{len(missing)} events missing: {ranges(missing)}"))
        if both:
            wrong.append(("both", f"{len(both)} events declared lost, but there: {ranges(both)}"))
        if stream.events > len(stream.there):
            wrong.append(("twice", f"{stream.events - len(stream.there)} events came twice"))
        if len(stream.ids) > 1:
            wrong.append(("altered", f"has {len(stream.ids)} stream ids"))
        beyond = [n for n in stream.there | stream.declared if numbers is not None and n >= numbers]
        if beyond:
            wrong.append(("altered", f"numbers that were never given: {ranges(beyond)}"))
        if stream.ended is None:
            wrong.append(("end", "has no end"))
        elif numbers is not None and stream.ended != numbers:
            wrong.append(("altered", f"ends at {stream.ended}, not {numbers}"))
        return wrong


def key_of(batch):
    try:
        return int(batch["iface"], 16)
    except ValueError:
        return None


def batch_size(data, at):
    """0 when no batch begins there."""
    if not 0x80 <= data[at] <= 0x8f or data[at + 1:at + SIZE_AT] != HEAD:
        return 0 if at + SIZE_AT + 4 <= len(data) else len(data) + 1
    if at + SIZE_AT + 4 > len(data):
        return len(data) + 1
    return struct.unpack(">I", data[at + SIZE_AT:at + SIZE_AT + 4])[0]


def ranges(numbers):
    """"0-3 7 9-12" """
    found = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    texts = [f"{a}-{b}" if a != b else str(a) for a, b in found]
    return " ".join(texts[:SHOWN]) + (f" ... ({len(texts)} ranges)" if len(texts) > SHOWN else "")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--allow", action="append", default=[])
    parser.add_argument("--declared", type=int)
    parser.add_argument("--pad", type=int, default=16)
    parser.add_argument("truth")
    parser.add_argument("places", nargs="+")
    options = parser.parse_args()
    with open(options.truth, encoding="ascii") as file:
        truth = Truth(file.read(), options.pad)
    books = Books(truth)
    for place in options.places:
        (books.add_folder if os.path.isdir(place) else books.add_file)(place)
    print(" ".join(f"{k}={v}" for k, v in books.sums().items()))
    declared = truth.all_lost() if options.declared is None else options.declared
    wrong = [(w, t) for w, t in books.judge(declared) if w not in options.allow]
    for word, text in wrong[:20]:
        print(f"{word}: {text}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
