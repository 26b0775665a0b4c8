// SPDX-License-Identifier: BSD-2-Clause
// Four lines over the last five minutes, by Chart.js (a classic script: window.Chart).

import { byId, setAttribute, setText, setValue } from "./dom.js";
import { isNumber, NONE, percent, scaled } from "./format.js";

const MINUTE_MS = 60000;
const SPANS = [1, 2, 3, 5]; // minutes
const SPAN_MS = SPANS.at(-1) * MINUTE_MS;

const CHARTS = [
  { id: "packets", name: "Packets per second", text: (v) => scaled(v, "packets/s"), tick },
  { id: "bits", name: "Bits per second", text: (v) => scaled(v, "bit/s"), tick },
  { id: "events", name: "Events per second", text: (v) => scaled(v, "events/s"), tick },
  { id: "ring", name: "Ring fill", text: percent, tick: percent, most: 1 },
];

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// As short as it goes: 1.50 M is 1.5 M.
function tick(value) {
  return scaled(value, "").replace(/\.0+(?!\d)|(\.\d*?)0+(?!\d)/, "$1");
}

function font() {
  return { family: getComputedStyle(document.body).fontFamily, size: 11 };
}

function xAxis() {
  return {
    type: "linear",
    grid: { display: false, drawBorder: false },
    ticks: { maxRotation: 0, autoSkip: false, font: font() },
    afterBuildTicks: (axis) => {
      axis.ticks = [{ value: axis.min }, { value: axis.max }];
    },
  };
}

function ageText(value, index, ticks) {
  const age = ticks.at(-1).value - value;
  return age === 0 ? "now" : `${Math.round(age / MINUTE_MS)} min`;
}

// As long as what is known, in steps.
function spanOf(points, time) {
  const known = points.length > 0 ? time - points[0].x : 0;
  return (SPANS.find((minutes) => minutes * MINUTE_MS >= known) ?? SPANS.at(-1)) * MINUTE_MS;
}

function yAxis(spec) {
  return {
    beginAtZero: true,
    max: spec.most,
    suggestedMax: spec.most ?? 1,
    grid: { drawBorder: false, drawTicks: false },
    ticks: { maxTicksLimit: 4, padding: 6, font: font(), callback: (v) => spec.tick(v) },
  };
}

function tooltip(spec) {
  return {
    displayColors: false,
    callbacks: {
      title: (items) => new Date(items[0].parsed.x).toLocaleTimeString("en-GB"),
      label: (item) => spec.text(item.parsed.y),
    },
  };
}

function options(spec) {
  const x = xAxis();
  x.ticks.callback = ageText;
  x.ticks.align = "inner";
  return {
    animation: false,
    maintainAspectRatio: false,
    normalized: true,
    parsing: false,
    events: ["mousemove", "mouseout", "touchstart", "touchmove"],
    interaction: { mode: "nearest", axis: "x", intersect: false },
    layout: { padding: { top: 4 } },
    plugins: { legend: { display: false }, tooltip: tooltip(spec) },
    scales: { x, y: yAxis(spec) },
  };
}

// Changes of engine, as dashed lines.
let marks = [];

const markPlugin = {
  id: "marks",
  beforeDatasetsDraw({ ctx, chartArea: area, scales: { x } }) {
    ctx.save();
    ctx.strokeStyle = colour("--muted");
    ctx.setLineDash([3, 3]);
    for (const time of marks.filter((t) => t > x.min && t < x.max)) {
      const at = Math.round(x.getPixelForValue(time)) + 0.5;
      ctx.beginPath();
      ctx.moveTo(at, area.top);
      ctx.lineTo(at, area.bottom);
      ctx.stroke();
    }
    ctx.restore();
  },
};

export function markChanges(times) {
  marks = times;
}

class Line {
  constructor(spec) {
    this.spec = spec;
    this.figure = byId(`chart-${spec.id}`);
    this.canvas = this.figure.querySelector("canvas");
    this.points = [];
    this.chart = new window.Chart(this.canvas, {
      type: "line",
      data: { datasets: [{ data: this.points, borderWidth: 1.75, pointRadius: 0, fill: "origin", tension: 0.25 }] },
      options: options(spec),
      plugins: [markPlugin],
    });
    this.paint();
  }

  paint() {
    const set = this.chart.data.datasets[0];
    set.borderColor = colour("--accent");
    set.backgroundColor = colour("--accent-wash");
    for (const axis of [this.chart.options.scales.x, this.chart.options.scales.y]) {
      axis.ticks.color = colour("--muted");
      axis.grid.color = colour("--line");
    }
  }

  add(time, value) {
    this.points.push({ x: time, y: isNumber(value) ? value : NaN });
    while (this.points.length > 0 && this.points[0].x < time - SPAN_MS) {
      this.points.shift();
    }
    this.draw(time);
    this.describe(value);
  }

  draw(time) {
    const x = this.chart.options.scales.x;
    x.min = time - spanOf(this.points, time);
    x.max = time;
    this.chart.update("none");
  }

  describe(value) {
    const known = this.points.map((p) => p.y).filter(isNumber);
    const peak = known.length > 0 ? this.spec.text(Math.max(...known)) : NONE;
    setAttribute(this.canvas, "aria-label",
      `${this.spec.name}: now ${this.spec.text(value)}, highest of the last five minutes ${peak}`);
    const output = this.figure.querySelector("output");
    if (output.dataset.rate) {
      setValue(output, value, this.spec.text(value));
    }
  }
}

let lines = [];

export function openCharts() {
  lines = CHARTS.map((spec) => new Line(spec));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const line of lines) {
      line.paint();
      line.chart.update("none");
    }
  });
}

export function showCharts(rates, ring, now) {
  const values = { ...rates, ring };
  for (const line of lines) {
    line.add(now, values[line.spec.id]);
  }
  const output = document.querySelector('#charts [data-metric="ring_utilization"]');
  setValue(output, ring, percent(ring));
}

// A gap in every line.
export function breakCharts(now) {
  for (const line of lines) {
    line.points.push({ x: now, y: NaN });
    line.draw(now);
  }
}
