#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What soak/receiver sends, for a time, from several threads; and its books.

  receiver.py PORT PID SECONDS SEED TAP [CERT]   fails when memory grows after the first third
  receiver.py stored FILE                        fails when an event is there twice
"""
import collections
import os
import random
import socket
import ssl
import subprocess
import sys
import threading
import time

import msgpack

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import craft

THREADS = 8
GROWTH_KB = 4096  # what the samples of the last third may be above those of the middle one
TOKEN = b"Authorization: Bearer a-token-that-soaks\r\n"


class Client(threading.Thread):
    def __init__(self, port, end, seed, batch, cert):
        super().__init__(daemon=True)
        self.port, self.end, self.cert = port, end, cert
        self.random = random.Random(seed)
        self.batch = craft.unpack(batch)
        self.stream = bytes(16)
        self.next = 0
        self.last = b""
        self.statuses = collections.Counter()

    def connect(self):
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        if self.cert and self.random.random() < 0.95:
            context = ssl.create_default_context(cafile=self.cert)
            sock = context.wrap_socket(sock, server_hostname="127.0.0.1")
        return sock

    def head(self, more=b"", length=None):
        text = b"POST /v1/batches HTTP/1.1\r\nHost: localhost\r\n" + more
        return text + (b"" if length is None else b"Content-Length: %d\r\n" % length) + b"\r\n"

    def send(self, data, finish=True):
        """The status of what comes back."""
        with self.connect() as sock:
            sock.sendall(data)
            if not finish:
                return "left"
            line = sock.recv(4096).split(b" ", 2)
            return line[1].decode() if len(line) == 3 else "closed"

    def fresh(self):
        """A batch that is new, of a stream that may be new too."""
        if self.next == 0 or self.random.random() < 0.05:
            self.stream, self.next = self.random.randbytes(16), 0
        first = self.next + self.random.choice([0, 0, 0, 7])
        self.next = first + len(self.batch["events"])
        self.last = craft.pack({**self.batch, "stream": self.stream, "after": first,
                                "first": first, "end": False})
        return self.last

    def good(self):
        body = self.fresh() if self.random.random() < 0.7 else self.last or self.fresh()
        return self.send(self.head(TOKEN, len(body)) + body)

    def fuzzed_body(self):
        body = bytearray(self.fresh())
        for _ in range(self.random.randint(1, 8)):
            body[self.random.randrange(len(body))] = self.random.randrange(256)
        return self.send(self.head(TOKEN, len(body)) + bytes(body))

    def fuzzed_zstd(self):
        body = self.random.randbytes(self.random.randint(0, 3000))
        if self.random.random() < 0.5:
            body = bytearray(zstd_bomb)
            body[self.random.randrange(len(body))] ^= 1 << self.random.randrange(8)
        more = TOKEN + b"Content-Encoding: zstd\r\n"
        return self.send(self.head(more, len(body)) + bytes(body))

    def bomb(self):
        more = TOKEN + b"Content-Encoding: zstd\r\n"
        return self.send(self.head(more, len(zstd_bomb)) + zstd_bomb)

    def fuzzed_head(self):
        head = bytearray(self.head(TOKEN, 10) + bytes(10))
        for _ in range(self.random.randint(1, 6)):
            head[self.random.randrange(len(head))] = self.random.randrange(256)
        return self.send(bytes(head) + b"\r\n\r\n", self.random.random() < 0.2)

    def noise(self):
        return self.send(self.random.randbytes(self.random.randint(1, 5000)), False)

    def too_big(self):
        return self.send(self.head(TOKEN, 10 ** self.random.randint(6, 18)))

    def cut_short(self):
        body = self.fresh()
        self.next -= len(self.batch["events"])
        return self.send(self.head(TOKEN, len(body)) + body[:self.random.randrange(len(body))],
                         False)

    def stranger(self):
        token = b"Authorization: Bearer %x\r\n" % self.random.getrandbits(100)
        return self.send(self.head(token, 4) + b"1234")

    def slow(self):
        with self.connect() as sock:
            sock.sendall(self.head(TOKEN, 1000))
            for _ in range(self.random.randint(1, 60)):
                sock.sendall(b"x")
                time.sleep(0.1)
        return "slow"

    def run(self):
        kinds = [self.good] * 12 + [self.fuzzed_body, self.fuzzed_zstd, self.bomb, self.fuzzed_head,
                                    self.noise, self.too_big, self.cut_short, self.stranger]
        while time.monotonic() < self.end:
            kind = self.random.choice(kinds) if self.random.random() < 0.998 else self.slow
            try:
                self.statuses[kind.__name__, kind()] += 1
            except OSError:
                self.statuses[kind.__name__, "broken"] += 1


def resident_kb(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def watch(pid, start, end):
    samples, step = [], max(1, (end - start) / 20)
    while time.monotonic() < end:
        time.sleep(step)
        samples.append(resident_kb(pid))
        print(f"  {time.monotonic() - start:5.0f} s  VmRSS {samples[-1]} kB", flush=True)
    return samples


def soak(port, pid, seconds, seed, tap, cert=None):
    batch = next(craft.batches(tap))
    part = craft.unpack(batch)
    batch = craft.pack({**part, "events": part["events"][:300]})
    start = time.monotonic()
    end = start + int(seconds)
    clients = [Client(int(port), end, f"{seed}{k}", batch, cert) for k in range(THREADS)]
    for client in clients:
        client.start()
    samples = watch(pid, start, end)
    for client in clients:
        client.join(30)
    statuses = sum((c.statuses for c in clients), collections.Counter())
    for (kind, status), count in sorted(statuses.items()):
        print(f"  {kind:12} {status:7} {count}")
    third = len(samples) // 3
    middle, last = max(samples[third:-third]), max(samples[-third:])
    if not statuses["good", "200"]:
        sys.exit("nothing was stored")
    if last > middle + GROWTH_KB:
        sys.exit(f"memory grew: {middle} kB in the middle, {last} kB at the end")


def stored(path):
    seen = set()
    events = odd = 0
    for data in craft.batches(path):
        # Fuzzing makes valid batches that Python does not take: other extensions, texts, times.
        try:
            batch = msgpack.unpackb(data, strict_map_key=False, raw=True)
        except ValueError:
            odd += 1
            continue
        for k in range(len(batch[b"events"])):
            seen.add((batch[b"stream"], batch[b"first"] + k))
        events += len(batch[b"events"])
    print(f"  {events} events stored, {events - len(seen)} of them twice; left out {odd} odd batches")
    if events != len(seen):
        sys.exit(1)


zstd_bomb = subprocess.run(["zstd", "-qc"], input=bytes(64 << 20), stdout=subprocess.PIPE,
                           check=True).stdout if len(sys.argv) > 4 else b""

if __name__ == "__main__":
    stored(sys.argv[2]) if sys.argv[1] == "stored" else soak(*sys.argv[1:])
