// SPDX-License-Identifier: BSD-2-Clause
// Numbers, times and names as text. No break between a number and its unit.

const SPACE = "\u00a0";
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const STEPS = [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];

export const NONE = "–";

export function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

export function count(value) {
  return isNumber(value) ? whole.format(value) : NONE;
}

function threeDigits(value) {
  const size = Math.abs(value);
  const digits = size >= 99.95 || Number.isInteger(value) ? 0 : size >= 9.995 ? 1 : 2;
  return value.toFixed(digits);
}

// 1234567, "bit/s" -> 1.23 Mbit/s; below a thousand as it is.
export function scaled(value, unit) {
  if (!isNumber(value)) {
    return NONE;
  }
  // What would be rounded up to 1000 is of the next step.
  const step = STEPS.find(([size]) => Math.abs(value) >= size * 0.9995);
  if (!step) {
    return `${threeDigits(value)}${unit ? SPACE + unit : ""}`;
  }
  const glue = unit && /^(bit|B)/.test(unit) ? "" : SPACE;
  return `${threeDigits(value / step[0])}${SPACE}${step[1]}${unit ? glue + unit : ""}`;
}

export function bytes(value) {
  return scaled(value, "B");
}

// Of a ratio. What is not nothing is not shown as nothing.
export function percent(ratio) {
  if (!isNumber(ratio)) {
    return NONE;
  }
  const value = ratio * 100;
  if (value > 0 && value < 0.1) {
    return `<${SPACE}0.1${SPACE}%`;
  }
  return `${value.toFixed(value < 10 && value > 0 ? 1 : 0)}${SPACE}%`;
}

export function clock(ms) {
  return isNumber(ms) ? new Date(ms).toLocaleTimeString("en-GB") : NONE;
}

export function parseTime(text) {
  const ms = typeof text === "string" ? Date.parse(text) : NaN;
  return Number.isNaN(ms) ? null : ms;
}

export function span(seconds) {
  if (!isNumber(seconds) || seconds < 0) {
    return NONE;
  }
  if (seconds < 60) {
    return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)}${SPACE}s`;
  }
  if (seconds < 3600) {
    return `${Math.floor(seconds / 60)}${SPACE}min`;
  }
  const hours = Math.floor(seconds / 3600);
  return hours < 48 ? `${hours}${SPACE}h` : `${Math.floor(hours / 24)}${SPACE}d`;
}

export function plural(number, one, many = `${one}s`) {
  return `${count(number)}${SPACE}${number === 1 ? one : many}`;
}

// "malformed_l2" as people read it.
export function words(name) {
  return String(name ?? "").replaceAll("_", " ");
}
