"""Judge options one value at a time, so that every error of a file is found, with its place.

A `Judge` collects what is wrong and what deserves a warning while `load` goes through the tree.
"""

from __future__ import annotations

import difflib
import math
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args, get_origin

import msgspec

from trio_supervisor.errors import Problem
from trio_supervisor.source import DEFAULT, values
from trio_supervisor.source.expansion import expand, expand_all
from trio_supervisor.source.tree import dialect_of
from trio_supervisor.spec import SECTIONS, Spec
from trio_supervisor.spec.types import DERIVED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trio_supervisor.source.tree import Path, Source

SECRET = frozenset({"password", "environment"})
"""Options whose values no message shows."""

NUMBERS_ARE_TEXT = frozenset({"signal", "user_name", "owner", "text"})
"""Languages whose words may be numbers, which TOML users then write without quotes."""
SHAPED = frozenset({"dependencies"})
"""Languages that make one value of several shapes, not of text alone."""
_PLAIN = {"str": "text in quotes", "int": "an integer", "float": "a number", "bool": "a boolean"}


class Option(NamedTuple):
    """One option of a section: how its text is converted, which type its value must have."""

    name: str
    type: Any
    language: str | None
    required: bool


@cache
def options_of(spec: type[msgspec.Struct]) -> dict[str, Option]:
    """List the options of a section by name, and nothing that is made of others."""
    return {
        field.name: Option(field.name, field.type, _language_of(field.type), field.required)
        for field in msgspec.structs.fields(spec)
        if not any(DERIVED in (meta.extra or {}) for meta in _metadata(field.type))
    }


def convert(option: Option, value: Any) -> Any:
    """Turn what a file has into the value of an option; raise ValueError with the remedy."""
    if option.language in NUMBERS_ARE_TEXT and type(value) is int:
        value = str(value)
    if isinstance(value, float) and not math.isfinite(value):
        value = str(value)  # TOML has inf and nan, which are no number of anything here
    if option.language is not None and (isinstance(value, str) or option.language in SHAPED):
        value = getattr(values, option.language)(value)
    if option.language == "table" and isinstance(value, dict):
        return _fill(option, value)
    if option.language in SHAPED:
        return {name: _fill(option, table, f"{name}.") for name, table in value.items()}
    try:
        converted = msgspec.convert(value, option.type)
    except msgspec.ValidationError as error:
        if option.language is not None and isinstance(value, (bool, int, float, list)):
            as_text = str(value).lower() if isinstance(value, bool) else str(value)
            getattr(values, option.language)(as_text)  # says it as in INI, if it knows how
        shown = "the value" if option.name in SECRET else repr(value)
        if isinstance(value, str) and (choices := _choices(option.type)):
            remedy = near(value, choices)
            raise ValueError(f"{shown} is none of {', '.join(choices)}{remedy}") from None
        raise ValueError(f"{shown} is refused: {_in_words(str(error))}") from None
    if option.language == "environment":
        values.check_environment(converted)
    return converted


def _fill(option: Option, table: Mapping[str, Any], within: str = "") -> Any:
    """Make the value of an option that is a table; its options are judged as those of a section.

    ``within`` says which, where an option has several.
    """
    spec = _spec_of(option.type)
    options = options_of(spec)
    found = {}
    for name, value in table.items():
        if name not in options:
            remedy = near(name, options) or f" (it has {', '.join(options)})"
            raise ValueError(f"there is no {within}{name} in {option.name}{remedy}")
        try:
            found[name] = convert(options[name], value)
        except ValueError as error:
            raise ValueError(f"{within}{name}: {error}") from None
    return spec(**found)


def _spec_of(annotation: Any) -> type[Spec]:
    """Return the class in ``Annotated[Class | None, …]`` or ``Annotated[dict[str, Class], …]``."""
    return next(one for one in _classes(annotation) if issubclass(one, Spec))


def _classes(annotation: Any) -> Iterator[type]:
    """Yield the classes that an annotation is made of."""
    if isinstance(annotation, type) and not get_args(annotation):
        yield annotation
    for part in get_args(annotation):
        yield from _classes(part)


