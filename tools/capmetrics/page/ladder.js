// SPDX-License-Identifier: BSD-2-Clause
// The ladder: which engine runs and why, the better ones that are refused, the ones below.

import { byId, make, makePart, part, reconcile, setAttribute, setText } from "./dom.js";
import { isNumber } from "./format.js";
import { listOf } from "./report.js";

const STATES = { runs: "runs", ready: "ready", refused: "refused", known: "here" };

function rungState(rung, engine, running) {
  if (rung.name === engine && running) {
    return "runs";
  }
  if (rung.usable === undefined) {
    return "known";
  }
  return rung.usable ? "ready" : "refused";
}

function abilities(rung) {
  const names = [];
  for (const [key, text] of [["kernel_offload", "kernel"], ["zero_copy", "zero copy"], ["emits_flows", "flows"], ["emits_raw_packets", "raw packets"]]) {
    if (rung[key]) {
      names.push(text);
    }
  }
  if (isNumber(rung.max_throughput_mpps) && rung.max_throughput_mpps > 0) {
    names.push(`${rung.max_throughput_mpps}\u00a0Mpps`);
  }
  return names.join(" · ");
}

function why(ladder, report) {
  const rungs = listOf(ladder?.rungs);
  if (rungs.length === 0) {
    return report.running ? `${report.engine} was started without capladder.` : "Nothing runs, and capladder tells nothing.";
  }
  const last = listOf(ladder.changes).at(-1);
  if (ladder.engine && !report.running) {
    return `${ladder.engine} has the rung, but does not report.`;
  }
  if (!ladder.engine) {
    return `No rung captures: capladder is ${ladder.state ?? "not heard"}${last?.reason ? `, ${last.reason}` : ""}.`;
  }
  const at = rungs.findIndex((r) => r.name === ladder.engine);
  const better = rungs.slice(0, Math.max(at, 0)).filter((r) => r.usable === false).map((r) => r.name);
  if (better.length > 0) {
    return `${ladder.engine} runs, since ${better.join(" and ")} ${better.length > 1 ? "are" : "is"} refused.`;
  }
  return `${ladder.engine} runs: the best that works here.`;
}

function createRung() {
  const head = make("p", "rung-head");
  head.append(makePart("span", "name", "rung-name"), makePart("span", "state", "rung-state"));
  const rung = make("li", "rung");
  rung.append(head, makePart("p", "can", "rung-can"), makePart("p", "reason", "rung-reason"));
  return rung;
}

function updateRung(element, { rung, state }) {
  setAttribute(element, "data-rung", state);
  setAttribute(element, "data-name", rung.name);
  setAttribute(element, "aria-current", state === "runs" ? "true" : null);
  setText(part(element, "name"), rung.name);
  setText(part(element, "state"), rung.mode && state !== "refused" ? `${STATES[state]} · ${rung.mode}` : STATES[state]);
  setText(part(element, "can"), abilities(rung));
  setText(part(element, "reason"), rung.reason ?? "");
  part(element, "reason").hidden = !rung.reason;
}

// Without a ladder: the engines that there are.
export function showLadder(ladder, capabilities, report) {
  const rungs = listOf(ladder?.rungs);
  const shown = rungs.length > 0 ? rungs : listOf(capabilities?.engines);
  const engine = report.engine ?? ladder?.engine;
  setText(byId("ladder-why"), why(ladder, report));
  reconcile(byId("rungs"), shown.map((rung) => ({ rung, state: rungState(rung, engine, report.running) })),
    (item) => item.rung.name, createRung, updateRung);
}
