"""INI as supervisord reads it, with the line of every key."""

from __future__ import annotations

import configparser
import string
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_supervisor.errors import ConfigError
from trio_supervisor.source.ini import parse

if TYPE_CHECKING:
    from typing import Any


def options(text: str) -> Any:
    return parse(f"[supervisord]\n{text}", "/x.conf").tree["supervisord"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a=b;c", {"a": "b;c"}),
        ("a=b#c", {"a": "b#c"}),
        ("a=b ;c", {"a": "b"}),
        ("a=b #c", {"a": "b"}),
        ("a=b\t;c", {"a": "b"}),
        ("a = b", {"a": "b"}),
        ("a: b=c", {"a": "b=c"}),
        ("a=", {"a": ""}),
        ("LogFile=/X", {"logfile": "/X"}),
        ("a='b'", {"a": "'b'"}),
        ("a=1\na=2", {"a": "2"}),
        ("a=1\n  2\n  3", {"a": "1\n2\n3"}),
        ("a=1\n  ; note\n  2", {"a": "1\n2"}),
        ("a=1\n\n  2\n", {"a": "1\n\n2"}),
        ("; a=1\n# b=2\n", {}),
        ("a=b;c ;d", {"a": "b;c"}),
        ("a=b;c ;d #e", {"a": "b;c ;d"}),
        ("a=1\r\nb=2\r", {"a": "1", "b": "2"}),
        ("a=1\u20282\x853\x0c4", {"a": "1\u20282\x853\x0c4"}),
    ],
)
def test_a_line_is_read_as_the_original_reads_it(line: Any, expected: Any) -> None:
    assert options(line) == expected


@pytest.mark.parametrize(
    ("header", "tree"),
    [
        ("program:web", {"program": {"web": {"a": "1"}}}),
        ("program: web ", {"program": {"web": {"a": "1"}}}),
        ("program:a:b", {"program": {"a:b": {"a": "1"}}}),
        ("unix_http_server:b", {"unix_http_server": {"b": {"a": "1"}}}),
        ("other:thing", {"other:thing": {"a": "1"}}),
        ("program", {"program:": {"a": "1"}}),
    ],
)
def test_a_header_becomes_its_path_in_the_tree(header: Any, tree: Any) -> None:
    assert parse(f"[{header}]\na=1\n", "/x.conf").tree == tree


def test_a_section_that_comes_twice_is_one() -> None:
    found = parse("[program:a]\nx=1\n[supervisord]\n[program:a]\ny=2\n", "/x.conf")

    assert found.tree["program"]["a"] == {"x": "1", "y": "2"}


def test_every_key_knows_its_line() -> None:
    found = parse("\n[program:a]\nx=1\n 2\ny=3\n", "/x.conf")

    assert {path: place.line for path, place in found.places.items()} == {
        ("program", "a"): 2,
        ("program", "a", "x"): 3,
        ("program", "a", "y"): 5,
    }


def test_all_syntax_errors_are_reported_with_their_lines() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("early\n[a]\nnonsense\nx=1\n=2\n", "/x.conf")

    assert [problem.line for problem in caught.value.problems] == [1, 3, 5]


def test_a_named_server_cannot_take_the_name_of_an_option() -> None:
    with pytest.raises(ConfigError, match=r"x\.conf:3: .*rename it"):
        parse("[unix_http_server]\nfile=x\n[unix_http_server:file]\n", "/x.conf")


def test_a_comment_that_cuts_a_quoted_value_is_followed_but_said() -> None:
    found = parse("[program:a]\ncommand=bash -c 'x ; y'\n", "/x.conf")

    assert found.tree["program"]["a"]["command"] == "bash -c 'x"
    assert [(one.line, one.key) for one in found.warnings] == [(2, "program.a.command")]


def test_a_comment_behind_closed_quotes_needs_no_warning() -> None:
    found = parse("[program:a]\ncommand=bash -c 'x' ; isn't it\n", "/x.conf")

    assert found.warnings == ()


lines = st.text(st.sampled_from(string.ascii_letters + " \t=:;#[]%'\"\u2028"), max_size=20)


@given(st.lists(lines, max_size=8))
def test_text_reads_as_in_pythons_parser(texts: Any) -> None:
    text = "[supervisord]\n" + "\n".join(texts)
    reference = configparser.RawConfigParser(
        inline_comment_prefixes=(";", "#"), strict=False, default_section="\0"
    )
    try:
        reference.read_string(text)
        expected = {name: dict(reference[name]) for name in reference.sections()}
    except configparser.Error:
        expected = None

    try:
        found = parse(text, "/x.conf").tree
    except ConfigError:
        found = None

    assert found == expected
