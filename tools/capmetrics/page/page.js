// SPDX-License-Identifier: BSD-2-Clause
// The page: asks each second, shows what comes, says so when nothing comes.

import { showBooks } from "./books.js";
import { breakCharts, markChanges, openCharts, showCharts } from "./charts.js";
import { byId, setHidden } from "./dom.js";
import { showCosts, showDrops } from "./drops.js";
import { addEvents, showChanges, showSource } from "./events.js";
import { openFlows, showFlows } from "./flows.js";
import { showLadder } from "./ladder.js";
import { showPipeline } from "./pipeline.js";
import { engineRates, listOf, Rates } from "./report.js";
import { getIfThere, getJson, readEvents, Refused, setToken } from "./server.js";
import { showUnreachable, showVerdict } from "./verdict.js";

const PERIOD_MS = 1000;
const FLOWS_PERIOD_MS = 2000;
const RETRY_MS = 2000;
const MISSING_MS = 15000;

const rates = new Rates();
let sources = {}; // what there is
const askAgain = new Map(); // when, of what there was not
let shown = null; // the last report
let ladder = null;
let capabilities = null;
let answered = null; // when it did last

// Browsers tell each 404 as an error in their console, so what the report says is not there is not asked for.
async function getSource(name, path) {
  const now = Date.now();
  if (shown === null) {
    throw new Error("No report says yet what there is");
  }
  if (sources[name] === false || now < (askAgain.get(name) ?? 0)) {
    return null;
  }
  const answer = await getIfThere(path);
  askAgain.set(name, answer === null ? now + MISSING_MS : 0);
  return answer;
}

function pause(ms) {
  return new Promise((resume) => setTimeout(resume, ms));
}

// At a steady pace, one at a time.
async function each(periodMs, work) {
  for (;;) {
    const start = performance.now();
    await work();
    await pause(Math.max(periodMs - (performance.now() - start), 100));
  }
}

function showAll(report) {
  const now = Date.now();
  sources = report.sources ?? {};
  shown = report;
  rates.update(listOf(report.tools));
  const perSecond = engineRates(report, rates);
  showVerdict(report, perSecond, now);
  showCharts(perSecond, report.ring_utilization, now);
  showPipeline(report, rates);
  showLadder(ladder, capabilities, report);
  showBooks(report);
  showDrops(report, now);
  showCosts(report);
  // For tests and for scripts in the console: what is on the page now is of this report.
  document.dispatchEvent(new CustomEvent("tapline-report", { detail: report }));
}

async function lookAtReport() {
  try {
    const report = await getJson("/capture/metrics");
    if (!report || typeof report !== "object") {
      throw new Error("Its answer is no report");
    }
    setHidden(byId("token"), true);
    answered = Date.now();
    showAll(report);
  } catch (error) {
    setHidden(byId("token"), !(error instanceof Refused && error.status === 401));
    showUnreachable(reasonOf(error), answered === null ? null : (Date.now() - answered) / 1000);
    breakCharts(Date.now());
  }
}

function reasonOf(error) {
  if (error instanceof Refused) {
    return `It refuses: ${error.message}`;
  }
  if (error.name === "TimeoutError") {
    return "It takes longer than 4 s";
  }
  return error instanceof TypeError ? "There is no connection to it" : error.message;
}

async function lookAtLadder() {
  try {
    ladder = await getSource("ladder", "/ladder");
    markChanges(showChanges(ladder));
    if (shown) {
      showLadder(ladder, capabilities, shown);
    }
  } catch {
    // The report says that it is gone.
  }
}

async function lookAtFlows() {
  try {
    const answer = await getSource("flows", "/flows/top");
    showFlows(answer, answer ? "" : "This capmetrics reads no event stream (-I), so it knows no flows.");
  } catch {
    // As above; what was there stays.
  }
}

async function lookAtCapabilities() {
  try {
    capabilities ??= await getSource("capabilities", "/capabilities");
  } catch {
    // Asked again.
  }
}

// What there was lately, then the stream from there; while that cannot be had, the same again each
// two seconds.
async function followEvents() {
  for (;;) {
    const last = await pollEvents();
    if (last !== null) {
      try {
        await readEvents(`/events?after=${last}`, () => showSource("live"), (event) => addEvents([event]));
      } catch {
        // Polled instead, until it can be had.
      }
    }
    await pause(RETRY_MS);
  }
}

// The number of the last one; null when there are none to be had.
async function pollEvents() {
  try {
    const recent = await getSource("events", "/events/recent");
    showSource(recent ? "polled" : "changes alone: no event stream (-I)");
    addEvents(listOf(recent?.events));
    return recent ? Number(recent.last_id) || 0 : null;
  } catch {
    showSource("no answer");
    return null;
  }
}

function openToken() {
  byId("token").addEventListener("submit", (submitted) => {
    submitted.preventDefault();
    setToken(byId("token-text").value);
    byId("token-text").value = "";
  });
}

openCharts();
openFlows();
openToken();
// The first report says what else there is.
lookAtReport().then(() => {
  each(PERIOD_MS, lookAtReport);
  each(PERIOD_MS, lookAtLadder);
  each(FLOWS_PERIOD_MS, lookAtFlows);
  each(FLOWS_PERIOD_MS, lookAtCapabilities);
  followEvents();
});
