// SPDX-License-Identifier: BSD-2-Clause
// The ten-second answer: what is captured, by what, and whether anything is lost.

import { byId, make, reconcile, setAttribute, setHidden, setText, setValue } from "./dom.js";
import { bytes, clock, count, NONE, parseTime, plural, scaled, span } from "./format.js";
import { LastMinute, listOf, losses } from "./report.js";

const SIGNS = { ok: "✓", warn: "!", bad: "✕", gone: "?", waiting: "…" };

const recent = new LastMinute();

function engineTool(report) {
  return listOf(report.tools).find((t) => t.engine === report.engine && (t.state === "live" || !report.running));
}

// Interfaces; of an engine that reads files, which.
function places(report) {
  const ifaces = (Array.isArray(report.ifaces) ? report.ifaces : []).map(String);
  const names = ifaces.length > 0 ? ifaces : [String(engineTool(report)?.place ?? "")].filter(Boolean);
  const shown = names.slice(0, 3).join(", ");
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}

function lossText({ skbs, events }) {
  const parts = [];
  if (skbs > 0) {
    parts.push(`${plural(skbs, "packet")} dropped`);
  }
  if (events > 0) {
    parts.push(`${plural(events, "event")} lost`);
  }
  return parts.join(", ");
}

function judge(report, now) {
  const lost = losses(report);
  const rising = recent.rise("all", lost.skbs + lost.events, now) > 0;
  const where = places(report);
  const what = `Capturing${where ? ` ${where}` : ""}`;
  if (!report.running) {
    return { state: "bad", headline: "Nothing is captured" };
  }
  if (!report.healthy) {
    const problems = listOf(report.reasons).length;
    return { state: "bad", headline: `${what}, with ${plural(problems, "problem")}` };
  }
  if (rising) {
    return { state: "warn", headline: `${what}. Losing now: ${lossText(lost)}` };
  }
  if (lost.skbs + lost.events > 0) {
    return { state: "warn", headline: `${what}. ${lossText(lost)}, not rising` };
  }
  return { state: "ok", headline: `${what}. Nothing is lost` };
}

function subline(report) {
  if (!report.engine) {
    return "No capture tool has reported to this capmetrics.";
  }
  const tool = engineTool(report);
  const by = `${report.engine}${report.mode ? ` by ${report.mode}` : ""}`;
  if (!report.running) {
    return `${by} reported last ${span(tool?.silent_seconds ?? NaN)} ago.`;
  }
  const since = parseTime(tool?.start);
  return `${by}${since === null ? "" : `, since ${clock(since)}`}. ${booksText(report)}`;
}

function booksText(report) {
  const books = [...listOf(report.books?.engines), ...listOf(report.books?.hops)];
  if (books.length === 0) {
    return "No books to check yet.";
  }
  const red = books.filter((b) => !b.balanced).length;
  return red > 0 ? `${red} of ${plural(books.length, "equation")} do not balance.` : `All ${plural(books.length, "equation")} balance.`;
}

function fact(name, value, text) {
  const element = document.querySelector(`#facts [data-metric="${name}"]`);
  setValue(element, value, text);
  setAttribute(element, "title", typeof value === "number" ? count(value) : null);
  return element;
}

function showFacts(report) {
  fact("engine", report.engine ?? "", report.engine ?? "none");
  fact("mode", report.mode ?? "", report.mode || NONE);
  fact("packets_processed", report.packets_processed, count(report.packets_processed));
  fact("bytes_processed", report.bytes_processed, bytes(report.bytes_processed));
  fact("events_emitted", report.events_emitted, count(report.events_emitted));
  for (const name of ["dropped", "events_lost"]) {
    const element = fact(name, report[name], report[name] >= 1e7 ? scaled(report[name], "") : count(report[name]));
    setAttribute(element, "data-bad", report[name] > 0 ? "yes" : null);
  }
}

function showReasons(report) {
  const list = byId("reasons");
  const reasons = listOf(report.reasons);
  setHidden(list, reasons.length === 0);
  reconcile(list, reasons.map((r, i) => ({ ...r, i })), (r) => r.i, () => make("li"), (li, r) => {
    setAttribute(li, "data-code", r.code);
    setText(li, r.text);
  });
}

// --- what is said aloud: changes alone ------------------------------------------

let spoken = "";

function announce(key, text) {
  if (key !== spoken) {
    spoken = key;
    setText(byId("announce"), text);
  }
}

function show(state, headline, sub) {
  setAttribute(document.documentElement, "data-state", state);
  setText(byId("sign"), SIGNS[state]);
  setText(byId("headline"), headline);
  setText(byId("subline"), sub);
}

function link(state, text) {
  const element = byId("link");
  setAttribute(element, "data-link", state);
  setText(element, text);
}

export function showVerdict(report, rates, now) {
  const { state, headline } = judge(report, now);
  show(state, headline, subline(report));
  showFacts(report);
  showReasons(report);
  link("live", "live");
  const time = parseTime(report.time);
  setText(byId("clock"), clock(time));
  setAttribute(byId("clock"), "datetime", report.time);
  document.title = `${SIGNS[state]} ${report.running ? scaled(rates.packets, "packets/s") : "no capture"} · Tapline`;
  const codes = listOf(report.reasons).map((r) => `${r.code} ${r.tool ?? ""}`).join();
  announce(`${state} ${report.engine} ${codes}`, `${headline}. ${listOf(report.reasons).map((r) => r.text).join(". ")}`);
}

export function showUnreachable(why, seconds) {
  const age = seconds === null ? "It has not answered yet." : `What is below is ${span(seconds)} old.`;
  show("gone", "capmetrics does not answer", `${why}. ${age}`);
  setHidden(byId("reasons"), true);
  link("gone", "no answer");
  document.title = "? no answer · Tapline";
  announce("gone", "capmetrics does not answer. The numbers on this page are old.");
}
