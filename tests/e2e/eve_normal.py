#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The rules of tapline-wire(5), EVENTS OF SURICATA, once more: what each line of eve.json must
become, written apart from the product; renamed fields and edges are read from the page.

  eve_normal.py check LINES BATCHES PAGE   compares; prints how many events of which type
  eve_normal.py random SEED N              N lines: objects of all kinds, some damaged
  eve_normal.py fields LINES               how many scalars are in the lines
"""
import collections
import ipaddress
import json
import math
import random
import re
import sys

import msgpack

READ_NS = 1000000000  # of evedump, for lines without a time
MISSING = object()


class BadLine(Exception):
    pass


class Pairs(list):
    """An object, its keys as often as they come."""


class Text(str):
    """A number that is kept as its digits."""


class Deep:
    """What is nested too deep: kept as JSON text that says the same."""

    def __init__(self, value):
        self.value = value


# --- reading JSON ---------------------------------------------------------------------------


def integer(text):
    number = int(text)
    return number if -(1 << 63) <= number < 1 << 64 else Text(text)


def real(text):
    number = float(text)
    zero = re.fullmatch(r"-?0*\.?0*([eE].*)?", text)
    return number if math.isfinite(number) and (number != 0 or zero) else Text(text)


def constant(text):
    raise BadLine(text)


def parse(line):
    try:
        text = line.decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=Pairs,
            parse_int=integer,
            parse_float=real,
            parse_constant=constant,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # no half of a surrogate pair
    except (ValueError, RecursionError) as error:
        raise BadLine(str(error)) from error
    if not isinstance(value, Pairs) or not text.lstrip(" \t\r\n").startswith("{"):
        raise BadLine("no object")
    return value


# --- the page ----------------------------------------------------------------------------------


class Page:
    def __init__(self, path):
        text = open(path, encoding="utf-8").read()
        text = text[text.index(".Sh EVENTS OF SURICATA") :]
        text = text[: text.index(".Sh JSON FORM")]
        fields, edges = text.split(".Ss Edges")
        fields = fields[: fields.index(".Ss parse_error")]
        self.fields = {
            row[0]: (row[1] or row[0], row[2])
            for row in re.findall(r"^\.It Cm (\S+) Ta (?:Cm (\S+))? ?Ta (.+)$", fields, re.M)
        }
        self.edges = re.findall(r"^\.It Cm (\S+) Ta Cm (\S+) Ta ?(\(a\))?$", edges, re.M)
        assert len(self.fields) > 10 and len(self.edges) > 30


# --- the rules -----------------------------------------------------------------------------------


def is_object(value):
    return isinstance(value, Pairs)


def is_array(value):
    return isinstance(value, list) and not isinstance(value, Pairs)


def nested(value, depth=3):
    if not isinstance(value, list):
        return value
    if depth == 0:
        return Deep(value)
    if is_object(value):
        return Pairs((key, nested(inner, depth - 1)) for key, inner in value)
    return [nested(inner, depth - 1) for inner in value]


def time_ns(value):
    if type(value) is not str:
        return None
    match = re.fullmatch(
        r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):?(\d\d))?",
        value,
        re.A,
    )
    if not match:
        return None
    import datetime

    parts = [int(part) for part in match.groups()[:6]]
    leap = parts[5] == 60
    try:
        when = datetime.datetime(*parts[:5], 59 if leap else parts[5])
    except ValueError:
        return None
    seconds = (when - datetime.datetime(1970, 1, 1)).total_seconds() + leap
    if match[8]:
        if int(match[9]) > 23 or int(match[10]) > 59:
            return None
        east = 3600 * int(match[9]) + 60 * int(match[10])
        seconds -= east if match[8] == "+" else -east
    if not 0 <= seconds < 1 << 34:
        return None
    return int(seconds) * 1000000000 + int((match[7] or "0")[:9].ljust(9, "0"))


def address(value):
    if type(value) is not str or "%" in value:
        return None
    try:
        return ipaddress.ip_address(value).packed
    except ValueError:
        return None


def protocol(value):
    if type(value) is int and 0 <= value <= 255:
        return value
    if type(value) is not str:
        return None
    if re.fullmatch(r"\d{3}", value, re.A) and int(value) <= 255:
        return int(value)
    known = {"tcp": 6, "udp": 17, "icmp": 1, "ipv6-icmp": 58, "sctp": 132, "gre": 47, "esp": 50}
    return known.get(value.lower())


class Columns(Exception):
    pass


def gather(members, path, member, cells, depth):
    seen = set()

    def value_of(key_path, value, depth):
        if is_object(value) and value:
            if depth >= 16:
                raise Columns
            object_of(key_path, value, depth + 1)
        elif value is None or key_path in seen or (
            key_path not in cells and len(cells) == 64
        ):
            raise Columns
        else:
            seen.add(key_path)
            cells.setdefault(key_path, {})[member] = value

    def object_of(key_path, value, depth):
        for key, inner in value:
            value_of(key_path + (key,), inner, depth)

    object_of(path, members[member], depth)


class Event:
    def __init__(self, page, value):
        self.page = page
        self.used = set()
        self.entities = []
        self.type = "unknown"
        self.ts = READ_NS
        self.flatten((), value, 1)

    def name(self, name):
        again = 2
        base = name
        while name in self.used:
            name = f"{base}#{again}"
            again += 1
        self.used.add(name)
        return name

    def add(self, name, value):
        self.entities.append((self.name(name), value))

    def flatten(self, path, value, depth):
        for key, inner in value:
            here = path + (key,)
            if is_object(inner) and inner and depth < 16:
                self.flatten(here, inner, depth + 1)
            else:
                self.field(here, inner)

    def columns(self, path, value):
        cells = {}
        for member in range(len(value)):
            if not is_object(value[member]):
                raise Columns
            gather(value, path, member, cells, 1)
        count = sum(len(column) for column in cells.values()) + 1
        if not cells or len(value) * len(cells) > 256 + 4 * count:
            raise Columns
        for key_path, column in cells.items():
            name = ".".join(key_path)
            name = self.page.fields.get(name, (name,))[0]
            self.add(name, [nested(column.get(k), 2) for k in range(len(value))])

    def field(self, path, value):
        if is_array(value) and value and is_object(value[0]):
            try:
                self.columns(path, value)
                return
            except Columns:
                pass
        dotted = ".".join(path)
        name, kind = self.page.fields.get(dotted, (dotted, ""))
        if name in self.used:
            self.add(name, nested(value))
        elif not self.special(dotted, name, kind, value):
            self.add(name, nested(value))

    def special(self, dotted, name, kind, value):
        if dotted == "timestamp":
            if time_ns(value) is not None:
                self.ts = time_ns(value)
                self.used.add(name)
                return True
        elif dotted == "event_type":
            if type(value) is str and len(value.encode()) <= 256:
                self.type = value
                self.used.add(name)
                return True
        elif dotted == "proto":
            if protocol(value) is not None:
                self.add(name, protocol(value))
                return True
            if type(value) is str:
                self.add("proto_name", value)
                return True
        elif dotted == "vlan":
            return self.vlan(name, value)
        elif kind == "time" and time_ns(value) is not None:
            self.add(name, msgpack.Timestamp.from_unix_nano(time_ns(value)))
            return True
        elif dotted.endswith("_ip") and len(dotted) > 3 and address(value) is not None:
            self.add(name, address(value))
            return True
        return False

    def vlan(self, name, value):
        if not is_array(value) or not 1 <= len(value) <= 3:
            return False
        if not all(type(tag) is int and 0 <= tag <= 65535 for tag in value):
            return False
        self.add(name, value[0])
        if len(value) > 1:
            self.add("vlan_inner", value[1])
        if len(value) > 2:
            self.add("vlan_layers", value)
        return True

    def edges(self):
        names = {name for name, _ in self.entities}
        return [
            [a, b]
            for a, b, unless in self.page.edges
            if a in names and b in names and not (unless and "dns.answers.rdata" in names)
        ]


# --- comparing -------------------------------------------------------------------------------------


def same(want, got):
    if isinstance(want, Deep):
        return isinstance(got, str) and json.loads(
            got,
            object_pairs_hook=Pairs,
            parse_int=integer,
            parse_float=real,
        ) == want.value
    if is_object(want):
        return (
            isinstance(got, Pairs)
            and len(want) == len(got)
            and all(a == c and same(b, d) for (a, b), (c, d) in zip(want, got))
        )
    if isinstance(want, list):
        return (
            is_array(got) and len(want) == len(got) and all(map(same, want, got))
        )
    if isinstance(want, str):
        return isinstance(got, str) and str(want) == got
    return type(want) is type(got) and want == got


def events(path):
    with open(path, "rb") as file:
        unpacker = msgpack.Unpacker(
            file, max_buffer_size=4 << 20, object_pairs_hook=Pairs, strict_map_key=False
        )
        for pairs in unpacker:
            batch = dict(pairs)
            shapes = {shape[0]: shape for shape in batch["shapes"]}
            for id, ts, *rest in batch["events"]:
                if id:
                    yield shapes[id][1], ts, list(zip(shapes[id][2], rest)), shapes[id][3], True
                else:
                    yield rest[0], ts, list(rest[1]), rest[2], False


def compare(page, line, event):
    type_, ts, entities, edges, _ = event
    try:
        want = Event(page, parse(line))
    except BadLine as error:
        assert type_ == "parse_error", f"{type_}, and the line is none: {error}"
        assert dict(entities)["raw"] == line and dict(entities)["line_len"] == len(line)
        return 0
    assert type_ == want.type, f"type {type_}, wanted {want.type}: {dict(entities).get('error')}"
    assert ts.to_unix_nano() == want.ts, f"time {ts}, wanted {want.ts}"
    assert [name for name, _ in entities] == [name for name, _ in want.entities], (
        f"{[name for name, _ in entities]}, wanted {[name for name, _ in want.entities]}"
    )
    for (name, got), (_, value) in zip(entities, want.entities):
        assert same(value, got), f"{name}: {got!r}, wanted {value!r}"
    assert edges == want.edges(), f"edges {edges}, wanted {want.edges()}"
    return len(entities)


def check(lines, batches, page):
    page = Page(page)
    types = collections.Counter()
    counts = collections.Counter()
    want = open(lines, "rb").read().split(b"\n")
    if want[-1] == b"":
        want.pop()
    got = list(events(batches))
    assert len(got) == len(want), f"{len(got)} events of {len(want)} lines"
    for number, (line, event) in enumerate(zip(want, got)):
        try:
            counts["entities"] += compare(page, line, event)
        except AssertionError as error:
            print(f"line {number}: {line!r}\n{error}", file=sys.stderr)
            return 1
        types[event[0]] += 1
        counts["shaped" if event[4] else "open"] += 1
    print(*(f"{count} {name}" for name, count in (types + counts).most_common(12)), sep="\n")
    return 0


# --- lines at random -----------------------------------------------------------------------------------

KEYS = ["a", "b", "a.b", "b#2", "", "x_ip", "proto", "vlan", "timestamp", "event_type", "src_ip",
        "dest_ip", "dst_ip", "src_port", "flow_id", "flow", "start", "netflow", "pkts", "dns",
        "answers", "rrname", "rdata", "raw", "lost_fields", "key with blank", "schlüssel", "\u0000k",
        'quo"te', "back\\slash", "sixteen_bytes_ok", "a key that is longer than sixteen bytes"]
STRINGS = ["", "text", "1.2.3.4", "01.2.3.4", "1.2.3", "::1", "fe80::1%eth0", "TCP", "ICMP", "006",
           "256", "Tunnel", "2026-01-01T00:00:00.123456+0000", "2026-01-01T00:00:00Z",
           "2026-13-01T00:00:00Z", "2514-01-01T00:00:00Z", "1969-12-31T23:59:59Z",
           "2024-02-29 23:59:60.1234567891+05:30", "2023-02-29T00:00:00", "\\", '"', "\u0000\u0001\u001f",
           "\u00fc\u20ac\U0001f600", "\ud83d\ude00", "/path", "x" * 31, "x" * 32, "y" * 255, "y" * 256,
           "z" * 65536, "aaaaaaaaaaaaaaaaaaaaaa\\", "\\aaaaaaaaaaaaaaaaaaaaa", "\t\n\r\b\f"]
NUMBERS = ["0", "-0", "1", "-1", "127", "128", "255", "256", "65535", "65536", "4294967295",
           "4294967296", "9007199254740993", "-32", "-33", "-128", "-129", "-2147483649",
           "12345678", "123456789", "1234567890123456", "12345678901234567", "9223372036854775807",
           "-9223372036854775808", "-9223372036854775809", "18446744073709551615",
           "18446744073709551616", "123456789012345678901234567890", "0.0", "-0.0", "0.1", "1.5e3",
           "1E-2", "2e+05", "1e308", "1e309", "-1e400", "1e-400", "4.9e-324", "3.141592653589793238"]


def random_string(rng, text):
    if rng.random() < 0.6:
        try:
            return json.dumps(text.encode("utf-16", "surrogatepass").decode("utf-16"),
                              ensure_ascii=False)
        except UnicodeDecodeError:
            pass
    if rng.random() < 0.5:
        return '"' + "".join(f"\\u{ord(c):04x}" if ord(c) < 0x10000 and rng.random() < 0.5
                             else json.dumps(c)[1:-1] for c in text) + '"'
    return json.dumps(text).replace("/", "\\/")


def random_value(rng, depth):
    kind = rng.random()
    rng.left -= 1
    if depth <= 0 or rng.left < 0 or kind < 0.55:
        pick = rng.random()
        if pick < 0.4:
            return random_string(rng, rng.choice(STRINGS[:-6] if rng.random() < 0.99 else STRINGS))
        if pick < 0.8:
            return rng.choice(NUMBERS) if rng.random() < 0.5 else str(rng.getrandbits(rng.randrange(1, 70)))
        return rng.choice(["true", "false", "null"])
    space = rng.choice(["", "", "", " ", "\t", "\r"])
    if kind < 0.8:
        return random_object(rng, depth - 1, space)
    count = rng.choice([0, 1, 2, 3, 5, 17])
    if rng.random() < 0.5:
        keys = rng.sample(KEYS, 3)
        parts = ["{" + ",".join(f"{json.dumps(key)}:{random_value(rng, depth - 2)}" for key in keys
                                if rng.random() < 0.9) + "}" for _ in range(count)]
    else:
        parts = [random_value(rng, depth - 1) for _ in range(count)]
    return "[" + space + f"{space},{space}".join(parts) + space + "]"


def random_object(rng, depth, space=""):
    parts = []
    for _ in range(rng.choice([0, 1, 1, 2, 3, 6, 12])):
        key = rng.choice(KEYS)
        parts.append(f"{random_string(rng, key)}{space}:{space}{random_value(rng, depth)}")
    return "{" + space + f"{space},{space}".join(parts) + space + "}"


def damage(rng, line):
    at = rng.randrange(len(line) + 1)
    kind = rng.randrange(5)
    if kind == 0:
        return line[:at]
    if kind == 1:
        return line[:at] + line[at + 1 :]
    if kind == 2:
        return line[:at] + bytes([rng.choice([0, 9, 0x1F, 0x22, 0x5C, 0x2C, 0x7D, 0xC3, 0xFF])]) + line[at:]
    if kind == 3:
        return line + rng.choice([b" ", b"}", b",", b"x", b"{}"])
    return line[:at] + rng.choice([b"NaN", b"-", b"1.", b"01", b"\\ud800", b"\\udc00", b"tru", b"\xed\xa0\x80"]) + line[at:]


def make(seed, count):
    rng = random.Random(seed)
    lines = []
    while len(lines) < count:
        rng.left = rng.choice([5, 20, 60])
        line = random_object(rng, rng.choice([0, 1, 3, 6, 24])).encode("utf-8", "surrogatepass")
        if rng.random() < 0.3:
            line = damage(rng, line)
        if b"\n" not in line:
            lines.append(line)
            if rng.random() < 0.2:
                lines.append(line)
    sys.stdout.buffer.write(b"\n".join(lines[:count]) + b"\n")


def scalars(value):
    if is_object(value):
        return sum(scalars(inner) for _, inner in value)
    return sum(map(scalars, value)) if isinstance(value, list) else 1


def main():
    match sys.argv[1:]:
        case ["check", lines, batches, page]:
            return check(lines, batches, page)
        case ["random", seed, count]:
            make(int(seed), int(count))
        case ["fields", lines]:
            print(sum(scalars(parse(line)) for line in open(lines, "rb")))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


sys.setrecursionlimit(5000)
sys.exit(main())
