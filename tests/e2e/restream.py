#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""restream.py COUNT IN OUT: the batches of one stream, as those of so many streams.

Copies differ in their stream ids only, which are made from their numbers.
"""
import hashlib
import struct
import sys

import msgpack

SIZE_AT = 10  # of a batch whose map has at most 15 keys


def main(count, source, target):
    with open(source, "rb") as file:
        data = file.read()
    batches, at = [], 0
    while at < len(data):
        size = struct.unpack(">I", data[at + SIZE_AT:at + SIZE_AT + 4])[0]
        batches.append(data[at:at + size])
        at += size
    old = msgpack.unpackb(batches[0], raw=False, strict_map_key=False)["stream"]
    with open(target, "wb") as file:
        for number in range(int(count)):
            new = hashlib.sha256(old + str(number).encode()).digest()[:16]
            for batch in batches:
                file.write(batch.replace(old, new, 1))


if __name__ == "__main__":
    main(*sys.argv[1:])
