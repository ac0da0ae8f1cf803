"""``%(name)s`` in values: what a name stands for, and what to say about a name that is unknown.

As supervisord's options.py does, values go through Python's ``%`` formatting, with two
differences: a ``%`` that starts no ``%(`` stays as it is, and no error prints the environment.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping
    from typing import Any

LONGEST = 128 * 1024
"""Characters that may come of the expansions of one value: execve(2) takes no longer argument."""
_DIGITS = 3  # of a width or a precision
_NEAR = 0.7  # how alike names must be to be suggested


def names_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Give what every section may use: the environment and the name of this machine."""
    named = {f"ENV_{name}": value for name, value in environment.items()}
    return {**named, "host_node_name": os.uname().nodename}


def expand(text: str, names: Mapping[str, object]) -> str:
    """Replace every ``%(name)s``; ``%%`` is one ``%``. Raise ValueError with the remedy."""
    if "%" not in text:
        return text

    def replace(match: re.Match[str]) -> str:
        name, conversion = match["name"], match["conversion"]
        if name is None:
            return "%"
        if name not in names:
            raise ValueError(_unknown(name, names))
        return _formatted(conversion, name, names[name])

    return _substituted(text, replace)


def fix_here(text: str, directory: str) -> str:
    """Replace ``%(here)s`` only, and leave all else for `expand` (so ``%`` in it is doubled)."""
    if "%(here)" not in text:
        return text
    doubled = directory.replace("%", "%%")

    def replace(match: re.Match[str]) -> str:
        if match["name"] != "here":
            return match[0]
        return _formatted(match["conversion"], "here", doubled)

    try:
        return _substituted(text, replace)
    except ValueError:
        return text  # it is malformed: `expand` will say so, where it stands


def expand_all(value: Any, change: Callable[[str], str]) -> Any:
    """Apply a change to every string of a TOML value, however deep."""
    match value:
        case str():
            return change(value)
        case list():
            return [expand_all(item, change) for item in value]
        case dict():
            return {key: expand_all(item, change) for key, item in value.items()}
        case _:
            return value


def _substituted(text: str, replace: Callable[[re.Match[str]], str]) -> str:
    import re

    fit = r"[-#0 +]*(?P<width>\d*)(?:\.(?P<precision>\d+))?"
    pattern = rf"%%|%(?!\()|%\((?P<name>[^)]*)\)(?P<conversion>{fit}[a-zA-Z])|%\("
    room = LONGEST

    def checked(match: re.Match[str]) -> str:
        nonlocal room
        _check(match)
        replaced = replace(match)
        room -= len(replaced)
        if room < 0:
            what = f"{match[0][:60]!r} makes it longer than {LONGEST} characters"
            raise ValueError(f"{what} (shorten what it stands for)")
        return replaced

    return re.sub(pattern, checked, text)


def _check(match: re.Match[str]) -> None:
    """Refuse an expansion without end, and one that is wider than anybody could want."""
    if match[0] == "%(":
        shown = match.string[match.start() : match.start() + 20]
        raise ValueError(
            f"{shown!r} starts an expansion that has no end (write %(name)s, or %%( for a plain %()"
        )
    if any(len((match[part] or "").lstrip("0")) > _DIGITS for part in ("width", "precision")):
        text = f"{match[0][:60]!r} asks for {10**_DIGITS} characters or more"
        raise ValueError(f"{text} (write %({match['name']})s, or a smaller width)")


def _formatted(conversion: str, name: str, value: object) -> str:
    try:
        return f"%{conversion}" % value
    except (TypeError, ValueError):
        raise ValueError(
            f"%({name}){conversion} does not fit the value of {name} (write %({name})s)"
        ) from None


def _unknown(name: str, names: Mapping[str, object]) -> str:
    """Say what is wrong with a name. The environment's other names stay private."""
    import difflib

    if name.startswith("ENV_"):
        return f"%({name})s: the environment has no variable {name[4:]} (set it, or write a value)"
    known = ["here", *(known for known in names if not known.startswith("ENV_"))]
    if name in known:
        return f"%({name})s cannot be used here"
    near = difflib.get_close_matches(name, known, 1, _NEAR)
    if near:
        return f"%({name})s is not known (did you mean %({near[0]})s?)"
    return f"%({name})s is not known (known are {', '.join(sorted(known))} and ENV_…)"
