"""XML-RPC on the wire, judged by the standard library's: what is read, refused and written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xmlrpc.client import Fault, dumps, loads

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_supervisor.daemon import xmlrpc
from trio_supervisor.errors import ProtocolError

if TYPE_CHECKING:
    from trio_supervisor.daemon.xmlrpc import Call, Value

IN_XML = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff")
)
"""What XML can hold as it is."""
NAMES = st.from_regex(r"[a-zA-Z._]+", fullmatch=True)
"""What the library writes as the name of a method: it does not escape them."""
INTS = st.integers(-(2**31) + 1, 2**31 - 1)


def values(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Build values of every kind that has a form in XML-RPC."""
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(IN_XML, inner, max_size=4),
        max_leaves=12,
    )


PLAIN = values(IN_XML | INTS | st.booleans() | st.none() | st.floats(-1e9, 1e9))
ANY = values(st.text() | st.binary() | st.integers() | st.booleans() | st.none())


def read(data: bytes, size: int = 1_000_000) -> Call:
    """Read a call that comes in pieces of a size."""
    reader = xmlrpc.CallReader()
    for at in range(0, len(data), size):
        reader.feed(data[at : at + size])
    return reader.close()


@given(method=NAMES, parameters=st.lists(PLAIN, max_size=4), size=st.integers(1, 100))
def test_what_the_library_writes_is_read(method: str, parameters: list[Value], size: int) -> None:
    data = dumps(tuple(parameters), method, allow_none=True).encode()

    call = read(data, size)

    assert call == (method, parameters)


@given(value=PLAIN)
def test_what_is_written_the_library_reads(value: Value) -> None:
    ((found,), _) = loads(xmlrpc.answer(value))

    assert found == value


@given(value=ANY)
def test_every_answer_is_valid_xml(value: Value) -> None:
    assert len(loads(xmlrpc.answer(value))[0]) == 1


@given(number=st.integers(), text=st.text())
def test_every_refusal_is_a_fault(number: int, text: str) -> None:
    with pytest.raises(Fault):
        loads(xmlrpc.refusal(number, text))


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"\x1b[0m", "\\x1b[0m"),
        (b"\xff\xe4", "\\xff\\xe4"),
        (b"a\r\n\tb", "a\r\n\tb"),
        ("\ufffe".encode(), "\\ufffe"),
        ("ä€😀".encode(), "ä€😀"),
        (b"<&>]]>", "<&>]]>"),
        ("\udc80", "\\udc80"),
        (2**40, 2**31 - 1),
    ],
)
def test_what_xml_cannot_hold_is_shown(raw: Value, shown: Value) -> None:
    ((found,), _) = loads(xmlrpc.answer(raw))

    assert found == shown


@given(data=st.binary(max_size=300))
def test_noise_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        read(data)


WORDS = sorted(
    set(re.findall(r"</?[\w.]+>", dumps(([1, True, "a", {"b": 1.5}],), "c")))
    | {"<i8>", "</i8>", "<nil/>", "<base64>", "</base64>", "1", "x", "&amp;", "&b;", "<!--", "-->"}
)


def test_a_call_of_two_methods_is_refused() -> None:
    two = b"<methodName>a</methodName><methodName>b</methodName>"

    with pytest.raises(ProtocolError, match="two methods"):
        read(b"<methodCall>" + two + b"</methodCall>")


@given(words=st.lists(st.sampled_from(WORDS), max_size=20))
def test_a_jumble_of_tags_is_a_call_or_refused(words: list[str]) -> None:
    body = f"<methodCall><methodName>a</methodName>{''.join(words)}</methodCall>"
    try:
        call = read(body.encode())
    except ProtocolError:
        return

    assert call.method == "a"


ENTITIES = """<?xml version="1.0"?><!DOCTYPE bomb [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">
<!ENTITY file SYSTEM "file:///etc/passwd">]>
<methodCall><methodName>&b;&file;</methodName></methodCall>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_before_any_entity(encoding: str) -> None:
    with pytest.raises(ProtocolError, match="document type"):
        read(ENTITIES.replace("?>", f' encoding="{encoding}"?>', 1).encode(encoding))


def test_a_call_in_latin_1_is_read() -> None:
    call = "<methodCall><methodName>ä</methodName></methodCall>"

    assert (
        read(f'<?xml version="1.0" encoding="iso-8859-1"?>{call}'.encode("latin-1")).method == "ä"
    )
