#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Reads Tapline's events without Tapline: a recording or a pipe, by python3-msgpack alone.

usage: read_events.py [FILE]...        - or nothing is stdin; JSON lines on stdout

The objects are those of `evcat --json`, but for proto and end_reason, which stay
numbers. The format is in tapline-wire(5).
"""
import base64
import ipaddress
import json
import sys
import time
import uuid

import msgpack

MAX_BATCH = 4 << 20


def event_id(stream, number):
    """UUIDv8: 60 bits of the stream, 62 bits of the number."""
    custom_a = stream[:6] + bytes([0x80 | stream[6] & 0x0F, stream[7]])
    custom_b = (1 << 63 | number & (1 << 62) - 1).to_bytes(8, "big")
    return str(uuid.UUID(bytes=custom_a + custom_b))


def rfc3339(stamp):
    """Nanoseconds, which datetime cannot hold."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(stamp.seconds)) + f".{stamp.nanoseconds:09d}Z"


def plain(name, value):
    """A value as JSON can have it."""
    if isinstance(value, msgpack.Timestamp):
        return rfc3339(value)
    if isinstance(value, bytes):
        if name.endswith("_ip") and len(value) in (4, 16):
            return str(ipaddress.ip_address(value))
        return base64.b64encode(value).decode()
    if isinstance(value, list):
        return [plain(name, member) for member in value]
    if isinstance(value, dict):
        return {key: plain(key, member) for key, member in value.items()}
    return value


def members(value):
    """An entity that is an array stands for each of its members."""
    return value if isinstance(value, list) else [value]


def events(batch):
    """The events of one batch, as dicts."""
    shapes = {shape[0]: shape[1:] for shape in batch["shapes"]}
    for number, (shape, stamp, *values) in enumerate(batch["events"], batch["first"]):
        if shape == 0:  # the open shape names everything itself
            kind, entities, edges = values
        else:
            kind, names, edges = shapes[shape]
            entities = dict(zip(names, values))
        entities = {name: plain(name, value) for name, value in entities.items()}
        yield {
            "event_id": event_id(batch["stream"], number),
            "type": kind,
            "timestamp": rfc3339(stamp),
            "entities": entities,
            "edges": [f"{a} -> {b}" for source, target in edges
                      if source in entities and target in entities
                      for a in members(entities[source]) for b in members(entities[target])],
            "stream": batch["stream"].hex(),
            "number": number,
            "source": batch["source"],
            "host": batch["host"],
            "iface": batch["iface"],
        }


def batches(file):
    """Batches end to end. A stream that is damaged raises."""
    unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, max_buffer_size=2 * MAX_BATCH)
    while chunk := file.read1(65536):
        unpacker.feed(chunk)
        yield from unpacker


def main(paths):
    for path in paths or ["-"]:
        with sys.stdin.buffer if path == "-" else open(path, "rb") as file:
            for batch in batches(file):
                if batch["v"] != 1:
                    sys.exit(f"{path}: version {batch['v']} of the format, this reads 1")
                if batch["after"] < batch["first"]:
                    print(f"{path}: {batch['first'] - batch['after']} events declared lost "
                          f"before number {batch['first']}", file=sys.stderr)
                for event in events(batch):
                    print(json.dumps(event, ensure_ascii=False))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BrokenPipeError:
        sys.stderr.close()  # head(1) has seen enough
    except (OSError, KeyError, ValueError, TypeError, msgpack.UnpackException) as error:
        sys.exit(f"read_events.py: {type(error).__name__}: {error}")
