// SPDX-License-Identifier: BSD-2-Clause
// Top flows: a table that is sorted by its heads and filtered by words.

import { byId, make, makePart, part, reconcile, setAttribute, setHidden, setText, setValue } from "./dom.js";
import { bytes, count, isNumber, NONE, parseTime, plural, scaled, span } from "./format.js";
import { listOf } from "./report.js";

const ROWS_MAX = 200;

function endpoint(address, port) {
  const text = String(address ?? NONE);
  if (!isNumber(port) || port === 0) {
    return text;
  }
  return text.includes(":") ? `[${text}]:${port}` : `${text}:${port}`;
}

function seconds(flow) {
  const start = parseTime(flow.start);
  const end = parseTime(flow.end);
  return start === null || end === null ? null : (end - start) / 1000;
}

const COLUMNS = [
  { id: "src", name: "Source", of: (f) => endpoint(f.src_ip, f.src_port) },
  { id: "dst", name: "Destination", of: (f) => endpoint(f.dst_ip, f.dst_port) },
  { id: "proto", name: "Protocol", of: (f) => String(f.proto ?? "") },
  { id: "packets", name: "Packets", number: true, of: (f) => f.packets, text: (v) => (v >= 1e7 ? scaled(v, "") : count(v)) },
  { id: "bytes", name: "Bytes", number: true, of: (f) => f.bytes, text: bytes },
  { id: "rate", name: "Rate", number: true, of: (f) => (isNumber(f.bytes_per_second) ? f.bytes_per_second * 8 : null), text: (v) => scaled(v, "bit/s") },
  { id: "duration", name: "Duration", number: true, of: seconds, text: span },
  { id: "state", name: "State", of: (f) => (f.active === false ? String(f.end_reason ?? "ended") : "active") },
];

let flows = [];
let known = null; // flows in all, of which the biggest are here
let missing = "";
let order = { column: "bytes", descending: true };
let wanted = [];

function rowOf(flow) {
  const cells = Object.fromEntries(COLUMNS.map((c) => [c.id, c.of(flow)]));
  const words = `${cells.src} ${cells.dst} ${cells.proto} ${cells.state} ${flow.source ?? ""} ${flow.iface ?? ""}`;
  return { key: JSON.stringify([flow.flow_id ?? "", cells.src, cells.dst, cells.proto, flow.vlan ?? 0, flow.start ?? "", flow.iface ?? ""]), cells, words: words.toLowerCase() };
}

function compare(a, b) {
  const x = a.cells[order.column];
  const y = b.cells[order.column];
  const by = isNumber(x) || isNumber(y) ? (x ?? -1) - (y ?? -1) : String(x).localeCompare(String(y), "en", { numeric: true });
  return order.descending ? -by : by;
}

function createRow() {
  const row = make("tr");
  for (const column of COLUMNS) {
    const cell = makePart("td", column.id, column.number ? "number" : "");
    cell.dataset.column = column.id;
    row.append(cell);
  }
  return row;
}

function updateRow(element, row) {
  for (const column of COLUMNS) {
    const value = row.cells[column.id];
    const cell = part(element, column.id);
    if (column.number) {
      setValue(cell, value, column.text(value));
    } else {
      setText(cell, value);
    }
  }
  setAttribute(element, "data-state", row.cells.state);
}

function countText(shown) {
  if (flows.length === 0) {
    return "";
  }
  if (shown < flows.length) {
    return `${count(shown)} of ${count(flows.length)}`;
  }
  return known > shown ? `the biggest ${count(shown)} of ${count(known)}` : count(shown);
}

function draw() {
  const rows = flows.filter((row) => wanted.every((word) => row.words.includes(word))).sort(compare).slice(0, ROWS_MAX);
  reconcile(byId("flow-rows"), rows, (row) => row.key, createRow, updateRow);
  setText(byId("flows-count"), countText(rows.length));
  const empty = byId("no-flows");
  setHidden(empty, rows.length > 0);
  setText(empty, missing || (wanted.length > 0 && flows.length > 0 ? `None of ${plural(flows.length, "flow")} has that.` : "No flows yet."));
  for (const head of byId("flow-heads").children) {
    const sorted = head.dataset.column === order.column;
    setAttribute(head, "aria-sort", sorted ? (order.descending ? "descending" : "ascending") : "none");
  }
}

function sortBy(column) {
  const same = order.column === column.id;
  order = { column: column.id, descending: same ? !order.descending : Boolean(column.number) };
  draw();
}

export function openFlows() {
  for (const column of COLUMNS) {
    const button = make("button", "", column.name);
    button.type = "button";
    button.addEventListener("click", () => sortBy(column));
    const head = make("th", column.number ? "number" : "", button);
    head.scope = "col";
    head.dataset.column = column.id;
    byId("flow-heads").append(head);
  }
  const filter = byId("filter");
  filter.addEventListener("input", () => {
    wanted = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    draw();
  });
  draw();
}

// `answer`: of /flows/top; null and why when there is none.
export function showFlows(answer, why = "") {
  flows = listOf(answer?.flows).map(rowOf);
  known = isNumber(answer?.known_flows) ? answer.known_flows : null;
  missing = why;
  draw();
}
