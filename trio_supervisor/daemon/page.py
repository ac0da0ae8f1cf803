"""The HTML of the page, and of the page of one log. Pure; all text that comes in is escaped.

It works without the script: buttons are those of one form, the filter is another's, and logs
have a page. The script makes it live; it finds what it changes by the names used here.
"""

from __future__ import annotations

from collections import Counter
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlencode

from trio_supervisor.console.escapes import without_ansi
from trio_supervisor.daemon.assets import NAMES
from trio_supervisor.daemon.condition import how_it_ended
from trio_supervisor.daemon.forms import ORDERS, namespec
from trio_supervisor.lifecycle import RUNNING_STATES, ProcessState, SupervisorState

if TYPE_CHECKING:
    from trio_supervisor.daemon.viewers import Notice
    from trio_supervisor.protocol.messages import Info, ProcessStatus

SHOWN_FIRST = (
    ProcessState.FATAL,
    ProcessState.BACKOFF,
    ProcessState.UNKNOWN,
    ProcessState.STOPPING,
    ProcessState.STARTING,
    ProcessState.EXITED,
    ProcessState.STOPPED,
    ProcessState.RUNNING,
)
"""The order of the counts: what needs somebody comes first."""


ENDED = frozenset({ProcessState.EXITED, ProcessState.BACKOFF, ProcessState.FATAL})
"""States of which one asks how the last run ended."""


class View(NamedTuple):
    """All that the page shows. ``seen`` is where the events of its script begin."""

    info: Info
    rows: list[ProcessStatus]
    token: str
    seen: str
    notice: Notice | None = None
    filter: str = ""


class Cells(NamedTuple):
    """What changes in the row of a process: the script is sent the same."""

    target: str
    state: str
    uptime: str
    detail: str
    is_up: bool


def cells(row: ProcessStatus) -> Cells:
    """Return the row of a process as text."""
    detail, _, uptime = row.description.partition(", uptime ")
    if row.pid and not detail:
        detail = f"pid {row.pid}"
    more = [f"spawned {row.spawns} times"] if row.spawns > 1 and uptime else []
    if row.state in ENDED and row.returncode is not None:
        more.append(how_it_ended(row.returncode))
    more += ["restart to apply its new configuration"] if row.stale else []
    return Cells(
        target=f"{row.group}:{row.name}",
        state=row.state.name,
        uptime=uptime,
        detail=" · ".join([detail, *more]),
        is_up=row.state in RUNNING_STATES,
    )


# ── the overview ──


def overview(view: View) -> str:
    """Return the page of all processes."""
    title = f"{_summary(view.rows)} · {view.info.identifier}"
    return _document(
        title,
        _header(view),
        f'<main data-seen="{_e(view.seen)}">',
        _notice(view.notice),
        '<form method="post" action="./" id="orders">',
        f'<input type="hidden" name="token" value="{_e(view.token)}">',
        f'<input type="hidden" name="filter" value="{_e(view.filter)}">',
        _table(view),
        "</form></main>",
        _footer(view.info),
    )


def _header(view: View) -> str:
    state = view.info.state
    daemon = "" if state is SupervisorState.RUNNING else f" <em>is {state.name}</em>"
    buttons = "".join(
        f'<button form="orders" name="order" value="{word} all">{word.title()} all</button>'
        for word in ORDERS
    )
    return f"""\
<header><h1>{_e(view.info.identifier)}{daemon}</h1>
<p class="counts" id="counts">{_counts(view.rows, view.filter)}</p>
<form method="get" action="./" role="search" id="search">
<label for="filter" class="hidden">Filter</label>
<input type="search" id="filter" name="filter" value="{_e(view.filter)}" autocomplete="off"
 placeholder="Filter: name or state" spellcheck="false"><button>Show</button></form>
<p class="all" role="group" aria-label="All processes">{buttons}</p></header>"""


def _summary(rows: list[ProcessStatus]) -> str:
    running = sum(row.state is ProcessState.RUNNING for row in rows)
    return f"{running} of {len(rows)} running"


def _counts(rows: list[ProcessStatus], wanted: str) -> str:
    """Return how many there are of each state, as links that show only those."""
    counts = Counter(row.state for row in rows)
    links = [_count(len(rows), "processes" if len(rows) != 1 else "process", "", wanted)]
    links += [
        _count(counts[state], state.name, state.name, wanted)
        for state in SHOWN_FIRST
        if counts[state]
    ]
    return " ".join(links)


def _count(number: int, word: str, shown: str, wanted: str) -> str:
    dot = f'<i class="dot" data-state="{word}"></i>' if shown else ""
    query = f"?{urlencode({'filter': shown})}" if shown else ""
    current = ' aria-current="true"' if shown and shown == wanted else ""
    return f'<a href="./{query}" data-filter="{shown}"{current}>{dot}<b>{number}</b> {word}</a>'


def _notice(notice: Notice | None) -> str:
    text = _e(notice.text) if notice else ""
    kind = "" if notice is None or notice.is_good else ' class="bad"'
    return f'<p id="notice" role="status"{kind}>{text}</p>'


