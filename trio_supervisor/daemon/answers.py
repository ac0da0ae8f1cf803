"""What HTTP is asked and what it answers, as values: whoever answers needs no socket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeAlias

PLAIN = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
JSON = "application/json"

LONGEST_NUMBER = 20
"""Digits of a number in a request: no size and no id has more."""

Header: TypeAlias = tuple[str, str]
Send: TypeAlias = Callable[[bytes], Awaitable[None]]


class Refusal(Exception):  # noqa: N818  # it is an answer
    """A request that is answered by a status and a sentence; the connection ends with it."""

    def __init__(self, status: int, text: str, *headers: Header) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers


def number_in(text: str) -> int | None:
    """Return the number that a part of an address is; None for what is none."""
    return int(text) if text.isdecimal() and len(text) <= LONGEST_NUMBER else None


class Request(NamedTuple):
    """What a client asks for; the names of the headers are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes = b""


class Reply(NamedTuple):
    """An answer that is complete."""

    body: bytes | str
    kind: str
    status: int = 200
    headers: tuple[Header, ...] = ()


class Stream(NamedTuple):
    """An answer without end: ``run`` sends it, until it returns or the client leaves."""

    kind: str
    run: Callable[[Send], Awaitable[None]]
