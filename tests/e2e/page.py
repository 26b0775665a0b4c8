#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""page.py CHECK URL [ARGUMENT...]: looks at the page of capmetrics in a real browser.

Exits 1 and says what is wrong. Pictures go to $ARTEFACTS.
"""
import json
import math
import signal
import sys
import time

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from page_browser import Browser, Failed, same, script
from page_values import check_rates, check_snapshot


# --- values: the page has what /capture/metrics says --------------------------------


def values(browser, wanted_reports="5"):
    browser.run(script("page_snapshot.js"))
    browser.wait("reports", "return window.snapshots.length >= arguments[0]", int(wanted_reports))
    snapshots = browser.run("return window.snapshots")
    for snapshot in snapshots:
        check_snapshot(snapshot)
    if any(t["engine"] for t in snapshots[0]["report"]["tools"]):
        check_rates(snapshots)
    browser.picture("values")
    browser.check_quiet()


# --- what is not there ------------------------------------------------------------------

COUNT_REPORTS = """
window.reports = 0;
document.addEventListener("tapline-report", () => { window.reports += 1; });
"""


def alone(browser):
    """As long as all periods of the page; a 404 would be in the console."""
    browser.run(COUNT_REPORTS)
    browser.wait("reports", "return window.reports >= 5")
    browser.wait("a word about flows", "return /no event stream/.test(document.getElementById('no-flows').textContent)")
    browser.picture("alone")
    browser.check_quiet()


def ladder(browser):
    """It is there now."""
    browser.wait("the ladder", "return /CAP_BPF is missing/.test(document.body.textContent)")
    browser.check_quiet()


# --- numbers as text ------------------------------------------------------------------

FORMATS = """
const done = arguments[0];
import("/format.js").then((f) => done({
  scaled: [0, 1, 7.25, 12.345, 999, 999.4, 999.6, 1000, 1234567, 999949, 999951, 5e9, 3e18].map((v) => [v, f.scaled(v, "x/s")]),
  bits: f.scaled(1.5e9, "bit/s"),
  bytes: f.bytes(378e9),
  none: [f.scaled(NaN, "x"), f.count(null), f.percent(undefined)],
  percent: [0, 0.0004, 0.0123, 0.5, 1].map(f.percent),
  span: [0.4, 59, 60, 7199, 7200, 200000].map(f.span),
}), (error) => done({ error: String(error) }));
"""

STEPS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}


def numbers(browser):
    got = browser.driver.execute_async_script(FORMATS)
    for value, text in got["scaled"]:
        words = text.split("\xa0")
        step = words[1] if len(words) == 3 else ""
        if not math.isclose(float(words[0]) * STEPS[step], value, rel_tol=0.005) or float(words[0]) >= 1000 and step != "P":
            raise Failed(f"{value} is shown as {text}")
    same("bits", got["bits"], "1.50\xa0Gbit/s")
    same("bytes", got["bytes"], "378\xa0GB")
    same("what is not known", got["none"], ["–", "–", "–"])
    same("percent", got["percent"], ["0\xa0%", "<\xa00.1\xa0%", "1.2\xa0%", "50\xa0%", "100\xa0%"])
    same("spans", got["span"], ["0.4\xa0s", "59\xa0s", "1\xa0min", "1\xa0h", "2\xa0h", "2\xa0d"])


# --- watch: tells each change of state, until it is stopped -----------------------------


def watch(browser):
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    last = None
    while not stop:
        now = browser.run("""return [document.documentElement.dataset.state, document.getElementById("books-state").dataset.balanced,
            document.getElementById("headline").textContent, document.getElementById("announce").textContent].join(" | ")""")
        if now != last:
            print(now, flush=True)
            last = now
            browser.picture("state-" + now.split(" ", maxsplit=1)[0], whole=False)
        time.sleep(0.1)


# --- flows: sorted and filtered, by mouse and by keyboard -------------------------------


def column(browser, name):
    return browser.run("""return [...document.querySelectorAll(`#flow-rows [data-column="${arguments[0]}"]`)]
        .map((e) => e.dataset.value ?? e.textContent)""", name)


def sorts(browser):
    return browser.run("""return Object.fromEntries([...document.getElementById("flow-heads").children]
        .map((e) => [e.dataset.column, e.ariaSort]))""")


def check_order(browser, name, numeric, descending):
    """By the page's own order for text, by value for numbers, and no other column says that it is sorted."""
    states = sorts(browser)
    same("aria-sort", {k: v for k, v in states.items() if v != "none"}, {name: "descending" if descending else "ascending"})
    got = column(browser, name)
    if numeric:
        wanted = sorted(got, key=lambda v: float(v or -1), reverse=descending)
    else:
        wanted = browser.run("""return arguments[0].toSorted((a, b) => (arguments[1] ? -1 : 1) * a.localeCompare(b, "en", { numeric: true }))""",
                             got, descending)
    same(f"order by {name}", got, wanted)
    if len(set(got)) < 2:
        raise Failed(f"nothing to sort by {name}")


