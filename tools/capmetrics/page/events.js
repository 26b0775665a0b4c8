// SPDX-License-Identifier: BSD-2-Clause
// Alerts and changes of engine, newest first, from the event stream and the ladder's own list.

import { byId, make, makePart, part, reconcile, setAttribute, setHidden, setText } from "./dom.js";
import { clock, parseTime } from "./format.js";
import { listOf } from "./report.js";

const EVENTS_MAX = 100;
const SHOWN = new Set(["alert", "engine_change", "parse_error", "gap", "anomaly"]);

let fromStream = [];
let fromLadder = [];

function endpoints({ src_ip: from, dst_ip: to, src_port: sport, dst_port: dport }) {
  const at = (address, port) => (port ? `${address}:${port}` : `${address}`);
  return from && to ? `${at(from, sport)} → ${at(to, dport)}` : "";
}

// Their gap is in ns in an event, in ms in ladder.json.
function changeText(e) {
  const gap = e.gap_ns !== undefined ? e.gap_ns / 1e6 : e.gap_ms;
  return {
    title: `${e.from} → ${e.to}${e.mode ? ` (${e.mode})` : ""}`,
    text: [e.reason, typeof gap === "number" ? `gap ${Math.round(gap)} ms` : ""].filter(Boolean).join(", "),
    grave: ["fallback", "restart", "none"].includes(e.change),
    label: String(e.change ?? "change"),
  };
}

function alertText(event, e) {
  const severity = Number(e["alert.severity"]);
  return {
    title: String(e["alert.signature"] ?? e.signature ?? e.error ?? e.reason ?? event.type),
    text: [endpoints(e), e["alert.category"] ?? e.category].filter(Boolean).join(" · "),
    grave: severity === 1,
    label: String(event.type),
  };
}

function itemOf(event) {
  const e = event.entities && typeof event.entities === "object" ? event.entities : {};
  const time = parseTime(event.timestamp) ?? 0;
  const what = event.type === "engine_change" ? changeText(e) : alertText(event, e);
  const key = event.type === "engine_change" ? `change ${event.timestamp} ${e.from} ${e.to}` : event.event_id ?? `${event.timestamp} ${what.title}`;
  return { key, time, ...what };
}

function createItem() {
  const head = make("p", "event-head");
  head.append(makePart("time", "time"), makePart("span", "label", "event-label"));
  const item = make("li");
  item.append(head, makePart("p", "title", "event-title"), makePart("p", "text", "event-text"));
  return item;
}

function updateItem(element, item) {
  setAttribute(element, "data-event", item.grave ? "grave" : "plain");
  setText(part(element, "time"), clock(item.time));
  setAttribute(part(element, "time"), "datetime", new Date(item.time).toISOString());
  setText(part(element, "label"), item.label);
  setText(part(element, "title"), item.title);
  setText(part(element, "text"), item.text);
  part(element, "text").hidden = item.text === "";
}

function draw() {
  const items = [...fromStream, ...fromLadder].sort((a, b) => b.time - a.time).slice(0, EVENTS_MAX);
  reconcile(byId("event-rows"), items, (i) => i.key, createItem, updateItem);
  setHidden(byId("no-events"), items.length > 0);
}

export function addEvents(events) {
  const items = events.filter((event) => event && SHOWN.has(event.type)).map(itemOf);
  const known = new Set(items.map((i) => i.key));
  fromStream = [...items, ...fromStream.filter((i) => !known.has(i.key))].slice(0, EVENTS_MAX);
  draw();
}

// How the events come: "live", "polled", or why not.
export function showSource(text) {
  setText(byId("events-state"), text);
}

// The times of the changes.
export function showChanges(ladder) {
  fromLadder = listOf(ladder?.changes).map((c) => itemOf({ type: "engine_change", timestamp: c.time, entities: c }));
  draw();
  return fromLadder.map((i) => i.time);
}
