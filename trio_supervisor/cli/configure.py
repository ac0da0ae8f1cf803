"""`trio-supervisor configure`: a template and some answers become the daemon's configuration.

Answers come from flags, then from the template's defaults, then from the person at the terminal.
Nothing is written before the result has been read and judged exactly as the daemon will.
"""

from __future__ import annotations

import shlex
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from trio_supervisor.cli.generated import generate
from trio_supervisor.cli.template import as_text, near, read_template
from trio_supervisor.errors import ConfigError, SupervisorError
from trio_supervisor.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio_supervisor.cli.template import Template, Value, Variable

PROGRAM = "trio-supervisor configure"
TEMPLATE = "conf/dev-env.toml"
OUTPUT = "supervisord.toml"
INTERRUPTED = 130  # as a shell says of SIGINT

_USAGE = f"""\
usage: {PROGRAM} [TEMPLATE] [--NAME VALUE ...] [-o FILE]

Make the configuration that the daemon reads. TEMPLATE is a supervisord.toml with a
[configure.NAME] table for each variable; without it, {TEMPLATE} is taken.

  -o, --output FILE   where to write (default: {OUTPUT})
  -h, --help          show this, with the variables of the template
"""


class Request(Record):
    """A command line, taken apart; answers are still text, in the order they were given."""

    template: str | None
    output: str
    answers: tuple[tuple[str, str], ...]
    is_for_help: bool


