"""The strings that INI needs for values, each kind with a converter.

A converter takes the text and raises ValueError, whose text has the value and an example of a
right one. Environments are secret: their values are never shown. Standard library only: the
process above the daemon converts before it may import msgspec. The accepted forms are those of
supervisord's datatypes.py, unless a docstring says otherwise.
"""

from __future__ import annotations

from trio_supervisor.source.duration import duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

LOG_LEVELS = ("critical", "error", "warn", "info", "debug", "trace", "blather")
SIZES = {"KB": 1024, "MB": 1024**2, "GB": 1024**3}
NO_LOG = frozenset({"none", "off"})
_TRUE = frozenset({"yes", "true", "on", "1"})
_FALSE = frozenset({"no", "false", "off", "0"})
_HIGHEST_PORT = 65535
_HIGHEST_CODE = 255


def boolean(text: str) -> bool:
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(f"{text!r} is not a boolean (write true or false)")
    return word in _TRUE


def integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an integer (example: 10)") from None


def seconds(text: str) -> float:
    """Fractions and units are welcome; supervisord takes whole seconds only."""
    try:
        return duration(text)
    except ValueError:
        examples = "(examples: 10, 0.5, 500ms, 1m30s)"
        raise ValueError(f"{text!r} is not a number of seconds {examples}") from None


def size(text: str) -> int:
    word = text.strip().upper()
    factor = SIZES.get(word[-2:], 1)
    digits = word[:-2] if factor > 1 else word
    try:
        value = int(digits)
    except ValueError:
        value = -1
    if value < 0:
        raise ValueError(f"{text!r} is not a size (example: 50MB; units are KB, MB, GB)")
    return value * factor


def octal(text: str) -> int:
    try:
        value = int(text, 8)
    except ValueError:
        value = -1
    if not 0 <= value <= 0o7777:  # noqa: PLR2004
        raise ValueError(f"{text!r} is not an octal mode (example: 022)")
    return value


def signal(text: str) -> int:
    """Read a name, with or without SIG, or a number of this platform."""
    import signal as platform

    word = text.strip().upper()
    name = word if word.startswith("SIG") else f"SIG{word}"
    names = platform.Signals.__members__
    if name in names:
        return int(names[name])
    base, plus, offset = name.partition("+")
    if plus and base == "SIGRTMIN" and base in names and offset.isdecimal():
        word = str(int(names[base]) + int(offset))
    if word.isdecimal() and int(word) in platform.valid_signals():
        return int(word)
    raise ValueError(f"{text!r} is not a signal (example: TERM, SIGUSR1 or 15)")


def signal_name(number: int) -> str:
    """Return the name of a signal, the inverse of `signal`: ``SIGTERM``, ``SIGRTMIN+3``."""
    import signal as platform

    try:
        return platform.Signals(number).name
    except ValueError:  # Python names the first and the last real-time signal only
        return f"SIGRTMIN+{number - platform.SIGRTMIN}"


def exit_codes(text: str) -> tuple[int, ...]:
    """Read a comma list; an empty one means that no code is expected."""
    words = [word.strip() for word in text.split(",")] if text.strip() else []
    if not all(word.isdecimal() and int(word) <= _HIGHEST_CODE for word in words):
        raise ValueError(f"{text!r} is not a list of exit codes (example: 0,2; each 0 to 255)")
    return tuple(int(word) for word in words)


def autorestart(text: str) -> bool | Literal["unexpected"]:
    if text.strip().lower() == "unexpected":
        return "unexpected"
    try:
        return boolean(text)
    except ValueError:
        raise ValueError(f"{text!r} is none of true, false, unexpected") from None


def log_level(text: str) -> str:
    word = text.strip().lower()
    if word not in LOG_LEVELS:
        raise ValueError(f"{text!r} is not a log level (one of {', '.join(LOG_LEVELS)})")
    return word


def logfile(text: str) -> str:
    """Keep a path; spell AUTO, NONE and syslog as the specs do."""
    word = text.strip().lower()
    if word in NO_LOG:
        return "NONE"
    return {"auto": "AUTO", "syslog": "syslog"}.get(word, text.strip())


