#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Requests that curl would not make, and what a receiver stored. Every wait has a deadline.

  receiver.py numbers FILE...       events, and how many of them are distinct (stream, number)
  receiver.py runs FILE...          of each batch: after first events end
  receiver.py bare IN OUT WORD...   a batch without events: loss (the 5 before), end, or both
  receiver.py slow PORT head|body   a byte now and then, until the answer or the end: prints it
  receiver.py silent PORT           connects, says nothing: prints "closed" when it is
  receiver.py leave PORT N          N times half a request, and away without a word
  receiver.py hold PORT N           N connections, kept until stdin ends; prints "held"
  receiver.py chunked PORT BYTES    a body of unknown length: prints the status
  receiver.py flood PORT N FILE...  posts all files from N threads, each file by each thread:
                                    prints the statuses, events and duplicates added up
"""
import collections
import http.client
import json
import select
import socket
import sys
import threading
import time

import msgpack

import craft

DEADLINE = 20


def stored(files):
    for file in files:
        for data in craft.batches(file):
            yield craft.unpack(data)


def cmd_numbers(*files):
    seen = collections.Counter()
    for batch in stored(files):
        for k in range(len(batch["events"])):
            seen[batch["stream"], batch["first"] + k] += 1
    print(sum(seen.values()), len(seen))


def cmd_runs(*files):
    for batch in stored(files):
        print(batch["after"], batch["first"], len(batch["events"]), batch["end"])


def cmd_bare(source, target, *words):
    batch = next(stored([source]))
    first = batch["first"] + len(batch["events"])
    after = first - 5 if "loss" in words else first
    craft.write(target, craft.pack({**batch, "after": after, "first": first, "end": "end" in words,
                                    "shapes": [], "events": []}))


def connect(port):
    return socket.create_connection(("127.0.0.1", int(port)), timeout=DEADLINE)


def first_line(sock):
    """What the other end says, b"" when it closes without a word, None when nothing in 50 ms."""
    if not select.select([sock], [], [], 0.05)[0]:
        return None
    try:
        return sock.recv(4096).split(b"\r\n")[0]
    except ConnectionError:
        return b""


def cmd_slow(port, where):
    head = b"POST /v1/batches HTTP/1.1\r\nHost: localhost\r\nX-Filler: "
    if where == "body":
        head = b"POST /v1/batches HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
    end = time.monotonic() + DEADLINE
    with connect(port) as sock:
        sock.sendall(head)
        while time.monotonic() < end:
            line = first_line(sock)
            if line is not None:
                print(line.decode() or "closed")
                return
            try:
                sock.sendall(b"x")
            except ConnectionError:
                pass
    print("still open")


def cmd_silent(port):
    with connect(port) as sock:
        print("closed" if sock.recv(1) == b"" else "answered")


def cmd_leave(port, count):
    for _ in range(int(count)):
        with connect(port) as sock:
            sock.sendall(b"POST /v1/batches HTTP/1.1\r\nHost: localhost\r\n"
                         b"Content-Length: 100000\r\n\r\n" + bytes(9000))


def cmd_hold(port, count):
    socks = [connect(port) for _ in range(int(count))]
    print("held", flush=True)
    sys.stdin.read()
    for sock in socks:
        sock.close()


def cmd_chunked(port, size):
    with connect(port) as sock:
        sock.sendall(b"POST /v1/batches HTTP/1.1\r\nHost: localhost\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n")
        left = int(size)
        try:
            while left > 0 and not select.select([sock], [], [], 0)[0]:
                some = min(left, 65536)
                sock.sendall(b"%x\r\n" % some + bytes(some) + b"\r\n")
                left -= some
            if left == 0:
                sock.sendall(b"0\r\n\r\n")
        except ConnectionError:
            pass
        line = b""
        try:
            line = sock.recv(4096).split(b"\r\n")[0]
        except ConnectionError:
            pass
        print(line.decode() or "closed")


class Flood(threading.Thread):
    def __init__(self, port, files, turn):
        super().__init__()
        self.port, self.files, self.turn = int(port), files, turn
        self.statuses, self.added = collections.Counter(), collections.Counter()

    def run(self):
        http_ = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        for k in range(len(self.files)):
            body = craft.read(self.files[(k * (self.turn + 1) + self.turn) % len(self.files)])
            try:
                http_.request("POST", "/v1/batches", body)
                answer = http_.getresponse()
                text = answer.read()
                self.statuses[answer.status] += 1
                if answer.status == 200:
                    self.added.update(json.loads(text))
            except (OSError, http.client.HTTPException):
                self.statuses["lost"] += 1
                http_.close()


def cmd_flood(port, count, *files):
    floods = [Flood(port, files, turn) for turn in range(int(count))]
    for flood in floods:
        flood.start()
    for flood in floods:
        flood.join(DEADLINE)
    statuses = sum((f.statuses for f in floods), collections.Counter())
    added = sum((f.added for f in floods), collections.Counter())
    print(dict(statuses), added["events"], added["duplicates"])


if __name__ == "__main__":
    globals()["cmd_" + sys.argv[1]](*sys.argv[2:])
