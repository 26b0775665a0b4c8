// SPDX-License-Identifier: BSD-2-Clause
// What is asked of capmetrics: JSON, and the stream of events, with the token if it wants one.

const TOKEN_KEY = "tapline-token";

let token = sessionStorage.getItem(TOKEN_KEY) ?? "";

export class Refused extends Error {
  constructor(status, text) {
    super(text || `answered ${status}`);
    this.status = status;
  }
}

export function setToken(text) {
  token = text;
  sessionStorage.setItem(TOKEN_KEY, text);
}

function ask(path, signal, accept) {
  const headers = { Accept: accept };
  if (token) {
    headers.Authorization = `Bearer ${token}`;
  }
  return fetch(path, { signal, headers, cache: "no-store", credentials: "same-origin", redirect: "error", referrerPolicy: "no-referrer" });
}

export async function getJson(path, timeoutMs = 4000) {
  const answer = await ask(path, AbortSignal.timeout(timeoutMs), "application/json");
  if (!answer.ok) {
    throw new Refused(answer.status, (await answer.text()).trim().slice(0, 300));
  }
  return answer.json();
}

// One that is not there is no error: null.
export async function getIfThere(path) {
  try {
    return await getJson(path);
  } catch (error) {
    if (error instanceof Refused && error.status === 404) {
      return null;
    }
    throw error;
  }
}

// --- server-sent events -------------------------------------------------------------

const BLOCK_MAX = 1 << 20;

function dataOf(block) {
  return block.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5).replace(/^ /, "")).join("\n");
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// Hands over one after the other until the stream ends or breaks.
export async function readEvents(path, onOpen, onEvent) {
  const answer = await ask(path, undefined, "text/event-stream");
  if (!answer.ok || !answer.body) {
    throw new Refused(answer.status, (await answer.text()).trim().slice(0, 300));
  }
  onOpen();
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    const blocks = (rest + value).split(/\r?\n\r?\n/);
    rest = blocks.pop();
    if (rest.length > BLOCK_MAX) {
      await reader.cancel();
      throw new Error("an event without end");
    }
    for (const event of blocks.map(dataOf).filter(Boolean).map(parsed).filter(Boolean)) {
      onEvent(event);
    }
  }
}
