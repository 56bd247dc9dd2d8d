# SPDX-License-Identifier: MIT
"""HTTP: the page at /, in a real browser without a screen."""

import base64
import http.client
import json
import os

from harness.http import ask_status, http_connect, http_start
from harness.outcome import Failure, check, check_equal
from harness.ports import free_ports
from harness.registry import test
from harness.server import wait_until
from programs.proxies import Helper, accepts

# Nothing but the page: no updates, no look-ups of its maker's hosts.
BROWSER_FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync"]


class Browser:
    """A window of chromium, by the WebDriver protocol (www.w3.org/TR/webdriver2)."""

    def __init__(self, lab, port, width, height):
        self.port = port
        flags = BROWSER_FLAGS + [f"--user-data-dir={lab.new_folder()}", f"--window-size={width},{height}"]
        options = {"binary": lab.need("chromium", "chromium"), "args": flags}
        if width < 500:  # the narrowest window; a narrower page is a phone's
            options["mobileEmulation"] = {"deviceMetrics": {"width": width, "height": height, "pixelRatio": 2.0}}
        capabilities = {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}
        self.session = self.ask("POST", "/session", {"capabilities": capabilities})["sessionId"]

    def ask(self, method, path, body=None):
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            client.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
            answer = json.loads(client.getresponse().read())["value"]
        finally:
            client.close()
        if isinstance(answer, dict) and "error" in answer:
            raise Failure(f"the browser says {answer['error']}: {answer['message'][:200]}")
        return answer

    def run(self, script):
        return self.ask("POST", f"/session/{self.session}/execute/sync", {"script": script, "args": []})

    def open(self, url):
        self.ask("POST", f"/session/{self.session}/url", {"url": url})

    def messages(self):
        """What the console says."""
        return [entry["message"] for entry in self.ask("POST", f"/session/{self.session}/se/log", {"type": "browser"})]

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.ask("GET", f"/session/{self.session}/screenshot")))

    def close(self):
        self.ask("DELETE", f"/session/{self.session}")


def text_of(browser, element):
    return browser.run(f"return document.getElementById('{element}').textContent")


def driver_of(lab):
    program, (port,) = lab.need("chromedriver", "chromium-driver"), free_ports(1)
    return port, Helper(lab, [program, f"--port={port}"], lambda: accepts(port), "chromedriver")


def check_page(lab, server, port, width, height):
    """It loads, its figures move, nothing is wider than the window, the console has nothing to say."""
    browser = Browser(lab, port, width, height)
    try:
        browser.open(f"http://127.0.0.1:{server.http_port}/")
        wait_until(lambda: text_of(browser, "state") == "well", "the page says that the server is well", 20)
        with http_connect(server) as web:
            for _ in range(50):
                ask_status(web, 404, "GET", "/cache/none")
        wait_until(lambda: text_of(browser, "hits") == "0.0 %", "the page has seen the misses", 20)
        wait_until(lambda: browser.run("return document.querySelectorAll('#requests-chart polyline').length") == 1,
                   "a chart is drawn", 20)
        check(browser.run("return document.documentElement.scrollWidth <= window.innerWidth"), f"it fits {width} px")
        check_equal("2", str(browser.run("return document.querySelectorAll('#workers tr').length")), "rows of workers")
        folder = os.environ.get("RIPOSTE_SCREENSHOTS")
        if folder:
            browser.screenshot(os.path.join(folder, f"page-{width}.png"))
        check_equal([], browser.messages(), "messages of the console")
    finally:
        browser.close()


@test(limit_s=120)
def the_page_shows_live_figures_in_a_browser(lab):
    """Debian's chromium at 1280 and at 390 pixels; RIPOSTE_SCREENSHOTS=FOLDER keeps pictures."""
    port, helper = driver_of(lab)
    server = http_start(lab, "-t", "2")
    with helper:
        check_page(lab, server, port, 1280, 900)
        check_page(lab, server, port, 390, 844)


@test(limit_s=120)
def the_page_asks_for_the_token_it_needs(lab):
    """With --http-token-file the page comes without figures; typed in, the token is sent along, and not kept in the page."""
    port, helper = driver_of(lab)
    path = os.path.join(lab.new_folder(), "token")
    with open(path, "w", encoding="ascii") as file:
        file.write("s3cret\n")
    server = http_start(lab, f"--http-token-file={path}")
    with helper:
        browser = Browser(lab, port, 1280, 900)
        try:
            browser.open(f"http://127.0.0.1:{server.http_port}/")
            wait_until(lambda: text_of(browser, "state") == "a token is needed", "it asks", 20)
            browser.run("document.getElementById('token').value = 's3cret';"
                        "document.querySelector('#token-form button').click()")
            wait_until(lambda: text_of(browser, "state") == "well", "it is let in", 20)
            check(browser.run("return document.getElementById('token-form').hidden"), "the question is gone")
        finally:
            browser.close()


@test()
def the_page_may_do_nothing_but_what_it_needs(lab):
    """Its Content-Security-Policy has no inline script and nothing from outside, and its files have none either."""
    server = http_start(lab)
    with http_connect(server) as web:
        page = ask_status(web, 200, "GET", "/")
        policy = page.fields["content-security-policy"]
        check("default-src 'none'" in policy and "unsafe" not in policy, policy)
        for word in (b"http:", b"https:", b"onclick", b"style=", b"<style"):
            check(word not in page.body.replace(b"http://127", b""), f"{word!r} is not in the page")
        for target in ("/page.css", "/page.js"):
            check(len(ask_status(web, 200, "GET", target).body) > 1000, target)