def _choices(annotation: Any) -> tuple[str, ...]:
    """Return the words in ``Annotated[Literal["a", "b"], …]``, nothing for other types."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return tuple(word for part in get_args(annotation) for word in _choices(part))


def _metadata(annotation: Any) -> tuple[msgspec.Meta, ...]:
    found: tuple[msgspec.Meta, ...] = getattr(annotation, "__metadata__", ())
    return found


def _language_of(annotation: Any) -> str | None:
    for meta in _metadata(annotation):
        if "language" in (meta.extra or {}):
            language: str = (meta.extra or {})["language"]
            return language
    parts = get_args(annotation)
    return next((found for part in parts if (found := _language_of(part))), None)


def _in_words(message: str) -> str:
    """Say in plain words what msgspec expected."""
    for name, words in _PLAIN.items():
        message = message.replace(f"`{name}`", words)
    message = message.replace("`", "").replace(" | null", "")
    return message[:1].lower() + message[1:].replace(" - at $", ", at item ")


class Judge:
    """What is known to be wrong so far; a problem that repeats for each process counts once.

    ``flags`` are the options whose values come from the command line, not from a file, each as it
    is spelled there.
    """

    def __init__(self, source: Source, flags: Mapping[Path, str]) -> None:
        self.source = source
        self._flags = flags
        self._errors: dict[Problem, None] = dict.fromkeys(source.problems)
        self._warnings: dict[Problem, None] = dict.fromkeys(source.warnings)
        self._unreadable = frozenset(problem.key for problem in source.problems)

    def error(self, path: Path, text: str) -> None:
        self._errors[self._problem(path, text)] = None

    def warn(self, path: Path, text: str) -> None:
        self._warnings[self._problem(path, text)] = None

    def errors(self) -> list[Problem]:
        """Give all errors as a person reads the files."""
        return sorted(self._errors, key=self.source.rank)

    def warnings(self) -> list[Problem]:
        return sorted(self._warnings, key=self.source.rank)

    def blame(self, path: Path, text: str) -> None:
        """Report what does not exist: an error in TOML; in INI the original passes over it."""
        place = self.source.place(*path)
        if dialect_of(place.file) == "toml":
            self.error(path, text)
        else:
            self.warn(path, f"{text}; it is ignored")

    def known(self, path: Path, given: Mapping[str, Any], known: Iterable[str]) -> None:
        """Blame options that do not exist, with a suggestion."""
        names = tuple(known)
        for option in given:
            if option not in names and not self._is_default((*path, option)):
                self.blame((*path, option), f"is no option of {path[0]}{near(option, names)}")

    def values(
        self, path: Path, given: Mapping[str, Any], spec: type[msgspec.Struct]
    ) -> dict[str, Any]:
        """Convert the options of a section that need no expansion; leave out what is wrong."""
        options = options_of(spec)
        self.known(path, given, options)
        found = {}
        for name, value in given.items():
            if name in options:
                found.update(self.value((*path, name), options[name], value))
        self.complete(path, given, options)
        return found

    def value(
        self, path: Path, option: Option, value: Any, names: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        """Convert one value, expanded first if names are given; give {} if it is wrong."""
        if ".".join(path) in self._unreadable:
            return {}
        try:
            if names is not None:
                value = expand_all(value, lambda text: expand(text, names))
            return {option.name: convert(option, value)}
        except ValueError as error:
            self.error(path, str(error))
            return {}

    def complete(self, path: Path, given: Mapping[str, Any], options: dict[str, Option]) -> None:
        """Report options that a section must have."""
        for option in options.values():
            if option.required and option.name not in given:
                self.error(path, f"has no {option.name} (add: {option.name} = …)")

    def _problem(self, path: Path, text: str) -> Problem:
        """Blame the line of a file, or the flag that stands for it."""
        if path in self._flags:
            return Problem("command line", None, self._flags[path], text)
        return self.source.problem(path, text)

    def _is_default(self, path: Path) -> bool:
        """Say whether an option comes from [DEFAULT], which not every section understands."""
        default = self.source.places.get((DEFAULT, path[-1]))
        return default is not None and default == self.source.place(*path)


def near(name: str, known: Iterable[str]) -> str:
    """Suggest the name that was meant, if one is near."""
    matches = difflib.get_close_matches(name, list(known), 1)
    return f" (did you mean {matches[0]}?)" if matches else ""


@cache
def all_options() -> frozenset[str]:
    """Name every option of any section, for what [DEFAULT] may hold."""
    return frozenset(name for spec in SECTIONS.values() for name in options_of(spec))
