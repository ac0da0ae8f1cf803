"""A headless Chromium, driven through ChromeDriver by the W3C WebDriver protocol.

That protocol is JSON over HTTP, and the tests need a dozen of its commands: this is smaller than
a library, and asks for no driver of its own.
"""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.error import HTTPError
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
IS_THERE = CHROMIUM.exists() and DRIVER.exists()
WHY_NOT = "there is no Chromium (apt-get install chromium chromium-driver)"
PATIENCE = 30.0
"""Seconds that one command may take."""
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The key under which WebDriver names an element (W3C WebDriver, 12.2)."""
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
]


class WebDriverError(Exception):
    """A command that the browser refused."""

    def unless_gone(self, default: T) -> T:
        """Return a default when the page has no such element at this moment; else raise this."""
        if str(self).startswith(("stale element", "no such element")):
            return default
        raise self


class Element:
    """Something in a page."""

    def __init__(self, browser: Browser, number: str) -> None:
        self._browser = browser
        self._number = number

    @property
    def text(self) -> str:
        """Its text, as it is shown."""
        return str(self._ask("GET", "text"))

    def attribute(self, name: str) -> str | None:
        """Return an attribute."""
        value: str | None = self._ask("GET", f"attribute/{name}")
        return value

    def click(self) -> None:
        self._ask("POST", "click", {})

    def type(self, text: str) -> None:
        self._ask("POST", "value", {"text": text})

    def _ask(self, method: str, what: str, body: dict[str, Any] | None = None) -> Any:
        return self._browser.ask(method, f"element/{self._number}/{what}", body)


class Browser:
    """One window."""

    def __init__(self, session: str) -> None:
        self._session = session

    def ask(self, method: str, what: str, body: dict[str, Any] | None = None) -> Any:
        """Send a command; return its value."""
        return _exchange(method, f"{self._session}/{what}", body)

    def open(self, url: str) -> None:
        self.ask("POST", "url", {"url": url})

    @property
    def url(self) -> str:
        return str(self.ask("GET", "url"))

    @property
    def title(self) -> str:
        return str(self.ask("GET", "title"))

    def find(self, selector: str) -> Element:
        """Return the first element of a CSS selector; WebDriverError when there is none."""
        found = self.ask("POST", "element", {"using": "css selector", "value": selector})
        return Element(self, found[ELEMENT])

    def every(self, selector: str) -> list[Element]:
        found = self.ask("POST", "elements", {"using": "css selector", "value": selector})
        return [Element(self, one[ELEMENT]) for one in found]

    def text(self, selector: str) -> str:
        """Return the text of the first such element; nothing when it is not there, or just went."""
        try:
            return next((one.text for one in self.every(selector)), "")
        except WebDriverError as problem:
            return problem.unless_gone("")

    def click(self, selector: str) -> bool:
        """Click the first such element; False when it is not there, or has just been replaced."""
        try:
            self.find(selector).click()
        except WebDriverError as problem:
            return problem.unless_gone(default=False)
        return True

    def run(self, script: str, *arguments: object) -> Any:
        """Run a script in the page; return what it returns."""
        return self.ask("POST", "execute/sync", {"script": script, "args": list(arguments)})

    def accept_alert(self) -> str:
        """Say yes to a question; return the question."""
        text = str(self.ask("GET", "alert/text"))
        self.ask("POST", "alert/accept", {})
        return text

    def resize(self, width: int, height: int) -> None:
        """Give the page a size, and let media queries see it."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.tell_devtools("Emulation.setDeviceMetricsOverride", **metrics)

    def be_dark(self, is_dark: bool) -> None:
        """Prefer a colour scheme, as a user's system does."""
        feature = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.tell_devtools("Emulation.setEmulatedMedia", features=[feature])

    def tell_devtools(self, command: str, **parameters: object) -> Any:
        """Send a command of Chromium's own protocol, for what WebDriver has no word for."""
        return self.ask("POST", "goog/cdp/execute", {"cmd": command, "params": parameters})

    def complaints(self) -> list[str]:
        """Return what the browser's console says is wrong, and was not returned before."""
        entries = self.ask("POST", "se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.ask("GET", "screenshot")))


@contextmanager
def open_browser(*, scripts: bool = True) -> Iterator[Browser]:
    """Start a browser with an empty profile; nothing of it is left afterwards."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        driver = subprocess.Popen(
            [DRIVER, "--port=0"],
            env={**os.environ, "TMPDIR": profile, "HOME": profile},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        try:
            base = f"http://127.0.0.1:{_port(driver)}/session"
            found = _exchange("POST", base, {"capabilities": _capabilities(profile, scripts)})
            browser = Browser(f"{base}/{found['sessionId']}")
            yield browser
            browser.ask("DELETE", "window")
        finally:
            with suppress(ProcessLookupError):
                os.killpg(driver.pid, signal.SIGKILL)  # driver and browser: a session of their own
            driver.wait()
            if driver.stdout:
                driver.stdout.close()


def _port(driver: subprocess.Popen[str]) -> int:
    assert driver.stdout
    for line in driver.stdout:
        if match := re.search(r"started successfully on port (\d+)", line):
            return int(match[1])
    raise WebDriverError("chromedriver did not start")


def _capabilities(profile: str, scripts: bool) -> dict[str, Any]:
    options: dict[str, Any] = {
        "binary": str(CHROMIUM),
        "args": [*FLAGS, f"--user-data-dir={profile}/profile"],
    }
    if not scripts:
        options["prefs"] = {"profile.managed_default_content_settings.javascript": 2}
    always = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
    return {"alwaysMatch": always}


def _exchange(method: str, url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)["value"]
    except HTTPError as problem:
        with problem:
            value = json.load(problem)["value"]
        raise WebDriverError(f"{value['error']}: {value['message']}") from None
