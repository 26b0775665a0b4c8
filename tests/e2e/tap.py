#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the end-to-end tests need of the wire, written apart from the product:
msgpack-python reads what the tools write, packet sockets send what they read.

  tap.py events FILE             one JSON object an event
  tap.py flows FILE              flow_end rows as in golden.tsv, ICMP summed up, sorted
  tap.py golden TSV NAME         the rows of one capture, the same way
  tap.py stat FILE NAME...       fields of the closing capture_stats, one a line
  tap.py check FILE              one ended stream per interface, no number missing
  tap.py replay IFACE PCAP       sends the frames of an Ethernet capture, unchanged
  tap.py whole PCAP OUT [LIMIT]  a copy without the frames that no wire can carry again: cut short
                                 in the file, shorter than a link header, or longer than LIMIT
  tap.py device NAME COUNT FIFO  a tap device that, once told by a line from FIFO, receives COUNT
                                 plain frames and as many of a kind (UDP fragmentation offload)
                                 that a packet socket cannot describe; ends with the next line
  tap.py tunnel NAME COUNT FIFO  the same with a tun device and plain IP packets alone
  tap.py send IFACE KIND COUNT   sends COUNT crafted frames: udp, vlan, qinq, icmp, ipv6, arp,
                                 gre, frag, tcp; `udp:N` spreads them over N flows
"""
import fcntl
import ipaddress
import json
import os
import socket
import struct
import subprocess
import sys
from collections import defaultdict

import msgpack


def batches(path):
    with open(path, "rb") as file:
        yield from msgpack.Unpacker(file, raw=False, strict_map_key=False)


def events_of(batch):
    shapes = {shape[0]: shape for shape in batch["shapes"]}
    for k, event in enumerate(batch["events"]):
        shape = shapes[event[0]]
        yield batch["first"] + k, shape[1], event[1], dict(zip(shape[2], event[2:]))


def events(path):
    for batch in batches(path):
        for _, kind, time, fields in events_of(batch):
            yield batch, kind, time, fields


def plain(name, value):
    if isinstance(value, bytes):
        return str(ipaddress.ip_address(value)) if name.endswith("_ip") else value.hex()
    return value.to_unix_nano() if isinstance(value, msgpack.Timestamp) else value


def cmd_events(path):
    for batch, kind, time, fields in events(path):
        row = {"type": kind, "ts": time.to_unix_nano(), "iface": batch["iface"]}
        row.update((name, plain(name, value)) for name, value in fields.items())
        print(json.dumps(row))


# --- flows as golden.tsv has them ---------------------------------------------------

def print_rows(rows):
    for key in sorted(rows):
        print("\t".join(map(str, key + tuple(rows[key]))))


def cmd_flows(path):
    rows = defaultdict(lambda: [0, 0, 0])
    other = [0, 0]
    for _, kind, _, f in events(path):
        if kind == "flow_end":
            ports = (0, 0) if f["proto"] in (1, 58) else (f["src_port"], f["dst_port"])
            key = (plain("_ip", f["src_ip"]), plain("_ip", f["dst_ip"]), *map(str, ports),
                   str(f["proto"]), str(f["vlan"]))
            for i, name in enumerate(("packets", "bytes", "ip_bytes")):
                rows[key][i] += f[name]
        elif kind == "capture_stats":
            classes = ("arp", "other_l3", "malformed_l2", "malformed_l3")
            other = [sum(f[c + "_" + what] for c in classes) for what in ("packets", "bytes")]
    if other[0]:
        rows[("-", "-", "0", "0", "non-ip", "0")] = [*other, 0]
    print_rows(rows)


def cmd_golden(tsv, name):
    rows = defaultdict(lambda: [0, 0, 0])
    with open(tsv, encoding="ascii") as file:
        for line in file:
            columns = line.rstrip("\n").split("\t")
            if columns[0] == name:
                for i in range(3):
                    rows[tuple(columns[1:7])][i] += int(columns[7 + i])
    print_rows(rows)


# --- the closing statistics, and the numbers ---------------------------------------------

def cmd_stat(path, *names):
    last = {}
    for _, kind, _, fields in events(path):
        if kind == "capture_stats":
            last = fields
    for name in names:
        print(last[name])


def cmd_check(path):
    streams = {}
    for batch in batches(path):
        stream = streams.setdefault(batch["stream"], {"next": 0, "end": False, "last": ""})
        if stream["end"]:
            sys.exit("a batch after the end of its stream")
        if batch["after"] != batch["first"]:
            sys.exit("declared loss: %d to %d" % (batch["after"], batch["first"]))
        if batch["first"] != stream["next"]:
            sys.exit("a gap: %d, expected %d" % (batch["first"], stream["next"]))
        for number, kind, _, _ in events_of(batch):
            stream["next"] = number + 1
            stream["last"] = kind
        stream["end"] = batch["end"]
    if not streams:
        sys.exit("no stream")
    for stream in streams.values():
        if not stream["end"] or stream["last"] != "capture_stats":
            sys.exit("a stream without its end and closing capture_stats")


# --- sending -------------------------------------------------------------------------

def records_of(path):
    """The file header, then header, frame and wire length of each record."""
    with open(path, "rb") as file:
        data = file.read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    yield data[:24], b"", 0
    at = 24
    while at + 16 <= len(data):
        captured, length = struct.unpack(order + "IIII", data[at:at + 16])[2:]
        yield data[at:at + 16], data[at + 16:at + 16 + captured], length
        at += 16 + captured


def cmd_whole(path, out, limit=1 << 20):
    with open(out, "wb") as file:
        for header, frame, length in records_of(path):
            if not frame or 14 <= len(frame) == length <= int(limit):
                file.write(header + frame)


def transmit(iface, frames):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        sock.bind((iface, 0))
        for frame in frames:
            sock.send(frame)


def cmd_replay(iface, path):
    """From one processor: frames keep their order."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    transmit(iface, (frame for _, frame, _ in records_of(path) if frame))


