// SPDX-License-Identifier: BSD-2-Clause
// The way of an event through the tools: at each hop what comes in, goes out, is held, is dropped.

import { byId, make, makePart, part, reconcile, setAttribute, setText, setValue } from "./dom.js";
import { count, isNumber, NONE, percent, scaled } from "./format.js";
import { instanceKey, listOf, samplesOf, sumOf } from "./report.js";

const STAGES = [
  { id: "capture", name: "Capture", tools: ["xdp-flowd", "tpv3-capd", "afp-capd", "eve-tail", "pcap-flow"] },
  { id: "batch", name: "Batch", tools: ["batcher", "evcat"] },
  { id: "ship", name: "Ship", tools: ["shipper"] },
  { id: "sink", name: "Sink", tools: [] },
  { id: "receive", name: "Receive", tools: ["receiver"] },
];

// The first of these that a tool has.
const IN = ["received_packets", "read_lines", "received_events", "taken_events", "assigned_events"];
const OUT = ["sent_events", "delivered_events", "stored_events", "written_events", "passed_events", "safe_events"];

function stageOf(tool) {
  return STAGES.find((s) => s.tools.includes(tool.tool)) ?? (tool.engine ? STAGES[0] : STAGES[1]);
}

function unitOf(name) {
  return name.slice(name.lastIndexOf("_") + 1);
}

function flowOf(tool, rates, names) {
  const name = names.find((n) => sumOf(tool, n) !== null);
  return name ? { total: sumOf(tool, name), rate: rates.of(tool, name), unit: unitOf(name) } : null;
}

// Packets that the kernel dropped, and events: not to be added, but to be seen in one place.
function droppedBy(tool) {
  const packets = sumOf(tool, "dropped_skbs");
  const events = sumOf(tool, "lost_events");
  return packets === null && events === null ? null : { total: (packets ?? 0) + (events ?? 0), packets, events };
}

function nodeOf(tool, rates) {
  return {
    key: instanceKey(tool),
    title: String(tool.tool),
    place: String(tool.place || tool.host || ""),
    state: String(tool.state),
    in: flowOf(tool, rates, IN),
    out: flowOf(tool, rates, OUT),
    held: sumOf(tool, "held_events"),
    dropped: droppedBy(tool),
  };
}

function sinkNodes(tool, hops) {
  const ups = new Map(samplesOf(tool, "sink_up").map((m) => [String(m.labels?.sink ?? ""), m.value]));
  const spools = new Map(samplesOf(tool, "spool_utilization_ratio").map((m) => [String(m.labels?.sink ?? ""), m.value]));
  const mine = hops.filter((h) => h.tool === tool.tool && h.instance === tool.instance);
  return [...new Set([...ups.keys(), ...spools.keys()])].map((sink) => {
    const book = mine.find((h) => h.sink === sink);
    return {
      key: JSON.stringify(["sink", tool.tool, tool.instance, sink]),
      title: sink || "sink",
      place: "",
      state: tool.state === "live" ? (ups.get(sink) === 0 ? "down" : "up") : String(tool.state),
      spool: spools.get(sink) ?? null,
      safe: book?.safe ?? null,
      held: book?.held ?? null,
      dropped: book ? { total: book.lost, packets: null, events: book.lost } : null,
    };
  });
}

function stagesOf(report, rates) {
  const stages = STAGES.map((s) => ({ ...s, nodes: [] }));
  const hops = listOf(report.books?.hops);
  for (const tool of listOf(report.tools).filter((t) => t.tool !== "capmetrics")) {
    stages.find((s) => s.id === stageOf(tool).id).nodes.push(nodeOf(tool, rates));
    stages.find((s) => s.id === "sink").nodes.push(...sinkNodes(tool, hops));
  }
  return stages.filter((s) => s.nodes.length > 0);
}

// --- drawing ----------------------------------------------------------------------

const ROWS = [["in", "in"], ["out", "out"], ["safe", "safe"], ["held", "held"], ["dropped", "dropped"], ["spool", "spool"]];

function createNode() {
  const numbers = make("dl", "numbers");
  for (const [name, label] of ROWS) {
    const row = makePart("div", `${name}-row`);
    row.append(make("dt", "", label), makePart("dd", name));
    numbers.append(row);
  }
  const title = make("p", "node-title");
  title.append(makePart("span", "title", "node-name"), makePart("span", "state", "node-state"));
  const node = make("li", "node");
  node.append(title, makePart("p", "place", "node-place"), numbers);
  return node;
}

function short(value, unit) {
  return value >= 1e6 ? scaled(value, unit) : `${count(value)}${unit ? `\u00a0${unit}` : ""}`;
}

function dropText({ total, packets, events }) {
  const parts = [[packets, "packets"], [events, "events"]].filter(([value]) => value > 0);
  return total === 0 ? "0" : parts.map(([value, unit]) => short(value, unit)).join(", ");
}

function textOf(name, value) {
  if (name === "spool") {
    return percent(value);
  }
  if (name === "dropped") {
    return dropText(value);
  }
  if (name === "in" || name === "out") {
    return value.rate === null ? count(value.total) : scaled(value.rate, `${value.unit}/s`);
  }
  return short(value, "");
}

function updateRow(node, name, value) {
  const row = part(node, `${name}-row`);
  row.hidden = value === null || value === undefined;
  if (row.hidden) {
    return;
  }
  const dd = part(node, name);
  const total = isNumber(value) ? value : value.total;
  setValue(dd, total, textOf(name, value));
  setAttribute(dd, "title", value.unit ? `${count(total)} ${value.unit} in all` : null);
  setAttribute(row, "data-bad", (name === "dropped" && total > 0) || (name === "spool" && total > 0.8) ? "yes" : null);
}

function updateNode(node, item) {
  setAttribute(node, "data-state", item.state);
  setText(part(node, "title"), item.title);
  setText(part(node, "state"), item.state);
  setText(part(node, "place"), item.place || NONE);
  setAttribute(part(node, "title"), "title", item.title);
  setAttribute(part(node, "place"), "title", item.place || null);
  part(node, "place").hidden = item.place === "";
  for (const [name] of ROWS) {
    updateRow(node, name, item[name]);
  }
}

function createStage(stage) {
  const element = make("li", "stage");
  const nodes = makePart("ol", "nodes", "nodes");
  element.append(make("h3", "", stage.name), nodes);
  element.dataset.stage = stage.id;
  return element;
}

export function showPipeline(report, rates) {
  const stages = stagesOf(report, rates);
  reconcile(byId("stages"), stages, (s) => s.id, createStage, (element, stage) => {
    reconcile(part(element, "nodes"), stage.nodes, (n) => n.key, createNode, updateNode);
  });
}
