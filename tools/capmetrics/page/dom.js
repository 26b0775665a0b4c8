// SPDX-License-Identifier: BSD-2-Clause
// The document: everything foreign gets in by textContent. What did not change is
// not touched, so that focus, selection and scrolling last.

export function byId(id) {
  return document.getElementById(id);
}

export function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) {
    element.className = className;
  }
  element.append(...children);
  return element;
}

export function setText(element, text) {
  const value = String(text ?? "");
  if (element.textContent !== value) {
    element.textContent = value;
  }
  return element;
}

export function setAttribute(element, name, value) {
  if (value === null || value === undefined) {
    element.removeAttribute(name);
  } else if (element.getAttribute(name) !== String(value)) {
    element.setAttribute(name, value);
  }
  return element;
}

// A number as text, and as it came in data-value.
export function setValue(element, value, text) {
  setAttribute(element, "data-value", value ?? "");
  return setText(element, text);
}

export function setHidden(element, hidden) {
  if (element.hidden !== hidden) {
    element.hidden = hidden;
  }
}

const kept = new WeakMap();

// One child of `parent` for each item, in their order; those of keys that were there stay.
export function reconcile(parent, items, keyOf, create, update) {
  const before = kept.get(parent) ?? new Map();
  const now = new Map();
  for (const item of items) {
    const key = String(keyOf(item));
    if (!now.has(key)) {
      const element = before.get(key) ?? create(item);
      update(element, item);
      now.set(key, element);
    }
  }
  for (const [key, element] of before) {
    if (!now.has(key)) {
      element.remove();
    }
  }
  place(parent, now.values());
  kept.set(parent, now);
}

function place(parent, elements) {
  let at = parent.firstElementChild;
  for (const element of elements) {
    if (element === at) {
      at = at.nextElementSibling;
    } else {
      parent.insertBefore(element, at);
    }
  }
}

export function part(element, name) {
  return element.querySelector(`[data-part="${name}"]`);
}

export function makePart(tag, name, className) {
  const element = make(tag, className);
  element.dataset.part = name;
  return element;
}
