#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Clients of capmetrics that nobody wants, and many of those that everybody is.

  capmetrics.py mutants N PREFIX SEEDS  N reports with bits turned, by the program that makes seeds
  capmetrics.py malformed PORT          requests that are none: each is answered 4xx, or closed
  capmetrics.py slow PORT N             N requests that come byte by byte: all are cut off
  capmetrics.py crowd PORT N PATH       N clients at the same time, and how they were answered
  capmetrics.py deaf PORT               asks for /events and reads nothing until it is killed
"""
import asyncio
import json
import os
import random
import resource
import socket
import subprocess
import sys
import tempfile
import time

DEADLINE_S = 60

BAD = [
    b"\r\n\r\n\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n" + b"X: " + b"y" * 100000 + b"\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
    b"GET /" + b"a" * 50000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /flows/top?" + b"a=b&" * 3000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 70000,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    bytes(range(256)) * 4,

]

# Answered all the same: a body is never read, and libmicrohttpd ends a path at a NUL.
BORDERLINE = [
    b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /metrics\0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /%00%ff%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
]


def answer_of(port, request):
    """The status, 0 when the connection was closed without one."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as peer:
        got = b""
        try:
            peer.sendall(request)
            peer.shutdown(socket.SHUT_WR)
            while True:
                more = peer.recv(65536)
                if not more:
                    break
                got += more
        except OSError:  # closed at once: reset, broken pipe, not connected
            pass
        return int(got.split()[1]) if got.startswith(b"HTTP/") else 0


def cmd_malformed(port):
    for request in BORDERLINE:
        assert answer_of(int(port), request) == 200, request
    generator = random.Random(7)
    noise = [generator.randbytes(generator.randrange(1, 3000)) for _ in range(200)]
    for request in BAD + noise:
        status = answer_of(int(port), request)
        assert status == 0 or 400 <= status < 600, (status, request[:80])


def cmd_slow(port, count):
    request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 10000
    peers = [socket.create_connection(("127.0.0.1", int(port))) for _ in range(int(count))]
    until = time.monotonic() + DEADLINE_S
    at = 0
    closed = 0
    while peers and time.monotonic() < until:
        for peer in list(peers):
            peer.settimeout(0)
            try:
                peer.send(request[at:at + 1])
                gone = peer.recv(4096)
                assert not gone or b" 408 " in gone, gone
                if not gone:
                    raise ConnectionResetError
            except BlockingIOError:
                pass
            except (ConnectionResetError, BrokenPipeError):
                peers.remove(peer)
                closed += 1
        assert answer_of(int(port), b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n") == 503
        at += 1
        time.sleep(0.1)
    assert closed == int(count), closed


async def visit(port, path, go):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await go.wait()
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    began = time.monotonic()
    got = await reader.read()
    writer.close()
    head, _, body = got.partition(b"\r\n\r\n")
    whole = f"Content-Length: {len(body)}".encode() in head
    return (head.startswith(b"HTTP/1.1 200 ") and whole, time.monotonic() - began)


async def crowd(port, count, path):
    go = asyncio.Event()
    visits = [asyncio.create_task(visit(port, path, go)) for _ in range(count)]
    await asyncio.sleep(0)
    go.set()
    return await asyncio.wait_for(asyncio.gather(*visits, return_exceptions=True), DEADLINE_S)


def cmd_crowd(port, count, path):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4096), most))
    results = asyncio.run(crowd(int(port), int(count), path))
    good = [result[1] for result in results if isinstance(result, tuple) and result[0]]
    times = sorted(good) or [0]
    print(json.dumps({
        "answered": len(good), "other": len(results) - len(good),
        "median_s": round(times[len(times) // 2], 3), "longest_s": round(times[-1], 3),
        "example": next((repr(r) for r in results if not isinstance(r, tuple)), None)}))


def cmd_deaf(port):
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.connect(("127.0.0.1", int(port)))
    peer.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    peer.recv(16)
    print("open", flush=True)
    time.sleep(DEADLINE_S)


def cmd_mutants(count, prefix, seeds):
    generator = random.Random(11)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([seeds, folder], check=True)
        folder = os.path.join(folder, "fuzz_metrics")
        originals = []
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), "rb") as file:
                # The harness keeps its number of keys where a report has its first byte.
                originals.append(bytearray(b"\xde" + file.read()[1:]))
    for index in range(int(count)):
        bytes_ = bytearray(generator.choice(originals))
        for _ in range(generator.randrange(1, 6)):
            at = generator.randrange(11, len(bytes_))
            bytes_[at] ^= 1 << generator.randrange(8)
        with open(f"{prefix}{index}", "wb") as file:
            file.write(bytes_)


if __name__ == "__main__":
    globals()["cmd_" + sys.argv[1]](*sys.argv[2:])