def head(browser, name):
    return browser.driver.find_element(By.CSS_SELECTOR, f'#flow-heads [data-column="{name}"] button')


def flows(browser):
    browser.wait("flows", "return document.querySelectorAll('#flow-rows tr').length >= 10")
    check_order(browser, "bytes", True, True)
    head(browser, "packets").click()
    check_order(browser, "packets", True, True)
    head(browser, "packets").click()
    check_order(browser, "packets", True, False)
    head(browser, "src").send_keys(Keys.ENTER)
    check_order(browser, "src", False, False)
    head(browser, "src").send_keys(Keys.SPACE)
    check_order(browser, "src", False, True)
    check_filter(browser)
    browser.check_quiet()


def check_filter(browser):
    box = browser.driver.find_element(By.ID, "filter")
    rows = browser.run("return [...document.querySelectorAll('#flow-rows tr')].map((e) => e.textContent.toLowerCase())")
    box.send_keys("UDP 53")
    kept = browser.wait("fewer rows", "const n = document.querySelectorAll('#flow-rows tr').length; return n < arguments[0] && n", len(rows))
    for row in browser.run("return [...document.querySelectorAll('#flow-rows tr')].map((e) => e.textContent.toLowerCase())"):
        if "udp" not in row or "53" not in row:
            raise Failed(f"the filter 'udp 53' let through {row}")
    if f"{kept} of " not in browser.run("return document.getElementById('flows-count').textContent"):
        raise Failed("the number of rows is not told")
    browser.picture("filtered", whole=False)
    box.clear()
    box.send_keys("<nothing>")
    browser.wait("no rows", "return document.querySelectorAll('#flow-rows tr').length === 0 && document.getElementById('no-flows').checkVisibility()")
    box.clear()
    box.send_keys("x", Keys.BACKSPACE)
    browser.wait("all rows", "return document.querySelectorAll('#flow-rows tr').length >= arguments[0]", len(rows))


# --- keyboard: all that can be used can be reached, in order, and is seen ------------------

FOCUS = """
const e = document.activeElement;
if (!e || e === document.body) { return null; }
const style = getComputedStyle(e);
const box = e.getBoundingClientRect();
return { name: e.id || e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.textContent.trim(),
  tag: e.tagName, outline: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
  place: [...document.querySelectorAll("*")].indexOf(e), inside: box.bottom > 0 && box.top < innerHeight };
"""


def keyboard(browser):
    browser.wait("flows", "return document.querySelectorAll('#flow-rows tr').length > 0")
    browser.driver.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    stops = []
    for _ in range(60):
        stop = browser.run(FOCUS)
        if stop is None or stops and stop["place"] <= stops[-1]["place"]:
            break
        stops.append(stop)
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
    names = [stop["name"] for stop in stops]
    if any(not stop["outline"] for stop in stops):
        raise Failed(f"focus that cannot be seen: {[s['name'] for s in stops if not s['outline']]}")
    if any(not stop["inside"] for stop in stops):
        raise Failed(f"focus off the screen: {[s['name'] for s in stops if not s['inside']]}")
    usable = browser.run("""return [...document.querySelectorAll("a[href], button, input, [tabindex='0']")].filter((e) => e.checkVisibility()).length""")
    same("what can be reached by Tab", len(stops), usable)
    same("first stop", names[0], "Skip to the flows")
    if names.index("filter") > names.index("Bytes"):
        raise Failed(f"the filter comes after the heads: {names}")
    browser.check_quiet()


# --- looks: no sideways scrolling, contrast, landmarks and labels -------------------------------


def check_width(browser, width):
    browser.size(width, 800)
    cut = browser.run("""return [...document.querySelectorAll("main *, header *")].filter((e) => e.checkVisibility()
        && !e.closest(".unseen, canvas") && !e.parentElement.closest(".scroll") && e.getBoundingClientRect().right > Math.min(arguments[0], e.closest(".panel")?.getBoundingClientRect().right ?? Infinity) + 1)
        .map((e) => e.outerHTML.slice(0, 120))""", width)
    got = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
    if cut or got != [width, width]:
        raise Failed(f"at {width} px the page is {got[0]} wide; what does not fit: {cut[:4]}")


def check_contrast(browser, name):
    got = browser.run(script("page_contrast.js"))
    if got["poor"]:
        raise Failed(f"poor contrast, {name}: {got['poor'][:8]}")
    if got["seen"] < 60:
        raise Failed(f"only {got['seen']} texts were seen")


