"""The web page of a real daemon: what it shows and does, and whom it does not obey."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import pytest
from rig import Rig, shell, until, up_at_once
from visitor import Site

from trio_supervisor.daemon.origins import is_foreign, is_known
from trio_supervisor.spec import InetServerSpec, UnixServerSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from visitor import Visitor

ODD = "a<x>&'c\""
"""A name that would break a page that does not escape it."""
LOUD = r"printf '<script>alert(1)</script> \033[31mred\033[0m \001\377'; exec sleep 1000"
SLOW = "startsecs = 60\nautostart = false"
PROGRAMS = f"""
{up_at_once("one", "echo first line; exec sleep 1000")}
{up_at_once("two", "exec sleep 1000")}
{up_at_once("loud", LOUD)}
{shell("slow", "exec sleep 1000", SLOW)}
[group.pair]
programs = ["one", "two"]

[program.{json.dumps(ODD)}]
command = ["/no/<i>such</i>"]
startretries = 0
stdout_logfile = "NONE"
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give one daemon to all tests here: each leaves it as it found it."""
    rig = Rig(tmp_path_factory.mktemp("site"))
    try:
        yield Site(rig, PROGRAMS)
    finally:
        rig.close()


@pytest.fixture(params=["tcp", "unix"])
def visitor(site: Site, request: pytest.FixtureRequest) -> Visitor:
    """Visit the daemon by TCP, and through the unix socket."""
    found: Visitor = getattr(site, request.param)
    return found


# ── what it shows ──


def test_shows_every_process_with_its_buttons(site: Site, visitor: Visitor) -> None:
    site.wait_for(f"{ODD}:{ODD}", "FATAL")
    page = visitor.ask("/")

    assert page.status == 200
    assert page.rows == {
        f"{ODD}:{ODD}": "FATAL",
        "loud:loud": "RUNNING",
        "pair:one": "RUNNING",
        "pair:two": "RUNNING",
        "slow:slow": "STOPPED",
    }
    assert page.buttons[:3] == ["start all", "stop all", "restart all"]
    assert page.buttons[-10:-2] == [
        "restart loud:loud",
        *(f"{word} pair:*" for word in ("start", "stop", "restart")),
        *(f"{word} pair:{name}" for name in ("one", "two") for word in ("stop", "restart")),
    ]
    assert "<title>3 of 5 running" in page.text
    assert re.search(r'class="detail">pid \d+<', page.text)
    assert re.search(r'class="uptime">0:00:\d\d<', page.text)


def test_text_from_outside_is_escaped(site: Site, visitor: Visitor) -> None:
    page = visitor.ask(f"/?{urlencode({'filter': '<u>', 'done': '<s>'})}").text
    page += visitor.ask("/").text

    for tag in ("<x>", "<i>such", "<u>", "<s>"):
        assert tag not in page
    assert "a&lt;x&gt;&amp;&#x27;c&quot;" in page
    assert "/no/&lt;i&gt;such&lt;/i&gt;" in page


def test_filter_works_without_a_script(visitor: Visitor) -> None:
    assert set(visitor.ask("/?filter=PAIR+running").rows) == {"pair:one", "pair:two"}
    assert visitor.ask("/?filter=nobody").rows == {}


def test_log_has_a_page_as_text(visitor: Visitor) -> None:
    page = visitor.ask(f"/tail.html?processname={quote('pair:one')}")
    loud = until(lambda: _with(visitor, "loud:loud", "red"))

    assert "first line\n</pre>" in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; red \x01\ufffd" in loud
    assert "entered RUNNING state" in visitor.ask("/tail.html").text
    assert visitor.ask("/tail.html?processname=nobody").status == 404
    assert visitor.ask("/tail.html?processname=loud&channel=stdin").status == 404
    assert "<pre" in visitor.ask("/tail.html?processname=pair:one&limit=4").text
    assert "<pre" in visitor.ask(f"/tail.html?processname=pair:one&limit={'9' * 5000}").text


def _with(visitor: Visitor, name: str, text: str) -> str:
    page = visitor.ask(f"/tail.html?{urlencode({'processname': name})}").text
    return page if text in page else ""


def test_pages_may_do_nothing_but_what_they_have_to(visitor: Visitor) -> None:
    for path in ("/", "/tail.html"):
        headers = visitor.ask(path).headers

        assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"


def test_files_of_the_page_are_kept_by_the_browser(visitor: Visitor) -> None:
    page = visitor.ask("/").text
    files = re.findall(r'(?:href|src)="(page-\w+\.\w+)"', page)

    assert [file.rpartition(".")[2] for file in files] == ["svg", "css", "js"]
    for file in files:
        answer = visitor.ask(f"/{file}")
        assert answer.status == 200
        assert "immutable" in answer.headers["Cache-Control"]
    assert "<script>" not in page
    assert " style=" not in page
    assert "://" not in page


# ── what it does ──


def test_stop_and_start_by_forms_alone(site: Site, visitor: Visitor) -> None:
    stopped = visitor.press("stop pair:two")
    started = visitor.press("start pair:two")

    assert (stopped.notice, stopped.rows["pair:two"]) == ("pair:two: stopped", "STOPPED")
    assert (started.notice, started.rows["pair:two"]) == ("pair:two: started", "RUNNING")
    assert "stop pair:two" in started.buttons


def test_groups_and_everything_can_be_ordered(site: Site) -> None:
    said = [site.tcp.press(order).notice for order in ("restart pair:*", "stop pair:*")]
    page = site.tcp.press("start pair:*")

    assert said == ["2 stopped, 2 started", "2 stopped"]
    assert page.notice == "2 started"
    assert site.tcp.press("start pair:*").notice == "start pair:*: nothing to do"
    assert set(page.rows.values()) == {"RUNNING", "FATAL", "STOPPED"}


def test_refusals_are_told(site: Site) -> None:
    assert site.tcp.press("start pair:one").notice == "pair:one: already started"
    assert site.tcp.press("stop nobody:x").notice == "nobody:x: bad name"
    assert "/no/<i>such</i>" in site.tcp.press(f"start {ODD}:{ODD}").notice
    assert 'class="bad"' in site.tcp.press("start pair:one").text


def test_what_takes_long_is_not_waited_for(site: Site) -> None:
    assert site.tcp.press("start slow:slow").notice == "start slow: under way"
    assert site.tcp.ask("/").rows["slow:slow"] == "STARTING"
    assert site.tcp.press("stop slow:slow").notice == "slow: stopped"


def test_scripts_are_told_the_outcome(site: Site) -> None:
    answer = site.tcp.order("start pair:one", Accept="application/json")

    assert answer.status == 200
    assert json.loads(answer.text) == {"text": "pair:one: already started", "is_good": False}


def test_a_notice_cannot_be_made_up(site: Site) -> None:
    assert site.tcp.ask("/?done=anything&message=anything").notice == ""


def test_changes_are_streamed(site: Site, visitor: Visitor) -> None:
    seen = re.search(r'data-seen="([^"]+)"', visitor.ask("/").text)
    assert seen
    events = visitor.events(seen[1])
    site.tcp.press("stop pair:two")
    states = _states(events, "pair:two", "STOPPED")
    site.tcp.press("start pair:two")
    states += _states(events, "pair:two", "RUNNING")
    events.close()

    assert states[-1] == "RUNNING"
    assert "STOPPED" in states


def _states(events: Iterator[tuple[str, list[list[str]]]], target: str, last: str) -> list[str]:
    """Return the states of one process that are told, to the one waited for."""
    found: list[str] = []
    while last not in found:
        kind, rows = next(events)
        assert kind == "rows"
        found += [state for name, state, *_ in rows if name == target]
    return found


def test_a_page_of_another_run_is_told_to_begin_anew(visitor: Visitor) -> None:
    for after in ("", "other-1", "x"):
        events = visitor.events(after)
        assert next(events) == ("page", None)
        events.close()


# ── whom it does not obey ──


def test_nothing_is_done_without_the_token(site: Site, visitor: Visitor) -> None:
    for token in ("", "wrong", "ü"):
        page = visitor.order("stop pair:one", token)
        told = visitor.order("stop pair:one", token, Accept="application/json")

        assert (page.status, told.status) == (403, 403)
        assert "nothing was done" in page.notice
        assert page.rows["pair:one"] == "RUNNING"


def test_nothing_is_done_for_other_sites(site: Site, visitor: Visitor) -> None:
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ):
        assert visitor.order("stop pair:one", **headers).status == 403
    assert visitor.ask("/events", Sec_Fetch_Site="cross-site").status == 403
    assert visitor.ask("/").rows["pair:one"] == "RUNNING"


def test_own_origin_is_obeyed(site: Site) -> None:
    for headers in (
        {"Origin": f"http://127.0.0.1:{site.port}"},
        {"Origin": "https://proxy.example", "Sec_Fetch_Site": "same-origin"},
    ):
        assert site.tcp.order("start pair:one", **headers).status == 303


def test_links_change_nothing(visitor: Visitor) -> None:
    for path in ("/index.html?action=stopall", "/?processname=pair:one&action=stop"):
        answer = visitor.ask(path)

        assert answer.status == 405
        assert "POST" in answer.text
    assert visitor.ask("/index.html").rows["pair:one"] == "RUNNING"


def test_unknown_names_of_the_host_are_refused(site: Site, visitor: Visitor) -> None:
    for path in ("/", "/tail.html", "/logtail/pair:one", "/mainlogtail", "/events"):
        answer = visitor.ask(path, Host="evil.example")

        assert answer.status == 403
        assert "'evil.example'" in answer.text
    assert visitor.order("stop pair:one", Host="evil.example").status == 403
    assert visitor.ask("/", Host=f"LOCALHOST:{site.port}").status == 200


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("order=stop+all", "text/plain", 415),
        ("order=stop+all", "multipart/form-data", 415),
        ("&".join(f"a{i}=b" for i in range(20)), "application/x-www-form-urlencoded", 400),
        ("token={}&order=signal+all", "application/x-www-form-urlencoded", 400),
        ("token={}&order=stop", "application/x-www-form-urlencoded", 400),
        ("token={}", "application/x-www-form-urlencoded", 400),
    ],
)
def test_what_is_no_order_is_refused_in_words(
    site: Site, body: str, kind: str, status: int
) -> None:
    body = body.replace("{}", site.tcp.ask("/").token)
    answer = site.tcp.ask("/", body, Content_Type=kind)

    assert answer.status == status
    assert answer.text.endswith("\n")


def test_other_methods_and_paths_are_refused(visitor: Visitor) -> None:
    assert visitor.ask("/tail.html", "").status == 405
    assert visitor.ask("/", method="DELETE").status == 405
    assert visitor.ask("/page-0.css").status == 404


# ── names and origins, as a table ──

UNIX = UnixServerSpec(file="/s")
LOOPBACK = InetServerSpec(host="127.0.0.1", port=1)
GUARDED = InetServerSpec(host="127.0.0.1", port=1, username="a", password="b")
ANYWHERE = InetServerSpec(host="", port=1, username="a", password="b")


@pytest.mark.parametrize("server", [UNIX, LOOPBACK, GUARDED, ANYWHERE])
@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost",
        "LocalHost.:80",
        "app.localhost:9",
        "127.0.0.1:9001",
        "[::1]:9001",
        "10.1.2.3",
    ],
)
def test_names_that_nobody_else_can_have_are_known(
    host: str, server: UnixServerSpec | InetServerSpec
) -> None:
    assert is_known(host, server)


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example:9001", "127.0.0.1.nip.io", "1"]
)
def test_other_names_are_known_only_where_others_come_with_a_password(host: str) -> None:
    assert [is_known(host, server) for server in (UNIX, LOOPBACK, GUARDED, ANYWHERE)] == [
        False,
        False,
        False,
        True,
    ]


def test_configured_and_own_name_are_known() -> None:
    assert is_known("build.example:9001", InetServerSpec(host="build.example", port=9001))
    assert is_known(socket.gethostname(), LOOPBACK)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, False),
        ({"origin": "http://x:1"}, False),
        ({"origin": "http://X:1"}, False),
        ({"origin": "http://x:2"}, True),
        ({"origin": "http://y:1"}, True),
        ({"origin": "http://y", "x-forwarded-host": "y"}, False),
        ({"origin": "http://y", "x-forwarded-host": "z"}, True),
        ({"origin": "null"}, True),
        ({"origin": ""}, True),
        ({"origin": "http://[x:1"}, True),
        ({"origin": "http://y", "sec-fetch-site": "same-origin"}, False),
        ({"origin": "http://x:1", "sec-fetch-site": "same-site"}, True),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "none"}, False),
    ],
)
def test_who_caused_a_request(headers: dict[str, str], expected: bool) -> None:
    assert is_foreign({"host": "x:1", **headers}) is expected
