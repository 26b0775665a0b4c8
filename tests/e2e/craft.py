#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Captures and messages that nothing on this machine would make for us.

  craft.py first N IN OUT           the first N packets of a classic capture
  craft.py classic WORD... IN OUT   rewritten: swap (byte order), ns (nanoseconds), link=N
  craft.py now IN OUT               the same packets, the last of them stamped now
  craft.py pcapng IN OUT            the same packets as pcapng
  craft.py batches IN PREFIX        one file a batch: PREFIX0, PREFIX1, ...
  craft.py cut N IN OUT             the same stream in batches of N events
  craft.py break IN OUT             a batch of the right size that is not valid
  craft.py waits IN OUT             the batch of a producer that waits for acknowledgements
  craft.py spoil IN OUT             its last event is none; the head can be read
  craft.py flat IN                  number of events of each batch, one a line
  craft.py sizes IN                 bytes of each batch, one a line
  craft.py send SOCKET FILE...      dials an ipc listener as a push socket, a message a file
  craft.py port                     a free tcp port of the loopback
"""
import socket
import struct
import sys
import time

import msgpack

MAGIC_US, MAGIC_NS = 0xa1b2c3d4, 0xa1b23c4d
NO_BASE = (1 << 62) - 1  # who sends these waits for no acknowledgement
SIZE_AT = 10  # of a batch whose map has at most 15 keys


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def packets(path):
    """(link type, [(seconds, microseconds, length on the wire, bytes)]) of a little-endian file."""
    data = read(path)
    link = struct.unpack("<I", data[20:24])[0]
    at, found = 24, []
    while at < len(data):
        seconds, micros, have, wire = struct.unpack("<IIII", data[at:at + 16])
        found.append((seconds, micros, wire, data[at + 16:at + 16 + have]))
        at += 16 + have
    return link, found


def classic(order, magic, link, found):
    scale = 1000 if magic == MAGIC_NS else 1
    head = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link)
    return head + b"".join(
        struct.pack(order + "IIII", seconds, micros * scale, len(frame), wire) + frame
        for seconds, micros, wire, frame in found)


def cmd_first(count, source, target):
    link, found = packets(source)
    write(target, classic("<", MAGIC_US, link, found[:int(count)]))


def cmd_classic(*arguments):
    *words, source, target = arguments
    link, found = packets(source)
    for word in words:
        link = int(word[5:]) if word.startswith("link=") else link
    write(target, classic(">" if "swap" in words else "<",
                          MAGIC_NS if "ns" in words else MAGIC_US, link, found))


def cmd_now(source, target):
    link, found = packets(source)
    shift = int(time.time()) - found[-1][0]
    write(target, classic("<", MAGIC_US, link, [(s + shift, *rest) for s, *rest in found]))


def block(kind, body):
    body += bytes(-len(body) % 4)
    size = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + size + body + size


def cmd_pcapng(source, target):
    link, found = packets(source)
    out = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))
    out += block(1, struct.pack("<HHI", link, 0, 262144))
    for seconds, micros, wire, frame in found:
        time = seconds * 1000000 + micros
        out += block(6, struct.pack("<IIIII", 0, time >> 32, time & 0xffffffff, len(frame), wire)
                     + frame)
    write(target, out)


def batches(path):
    data, at = read(path), 0
    while at < len(data):
        size = struct.unpack(">I", data[at + SIZE_AT:at + SIZE_AT + 4])[0]
        yield data[at:at + size]
        at += size


def cmd_batches(source, prefix):
    for k, batch in enumerate(batches(source)):
        write(prefix + str(k), batch)


def cmd_cut(count, source, target):
    out = b""
    for batch in map(unpack, batches(source)):
        events, first, count = batch["events"], batch["first"], int(count)
        for k in range(0, len(events), count):
            part = events[k:k + count]
            used = {event[0] for event in part}
            last = batch["end"] and k + count >= len(events)
            out += pack({**batch, "base": NO_BASE, "after": first + k, "first": first + k, "end": last,
                         "shapes": [s for s in batch["shapes"] if s[0] in used], "events": part})
    write(target, out)


def unpack(data):
    return msgpack.unpackb(data, strict_map_key=False)


def pack(batch):
    data = bytearray(msgpack.packb({**batch, "size": 1 << 31}))
    data[SIZE_AT:SIZE_AT + 4] = struct.pack(">I", len(data))
    return bytes(data)


def cmd_break(source, target):
    data = bytearray(read(source))
    data[data.index(b"\xa6events") + 7] = 0xc1
    write(target, data)


def cmd_spoil(source, target):
    batch = unpack(read(source))
    batch["events"][-1] = "no event"
    write(target, pack(batch))


def cmd_waits(source, target):
    write(target, pack({**unpack(read(source)), "base": 0}))


def cmd_sizes(source):
    for batch in batches(source):
        print(len(batch))


def cmd_flat(source):
    for batch in batches(source):
        print(len(unpack(batch)["events"]))


def cmd_send(path, *files):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        sock.sendall(b"\0SP\0\0\x50\0\0")  # I am a push socket of the pipeline protocol
        if sock.recv(8, socket.MSG_WAITALL) != b"\0SP\0\0\x51\0\0":
            sys.exit("the other end is no pull socket")
        for file in files:
            message = read(file)
            sock.sendall(b"\1" + struct.pack(">Q", len(message)) + message)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(4096):
            pass


def cmd_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        print(sock.getsockname()[1])


if __name__ == "__main__":
    globals()["cmd_" + sys.argv[1]](*sys.argv[2:])
