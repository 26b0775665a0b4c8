// SPDX-License-Identifier: BSD-2-Clause
// The ledger: each equation with its numbers, green when it balances, red when not.

import { byId, make, makePart, part, reconcile, setAttribute, setHidden, setText, setValue } from "./dom.js";
import { count } from "./format.js";
import { listOf } from "./report.js";

function equation(book) {
  if (book.unit === "events") {
    return [["assigned", book.assigned], ["safe", book.safe], ["held", book.held], ["lost", book.lost]];
  }
  return [["received", book.received], ["classified", book.classified]];
}

function createBook(book) {
  const head = make("p", "book-of");
  const residual = make("span", "residual");
  residual.append("residual ", makePart("b", "residual"));
  head.append(makePart("span", "sign", "book-sign"), makePart("span", "of"), " ", makePart("span", "what", "book-what"), residual);
  const terms = make("p", "terms");
  equation(book).forEach(([name], i) => {
    if (i > 0) {
      terms.append(make("span", "operator", i === 1 ? " = " : " + "));
    }
    terms.append(make("span", "term", makePart("b", name), " ", make("small", "", name)));
  });
  return make("li", "book", head, terms);
}

// One that is off for a report or two may only be between two moments.
function stateOf(book) {
  if (!book.balanced) {
    return "red";
  }
  return book.residual === 0 ? "green" : "settling";
}

const SIGNS = { red: ["✕", "does not balance"], settling: ["…", "settling"], green: ["✓", "balances"] };

function updateBook(row, book) {
  const state = stateOf(book);
  setAttribute(row, "data-book", state);
  const sign = part(row, "sign");
  setText(sign, SIGNS[state][0]);
  setAttribute(sign, "role", "img");
  setAttribute(sign, "aria-label", SIGNS[state][1]);
  setText(part(row, "of"), book.tool);
  const key = book.sink || book.iface || "";
  setText(part(row, "what"), `${key}${key ? " · " : ""}${book.unit}`);
  setAttribute(row, "title", `${book.tool} ${book.instance}`);
  for (const [name, value] of [...equation(book), ["residual", book.residual]]) {
    setValue(part(row, name), value, count(value));
  }
}

export function showBooks(report) {
  const books = [...listOf(report.books?.engines), ...listOf(report.books?.hops)];
  const red = books.filter((b) => !b.balanced).length;
  books.sort((a, b) => a.balanced - b.balanced);
  const state = byId("books-state");
  setAttribute(state, "data-balanced", books.length === 0 ? "" : red === 0 ? "yes" : "no");
  setText(state, books.length === 0 ? "" : red === 0 ? "balanced" : `${red} of ${books.length} off`);
  reconcile(byId("equations"), books, (b) => JSON.stringify([b.tool, b.instance, b.unit, b.sink ?? b.iface]), createBook, updateBook);
  setHidden(byId("no-books"), books.length > 0);
}