def words(text: str) -> tuple[str, ...]:
    """Split a comma list of names."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


_CONDITIONS = ("started", "ready", "healthy", "completed", "completed_ok", "log_ready")
_OTHER_SPELLINGS = {
    "service_started": "started",
    "service_healthy": "healthy",
    "service_completed_successfully": "completed_ok",
    "process_started": "started",
    "process_healthy": "healthy",
    "process_completed": "completed",
    "process_completed_successfully": "completed_ok",
    "process_log_ready": "log_ready",
}
"""Of docker compose and process-compose."""


def dependencies(given: object) -> dict[str, dict[str, object]]:
    """Read ``db, cache=ready``, a list of such words, or a table of conditions or tables.

    As text a table is written as TOML has it on one line.
    """
    if isinstance(given, str):
        given = table(given) if given.lstrip().startswith("{") else list(words(given))
    if isinstance(given, list):
        given = dict(_dependency(word) for word in given)
    if not isinstance(given, dict):
        raise ValueError(f"{given!r} names nothing (write a list of names, or a table)")  # noqa: TRY004
    return {name: _met(name, one) for name, one in given.items()}


def _dependency(word: object) -> tuple[str, object]:
    if not isinstance(word, str):
        raise ValueError(f"{word!r} is not a name (write it in quotes)")  # noqa: TRY004
    name, equals, condition = word.partition("=")
    return name.strip(), {"condition": condition.strip()} if equals else {}


def _met(name: str, given: object) -> dict[str, object]:
    table = {"condition": given} if isinstance(given, str) else given
    if not isinstance(table, dict):
        raise _no_condition(given, name)
    word = table.get("condition")
    if word is None:
        return table
    condition = _OTHER_SPELLINGS.get(word, word) if isinstance(word, str) else word
    if condition not in _CONDITIONS:
        raise _no_condition(word, name)
    return {**table, "condition": condition}


def _no_condition(given: object, name: str) -> ValueError:
    return ValueError(f"{given!r} of {name!r} is no condition (one of {', '.join(_CONDITIONS)})")


def table(text: str) -> dict[str, object]:
    """Read ``{name = "value", other = 1}``: an inline table, as TOML has it."""
    import tomllib

    try:
        found = tomllib.loads("table = " + text.replace("\n", " "))["table"]
    except tomllib.TOMLDecodeError:
        found = None
    if isinstance(found, dict):
        return found
    example = "{tcp = '127.0.0.1:80', timeout = 9}"
    raise ValueError(f"{text!r} is not a table (example: {example})")


def intensity(text: str) -> dict[str, float]:
    """Read ``5 in 30s``: how many within how long."""
    times, _, period = (word.strip() for word in text.partition(" in "))
    try:
        length = duration(period)
    except ValueError:
        length = 0.0
    if not (times.isascii() and times.isdecimal() and length):
        raise ValueError(f"{text!r} is no number within a period (example: 5 in 30s)")
    return {"times": int(times), "seconds": length}


def user_name(text: str) -> str:
    """Read the name or the number of a user that exists."""
    import pwd

    word = text.strip()
    try:
        pwd.getpwuid(int(word)) if word.isdecimal() else pwd.getpwnam(word)
    except (KeyError, OverflowError):
        raise ValueError(f"{text!r} is not a user of this machine (see: getent passwd)") from None
    return word


def owner(text: str) -> str:
    """Read user[:group], both of which must exist; a name or a number each."""
    import grp

    user, colon, group = text.strip().partition(":")
    user_name(user)
    try:
        if colon:
            grp.getgrgid(int(group)) if group.isdecimal() else grp.getgrnam(group)
    except (KeyError, OverflowError):
        raise ValueError(
            f"{text!r}: {group!r} is not a group of this machine (see: getent group)"
        ) from None
    return text.strip()


def inet_address(text: str) -> tuple[str, int]:
    """Read port, host:port, *:port, :port or [IPv6]:port; no host means every address ("")."""
    word = text.strip()
    host, colon, port = word.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"{text!r} is not an address (an IPv6 host needs brackets: [::1]:9001)")
    if not (port.isascii() and port.isdecimal() and 1 <= int(port) <= _HIGHEST_PORT):
        raise ValueError(
            f"{text!r} is not an address (example: 127.0.0.1:9001; ports are 1 to {_HIGHEST_PORT})"
        )
    return ("" if host == "*" or not colon else host.lower()), int(port)


def shared_socket(text: str) -> str | tuple[str, int]:
    """Read ``unix:///path`` or ``tcp://host:port``: the path, or host (as `inet_address`) and port.

    As in the original's datatypes.py, a host must be given.
    """
    scheme, _, rest = text.strip().partition("://")
    if scheme == "unix":
        if not rest.startswith("/"):
            raise ValueError(f"{text!r}: the path is not absolute (example: unix:///run/app.sock)")
        return rest
    if scheme != "tcp" or ":" not in rest:
        raise ValueError(
            f"{text!r} is not a socket (examples: unix:///run/app.sock, tcp://127.0.0.1:9000)"
        )
    return inet_address(rest)


def environment(text: str) -> dict[str, str]:
    """Read ``A=1,B="x, y"``: POSIX quoting, so escaped quotes work.

    Unlike supervisord's, a bare value may hold any character but a space, ``;``, ``,`` or a
    quote, and what is not understood is an error instead of being cut.
    """
    result: dict[str, str] = {}
    rest = text.strip()
    while rest:
        name, equals, rest = rest.partition("=")
        if not equals or not name.strip() or any(c in name.strip() for c in " \t\n,\"'"):
            raise ValueError(
                f"item {len(result) + 1} is not NAME=value "
                '(example: A="1",B="x, y"; commas stand between, values with spaces are quoted)'
            )
        value, rest = _environment_value(name.strip(), rest)
        result[name.strip()] = value
    return result


def check_environment(variables: Mapping[str, str]) -> None:
    """Refuse what no environment can hold: environ(7) has NAME=value, ended by a NUL."""
    for name in variables:
        if not name or "=" in name or "\0" in name:
            raise ValueError(
                f"{name!r} is not the name of a variable (it needs a character, and may hold "
                "neither = nor NUL)"
            )


def _environment_value(name: str, text: str) -> tuple[str, str]:
    """Split one value, quotes removed, from what follows its comma."""
    text = text.lstrip()
    quote, value, at = "", "", 0
    while at < len(text):
        char = text[at]
        at += 1
        if char == "\\" and quote != "'" and at < len(text):
            escaped = text[at]
            at += 1
            value += escaped if not quote or escaped in '"\\' else char + escaped
        elif char in "\"'" and quote in ("", char):
            quote = "" if quote else char
        elif quote or not (char.isspace() or char in ",;"):
            value += char
        else:
            at -= 1
            break
    rest = text[at:].lstrip()
    if quote:
        raise ValueError(f"the quote {quote} in the value of {name} is never closed")
    if rest and not rest.startswith(","):
        raise ValueError(
            f'the value of {name} ends before its comma (quote the whole value: {name}="…")'
        )
    return value, rest[1:].lstrip()


def text(text: str) -> str:
    """Keep a text: for options that may be written as a number, too."""
    return text
