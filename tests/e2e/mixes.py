#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Random captures, the same ones each time, of whatever Ethernet may carry: tags, labels, PPPoE,
options, extension headers, fragments in and out of order, headers that are wrong or cut short.

  mixes.py FIRST COUNT OUT    captures FIRST... one after the other in one file, 20 to 60 datagrams
                              each; capture K has the addresses 10.(128 + K / 256).(K % 256).x and
                              fd42:K::x to itself
"""
import random
import struct
import sys

TAGS = (0x8100, 0x88a8, 0x9100)
MAC = bytes.fromhex("020000000002020000000001")
LIMIT = 1514  # bytes of a frame
NEEDED = 20  # the kernel drops a tagged frame that is shorter, before anybody but XDP sees it
EXTENSIONS = (0, 43, 51, 60, 135)


def words(*values):
    return struct.pack("!%dH" % len(values), *values)


class Mix:
    def __init__(self, number):
        self.random = random.Random(number)
        self.number = number

    def bytes(self, low, high):
        return self.random.randbytes(self.random.randint(low, high))

    def chance(self, percent):
        return self.random.random() * 100 < percent

    # --- transport ---

    def ports(self):
        return words(self.random.choice((1024, 1025, 40000)), self.random.choice((53, 80, 443)))

    def tcp(self):
        options = 4 * self.random.choice((0, 0, 3, 10))
        head = struct.pack("!IIBBHHH", self.number, 0, (20 + options) << 2,
                           self.random.choice((2, 18, 16, 24, 17, 4, 0xff, 0)), 512, 0, 0)
        return 6, self.ports() + head + bytes(options) + self.bytes(0, 300)

    def with_ports(self):
        proto = self.random.choice((17, 17, 17, 33, 132, 136))
        payload = self.bytes(0, 700)
        return proto, self.ports() + words(8 + len(payload), 0) + payload

    def icmp(self, v6):
        kind = self.random.choice((128, 129, 1, 135) if v6 else (8, 0, 3, 11))
        head = struct.pack("!BBHHH", kind, self.random.randint(0, 1), 0, 77, 1)
        return (58 if v6 else 1), head + self.bytes(0, 64)

    def other(self):
        return self.random.choice((2, 4, 41, 47, 50, 89, 255)), self.bytes(0, 200)

    def transport(self, v6):
        kind = self.random.randint(0, 9)
        if kind < 4:
            return self.tcp()
        if kind < 7:
            return self.with_ports()
        return self.icmp(v6) if kind < 9 else self.other()

    # --- IPv4: a datagram is one packet or several ---

    def v4_packet(self, proto, payload, frag, ident):
        options = 4 * self.random.choice((0, 0, 0, 0, 1, 5, 10))
        total = 20 + options + len(payload)
        if self.chance(3):
            total = self.random.choice((0, 19, total - 1, total + 40, 65535))
        net = bytes([10, 128 + self.number // 256, self.number % 256])
        hosts = [net + bytes([self.random.randint(1, 3)]) for _ in range(2)]
        if frag is not None:
            hosts = [net + b"\4", net + b"\5"]
        version = 0x45 + options // 4
        if self.chance(2):
            version = self.random.choice((0x44, 0x65, 0x4f, 0x40))
        return struct.pack("!BBHHHBBH4s4s", version, self.random.choice((0, 0xb8)), total, ident,
                           frag or 0, 64, proto, 0, *hosts) + bytes(options) + payload

    def v4(self):
        proto, payload = self.transport(False)
        if not self.chance(15):
            return [self.v4_packet(proto, payload, None, 7)]
        ident, at, parts = self.random.getrandbits(16), 0, []
        while at < len(payload):
            size = 8 * self.random.randint(1, 30)
            more = 0x2000 if at + size < len(payload) else 0
            parts.append(self.v4_packet(proto, payload[at:at + size], more | at // 8, ident))
            at += size
        return self.shuffled(parts)

    # --- IPv6 ---

    def v6_packet(self, proto, payload, fragment):
        headers = self.random.choice((0, 0, 0, 1, 3, 7))
        chain = [self.random.choice(EXTENSIONS) for _ in range(headers)]
        if fragment:
            chain.append(44)
        body = b""
        follow = chain[1:] + [proto]
        for kind, follows in zip(chain, follow):
            body += self.extension(kind, follows, fragment)
        length = len(body) + len(payload)
        if self.chance(3):
            length = self.random.choice((0, 7, length - 1 if length else 0, length + 40))
        net = bytes.fromhex("fd42") + words(self.number) + bytes(11)
        hosts = [net + bytes([self.random.randint(1, 3)]) for _ in range(2)]
        if fragment:
            hosts = [net + b"\4", net + b"\5"]
        version = 0x60000000 if not self.chance(2) else 0x50000000
        head = struct.pack("!IHBB", version, length, chain[0] if chain else proto, 64)
        return head + hosts[0] + hosts[1] + body + payload

    def extension(self, kind, follows, fragment):
        if kind == 44:
            return struct.pack("!BBHI", follows, 0, *fragment)
        if kind == 51:
            size = self.random.choice((1, 4))
            return bytes([follows, size]) + bytes(4 * (size + 2) - 2)
        size = self.random.choice((0, 0, 1, 3))
        room = 8 * (size + 1) - 2
        options = bytes([1, room - 2]) + bytes(room - 2)  # PadN
        if self.chance(5):
            options = bytes([1, 200]) + options[2:]
        return bytes([follows, size]) + options

    def v6(self):
        proto, payload = self.transport(True)
        if not self.chance(15):
            return [self.v6_packet(proto, payload, None)]
        ident, at, parts = self.random.getrandbits(32), 0, []
        while at < len(payload):
            size = 8 * self.random.randint(1, 30)
            more = at + size < len(payload)
            parts.append(self.v6_packet(proto, payload[at:at + size], (at | more, ident)))
            at += size
        return self.shuffled(parts)

    def shuffled(self, parts):
        if self.chance(40):
            self.random.shuffle(parts)
        if len(parts) > 1 and self.chance(10):
            parts.pop(0)
        return parts

    # --- link ---

    def below(self, kind, ppp):
        """The ethertype, and what lies between it and the packet."""
        way = self.random.randint(0, 19)
        if way == 0:
            labels = self.random.choice((1, 2, 4, 9))
            stack = b"".join(struct.pack("!I", 16 + k << 12 | (k == labels - 1) << 8 | 64)
                             for k in range(labels))
            return 0x8847, stack
        if way == 1:
            version = 0x11 if not self.chance(10) else 0x21
            return 0x8864, struct.pack("!BBHHH", version, 0, 1, 0, ppp)
        return kind, b""

    def frame(self, kind, ppp, packet):
        ethertype, between = self.below(kind, ppp)
        for _ in range(self.random.choice((0,) * 12 + (1, 1, 1, 2, 2, 3))):
            between = words(self.random.choice((0, 5, 100, 0xe064)), ethertype) + between
            ethertype = self.random.choice(TAGS)
        frame = (MAC + words(ethertype) + between + packet)[:LIMIT]
        if self.chance(4):
            frame = frame[:self.random.randint(14, max(14, min(len(frame), 90)))]
        if len(frame) < 60 and self.chance(70) or len(frame) < NEEDED and ethertype in TAGS:
            frame += bytes(60 - len(frame))
        return frame

    def datagram(self):
        """Its frames."""
        kind = self.random.randint(0, 19)
        if kind < 11:
            return [self.frame(0x0800, 0x0021, packet) for packet in self.v4()]
        if kind < 18:
            return [self.frame(0x86dd, 0x0057, packet) for packet in self.v6()]
        if kind == 18:
            return [self.frame(0x0806, 0xc021, bytes(28))]
        junk = self.random.choice((0x88cc, 0x0026, 0x05ff, 0x9000, 0x88e5, 0x8863))
        return [self.frame(junk, 0xc023, self.bytes(0, 100))]

    def frames(self):
        """Some datagrams come again, later: flows of more than one packet."""
        earlier = []
        for _ in range(self.random.randint(20, 60)):
            if earlier and self.chance(40):
                yield from self.random.choice(earlier)
            else:
                earlier.append(self.datagram())
                yield from earlier[-1]


def main(first, count, out):
    with open(out, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        now = 1_700_000_000_000_000
        for number in range(int(first), int(first) + int(count)):
            for frame in Mix(number).frames():
                now += 1
                file.write(struct.pack("<IIII", now // 1000000, now % 1000000, len(frame),
                                       len(frame)) + frame)


if __name__ == "__main__":
    main(*sys.argv[1:])
