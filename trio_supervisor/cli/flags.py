"""The options of supervisord: one table for parsing, for conversion and for --help."""

from __future__ import annotations

import getopt

from trio_supervisor.errors import SupervisorError
from trio_supervisor.record import Record
from trio_supervisor.source import values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Flag(Record):
    """One option: ``convert`` reads its value (None: it takes none and means true)."""

    short: str
    long: str
    option: str
    convert: Callable[[str], object] | None
    help: str


FLAGS = (
    Flag("c", "configuration", "", str, "configuration file (default: searched for)"),
    Flag("n", "nodaemon", "nodaemon", None, "run in the foreground"),
    Flag("s", "silent", "silent", None, "with -n: do not show the activity log"),
    Flag("u", "user", "user", str, "run as this user (name or number)"),
    Flag("m", "umask", "umask", values.octal, "umask of daemon and programs (default 022)"),
    Flag("d", "directory", "directory", str, "base of relative paths, and working directory"),
    Flag("l", "logfile", "logfile", str, "activity log (default supervisord.log)"),
    Flag("y", "logfile_maxbytes", "logfile_maxbytes", values.size, "rotate it at this size"),
    Flag("z", "logfile_backups", "logfile_backups", values.integer, "keep so many old ones"),
    Flag("e", "loglevel", "loglevel", values.log_level, "critical, error, warn, info, debug, …"),
    Flag("j", "pidfile", "pidfile", str, "where the pid is written (default supervisord.pid)"),
    Flag("i", "identifier", "identifier", str, "name of this instance"),
    Flag("q", "childlogdir", "childlogdir", str, "directory of AUTO logs"),
    Flag("k", "nocleanup", "nocleanup", None, "keep AUTO logs of earlier runs"),
    Flag("a", "minfds", "minfds", values.integer, "least number of file descriptors"),
    Flag("t", "strip_ansi", "strip_ansi", None, "strip escape sequences from output"),
    Flag("", "minprocs", "minprocs", values.integer, "least number of processes"),
    Flag("", "no-guardian", "", None, "run without the process that watches over the daemon"),
    Flag("v", "version", "", None, "print the version and exit"),
    Flag("h", "help", "", None, "print this help and exit"),
)
"""As the original's options, with the same letters; --no-guardian is our own."""


class Flags(Record):
    """A parsed command line: typed values for [supervisord], and what else was asked."""

    configuration: str | None
    overrides: dict[str, object]
    asks_help: bool
    asks_version: bool
    has_guardian: bool


def parse(arguments: list[str]) -> Flags:
    """Read a command line; SupervisorError says what is wrong with it."""
    short = (flag for flag in FLAGS if flag.short)
    letters = "?" + "".join(flag.short + (":" if flag.convert else "") for flag in short)
    words = [flag.long + ("=" if flag.convert else "") for flag in FLAGS]
    try:
        pairs, rest = getopt.gnu_getopt(arguments, letters, words)
    except getopt.GetoptError as problem:
        raise SupervisorError(problem.msg) from None
    if rest:
        raise SupervisorError(f"positional arguments are not supported: {rest}")
    found: dict[str, object] = {}
    for given, text in pairs:
        flag = _flag(given)
        if flag.long in found and flag.long != "help":
            raise SupervisorError(f"conflicting command line option {given!r}")
        found[flag.long] = _value(flag, given, text)
    configuration = found.get("configuration")
    return Flags(
        None if configuration is None else str(configuration),
        {f.option: found[f.long] for f in FLAGS if f.option and f.long in found},
        "help" in found,
        "version" in found,
        "no-guardian" not in found,
    )


def _flag(given: str) -> Flag:
    name = given.lstrip("-")
    if name == "?":
        name = "help"
    return next(flag for flag in FLAGS if name in {flag.short, flag.long})


def _value(flag: Flag, given: str, text: str) -> object:
    if flag.convert is None:
        return True
    try:
        return flag.convert(text)
    except ValueError as problem:
        raise SupervisorError(f"invalid value for {given} {text!r}: {problem}") from None


def help_text(program: str) -> str:
    """Return what --help prints."""
    lines = [
        f"{program} -- run a set of programs as they are wanted",
        "",
        f"usage: {program} [options]",
        "",
    ]
    for flag in FLAGS:
        short = f"-{flag.short}, " if flag.short else "    "
        value = f" {flag.long.upper()}" if flag.convert else ""
        lines.append(f"  {short + '--' + flag.long + value:<44} {flag.help}")
    return "\n".join(lines)
