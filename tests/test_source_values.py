"""Values written as text: what is accepted, what is refused, and with which words."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_supervisor.source import values

if TYPE_CHECKING:
    from typing import Any


@pytest.mark.parametrize(
    ("convert", "text", "value"),
    [
        (values.boolean, "Yes", True),
        (values.boolean, " off ", False),
        (values.integer, " -3 ", -3),
        (values.seconds, "0.5", 0.5),
        (values.size, "50MB", 50 * 1024**2),
        (values.size, "1 kb", 1024),
        (values.size, "7", 7),
        (values.octal, "022", 0o22),
        (values.signal, "sigterm", signal.SIGTERM),
        (values.signal, "USR1", signal.SIGUSR1),
        (values.signal, "9", 9),
        (values.signal, "RTMIN+3", signal.SIGRTMIN + 3),
        (values.exit_codes, "0, 2,255", (0, 2, 255)),
        (values.exit_codes, "", ()),
        (values.autorestart, "Unexpected", "unexpected"),
        (values.autorestart, "true", True),
        (values.log_level, "WARN", "warn"),
        (values.logfile, "off", "NONE"),
        (values.logfile, "auto", "AUTO"),
        (values.logfile, "/var/log/x", "/var/log/x"),
        (values.words, " a, b ,", ("a", "b")),
        (values.user_name, "root", "root"),
        (values.user_name, "0", "0"),
        (values.owner, "root:0", "root:0"),
        (values.seconds, "1.5", 1.5),
        (values.seconds, "500ms", 0.5),
        (values.seconds, " 1m30s ", 90.0),
        (values.inet_address, "9001", ("", 9001)),
        (values.inet_address, "*:9001", ("", 9001)),
        (values.inet_address, ":9001", ("", 9001)),
        (values.inet_address, "LocalHost:9001", ("localhost", 9001)),
        (values.inet_address, "[::1]:9001", ("::1", 9001)),
    ],
)
def test_a_right_value_is_converted(convert: Any, text: str, value: Any) -> None:
    assert convert(text) == value


@pytest.mark.parametrize(
    ("convert", "text", "words"),
    [
        (values.boolean, "maybe", "'maybe' is not a boolean"),
        (values.integer, "1.5", "'1.5' is not an integer"),
        (values.seconds, "5x", "'5x' is not a number of seconds (examples: 10, 0.5, 500ms, 1m30s"),
        (values.seconds, "soon", "'soon' is not a number of seconds"),
        (values.seconds, "nan", "'nan' is not a number of seconds"),
        (values.seconds, "-1", "'-1' is not a number of seconds"),
        (values.size, "10XB", "'10XB' is not a size"),
        (values.size, "-1", "'-1' is not a size"),
        (values.octal, "9", "'9' is not an octal mode"),
        (values.signal, "FOO", "'FOO' is not a signal"),
        (values.signal, "999", "'999' is not a signal"),
        (values.exit_codes, "256", "'256' is not a list of exit codes"),
        (values.autorestart, "sometimes", "'sometimes' is none of"),
        (values.log_level, "loud", "'loud' is not a log level"),
        (values.user_name, "no body", "'no body' is not a user"),
        (values.owner, "root:no group", "'no group' is not a group"),
        (values.inet_address, "abc", "'abc' is not an address"),
        (values.inet_address, "h:70000", "ports are 1 to 65535"),
        (values.inet_address, "::1:9001", "needs brackets"),
    ],
)
def test_a_wrong_value_is_named_with_a_remedy(convert: Any, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"^'") as caught:
        convert(text)

    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("A=1", {"A": "1"}),
        ('A="1",B="x, y"', {"A": "1", "B": "x, y"}),
        ("A='x',\n B=2,", {"A": "x", "B": "2"}),
        (r'A="a\"b"', {"A": 'a"b'}),
        ("A=http://x/y?z=1", {"A": "http://x/y?z=1"}),
        ("A=50%,B=$HOME", {"A": "50%", "B": "$HOME"}),
        ("A=x#y", {"A": "x#y"}),
        ("A=", {"A": ""}),
    ],
)
def test_an_environment_is_read_as_posix_words(text: str, expected: Any) -> None:
    assert values.environment(text) == expected


@pytest.mark.parametrize(
    "text", ["A", "=1", "A=a b", "A=1;B=2", "A=1,,B=2", 'A="secret', "A=1 B=2", "A B=1"]
)
def test_an_environment_that_is_unclear_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"item|value"):
        values.environment(text)


def test_an_environment_error_keeps_values_secret() -> None:
    with pytest.raises(ValueError, match="never closed") as caught:
        values.environment('TOKEN="hunter2')

    assert "hunter2" not in str(caught.value)


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)


def quoted(value: str) -> str:
    return "'" + value.replace("'", """'"'"'""") + "'"


@given(st.dictionaries(names, st.text(st.characters(exclude_characters="\r", codec="utf-8"))))
def test_a_quoted_environment_survives_the_round_trip(environment: Any) -> None:
    text = ",".join(f"{name}={quoted(value)}" for name, value in environment.items())

    assert values.environment(text) == environment


@given(st.integers(0, 2**50), st.sampled_from(["", "KB", "MB", "GB"]))
def test_a_size_is_its_number_times_its_unit(number: Any, unit: Any) -> None:
    assert values.size(f"{number}{unit}") == number * values.SIZES.get(unit, 1)


@given(st.integers(0, 0o7777))
def test_an_octal_mode_survives_the_round_trip(mode: Any) -> None:
    assert values.octal(f"{mode:o}") == mode


@given(st.sampled_from(sorted(signal.valid_signals())))
def test_every_signal_of_the_platform_is_known_by_its_number(number: Any) -> None:
    assert values.signal(str(int(number))) == number
    assert values.signal(values.signal_name(number)) == number
