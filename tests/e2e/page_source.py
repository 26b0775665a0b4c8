#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""page_source.py SOCKET FILE: tools that do not exist report to capmetrics.

FILE is JSON, a list of {"tool", "place", "engine", "mode", "ifaces", "cpu", "samples": [[name,
unit, "counter" or "gauge", {label: value}, number or [first, step]], ...]}; each is reported five times a second as
a run of its own, and a file that was replaced counts from the next report on. Writes a newline to
descriptor 9 after the first. Speaks nng's ipc transport (push) by itself: nothing of ours that
would share our mistakes.
"""
import json
import os
import signal
import socket
import struct
import sys
import time

import msgpack

HELLO = b"\0SP\0\0\x50\0\0"
PERIOD_S = 0.2


def dial(path):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(20)
    sock.connect(path)
    sock.sendall(HELLO)
    if sock.recv(8, socket.MSG_WAITALL) != b"\0SP\0\0\x51\0\0":
        raise SystemExit("no puller there")
    return sock


def timestamp(seconds):
    return msgpack.Timestamp.from_unix_nano(int(seconds * 1e9))


def descriptors(samples):
    names = []
    for name, unit, kind, labels, _ in samples:
        row = [name, unit, kind, "Of a test", list(labels)]
        if row not in names:
            names.append(row)
    return names


def value_of(number, seq):
    return number[0] + seq * number[1] if isinstance(number, list) else number


def report(tool, run, seq, start):
    samples = tool["samples"]
    names = descriptors(samples)
    fields = [
        ("tool", tool["tool"]), ("version", "0"), ("instance", f"{tool['tool']}-{os.getpid()}-{run}"), ("host", "test"),
        ("place", tool.get("place", "")), ("pid", os.getpid()), ("start", timestamp(start)), ("time", timestamp(time.time())),
        ("seq", seq), ("closing", False), ("engine", tool.get("engine", "")), ("mode", tool.get("mode", "")),
        ("ifaces", tool.get("ifaces", [])), ("cpu", seq * PERIOD_S * tool.get("cpu", 0)), ("resident", 7 << 20),
        ("metrics", names),
        ("samples", [[names.index([n, u, k, "Of a test", list(ls)]), value_of(v, seq), *ls.values()] for n, u, k, ls, v in samples]),
        ("cut", 0),
    ]
    body = b"".join(msgpack.packb(key) + msgpack.packb(value) for key, value in fields)
    head = b"\xde" + struct.pack(">H", len(fields) + 2) + msgpack.packb("v") + b"\x01" + msgpack.packb("size") + b"\xce"
    return head + struct.pack(">I", len(head) + 4 + len(body)) + body


def main(path, file):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    sock = dial(path)
    start = time.time()
    end = time.monotonic() + 300
    seq = 0
    while time.monotonic() < end:
        seq += 1
        with open(file, encoding="utf-8") as text:
            tools = json.load(text)
        for run, tool in enumerate(tools):
            message = report(tool, run, seq, start)
            sock.sendall(b"\x01" + struct.pack(">Q", len(message)) + message)
        if seq == 1:
            os.write(9, b"\n")
        time.sleep(PERIOD_S)


main(sys.argv[1], sys.argv[2])