ETHER = bytes.fromhex("020000000002020000000001")


def ipv4(proto, payload, frag=0, host=1, ident=7):
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, frag, 64, proto, 0,
                       bytes([10, 99, 0, host]), bytes([10, 99, 0, 2])) + payload


def udp(source, length=18):
    return struct.pack("!HHHH", source, 9, 8 + length, 0) + bytes(length)


def ether(kind, payload):
    return ETHER + struct.pack("!H", kind) + payload


def tag(vlan, kind, payload):
    return struct.pack("!HH", vlan, kind) + payload


def crafted(kind, k, flows):
    source = 1024 + k % flows
    packet = ipv4(17, udp(source), host=1 + k % flows % 200)
    if kind == "udp":
        return ether(0x0800, packet)
    if kind == "vlan":
        return ether(0x8100, tag(100, 0x0800, packet))
    if kind == "qinq":
        return ether(0x88a8, tag(200, 0x8100, tag(100, 0x0800, packet)))
    if kind == "tcp":
        header = struct.pack("!HHIIBBHHH", source, 22, k, 0, 0x50, 0x18, 512, 0, 0)
        return ether(0x0800, ipv4(6, header + b"secret"))
    if kind == "icmp":
        return ether(0x0800, ipv4(1, struct.pack("!BBHHH", 8, 0, 0, 77, k) + bytes(32)))
    if kind == "ipv6":
        addresses = ipaddress.ip_address("fd99::1").packed + ipaddress.ip_address("fd99::2").packed
        return ether(0x86dd, struct.pack("!IHBB", 0x60000000, 26, 17, 64) + addresses + udp(1024))
    if kind == "arp":
        return ether(0x0806, struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + bytes(20))
    if kind == "gre":
        inner = ipv4(17, udp(source), host=1 + k % 200)
        return ether(0x0800, ipv4(47, struct.pack("!HH", 0, 0x0800) + inner, host=1 + k % flows))
    if kind == "frag":
        whole = udp(1024, 40)
        part = whole[:24] if k % 2 == 0 else whole[24:]
        return ether(0x0800, ipv4(17, part, 0x2000 if k % 2 == 0 else 3, 1 + k // 2 % flows, k // 2))
    sys.exit("unknown kind of frame: " + kind)


def cmd_send(iface, kind, count):
    name, _, flows = kind.partition(":")
    transmit(iface, (crafted(name, k, int(flows or 1)) for k in range(int(count))))


def cmd_tunnel(name, count, fifo):
    """IFF_TUN, IFF_NO_PI: no link header."""
    with open("/dev/net/tun", "r+b", buffering=0) as device, open(fifo, encoding="ascii") as told:
        fcntl.ioctl(device, 0x400454ca, struct.pack("16sH", name.encode(), 0x1001))
        subprocess.run(["ip", "link", "set", name, "up"], check=True)
        print("up", flush=True)
        told.readline()
        for k in range(int(count)):
            device.write(crafted("udp", k, 1)[14:])
        print("sent", flush=True)
        told.readline()


def cmd_device(name, count, fifo):
    """linux/if_tun.h: TUNSETIFF with IFF_TAP, IFF_NO_PI, IFF_VNET_HDR."""
    with open("/dev/net/tun", "r+b", buffering=0) as device, open(fifo, encoding="ascii") as told:
        fcntl.ioctl(device, 0x400454ca, struct.pack("16sH", name.encode(), 0x5002))
        subprocess.run(["ip", "link", "set", name, "up"], check=True)
        print("up", flush=True)
        told.readline()
        merged = struct.pack("=BBHHHH", 1, 3, 42, 1000, 34, 6)
        for k in range(int(count)):
            device.write(bytes(10) + crafted("udp", k, 1))
            device.write(merged + ether(0x0800, ipv4(17, udp(1024, 3000))))
        print("sent", flush=True)
        told.readline()


if __name__ == "__main__":
    globals()["cmd_" + sys.argv[1]](*sys.argv[2:])
