"""TOML: values by tomllib, lines by our own walk over the same text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from trio_supervisor.errors import ConfigError
from trio_supervisor.source.toml import lines_of, parse

if TYPE_CHECKING:
    from typing import Any


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1", {("a",): 1}),
        ("\n[a.b]\nc = 1", {("a",): 2, ("a", "b"): 2, ("a", "b", "c"): 3}),
        ("a.b = 1\na.c = 2", {("a",): 1, ("a", "b"): 1, ("a", "c"): 2}),
        ("\"a.b\" = 1\n'c d' = 2", {("a.b",): 1, ("c d",): 2}),
        (r'"\u0041" = 1', {("A",): 1}),
        ('a = """\nx = 1\n"""\nb = 2', {("a",): 1, ("b",): 4}),
        ('a = """x\\""""""\nb = 2', {("a",): 1, ("b",): 2}),
        ("a = '''\n[x]\n''''\nb = 2", {("a",): 1, ("b",): 4}),
        ("a = [ # note ]\n \"]\", '[',\n 1 ]\nb = 2", {("a",): 1, ("b",): 4}),
        ("a = { b = 1, c = [2] }\nd = 3", {("a",): 1, ("a", "b"): 1, ("a", "c"): 1, ("d",): 2}),
        ("# x = 1\n[a] # [b]\nc = 1 # d = 2\r\ne = 2", {("a",): 2, ("a", "c"): 3, ("a", "e"): 4}),
        ("[[a]]\nb = 1\n[[a]]\nb = 2", {("a",): 1, ("a", "b"): 2}),
        ("a = 1979-05-27 07:32:00\nb = 2", {("a",): 1, ("b",): 2}),
        ("", {}),
    ],
)
def test_each_key_is_found_at_its_line(text: str, expected: Any) -> None:
    assert lines_of(text) == expected


trees = st.recursive(
    st.text(max_size=6) | st.integers(-9, 9) | st.booleans() | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


def paths(tree: Any, path: Any = ()) -> Any:
    for key, value in tree.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from paths(value, (*path, key))


@given(st.dictionaries(st.text(max_size=5), trees, max_size=4), st.booleans())
def test_every_key_of_any_document_is_found(tree: Any, multiline: Any) -> None:
    text = tomli_w.dumps(tree, multiline_strings=multiline)

    assert set(paths(tree)) <= lines_of(text).keys()


@pytest.mark.parametrize(
    ("text", "line"), [("a = 1\nb = \n", 2), ("a = 1\na = 2", 2), ("\n\na = [1", 3), ("[a", 1)]
)
def test_what_is_no_toml_is_refused_at_its_line(text: str, line: Any) -> None:
    with pytest.raises(ConfigError, match="is not TOML: ") as caught:
        parse(text, "/x.toml")

    assert caught.value.problems[0].line == line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "password = secret",
            (
                "'password = …' is not TOML: invalid value "
                '(write text in quotes, name = "…", and booleans as true or false)'
            ),
        ),
        (
            "[program:web]",
            (
                "'[program:web]' is not TOML: expected ']' at the end of a table declaration "
                "(write [table] or [table.name], where INI has [table:name])"
            ),
        ),
        ("a = 1\na = 2", "'a = …' is not TOML: cannot overwrite a value (keep one of them)"),
        ("a = [1", "'a = …' is not TOML: unclosed array (close the bracket)"),
    ],
)
def test_what_is_no_toml_is_told_as_in_ini_with_the_remedy(text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "/x.toml")

    assert [problem.text for problem in caught.value.problems] == [expected]


def test_control_is_the_native_name_of_the_unix_server() -> None:
    found = parse('\n[control]\nfile = "x"\n', "/x.toml")

    assert found.tree == {"unix_http_server": {"file": "x"}}
    assert found.places["unix_http_server", "file"].line == 3


def test_both_names_of_the_unix_server_are_one_too_many() -> None:
    with pytest.raises(ConfigError, match="keep one of them"):
        parse("[control]\n[unix_http_server]\n", "/x.toml")
