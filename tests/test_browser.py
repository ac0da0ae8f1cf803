"""The web page in Chromium: it follows what happens without being reloaded, and needs no script."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from browser import IS_THERE, WHY_NOT, Browser, open_browser
from rig import Rig, open_rig, shell, until, up_at_once  # noqa: F401  # the fixture
from visitor import Site

from trio_supervisor.daemon.viewers import MOST_STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not IS_THERE, reason=WHY_NOT)]

ODD = "<b>odd"
TALKER = "trap 'echo \"<u>told</u>\"' USR1; echo ready; while :; do /bin/sleep 1000 & wait; done"
PROGRAMS = f"""
{up_at_once("one", "exec sleep 1000")}
{up_at_once("two", "exec sleep 1000")}
{up_at_once("talker", TALKER)}
[group.pair]
programs = ["one", "two"]

[program.{json.dumps(ODD)}]
command = ["/no/<script>alert(1)</script>"]
startretries = 0
stdout_logfile = "NONE"
"""
MORE = shell("late", "exec sleep 1000", "startsecs = 0")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give one daemon to all tests here: each leaves it as it found it."""
    rig = Rig(tmp_path_factory.mktemp("site"))
    try:
        yield Site(rig, PROGRAMS)
    finally:
        rig.close()


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


class Page:
    """The page in a window, marked so that a reload would be seen."""

    def __init__(self, browser: Browser, site: Site) -> None:
        self.browser = browser
        browser.complaints()  # of pages before
        browser.resize(1100, 800)
        browser.open(site.url)
        until(lambda: "live" in browser.text("#live"), "the stream")
        browser.run("window.isTheSame = true")

    def row(self, target: str) -> str:
        """Return a row as it is shown, nothing if it is not."""
        return self.browser.text(f'tr[data-target="{target}"]')

    def press(self, order: str) -> None:
        until(lambda: self.browser.click(f'button[value="{order}"]'), order)

    def wait_for(self, target: str, word: str) -> None:
        until(lambda: word in self.row(target), f"{target} {word}")

    def wait_for_notice(self, text: str) -> None:
        until(lambda: text in self.browser.text("#notice"), text)

    def shown(self) -> list[str]:
        """Return the targets of the rows that are shown."""
        found: list[str] = self.browser.run(
            "return [...document.querySelectorAll('tr[data-target]')]"
            ".filter(row => row.offsetParent).map(row => row.dataset.target)"
        )
        return found


@pytest.fixture
def page(window: Browser, site: Site) -> Iterator[Page]:
    """Give the page; nothing of it may be against its own policy, and nothing may reload it."""
    page = Page(window, site)
    yield page
    assert window.run("return window.isTheSame") is True
    assert window.complaints() == []


def test_shows_what_is_there(page: Page) -> None:
    assert page.browser.title == "3 of 4 running · supervisor"
    assert page.row("pair:one").startswith("one RUNNING 0:")
    assert "FATAL" in page.row(ODD + ":" + ODD)
    assert "<script>alert(1)</script>" in page.row(ODD + ":" + ODD)


def test_stop_and_start_show_without_reloading(page: Page) -> None:
    page.press("stop pair:two")
    page.wait_for("pair:two", "STOPPED")
    page.wait_for_notice("pair:two: stopped")

    assert page.browser.title == "2 of 4 running · supervisor"
    assert "1 of 2 running" in page.browser.text("tbody.group .head")
    page.press("start pair:two")
    page.wait_for("pair:two", "RUNNING")


def test_what_others_do_shows_too(page: Page, site: Site) -> None:
    site.rig.ctl("stop", "pair:one")
    page.wait_for("pair:one", "STOPPED")
    site.rig.ctl("start", "pair:one")
    page.wait_for("pair:one", "RUNNING")


def test_uptime_goes_on(page: Page) -> None:
    before = page.row("pair:one")

    until(lambda: page.row("pair:one") != before, "the next second")


def test_log_is_followed_as_text(page: Page, site: Site) -> None:
    link = page.browser.find('tr[data-target="talker:talker"] a.log')
    link.click()
    until(lambda: "ready" in page.browser.text("pre.log"), "the log")
    assert link.attribute("aria-expanded") == "true"
    site.rig.ctl("signal", "USR1", "talker")
    until(lambda: "<u>told</u>" in page.browser.text("pre.log"), "the new line")
    link.click()

    assert page.browser.every("pre.log") == []


def test_filter_shows_some(page: Page) -> None:
    page.browser.find("#filter").type("pair running")
    assert page.shown() == ["pair:one", "pair:two"]
    page.browser.find('a[data-filter="FATAL"]').click()
    assert page.shown() == [f"{ODD}:{ODD}"]
    page.browser.find('a[data-filter=""]').click()
    assert len(page.shown()) == 4


