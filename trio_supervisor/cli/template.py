"""Templates of `configure`: a supervisord.toml whose values wait for answers.

Pure but for reading the file: a template's text and a set of answers give a document. Who is
asked, and what becomes of the document, is the business of `configure`.
"""

from __future__ import annotations

import difflib
import math
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trio_supervisor.errors import ConfigError, Problem
from trio_supervisor.record import Record
from trio_supervisor.source import values
from trio_supervisor.source.expansion import expand_all
from trio_supervisor.source.toml import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trio_supervisor.source.tree import Place

    Key = tuple[str, ...]  # the way to a value, from the top of the document
    Value = str | int | float | bool

KINDS: dict[str, type] = {"string": str, "integer": int, "float": float, "boolean": bool}
OPTIONS = ("default", "help", "choices", "type")
RESERVED = ("help", "output")
"""Names that cannot be a variable's: `configure` has flags of its own under them."""

_BUILT_IN = re.compile(r"%%|%\((template_dir|python)\)s")
_ANSWER = re.compile(r"%%|%\(configure_([^)]*)\)s")


class Variable(Record):
    """What a template wants to know; ``default`` is None where somebody has to answer."""

    name: str
    kind: str
    help: str
    choices: tuple[Value, ...]
    default: Value | None

    @property
    def flag(self) -> str:
        return f"--{self.name}"

    def convert(self, text: str) -> Value:
        """Give the value of an answer; raise ValueError that says what would be one."""
        value = _converted(self.kind, text)
        if self.choices and value not in self.choices:
            raise ValueError(f"{text!r} is none of {', '.join(map(as_text, self.choices))}")
        return value


class Template(Record):
    """A template, read: the document without its ``[configure]`` table, and its variables."""

    file: str
    document: dict[str, Any]
    variables: tuple[Variable, ...]
    places: dict[Key, Place]

    def fill(self, answers: Mapping[str, Value]) -> dict[str, Any]:
        """Put answers in place of ``%(configure_NAME)s``; ConfigError names what nobody asked."""
        problems: list[Problem] = []
        document: dict[str, Any] = self._filled(self.document, answers, (), problems)
        if problems:
            raise ConfigError(problems)
        return document

    def problem(self, key: str, text: str) -> Problem:
        """Place a problem of the filled document where its value stands in the template."""
        return _problem(self.places, tuple(key.split(".")), self.file, text)

    def _filled(
        self, value: Any, answers: Mapping[str, Value], path: Key, problems: list[Problem]
    ) -> Any:
        if isinstance(value, dict):
            return {
                key: self._filled(item, answers, (*path, key), problems)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self._filled(item, answers, path, problems) for item in value]
        try:
            return _answered(value, answers) if isinstance(value, str) else value
        except ValueError as error:
            problems.append(_problem(self.places, path, self.file, str(error)))


def read_template(file: str, output: str) -> Template:
    """Read a template that is to become ``output``; raise ConfigError with all that is wrong."""
    document = parse(_text_of(file), file)
    built_in = {
        "python": (sys.executable or "python3").replace("%", "%%"),
        "template_dir": directory_from(file, output),
    }
    tree = expand_all(
        document.tree, lambda text: _BUILT_IN.sub(lambda m: built_in.get(m[1], m[0]), text)
    )
    asked = tree.pop("configure", None)
    if not isinstance(asked, dict) or not asked:
        raise ConfigError([Problem(file, None, "", _NO_TEMPLATE.format(file=file))])
    variables, problems = [], []
    for name, table in asked.items():
        try:
            variables.append(variable(name, table))
        except ValueError as error:
            problems.append(_problem(document.places, ("configure", name), file, str(error)))
    if problems:
        raise ConfigError(problems)
    return Template(file, tree, tuple(variables), document.places)


_NO_TEMPLATE = (
    "has no [configure.NAME] table, so there is nothing to configure "
    "(a finished configuration is started with: trio-supervisor up -c {file})"
)


def variable(name: str, table: object) -> Variable:
    """Make a variable of its table; raise ValueError that says what is wrong with it."""
    if not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) or name in RESERVED:
        reason = "is a flag of configure itself" if name in RESERVED else "is no name"
        raise ValueError(f"{name!r} {reason} (use letters, digits and _, such as port_base)")
    if not isinstance(table, dict):
        raise ValueError(  # noqa: TRY004  # a person's mistake, not a caller's
            f"{table!r} is no table (example: [configure.{name}] default = 1)"
        )
    for option in table:
        if option not in OPTIONS:
            raise ValueError(f"{option!r} is not known (a variable has {', '.join(OPTIONS)})")
    choices, default = table.get("choices", []), table.get("default")
    if not isinstance(choices, list):
        raise ValueError(  # noqa: TRY004  # a person's mistake, not a caller's
            f'choices: {choices!r} is no list (example: choices = ["a", "b"])'
        )
    kind = table.get("type") or _kind_of(default if default is not None else [*choices, ""][0])
    if kind not in tuple(KINDS):  # a tuple, since it may be anything
        raise ValueError(f"type: {kind!r} is none of {', '.join(KINDS)}")
    for value in (*choices, *([] if default is None else [default])):
        if type(value) is not KINDS[kind]:
            raise ValueError(f"{value!r} is no {kind} (give it a value of its type)")
        if choices and value not in choices:
            raise ValueError(f"default: {value!r} is none of {', '.join(map(as_text, choices))}")
    return Variable(name, kind, str(table.get("help", "")), tuple(choices), default)


def as_text(value: Value) -> str:
    """Write a value as it is written inside a longer string, and as a flag."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def near(name: str, known: list[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name, known, 1)), None)


def directory_from(file: str, output: str) -> str:
    """Name the template's directory so that the generated file can move along with it."""
    directory = Path(file).absolute().parent
    relative = os.path.relpath(directory, Path(output).absolute().parent)
    if relative == ".":
        return "%(here)s"
    if relative.split("/")[0] == "..":
        return str(directory).replace("%", "%%")
    return "%(here)s/" + relative.replace("%", "%%")


def _kind_of(value: object) -> str:
    return next((kind for kind, python in KINDS.items() if type(value) is python), "string")


def _converted(kind: str, text: str) -> Value:
    if kind != "string":
        converter = {"boolean": values.boolean, "integer": values.integer, "float": _finite}[kind]
        return converter(text)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{text!r} is not UTF-8") from None
    return text


def _finite(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is not a number (example: 0.5)")
    return number


def _answered(text: str, answers: Mapping[str, Value]) -> Value:
    def look_up(name: str) -> Value:
        if name not in answers:
            close = near(name, list(answers))
            hint = f"did you mean %(configure_{close})s?" if close else "add its table"
            raise ValueError(f"there is no [configure.{name}] for %(configure_{name})s ({hint})")
        return answers[name]

    whole = _ANSWER.fullmatch(text)
    if whole and whole[1] is not None:
        return look_up(whole[1])
    return _ANSWER.sub(lambda m: m[0] if m[1] is None else as_text(look_up(m[1])), text)


def _problem(places: Mapping[Key, Place], path: Key, file: str, text: str) -> Problem:
    at = path
    while at and at not in places:
        at = at[:-1]
    return Problem(file, places[at].line if at else None, ".".join(path), text)


def _text_of(file: str) -> str:
    try:
        return Path(file).read_bytes().decode("utf-8-sig")
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        reason = "is not UTF-8 text (save the file as UTF-8)"
    raise ConfigError([Problem(file, None, "", reason)])