def main(arguments: list[str]) -> int:
    """Give the exit code: 0, or 2 when nothing was written because something is wrong."""
    try:
        request = parse(arguments)
        file = request.template or _template_here(request)
        if file is None:
            print(_USAGE, end="")
            return 0
        template = read_template(file, request.output)
        if request.is_for_help:
            print(_USAGE + "\n" + "".join(map(described, template.variables)), end="")
            return 0
        print(_configure(request, template))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except SupervisorError as error:
        print(textwrap.indent(str(error), f"{PROGRAM}: "), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\n{PROGRAM}: interrupted, nothing was written", file=sys.stderr)
        return INTERRUPTED
    return 0


def parse(arguments: list[str]) -> Request:
    """Take a command line apart; which flags there are is only known from the template."""
    words = iter(arguments)
    templates: list[str] = []
    answers: list[tuple[str, str]] = []
    output, is_for_help = OUTPUT, False
    for word in words:
        if word in ("-h", "--help"):
            is_for_help = True
        elif word == "--":
            templates += words
        elif word.startswith("-o") or word.partition("=")[0] == "--output":
            output = word[2:] if word[:2] == "-o" and word[2:] else _value(word, words)
        elif word.startswith("--"):
            answers.append((word.partition("=")[0], _value(word, words)))
        elif word.startswith("-") and word != "-":
            raise SupervisorError(f"{word} is no option (flags look like --port_base 8000)")
        else:
            templates.append(word)
    if len(templates) > 1:
        named = shlex.join(templates)
        raise SupervisorError(f"one template at a time, not {len(templates)}: {named}")
    if not output:
        raise SupervisorError("--output needs the name of a file")
    return Request(next(iter(templates), None), output, tuple(answers), is_for_help)


def described(variable: Variable) -> str:
    """Describe a flag for --help."""
    told = [variable.help] if variable.help else []
    if variable.choices:
        told.append(f"one of {', '.join(map(as_text, variable.choices))}")
    told.append(
        "has to be answered"
        if variable.default is None
        else f"default: {as_text(variable.default)}"
    )
    text = textwrap.fill("; ".join(told), 88, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return f"  {variable.flag} {variable.kind.upper()}\n{text}\n"


def _value(word: str, words: Iterator[str]) -> str:
    flag, equals, value = word.partition("=")
    if equals:
        return value
    following = next(words, None)
    if following is None or following.startswith("--"):
        raise SupervisorError(f"{flag} needs a value (a value that starts with --: {flag}=VALUE)")
    return following


def _template_here(request: Request) -> str | None:
    """Find the template that is not named; None where there is none and only help is wanted."""
    if Path(TEMPLATE).is_file():
        return TEMPLATE
    if request.is_for_help:
        return None
    raise SupervisorError(
        f"no template was named and there is no {TEMPLATE} in {Path.cwd()} "
        f"(name one: {PROGRAM} TEMPLATE)"
    )


def _configure(request: Request, template: Template) -> str:
    """Write the configuration of a template; say what was made."""
    output = request.output
    if Path(output).resolve() == Path(template.file).resolve():
        raise SupervisorError(f"{output} is the template itself (choose another with -o)")
    given = _given(template, request.answers)
    given |= _asked([v for v in template.variables if v.default is None and v.name not in given])
    defaults = {v.name: v.default for v in template.variables if v.default is not None}
    document = template.fill({**defaults, **given})
    configuration, is_new = generate(template, document, _comment(request, template, given), output)
    for warning in configuration.warnings:
        print(warning, file=sys.stderr)
    programs = sum(len(group.programs) for group in configuration.groups)
    is_found = Path(output).absolute() == Path(OUTPUT).absolute()
    start = "trio-supervisor up" + ("" if is_found else f" -c {shlex.quote(output)}")
    made = f"{_counted(programs, 'program')} in {_counted(len(configuration.groups), 'group')}"
    return f"{output}: {made}{'' if is_new else ', unchanged'}; start them with: {start}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _given(template: Template, answers: tuple[tuple[str, str], ...]) -> dict[str, Value]:
    """Give the values of the flags; raise one error with all that is wrong with them."""
    known = {variable.name: variable for variable in template.variables}
    given, wrong = {}, []
    for flag, text in answers:
        variable = known.get(flag[2:].replace("-", "_"))
        if variable is None:
            close = near(flag[2:], list(known))
            hint = f"did you mean --{close}?" if close else f"it has --{', --'.join(known)}"
            wrong.append(f"{flag} is no variable of {template.file} ({hint})")
            continue
        try:
            given[variable.name] = variable.convert(text)
        except ValueError as error:
            wrong.append(f"{flag}: {error}")
    if wrong:
        raise SupervisorError("\n".join(wrong))
    return given


def _asked(variables: list[Variable]) -> dict[str, Value]:
    """Ask the person at the terminal; without a terminal name all that is missing."""
    is_terminal = all(stream and stream.isatty() for stream in (sys.stdin, sys.stderr))
    if variables and not is_terminal:
        raise _missing(variables)
    return {variable.name: _ask(variable) for variable in variables}


def _ask(variable: Variable) -> Value:
    choices = f"one of {', '.join(map(as_text, variable.choices))}" if variable.choices else ""
    told = "; ".join(filter(None, (variable.help, choices)))
    while True:
        print(
            f"{variable.name} ({told}): " if told else f"{variable.name}: ", end="", file=sys.stderr
        )
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            print(file=sys.stderr)
            raise _missing([variable])
        try:
            if line.strip():
                return variable.convert(line.strip())
        except ValueError as error:
            print(error, file=sys.stderr)


def _missing(variables: list[Variable]) -> SupervisorError:
    names = ", ".join(variable.name for variable in variables)
    flags = " ".join(f"{variable.flag} VALUE" for variable in variables)
    return SupervisorError(f"{names}: no answer and no default (give {flags})")


def _comment(request: Request, template: Template, given: dict[str, Value]) -> str:
    """Say how to make the file again; answers from the terminal appear as flags."""
    flags = [f"--{name}={as_text(value)}" for name, value in given.items()]
    output = [] if request.output == OUTPUT else ["-o", request.output]
    line = shlex.join(["trio-supervisor", "configure", template.file, *flags, *output])
    # TOML allows no control characters in a comment
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    return f"Made by: {line}\nThat replaces this file: change the template or the flags instead."