LABELS = """
const named = (e) => Boolean(e.labels?.length || e.ariaLabel || e.getAttribute("aria-labelledby") || e.textContent.trim());
const wrong = [];
for (const e of document.querySelectorAll("button, a[href], input, meter, [role=group], section, nav")) {
  if (!named(e)) { wrong.push(e.outerHTML.slice(0, 100)); }
}
for (const e of document.querySelectorAll("[aria-labelledby], [aria-controls]")) {
  for (const id of (e.getAttribute("aria-labelledby") ?? e.getAttribute("aria-controls")).split(" ")) {
    if (!document.getElementById(id)) { wrong.push(`no ${id}`); }
  }
}
for (const e of document.querySelectorAll("canvas")) {
  if (e.getAttribute("role") !== "img" || !/\\d/.test(e.ariaLabel)) { wrong.push(`canvas ${e.ariaLabel}`); }
}
const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
wrong.push(...ids.filter((id, i) => ids.indexOf(id) !== i));
const levels = [...document.querySelectorAll("h1, h2, h3")].map((e) => Number(e.tagName[1]));
if (levels.filter((l) => l === 1).length !== 1 || levels[0] !== 1) { wrong.push(`headings ${levels}`); }
for (const tag of ["header", "main", "nav"]) {
  if (document.querySelectorAll(tag).length !== 1) { wrong.push(`not one ${tag}`); }
}
const live = document.querySelector("[aria-live=polite][role=status]");
if (!live || !live.textContent) { wrong.push("nothing is announced"); }
if (document.documentElement.lang !== "en") { wrong.push("no language"); }
return wrong;
"""


def looks(browser):
    browser.wait("flows, books and rates", """return document.querySelectorAll('#flow-rows tr').length > 0 &&
        document.querySelector('#equations li') && document.querySelector('[data-rate=packets]').dataset.value""")
    same("what has no label or no place", browser.run(LABELS), [])
    name = browser.state()
    for scheme in ("light", "dark"):
        browser.scheme(scheme)
        check_contrast(browser, f"{scheme}, {name}")
        browser.picture(f"{name}-{scheme}")
    browser.scheme("light")
    for width in (320, 390, 768, 1024, 1280, 1920):
        check_width(browser, width)
        browser.picture(f"{name}-{width}")
    browser.check_quiet()


# --- hostile: foreign text stays text -------------------------------------------------------------


def hostile(browser, *texts):
    for text in texts:
        browser.wait(f"the text {text}", "return document.body.textContent.includes(arguments[0])", text)
    same("elements made of foreign text", browser.run("return document.querySelectorAll('main img, main script, main iframe').length"), 0)
    check_width(browser, 390)
    browser.picture("hostile-390")
    browser.size(1440, 900)
    browser.picture("hostile")
    browser.check_quiet()


# --- events: as they come, once each, the newest first --------------------------------------------


def event_titles(browser):
    return browser.run("return [...document.querySelectorAll('#event-rows .event-title')].map((e) => e.textContent)")


def events(browser, how, file, *lines):
    """Appends each line to the file that eve-tail follows; what it calls its signature must appear."""
    browser.wait(f"events {how}", "return document.getElementById('events-state').textContent === arguments[0]", how)
    for line in lines:
        signature = json.loads(line)["alert"]["signature"]
        with open(file, "a", encoding="utf-8") as log:
            log.write(line + "\n")
        browser.wait(f"the alert {signature}", "return document.getElementById('event-rows').textContent.includes(arguments[0])", signature)
        same("newest", event_titles(browser)[0], signature)
    titles = event_titles(browser)
    if len(set(titles)) != len(titles):
        raise Failed(f"an event is shown twice: {titles}")
    if how == "live":
        browser.check_quiet()


# --- token: asked for, and then used -----------------------------------------------------------------


def token(browser, text):
    browser.wait("the question", "return document.getElementById('token').checkVisibility()")
    same("state without a token", browser.state(), "gone")
    box = browser.driver.find_element(By.ID, "token-text")
    box.send_keys(text, Keys.ENTER)
    browser.wait_state("ok", "warn", "bad")
    browser.wait("the question to go", "return !document.getElementById('token').checkVisibility()")
    if text in browser.driver.page_source or text in browser.driver.current_url:
        raise Failed("the token is on the page")


CHECKS = {f.__name__: f for f in (values, numbers, watch, flows, keyboard, looks, hostile, events, token, alone, ladder)}


def main(check, url, *arguments):
    with Browser(url) as browser:
        if check not in ("watch", "token"):
            browser.wait_state("ok", "warn", "bad")
        CHECKS[check](browser, *arguments)


try:
    main(*sys.argv[1:])
except Failed as failed:
    sys.exit(f"page.py {sys.argv[1]}: {failed}")