def _table(view: View) -> str:
    shown = [row for row in view.rows if _is_shown(row, view.filter)]
    groups = groupby(shown, key=lambda row: row.group)
    sizes = Counter(row.group for row in view.rows)
    bodies = "\n".join(_group(name, list(rows), sizes[name]) for name, rows in groups)
    why = "No process matches the filter." if view.rows else "There are no processes."
    return f"""\
<table><caption class="hidden">Processes by group</caption><thead><tr>
<th scope="col">Process</th><th scope="col">State</th><th scope="col">Uptime</th>
<th scope="col">Detail</th><th scope="col"><span class="hidden">Actions</span></th></tr></thead>
{bodies}</table>
<p id="nothing"{" hidden" if shown else ""}>{why}</p>"""


def _is_shown(row: ProcessStatus, wanted: str) -> bool:
    text = f"{row.group}:{row.name} {row.state.name}".lower()
    return all(word in text for word in wanted.lower().split())


def _group(name: str, rows: list[ProcessStatus], size: int) -> str:
    """Return a group; one process of the same name is no more than its row."""
    is_alone = size == 1 and rows[0].name == name
    kind = "alone" if is_alone else "group"
    head = "" if is_alone else _group_head(name, rows)
    return f'<tbody class="{kind}">\n{head}{"".join(map(_row, rows))}</tbody>'


def _group_head(name: str, rows: list[ProcessStatus]) -> str:
    buttons = "".join(_button(word, f"{name}:*", f"group {name}") for word in ORDERS)
    return (
        f'<tr class="head"><th colspan="4" scope="rowgroup">{_e(name)} '
        f'<span class="count">{_summary(rows)}</span></th>'
        f'<td class="actions">{buttons}</td></tr>\n'
    )


def _row(row: ProcessStatus) -> str:
    it, name = cells(row), namespec(row.group, row.name)
    state, order = it.state, "stop" if it.is_up else "start"
    return (
        f'<tr data-target="{_e(it.target)}" data-state="{state}">'
        f'<th scope="row">{_e(row.name)}</th>'
        f'<td class="state"><i class="dot" data-state="{state}"></i><span>{state}</span></td>'
        f'<td class="uptime">{_e(it.uptime)}</td><td class="detail">{_e(it.detail)}</td>'
        f'<td class="actions">{_log_link(row, name)}'
        f"{_button(order, it.target, name)}{_button('restart', it.target, name)}</td></tr>\n"
    )


def _log_link(row: ProcessStatus, name: str) -> str:
    if not (row.stdout_logfile or row.stderr_logfile):
        return ""
    channels = [c for c in ("stdout", "stderr") if getattr(row, f"{c}_logfile")]
    query = _log_query(f"{row.group}:{row.name}", channels[0])
    return (
        f'<a class="log" href="tail.html?{_e(query)}" data-channels="{" ".join(channels)}" '
        f'aria-label="Log of {_e(name)}">Log</a>'
    )


def _button(word: str, target: str, of: str) -> str:
    return (
        f'<button name="order" value="{word} {_e(target)}" aria-label="{word.title()} {_e(of)}">'
        f"{word.title()}</button>"
    )


def _footer(info: Info) -> str:
    return (
        f'<footer><p id="live" role="status">trio-supervisor {_e(info.version)}, pid {info.pid}</p>'
        '<p><a href="./">Refresh</a> <a href="tail.html">Activity log</a></p></footer>'
    )


# ── the page of a log ──


def log(name: str, channel: str, data: bytes) -> str:
    """Return the page of the end of a log, that of the daemon without a ``name``."""
    text = without_ansi(data).decode(errors="replace").replace("\0", "\ufffd")
    what = f"{name} {channel}" if name else "Activity log"
    live = f"logtail/{quote(name)}/{channel}" if name else "mainlogtail"
    other = "stderr" if channel == "stdout" else "stdout"
    again = _e(f"?{_log_query(name, channel)}" if name else "tail.html")
    links = [f'<a href="{again}">Refresh</a>', f'<a href="{_e(live)}">Follow as text</a>']
    if name:
        links.insert(1, f'<a href="?{_e(_log_query(name, other))}">{other}</a>')
    ways = " ".join(['<a href="./">All processes</a>', *links])
    return _document(
        what,
        f"<header><h1>{_e(what)}</h1><p>{ways}</p></header>",
        f'<main><pre class="log" tabindex="0" aria-label="{_e(what)}">\n{_e(text)}</pre></main>',
    )


def _log_query(name: str, channel: str) -> str:
    return urlencode({"processname": name, "channel": channel})


# ── both ──


def _document(title: str, *body: str) -> str:
    text = "\n".join(body)
    return f"""\
<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{_e(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="{NAMES["page.svg"]}" type="image/svg+xml">
<link rel="stylesheet" href="{NAMES["page.css"]}">
<script src="{NAMES["page.js"]}" defer></script></head><body>
{text}
</body></html>
"""


def _e(text: str) -> str:
    """Escape text; what no page can hold (lone surrogates) is shown as Python would."""
    return escape(text.encode(errors="backslashreplace").decode())
