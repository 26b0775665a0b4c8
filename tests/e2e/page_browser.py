# SPDX-License-Identifier: BSD-2-Clause
"""A headless Chromium that shows the page of capmetrics, for page.py."""
import json
import math
import os
import time

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

HERE = os.path.dirname(os.path.abspath(__file__))
DEADLINE_S = float(os.environ.get("TL_DEADLINE", "20"))
SWITCHES = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--remote-debugging-pipe",  # it ends with who started it
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


class Failed(Exception):
    """What the test found wrong."""


def script(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as text:
        return text.read()


def same(what, got, wanted):
    if got != wanted:
        raise Failed(f"{what}: the page has {got!r}, expected {wanted!r}")


def near(what, got, wanted):
    if got is None or not math.isclose(got, wanted, rel_tol=1e-6, abs_tol=1e-6):
        raise Failed(f"{what}: the page has {got!r}, expected {wanted!r}")


def driver_that_dies_with_us():
    path = os.path.abspath("chromedriver.sh")
    with open(path, "w", encoding="utf-8") as script:
        script.write('#!/bin/sh\nexec setpriv --pdeathsig KILL chromedriver "$@"\n')
    os.chmod(path, 0o755)
    return path


class Browser:
    def __init__(self, url, width=1440, height=900, scheme="light"):
        options = Options()
        options.binary_location = "/usr/bin/chromium"
        for switch in SWITCHES:
            options.add_argument(switch)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.url = url
        self.driver = webdriver.Chrome(service=Service(driver_that_dies_with_us()), options=options)
        self.console = []
        self.requests = []
        self.size(width, height)
        self.scheme(scheme)

    def __enter__(self):
        self.driver.get(self.url)
        return self

    def __exit__(self, *_):
        self.driver.quit()

    def size(self, width, height):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})

    def scheme(self, name):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": name}]})

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, what, script, *arguments):
        """Until the script is true; what it was then."""
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            value = self.run(script, *arguments)
            if value:
                return value
            time.sleep(0.05)
        raise Failed(f"waited {DEADLINE_S:.0f} s in vain for {what}; the page: {self.text()[:3000]}")

    def text(self):
        return self.run("return document.body.innerText")

    def state(self):
        return self.run("return document.documentElement.dataset.state")

    def wait_state(self, *states):
        return self.wait(f"state {states}", "return arguments[0].includes(document.documentElement.dataset.state)", states)

    def collect(self):
        self.console += self.driver.get_log("browser")
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])

    def check_quiet(self):
        """No errors in the console, no request but to the page's origin."""
        self.collect()
        errors = [entry["message"] for entry in self.console if entry["level"] not in ("INFO", "DEBUG")]
        if errors:
            raise Failed(f"in the console: {errors[:5]}")
        strangers = [url for url in self.requests if not url.startswith(self.url)]
        if strangers:
            raise Failed(f"requests that leave the origin: {strangers}")
        if len(self.requests) < 10:
            raise Failed(f"the requests were not seen: {self.requests}")

    def picture(self, name, whole=True):
        folder = os.environ.get("ARTEFACTS")
        if not folder:
            return
        os.makedirs(folder, exist_ok=True)
        size = self.run("return [innerWidth, innerHeight, document.documentElement.scrollHeight]")
        if whole:
            self.size(size[0], max(size[1], size[2]))
            self.run("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        self.driver.save_screenshot(os.path.join(folder, f"{name}.png"))
        self.size(size[0], size[1])
