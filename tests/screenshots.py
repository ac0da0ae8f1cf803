"""`python tests/screenshots.py`: draw the pictures in docs/, from a daemon with the demonstration.

The thirteen workers run for a moment, one of them is stopped, one cannot be started, and the log
of a third is open: the page as one meets it on a working day.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

from browser import IS_THERE, WHY_NOT, Browser, open_browser
from terminal import Bench, until
from workers import NAMES, TEMPLATE, free_ports

DOCS = Path(__file__).parent.parent / "docs"
SCRIPTS = Path(sys.executable).parent
FOR = 12.0
"""Seconds after which there is something to see in the log."""
FAILING = """
[program.postman]
command = ["sh", "-c", "exit 1"]
startretries = 0
"""


def main() -> None:
    """Draw the page in both colour schemes, and on a phone."""
    if not IS_THERE:
        sys.exit(WHY_NOT)
    with tempfile.TemporaryDirectory() as path:
        directory = Path(path)
        (directory / "run").mkdir(mode=0o700)
        with Bench(directory, XDG_RUNTIME_DIR=f"{path}/run") as bench, open_browser() as browser:
            url = start(bench)
            draw(browser, url)
            bench.run(str(SCRIPTS / "supervisorctl"), "shutdown", "--wait")


def start(bench: Bench) -> str:
    """Start the demonstration; return the address of its page."""
    base = free_ports()
    shutil.copytree(TEMPLATE.parent, bench.directory / "conf")
    ports = f"--port_base={base}", f"--page_port={base + len(NAMES)}"
    bench.run(str(SCRIPTS / "trio-supervisor"), "configure", *ports)
    file = bench.directory / "supervisord.toml"
    file.write_text(file.read_text() + FAILING)
    bench.run(str(SCRIPTS / "supervisord"))
    time.sleep(FOR)
    bench.run(str(SCRIPTS / "supervisorctl"), "stop", "socialapi:mailsender")
    return f"http://127.0.0.1:{base + len(NAMES)}/"


def draw(browser: Browser, url: str) -> None:
    """Draw what is at an address."""
    browser.resize(1140, 850)
    browser.open(url)
    until(lambda: "live" in browser.text("#live"), "the stream")
    browser.find('tr[data-target="environment:kloud"] a.log').click()
    until(lambda: "kloud[" in browser.text("pre.log"), "the log")
    browser.run("for (const log of document.querySelectorAll('pre.log')) log.style.height = '9rem'")
    browser.run("document.querySelector('pre.log').scrollTop = 1e6; document.activeElement.blur()")
    for name, is_dark in (("light", False), ("dark", True)):
        browser.be_dark(is_dark)
        browser.screenshot(DOCS / f"page-{name}.png")
    browser.resize(390, 780)
    browser.be_dark(False)
    browser.open(url)
    browser.screenshot(DOCS / "page-phone.png")


if __name__ == "__main__":
    main()
