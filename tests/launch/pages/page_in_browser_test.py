#!/usr/bin/env python3
"""A page in a browser: it asks for nothing but itself, and its console has no message.

The browser's only way out is a proxy of this test, which writes down what is asked for. Exit code 77: no chromium.
"""

import http.server
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading

BROWSER = shutil.which("chromium")
PAGE = "http://page.test/report.html"
# What the browser asks for by itself; fonts come from there too, but only for a page.
OWN = re.compile(r"^(https?://)?(?!fonts\.)[\w-]+(\.[\w-]+)*\.(google|googleapis|gvt1)\.com[:/]")
# What a page must not do, so that the test is seen to find it.
BAD_PAGE = b"""<!DOCTYPE html><html><head><link rel="icon" href="data:,"></head><body>
<img src="http://other.test/x.png"><img src="https://fonts.googleapis.com/x"><script>console.error("a message")</script></body></html>"""


class Proxy(http.server.BaseHTTPRequestHandler):
    page = b""
    asked = []

    def do_GET(self):
        self.asked.append(self.path)
        self.send_response(200 if self.path == PAGE else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        if self.path == PAGE:
            self.wfile.write(self.page)

    def do_CONNECT(self):
        self.asked.append(self.path)
        self.send_error(404)

    def log_message(self, *_):
        pass


def visit(page, directory):
    """Returns what the browser asked for, and the lines of its console."""
    Proxy.page, Proxy.asked = page, []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    browser = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--enable-logging=stderr",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
         f"--user-data-dir={directory}/profile", f"--proxy-server=127.0.0.1:{server.server_port}",
         "--proxy-bypass-list=<-loopback>", f"--screenshot={directory}/page.png", PAGE],
        env={**os.environ, "HOME": str(directory)}, capture_output=True, text=True, timeout=100)
    server.shutdown()
    if browser.returncode != 0 or PAGE not in Proxy.asked:
        sys.exit(f"chromium did not open the page:\n{browser.stderr}")
    return [url for url in Proxy.asked if not OWN.match(url)], [line for line in browser.stderr.splitlines() if "CONSOLE" in line]


def make_page(directory):
    """Runs the demo's first prompt, and returns its page."""
    source = pathlib.Path(__file__).parents[3]
    prompts = (source / "launch/demo/prompts.jsonl").read_text().splitlines()
    (directory / "in.jsonl").write_text(prompts[0] + "\n")
    subprocess.run(
        [os.environ["OCTET_BIN"], "run-batch", "--model", source / "launch/demo/model", "-i", directory / "in.jsonl",
         "-o", directory / "out.jsonl", "--report", directory / "run"],
        check=True, timeout=100, capture_output=True)
    return (directory / "run/report.html").read_bytes()


def main():
    if BROWSER is None:
        print("LEFT OUT: pages are not opened in a browser, as chromium is not installed (apt-get install chromium)")
        sys.exit(77)
    directory = pathlib.Path(os.environ["OCTET_TEST_DIR"]) / "page_in_browser"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    page = make_page(directory)
    assert b"<svg" in page, "the page has no picture"
    asked, console = visit(page, directory)
    assert asked == [PAGE], asked
    assert console == [], console
    asked, console = visit(BAD_PAGE, directory)
    assert {"http://other.test/x.png", "fonts.googleapis.com:443"} <= set(asked), asked
    assert any("a message" in line for line in console), console


if __name__ == "__main__":
    main()
