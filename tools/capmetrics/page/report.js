// SPDX-License-Identifier: BSD-2-Clause
// What /capture/metrics says, made safe to walk through, and what follows from two of them: rates.

import { isNumber, parseTime } from "./format.js";

const MINUTE_MS = 60000;

export function listOf(value) {
  return Array.isArray(value) ? value.filter((item) => item && typeof item === "object") : [];
}

export function instanceKey(tool) {
  return JSON.stringify([tool.tool, tool.instance]);
}

export function samplesOf(tool, name) {
  return listOf(tool.metrics).filter((m) => m.name === name && isNumber(m.value));
}

// Of all samples of that name; null = there is none.
export function sumOf(tool, name) {
  const samples = samplesOf(tool, name);
  return samples.length > 0 ? samples.reduce((sum, m) => sum + m.value, 0) : null;
}

function countersOf(tool) {
  const sums = new Map();
  for (const m of listOf(tool.metrics)) {
    if (m.type === "counter" && isNumber(m.value)) {
      sums.set(m.name, (sums.get(m.name) ?? 0) + m.value);
    }
  }
  return sums;
}

// Of each instance's counters, between its own last two reports: polls and reports do not keep step.
export class Rates {
  #seen = new Map();

  update(tools) {
    const now = new Map();
    for (const tool of tools) {
      const key = instanceKey(tool);
      now.set(key, this.#next(this.#seen.get(key), tool));
    }
    this.#seen = now;
  }

  #next(before, tool) {
    const time = parseTime(tool.reported);
    if (before && time === before.time) {
      return before;
    }
    const sums = countersOf(tool);
    const rates = new Map();
    const seconds = before ? (time - before.time) / 1000 : 0;
    for (const [name, sum] of sums) {
      const last = before?.sums.get(name);
      if (seconds > 0 && isNumber(last) && sum >= last) {
        rates.set(name, (sum - last) / seconds);
      }
    }
    return { time, sums, rates };
  }

  // Per second; 0 of one that does not report any more, null = not known yet.
  of(tool, ...names) {
    const rates = this.#seen.get(instanceKey(tool))?.rates;
    const name = names.find((n) => rates?.has(n));
    if (tool.state !== "live") {
      return 0;
    }
    return name === undefined ? null : rates.get(name);
  }
}

// How much a counter rose in the last minute, by key.
export class LastMinute {
  #seen = new Map();

  rise(key, value, now) {
    const points = this.#seen.get(key) ?? [];
    if (points.length > 0 && value < points.at(-1).value) {
      points.length = 0;
    }
    points.push({ time: now, value });
    while (points.length > 1 && points[1].time <= now - MINUTE_MS) {
      points.shift();
    }
    this.#seen.set(key, points);
    return value - points[0].value;
  }

  keepOnly(keys) {
    for (const key of this.#seen.keys()) {
      if (!keys.has(key)) {
        this.#seen.delete(key);
      }
    }
  }
}

function addUp(values) {
  const known = values.filter(isNumber);
  return known.length > 0 ? known.reduce((a, b) => a + b, 0) : null;
}

// The instances that the numbers at the report's top are of.
export function engineTools(report) {
  return listOf(report.tools).filter((t) => report.engine && t.engine === report.engine && t.state === "live");
}

export function engineRates(report, rates) {
  const tools = engineTools(report);
  const add = (name) => (report.running ? addUp(tools.map((t) => rates.of(t, name))) : 0);
  const bytes = add("received_bytes");
  return { packets: add("received_packets"), bits: bytes === null ? null : bytes * 8, events: add("assigned_events") };
}

// What every place has lost: skbs that the kernel dropped, events that were given up.
export function losses(report) {
  const tools = listOf(report.tools);
  return {
    skbs: addUp(tools.map((t) => sumOf(t, "dropped_skbs"))) ?? 0,
    events: addUp(tools.map((t) => sumOf(t, "lost_events"))) ?? 0,
  };
}