def test_keys_are_enough(page: Page) -> None:
    page.browser.find("body").type("/")
    assert page.browser.run("return document.activeElement.id") == "filter"
    page.browser.find('button[value="stop pair:one"]').type("\ue007")
    page.wait_for("pair:one", "STOPPED")

    assert page.browser.run("return document.activeElement.value") == "start pair:one"
    page.browser.find('button[value="start pair:one"]').type("\ue007")
    page.wait_for("pair:one", "RUNNING")


def test_everything_is_stopped_only_after_a_question(page: Page) -> None:
    page.press("stop all")
    assert page.browser.accept_alert() == "Really stop all 4 processes?"
    page.wait_for("talker:talker", "STOPPED")
    page.press("start talker:talker")
    page.press("start pair:*")
    for target in ("talker:talker", "pair:one", "pair:two"):
        page.wait_for(target, "RUNNING")


def test_groups_come_and_go_without_reloading(page: Page, site: Site) -> None:
    page.browser.find('tr[data-target="talker:talker"] a.log').click()
    site.write(PROGRAMS + MORE)
    site.rig.ctl("update")
    page.wait_for("late:late", "RUNNING")
    page.press("stop late:late")
    page.wait_for("late:late", "STOPPED")
    assert "ready" in page.browser.text("pre.log")
    site.write(PROGRAMS)
    site.rig.ctl("update")

    until(lambda: not page.row("late:late"), "the group to go")


def test_a_changed_configuration_is_shown_as_waiting(page: Page, site: Site) -> None:
    site.write(PROGRAMS.replace("echo ready", "echo other"))
    site.rig.ctl("reread")
    page.wait_for("talker:talker", "restart to apply its new configuration")
    site.write(PROGRAMS)
    site.rig.ctl("reread")

    until(lambda: "apply" not in page.row("talker:talker"), "the same as before")


def test_one_page_too_many_pauses_the_first_and_says_so(page: Page, site: Site) -> None:
    others = [site.tcp.events("") for _ in range(MOST_STREAMS)]
    for other in others:
        assert next(other)[0] == "page"
    until(lambda: "paused" in page.browser.text("#live"), "the pause")
    for other in others:
        other.close()
    page.browser.find("#live button").click()

    until(lambda: page.browser.text("#live").endswith("live"), "the stream")


def test_a_page_that_was_hidden_catches_up(page: Page, site: Site) -> None:
    own = page.browser.ask("GET", "window")
    other = page.browser.ask("POST", "window/new", {"type": "tab"})["handle"]
    page.browser.ask("POST", "window", {"handle": other})
    site.rig.ctl("stop", "pair:one")
    page.browser.ask("DELETE", "window")
    page.browser.ask("POST", "window", {"handle": own})
    page.wait_for("pair:one", "STOPPED")
    site.rig.ctl("start", "pair:one")
    page.wait_for("pair:one", "RUNNING")


def test_page_outlives_the_daemon(window: Browser, rig: Rig) -> None:
    site = Site(rig, up_at_once("one", "exec sleep 1000"))
    page = Page(window, site)
    rig.finish(rig.daemons[-1])
    until(lambda: "trying again" in window.text("#live"), "the loss to be told")
    page.press("restart one:one")
    page.wait_for_notice("The daemon cannot be reached.")
    rig.start()
    until(lambda: window.text("#live").endswith("live"), "the stream")
    page.wait_for("one:one", "RUNNING")
    page.press("stop one:one")
    page.wait_for("one:one", "STOPPED")

    assert window.run("return window.isTheSame") is True
    window.open("about:blank")  # before the daemon goes again
    assert all("ERR_" in one for one in window.complaints())  # that it could not connect


@pytest.mark.parametrize("width", [320, 390, 800])
def test_narrow_screens_need_not_scroll_sideways(page: Page, width: int) -> None:
    page.browser.resize(width, 800)

    assert page.browser.run("return document.documentElement.scrollWidth") <= width


def test_works_without_scripts(site: Site) -> None:
    with open_browser(scripts=False) as browser:
        browser.open(site.url)
        browser.find('button[value="stop pair:two"]').click()
        until(lambda: "done=" in browser.url, "the answer")
        assert browser.text("#notice") == "pair:two: stopped"
        assert "STOPPED" in browser.text('tr[data-target="pair:two"]')
        browser.find('button[value="start pair:two"]').click()
        until(lambda: browser.text("#notice") == "pair:two: started", "the answer")
        browser.find("#filter").type("talker\ue007")
        until(lambda: len(browser.every("tr[data-target]")) == 1, "the filter")
        browser.find("a.log").click()
        until(lambda: "ready" in browser.text("pre.log"), "the log")

        assert "script" not in browser.url
