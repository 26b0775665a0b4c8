// SPDX-License-Identifier: BSD-2-Clause
// What did not get through, by place and reason; and what each tool costs.

import { byId, make, makePart, part, reconcile, setAttribute, setHidden, setText, setValue } from "./dom.js";
import { bytes, count, isNumber, NONE, scaled, words } from "./format.js";
import { instanceKey, LastMinute, listOf } from "./report.js";

const recent = new LastMinute();

// Counted, but in no flow of their own.
const ASIDE = /^(malformed|unattributed)/;

// By its first word a counter tells that something did not get through.
const DROPS = /^(cut|damaged|dropped|evicted|failed|forbidden|lost|malformed|missed|missing|oversize|refused|rejected|skipped|too_long|truncated|unparsed|unseen)_/;

const GRAVE = /^(dropped|lost|malformed|missing)_/;

// What carries no counts of its own.
const HARMLESS = new Set(["hints", "fields"]);

function isDrop(m) {
  const labels = m.labels ?? {};
  // Requests to capmetrics itself are nothing that was captured.
  if (m.type !== "counter" || !isNumber(m.value) || m.name === "refused_requests") {
    return false;
  }
  return m.name === "class_packets" ? ASIDE.test(labels.class ?? "") : typeof labels.reason === "string" || DROPS.test(m.name);
}

// "refused_reports" of reason "malformed", iface "x" -> malformed; tool, refused, x.
function dropOf(tool, m) {
  const { reason, class: kind, ...others } = m.labels ?? {};
  const unit = m.unit || "";
  const verb = words(unit && m.name.endsWith(`_${unit}`) ? m.name.slice(0, -unit.length - 1) : m.name);
  const why = reason || kind;
  const grave = GRAVE.test(m.name) && !HARMLESS.has(unit);
  return {
    key: JSON.stringify([instanceKey(tool), m.name, m.labels]),
    reason: words(why || m.name),
    where: [tool.tool, why && !kind && !grave ? verb : "", ...Object.values(others)].filter(Boolean).join(" · "),
    value: m.value,
    unit: !why ? "" : unit === "skbs" ? "packets" : unit,
    grave,
    watched: grave || Boolean(why),
  };
}

function createDrop() {
  const head = make("th", "drop-of");
  head.scope = "row";
  head.append(makePart("span", "reason", "drop-reason"), makePart("span", "where", "drop-where"));
  const value = make("td", "number");
  value.append(makePart("b", "value"), " ", makePart("small", "unit"));
  const rise = make("td", "number rise");
  rise.append(makePart("span", "rise"));
  return make("tr", "drop", head, value, rise);
}

function updateDrop(row, drop) {
  setAttribute(row, "data-drop", drop.grave ? "grave" : "aside");
  setAttribute(row, "data-reason", drop.reason);
  setText(part(row, "reason"), drop.reason);
  setText(part(row, "where"), drop.where);
  setValue(part(row, "value"), drop.value, drop.value >= 1e7 ? scaled(drop.value, "") : count(drop.value));
  setText(part(row, "unit"), drop.unit);
  const rise = part(row, "rise");
  setText(rise, drop.rise > 0 ? `+${scaled(drop.rise, "")}` : "");
  setAttribute(rise, "title", drop.rise > 0 ? `${count(drop.rise)} in the last minute` : null);
}

export function showDrops(report, now) {
  const drops = listOf(report.tools).flatMap((t) => listOf(t.metrics).filter(isDrop).map((m) => dropOf(t, m)));
  for (const drop of drops) {
    drop.rise = recent.rise(drop.key, drop.value, now);
  }
  recent.keepOnly(new Set(drops.map((d) => d.key)));
  const happened = drops.filter((d) => d.value > 0).sort((a, b) => b.grave - a.grave || b.value - a.value);
  reconcile(byId("drop-rows"), happened, (d) => d.key, createDrop, updateDrop);
  const seen = new Set(happened.map((d) => d.reason));
  const quiet = new Set(drops.filter((d) => d.watched && !seen.has(d.reason)).map((d) => d.reason));
  setText(byId("quiet-drops"), `${happened.length > 0 ? "Also watched" : "Watched"}, and 0 everywhere: ${[...quiet].join(", ")}`);
  setHidden(byId("quiet-drops"), quiet.size === 0);
  showDropState(drops, happened);
}

function showDropState(drops, happened) {
  const rising = happened.some((d) => d.rise > 0);
  const grave = happened.some((d) => d.grave);
  const state = byId("drops-state");
  setAttribute(state, "data-balanced", drops.length === 0 ? "" : grave ? "no" : "yes");
  setText(state, drops.length === 0 ? "" : rising ? "rising" : grave ? "not rising" : "nothing lost");
  setHidden(byId("no-drops"), drops.length > 0);
}

// --- cost -------------------------------------------------------------------------

// Of a path or an address of a socket.
function lastPart(place) {
  return String(place ?? "").split("/").filter(Boolean).at(-1) ?? "";
}

function createCost() {
  const head = make("th");
  head.scope = "row";
  head.append(makePart("span", "tool"), makePart("span", "place", "cpu-place"));
  const meter = make("td", "load");
  meter.append(makePart("meter", "meter"));
  const cpu = make("td", "number");
  cpu.append(makePart("b", "cpu"));
  const memory = make("td", "number");
  memory.append(makePart("small", "memory"));
  return make("tr", "", head, meter, cpu, memory);
}

function updateCost(row, tool) {
  const live = tool.state === "live";
  setAttribute(row, "data-tool", tool.tool);
  setAttribute(row, "data-state", tool.state);
  setText(part(row, "tool"), tool.tool);
  setText(part(row, "place"), live ? lastPart(tool.place) : tool.state);
  setAttribute(part(row, "place"), "title", tool.place || null);
  const meter = part(row, "meter");
  meter.min = 0;
  meter.max = 100;
  meter.value = live ? tool.cpu_percent : 0;
  setAttribute(meter, "aria-label", `CPU of ${tool.tool}`);
  const text = !live ? NONE : `${tool.cpu_percent.toFixed(tool.cpu_percent < 10 ? 1 : 0)}\u00a0%`;
  setValue(part(row, "cpu"), tool.cpu_percent, text);
  setValue(part(row, "memory"), tool.resident_bytes, live ? bytes(tool.resident_bytes) : "");
}

export function showCosts(report) {
  const tools = listOf(report.tools).filter((t) => isNumber(t.cpu_percent));
  tools.sort((a, b) => (b.state === "live") - (a.state === "live"));
  reconcile(byId("cpu-rows"), tools, instanceKey, createCost, updateCost);
  setHidden(byId("no-cpu"), tools.length > 0);
}
