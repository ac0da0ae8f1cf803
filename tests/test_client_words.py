"""Options after a command, and the times among their values."""

from __future__ import annotations

import time

import pytest

from trio_supervisor.client.words import WordsError, moment, parse_options, seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30", 30), ("1.5", 1.5), ("0", 0), ("2m", 120), ("1h30m", 5400), ("1d", 86400), ("5s", 5)],
)
def test_durations(text: str, expected: float) -> None:
    assert seconds("-t", text) == expected


@pytest.mark.parametrize("text", ["", "x", "-1", "5x", "m", "1m-2s", "inf", "nan"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(WordsError, match="no such time"):
        seconds("-t", text)


def test_moments_are_ago_or_absolute() -> None:
    now = time.time()

    assert abs(moment("--since", "5m") - (now - 300)) < 60
    assert moment("--since", "2026-11-22T14:30:00+00:00") == 1795357800
    assert time.strftime("%H:%M", time.localtime(moment("--since", "14:30"))) == "14:30"


@pytest.mark.parametrize("text", ["25:00", "2026-13-01", "yesterday"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(WordsError, match=r"no such time .examples: 5m, 14:30, "):
        moment("--since", text)


def test_options_may_stand_anywhere() -> None:
    assert parse_options(["a", "-n", "3", "b", "--x"], "n:", ["x"]) == (
        {"-n": "3", "--x": ""},
        ["a", "b"],
    )
    with pytest.raises(WordsError, match="option --y not recognized"):
        parse_options(["--y"], "", [])


def test_an_unknown_option_is_answered_with_the_nearest() -> None:
    with pytest.raises(WordsError, match=r"option --tmeout not recognized .did you mean --timeout"):
        parse_options(["--tmeout=3"], "", ["timeout="])
    with pytest.raises(WordsError, match=r"--timeout requires argument$"):
        parse_options(["--timeout"], "", ["timeout="])


def test_letters_have_the_spellings_of_docker_compose() -> None:
    words = ["--follow", "--tail", "5", "web", "--timestamps"]

    assert parse_options(words, "fn:t", []) == ({"-f": "", "-n": "5", "-t": ""}, ["web"])
    with pytest.raises(WordsError, match="--follow not recognized"):
        parse_options(["--follow"], "", [])
