"""What the buttons of the page order, and what became of it, in words.

A button's value is an action and a target; what that means is decided by the operations that
every other client asks for.
"""

from __future__ import annotations

import hmac
from collections import Counter
from contextlib import aclosing
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import trio

from trio_supervisor.daemon.answers import Refusal
from trio_supervisor.daemon.viewers import Notice
from trio_supervisor.errors import Fault, RequestError
from trio_supervisor.protocol.messages import Action, Outcome, Restart, Start, Stop

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trio_supervisor.daemon.methods import Session
    from trio_supervisor.protocol.messages import Message

ORDERS: dict[str, type[Start | Stop | Restart]] = {
    "start": Start,
    "stop": Stop,
    "restart": Restart,
}
PATIENCE = 2.0
"""Seconds for which a page waits for the outcome of what it ordered; the order stands anyway."""
MOST_FIELDS = 8
MOST_PROBLEMS = 5
"""Refusals that a notice tells in full; of more, it tells how many."""
FORM = "application/x-www-form-urlencoded"
DONE = {Action.STARTED: "started", Action.STOPPED: "stopped"}


def read(kind: str, body: bytes) -> dict[str, str]:
    """Return the fields of a form; a Refusal for what is none."""
    if kind.partition(";")[0].strip().lower() != FORM:
        raise Refusal(415, f"orders come as {FORM}, as from the page")
    try:
        return dict(parse_qsl(body.decode("ascii"), max_num_fields=MOST_FIELDS))
    except ValueError as problem:
        raise Refusal(400, f"that is no form: {problem}") from problem


def is_of_our_page(form: dict[str, str], token: str) -> bool:
    """Say whether who fills in the form has read the page, as only its own origin can."""
    return hmac.compare_digest(form.get("token", "").encode(), token.encode())


async def carry_out(session: Session, form: dict[str, str]) -> Notice:
    """Do what the button says; tell how it went as far as it went in a moment."""
    word, _, target = form.get("order", "").partition(" ")
    if word not in ORDERS or not target:
        raise Refusal(400, f"an order is one of {', '.join(ORDERS)}, and a name")
    outcomes: list[Outcome] = []
    try:
        with trio.move_on_after(PATIENCE) as patience:
            await _gather(session, ORDERS[word]((target,)), outcomes)
    except RequestError as problem:
        return Notice(problem.detail or problem.fault.name, is_good=False)
    name = namespec(*target.split(":")) if target.count(":") == 1 else target
    return told(f"{word} {name}", outcomes, is_over=not patience.cancelled_caught)


async def _gather(session: Session, request: Message, outcomes: list[Outcome]) -> None:
    messages = session.handlers.answer(request, session.peer)
    assert not isinstance(messages, tuple)
    async with aclosing(messages):
        async for message in messages:
            if isinstance(message, Outcome):
                outcomes.append(message)  # noqa: PERF401  # what came before the patience ended


def told(order: str, outcomes: list[Outcome], *, is_over: bool) -> Notice:
    """Return what to say of an order: what was done, what was refused, what is not over."""
    bad = [outcome for outcome in outcomes if outcome.fault is not Fault.SUCCESS]
    good = [outcome for outcome in outcomes if outcome.fault is Fault.SUCCESS]
    parts = [*_done(good), *map(_problem, bad[:MOST_PROBLEMS])]
    if len(bad) > MOST_PROBLEMS:
        parts.append(f"{len(bad) - MOST_PROBLEMS} more were refused")
    if not is_over:
        parts.append(f"{order}: under way")
    return Notice("; ".join(parts) or f"{order}: nothing to do", is_good=not bad)


def _done(outcomes: list[Outcome]) -> Iterable[str]:
    """Say what was done: of one process with its name, of several how many."""
    names = {namespec(one.group, one.name) for one in outcomes}
    if len(names) == 1:
        yield f"{names.pop()}: {', '.join(DONE[one.action] for one in outcomes)}"
    elif names:
        counts = Counter(DONE[one.action] for one in outcomes)
        yield ", ".join(f"{count} {done}" for done, count in counts.items())


def _problem(outcome: Outcome) -> str:
    words = outcome.fault.name.lower().replace("_", " ")
    detail = f" ({outcome.detail})" if outcome.detail else ""
    return f"{namespec(outcome.group, outcome.name)}: {words}{detail}"


def namespec(group: str, name: str) -> str:
    """Return the name as `status` shows it; an empty ``name`` means the group itself."""
    return group if name in {group, ""} else f"{group}:{name}"
