// SPDX-License-Identifier: BSD-2-Clause
// Run in the page: texts whose contrast is under that of WCAG 2 AA, as [text, ratio, colours].
const rgba = (text) => {
  const parts = text.match(/[\d.]+/g).map(Number);
  return [parts[0], parts[1], parts[2], parts[3] ?? 1];
};
const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
const light = (colour) => {
  const [r, g, b] = colour.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = (element) => {
  const layers = [];
  for (let e = element; e; e = e.parentElement) {
    layers.push(rgba(getComputedStyle(e).backgroundColor));
  }
  return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
};
const ratioOf = (element, style) => {
  const under = ground(element);
  const lights = [light(over(rgba(style.color), under)), light(under)].sort((a, b) => b - a);
  return (lights[0] + 0.05) / (lights[1] + 0.05);
};
const poor = [];
let seen = 0;
const judge = (element, style, text) => {
  const big = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
  const ratio = ratioOf(element, style);
  seen += 1;
  if (ratio < (big ? 3 : 4.5)) {
    poor.push([text.trim().slice(0, 40), ratio.toFixed(2), style.color, ground(element).join()]);
  }
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const element = node.parentElement;
  if (node.data.trim() && element.checkVisibility() && !element.closest(".unseen, noscript")) {
    judge(element, getComputedStyle(element), node.data);
  }
}
for (const input of document.querySelectorAll("input[placeholder]")) {
  if (input.checkVisibility()) {
    judge(input, getComputedStyle(input, "::placeholder"), input.placeholder);
  }
}
return { seen, poor };
