// SPDX-License-Identifier: BSD-2-Clause
// Run in the page: keeps each report with what the page shows of it, at that moment.
(() => {
  const text = (element) => element?.textContent ?? null;
  const number = (element) => (element && element.dataset.value !== "" ? Number(element.dataset.value) : null);
  const part = (element, name) => element.querySelector(`[data-part="${name}"]`);
  const shown = (element) => Boolean(element) && !element.closest("[hidden]");
  const each = (selector, read) => [...document.querySelectorAll(selector)].map(read);
  const numbers = (element, names) => Object.fromEntries(
    names.filter((name) => shown(part(element, name))).map((name) => [name, number(part(element, name))]));
  const read = () => ({
    state: document.documentElement.dataset.state,
    headline: text(document.getElementById("headline")),
    facts: Object.fromEntries(each("#facts [data-metric]", (e) => [e.dataset.metric, { value: e.dataset.value, text: e.textContent }])),
    ring: number(document.querySelector("#charts [data-metric=ring_utilization]")),
    rates: Object.fromEntries(each("[data-rate]", (e) => [e.dataset.rate, number(e)])),
    reasons: each("#reasons li", (e) => [e.dataset.code, e.textContent]),
    nodes: each("#stages .node", (e) => ({
      title: text(part(e, "title")), place: text(part(e, "place")), state: e.dataset.state,
      ...numbers(e, ["in", "out", "safe", "held", "dropped", "spool"]) })),
    books: each("#equations .book", (e) => ({
      of: text(part(e, "of")), what: text(part(e, "what")), state: e.dataset.book, residual_text: text(part(e, "residual")),
      ...numbers(e, ["received", "classified", "assigned", "safe", "held", "lost", "residual"]) })),
    balanced: document.getElementById("books-state").dataset.balanced,
    drops: each("#drop-rows tr", (e) => ({
      reason: e.dataset.reason, where: text(part(e, "where")), kind: e.dataset.drop, value: number(part(e, "value")) })),
    costs: each("#cpu-rows tr", (e) => ({ tool: e.dataset.tool, state: e.dataset.state, ...numbers(e, ["cpu", "memory"]) })),
  });
  window.snapshots = [];
  document.addEventListener("tapline-report", (event) => {
    window.snapshots.push({ report: event.detail, page: read() });
  });
})();
