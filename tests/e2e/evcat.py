#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Streams made by hand, for the tests of evcat; written apart from the product.

  evcat.py make            a JSON list of batches on stdin to msgpack on stdout
  evcat.py random SEED N   N events of every kind of value, one stream, some open, some shaped
  evcat.py strip           JSON lines: only type, timestamp, entities, edges
  evcat.py numbers FILE    stream, first, count, after, end of each batch, stream as ordinal
  evcat.py events FILE     the events of each batch as hexadecimal bytes
  evcat.py pty ROWS COLUMNS COMMAND...   on a terminal of that size; prints what it wrote

A batch of `make`: {"stream": 1, "first": 0, "after": 0, "base": 0, "end": false, "source": ..,
"host": .., "iface": .., "events": [..]}; all may be missing, `first` follows the batch before.
An event: {"type": .., "ts": ns, "edges": [[from, to]], and entities}; {"$bin": hex} is bytes,
{"$ts": ns} a time. A number instead of the list makes so many events of type tick.
"""
import fcntl
import json
import os
import pty
import random
import struct
import sys
import termios

import msgpack


def pack(value):
    return msgpack.packb(value, use_bin_type=True, datetime=False)


def real(value):
    if isinstance(value, dict):
        if "$bin" in value:
            return bytes.fromhex(value["$bin"])
        if "$ts" in value:
            return msgpack.Timestamp.from_unix_nano(value["$ts"])
        return {key: real(inner) for key, inner in value.items()}
    return [real(inner) for inner in value] if isinstance(value, list) else value


def stamp(nanoseconds):
    return pack(msgpack.Timestamp.from_unix_nano(nanoseconds))


def encode(event, shapes):
    event = dict(event)
    kind, time = event.pop("type", "tick"), event.pop("ts", 1700000000 * 10**9)
    edges, is_open = event.pop("edges", []), event.pop("$open", False)
    values = {name: real(value) for name, value in event.items()}
    if is_open:
        return b"\x95\x00" + stamp(time) + pack(kind) + pack(values) + pack(edges)
    shape = (kind, tuple(values), tuple(map(tuple, edges)))
    ident = shapes.setdefault(shape, len(shapes) + 1)
    head = struct.pack("!BH", 0xdc, len(values) + 2) + pack(ident) + stamp(time)
    return head + b"".join(pack(value) for value in values.values())


def batch(b, first):
    shapes = {}
    events = b.get("events", [])
    if isinstance(events, int):
        events = [{"type": "tick", "n": first + k} for k in range(events)]
    body = [encode(event, shapes) for event in events]
    shapes = [[ident, kind, list(names), list(map(list, edges))]
              for (kind, names, edges), ident in shapes.items()]
    fields = [("stream", struct.pack("!QQ", b.get("stream", 1), 0)), ("base", b.get("base", 0)),
              ("after", b.get("after", first)), ("first", first), ("end", b.get("end", False)),
              ("source", b.get("source", "test")), ("host", b.get("host", "here")),
              ("iface", b.get("iface", "eth0")), ("shapes", shapes)]
    rest = b"".join(pack(key) + pack(value) for key, value in fields)
    rest += pack("events") + struct.pack("!BI", 0xdd, len(body)) + b"".join(body)
    head = b"\x8c\xa1v\x01\xa4size\xce"
    return head + struct.pack("!I", len(head) + 4 + len(rest)) + rest, first + len(body)


def write(batches):
    following = {}
    for b in batches:
        stream = b.get("stream", 1)
        data, after = batch(b, b.get("first", following.get(stream, 0)))
        following[stream] = after
        sys.stdout.buffer.write(data)


def cmd_make():
    write(json.load(sys.stdin))


TEXTS = ["", "plain", "a \"quoted\" \\ text", "tab\tnewline\nnul\0esc\x1b[2J", "grüße ☃ 𝄞",
         "\x7f\x85", "10.0.0.1", "-> ->", "a -> b", "tcp", "2024-01-01T00:00:00.000000000Z"]


def scalar(r):
    return r.choice([
        lambda: None, lambda: r.random() < 0.5, lambda: r.randrange(2**r.randrange(1, 65)),
        lambda: -r.randrange(1, 2**r.randrange(1, 64)), lambda: r.uniform(-1e9, 1e9),
        lambda: float(r.randrange(1000)), lambda: r.choice(TEXTS),
        lambda: "x" * r.randrange(300)])()


def value(r, depth):
    if depth > 0 and r.random() < 0.2:
        return [value(r, depth - 1) for _ in range(r.randrange(4))]
    if depth > 0 and r.random() < 0.2:
        return {"k%d" % k: value(r, depth - 1) for k in range(r.randrange(4))}
    return scalar(r)


def address(r):
    return {"$bin": r.randbytes(r.choice([4, 16])).hex()}


def random_event(r):
    event = {"type": r.choice(["alert", "x \x1b y", "flow_start"]), "$open": r.random() < 0.3,
             "ts": r.randrange(2**33 * 10**9), "src_ip": address(r),
             "dst_ip": [address(r) for _ in range(r.randrange(1, 4))],
             "proto": r.randrange(256), "end_reason": r.randrange(10),
             "start": {"$ts": r.randrange(10**18)}, "edges": [["src_ip", "dst_ip"]]}
    for k in range(r.randrange(6)):
        event["v%d" % k] = value(r, 3)
    if r.random() < 0.3:
        event["user"] = "u%d" % r.randrange(5)
        event["edges"].append(["user", "src_ip"])
    return event


def cmd_random(seed, count):
    r = random.Random(int(seed))
    events = [random_event(r) for _ in range(int(count))]
    write([{"events": events[k:k + 50], "end": k + 50 >= len(events)}
           for k in range(0, len(events), 50)])


def cmd_strip():
    for line in sys.stdin:
        event = json.loads(line)
        print(json.dumps([event[key] for key in ("type", "timestamp", "entities", "edges")]))


def cmd_numbers(path):
    streams = {}
    with open(path, "rb") as file:
        for b in msgpack.Unpacker(file, raw=False, strict_map_key=False):
            ordinal = streams.setdefault(b["stream"], len(streams) + 1)
            print(ordinal, b["first"], len(b["events"]), b["after"], str(b["end"]).lower())


def cmd_events(path):
    with open(path, "rb") as file:
        data = file.read()
    at = 0
    while at < len(data):
        size = struct.unpack("!I", data[at + 10:at + 14])[0]
        print(data[data.index(b"\xa6events\xdd", at) + 12:at + size].hex())
        at += size


def cmd_pty(rows, columns, *command):
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(columns), 0, 0))
        os.execvp(command[0], command)
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    globals()["cmd_" + sys.argv[1]](*sys.argv[2:])
