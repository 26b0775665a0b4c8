# SPDX-License-Identifier: BSD-2-Clause
"""Compares what the page of capmetrics shows with the report that it is of, for page.py."""
import math

from page_browser import Failed, near, same


def total(tool, name):
    values = [m["value"] for m in tool["metrics"] if m["name"] == name]
    return sum(values) if values else None


def check_facts(page, report):
    for name, fact in page["facts"].items():
        value = report[name]
        same(f"data-value of {name}", fact["value"], "" if value is None else str(value))
        if name in ("packets_processed", "events_emitted"):
            same(f"text of {name}", fact["text"], f"{value:,}")
    same("engine", page["facts"]["engine"]["text"], report["engine"] or "none")
    near("ring_utilization", page["ring"], report["ring_utilization"])
    same("reasons", page["reasons"], [[r["code"], r["text"]] for r in report["reasons"]])
    if (page["state"] == "bad") != (not report["healthy"] or not report["running"]):
        raise Failed(f"state {page['state']} of {report['healthy']}, {report['running']}: {page['headline']}")


def check_books(page, report):
    books = report["books"]["engines"] + report["books"]["hops"]
    same("number of equations", len(page["books"]), len(books))
    if books:
        same("balanced", page["balanced"], "yes" if report["books"]["balanced"] else "no")
    for book in books:
        terms = {k: book[k] for k in ("received", "classified", "assigned", "safe", "held", "lost", "residual") if k in book}
        key = book.get("sink") or book.get("iface") or ""
        what = f"{key} · {book['unit']}" if key else book["unit"]
        state = "red" if not book["balanced"] else "green" if book["residual"] == 0 else "settling"
        row = {"of": book["tool"], "what": what, "state": state, "residual_text": f"{book['residual']:,}", **terms}
        if row not in page["books"]:
            raise Failed(f"no equation {row} on the page, only {page['books']}")


def check_pipeline(page, report):
    for tool in report["tools"]:
        if tool["tool"] == "capmetrics":
            continue
        nodes = [n for n in page["nodes"] if n["title"] == tool["tool"] and n["place"] == (tool["place"] or tool["host"])]
        same(f"nodes of {tool['tool']}", len(nodes), 1)
        node = nodes[0]
        same(f"state of {tool['tool']}", node["state"], tool["state"])
        same(f"held of {tool['tool']}", node.get("held"), total(tool, "held_events"))
        gone = [total(tool, name) for name in ("dropped_skbs", "lost_events")]
        same(f"dropped of {tool['tool']}", node.get("dropped"), None if gone == [None, None] else sum(g or 0 for g in gone))
        for name, field in (("received_packets", "in"), ("sent_events", "out")):
            if total(tool, name) is not None:
                same(f"{field} of {tool['tool']}", node[field], total(tool, name))


def check_sinks(page, report):
    for tool in report["tools"]:
        for m in tool["metrics"]:
            if m["name"] == "sink_up":
                nodes = [n for n in page["nodes"] if n["title"] == m["labels"]["sink"]]
                same(f"nodes of sink {m['labels']['sink']}", len(nodes), 1)
                if tool["state"] == "live":
                    same(f"state of sink {m['labels']['sink']}", nodes[0]["state"], "up" if m["value"] else "down")


def check_drops(page, report):
    """Whatever was lost has a row, with its reason and its place."""
    for tool in report["tools"]:
        for m in tool["metrics"]:
            reason = m["labels"].get("reason")
            if reason is None or m["value"] == 0 or m["type"] != "counter" or m["name"] == "refused_requests":
                continue
            rows = [d for d in page["drops"] if d["reason"] == reason.replace("_", " ") and d["value"] == m["value"]
                    and d["where"].startswith(tool["tool"])]
            if not rows:
                raise Failed(f"{tool['tool']} {m} is not among the drops: {page['drops']}")
            if m["name"] in ("dropped_skbs", "lost_events"):
                same(f"kind of {reason}", rows[0]["kind"], "grave")


def check_costs(page, report):
    wanted = sorted((t["tool"], t["cpu_percent"], t["resident_bytes"]) for t in report["tools"])
    same("CPU by tool", sorted((c["tool"], c["cpu"], c["memory"]) for c in page["costs"]), wanted)


def check_snapshot(snapshot):
    page, report = snapshot["page"], snapshot["report"]
    for check in (check_facts, check_books, check_pipeline, check_sinks, check_drops, check_costs):
        check(page, report)


def seconds(stamp):
    """To the nanosecond, within a day."""
    clock = stamp[11:].rstrip("Z")
    hours, minutes, rest = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def check_rates(snapshots):
    """Between two reports of the engine, of which the second is new."""
    checked = 0
    for before, after in zip(snapshots, snapshots[1:]):
        old, new = ([t for t in s["report"]["tools"] if t["engine"] and t["state"] == "live"] for s in (before, after))
        if len(old) != 1 or len(new) != 1 or old[0]["reported"] == new[0]["reported"] or old[0]["run"] != new[0]["run"]:
            continue
        passed = round(seconds(new[0]["reported"]), 3) - round(seconds(old[0]["reported"]), 3)
        if passed <= 0:
            continue
        for rate, name, factor in (("packets", "received_packets", 1), ("bits", "received_bytes", 8), ("events", "assigned_events", 1)):
            if total(new[0], name) is None:
                continue
            grown = total(new[0], name) - total(old[0], name)
            got = after["page"]["rates"][rate]
            # The page counts time in whole ms.
            if got is None or not math.isclose(got, factor * grown / passed, rel_tol=0.01, abs_tol=1e-6):
                raise Failed(f"{rate} per second: the page has {got}, expected {factor * grown / passed}")
        checked += 1
    if checked < 2:
        raise Failed("no rates could be compared")
