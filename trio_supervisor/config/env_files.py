"""``env_file``: which files there are, and the variables that one of them has.

A name with a ``?`` before it is of a file that may be missing.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

from trio_supervisor.config.paths import absolute
from trio_supervisor.errors import ConfigError, Problem
from trio_supervisor.source.values import check_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dotenv.parser import Binding

    from trio_supervisor.config.judge import Judge

OPTIONAL = "?"
_NO_LINE = "is not NAME=value, or a quote has no end (example: GREETING='hello, world')"


def env_files(judge: Judge, key: tuple[str, ...], base: str, names: tuple[str, ...]) -> list[str]:
    """Make the names absolute, and report each file that is missing or wrong."""
    found = []
    for name in names:
        mark = OPTIONAL if name.startswith(OPTIONAL) else ""
        path = mark + absolute(base, name.removeprefix(mark))
        try:
            variables_in(path, {})
        except ConfigError as error:
            for problem in error.problems:
                judge.error(key, str(problem))
        found.append(path)
    return found


def filled(
    inherited: Mapping[str, str],
    environment: Mapping[str, str],
    files: Iterable[str],
    own: Iterable[str] = (),
) -> dict[str, str]:
    """Return all variables: files go over ``environment``, but for the names in ``own``.

    ConfigError for a file that is missing or wrong.
    """
    everything = {**inherited, **environment}
    found = variables_of(files, everything)
    return {**everything, **found, **{name: environment[name] for name in own}}


def variables_of(files: Iterable[str], known: Mapping[str, str]) -> dict[str, str]:
    """Read files, later ones over earlier ones; raise ConfigError for one that is wrong.

    ``known`` is what ``${NAME}`` means, besides the variables that stand before it.
    """
    found: dict[str, str] = {}
    for file in files:
        found.update(variables_in(file, {**known, **found}))
    return found


def variables_in(file: str, known: Mapping[str, str]) -> dict[str, str]:
    """Read one file; ConfigError with all that is wrong in it.

    A name without ``=`` changes nothing, as with docker compose.
    """
    # most have no such file, and would pay 4 ms of every start
    from dotenv.parser import parse_stream  # noqa: PLC0415
    from dotenv.variables import parse_variables  # noqa: PLC0415

    path = file.removeprefix(OPTIONAL)
    found: dict[str, str] = {}
    problems = []
    for binding in parse_stream(io.StringIO(_text_of(path, is_optional=path != file))):
        if text := _complaint(binding):
            problems.append(Problem(path, _line_of(binding), "", text))
        elif binding.key is not None and binding.value is not None:
            names = {**known, **found}
            atoms = parse_variables(binding.value)
            found[binding.key] = "".join(atom.resolve(names) for atom in atoms)
    if problems:
        raise ConfigError(problems)
    return found


def _complaint(binding: Binding) -> str:
    """Say what is wrong with what was read of one variable."""
    if binding.error:
        return _NO_LINE
    try:
        check_environment({} if binding.key is None else {binding.key: ""})
    except ValueError as error:
        return str(error)
    return ""


def _line_of(binding: Binding) -> int:
    """Return the number of its line, behind the blank ones that were read with it."""
    written = binding.original.string
    blank = written[: len(written) - len(written.lstrip())].count("\n")
    return binding.original.line + blank


def _text_of(path: str, *, is_optional: bool) -> str:
    try:
        if os.path.exists(path) and not os.path.isfile(path):  # a pipe would wait for a writer
            raise _problem(path, "is no regular file")
        with open(path, encoding="utf-8-sig") as file:
            return file.read()
    except FileNotFoundError:
        if is_optional:
            return ""
        name = os.path.basename(path)
        remedy = f"make it, or write {OPTIONAL}{name} for a file that may be missing"
        raise _problem(path, f"there is no such file ({remedy})") from None
    except OSError as error:
        raise _problem(path, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _problem(path, "is not UTF-8 text (save the file as UTF-8)") from None


def _problem(path: str, text: str) -> ConfigError:
    return ConfigError([Problem(path, None, "", text)])
