"""XML-RPC on the wire: the bytes of a call to plain values, and plain values to an answer.

No I/O. A call may hold no document type, so that there are no entities to expand, and only as
many elements as a person's call could have. Whatever is written is valid XML.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, NamedTuple
from xml.parsers import expat

from trio_supervisor.errors import ProtocolError

if TYPE_CHECKING:
    from typing import NoReturn

    Value = bool | int | float | str | bytes | None | list["Value"] | dict[str, "Value"]

MOST_ELEMENTS = 20_000
DEEPEST = 32
"""Bounds of a call: so much is read in a few milliseconds."""
LARGEST_INT = 2**31 - 1

_HEAD = '<?xml version="1.0"?>\n<methodResponse>'
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to write (its production 2: Char)."""


class Call(NamedTuple):
    """What a client asks for; an empty ``method`` when it names none."""

    method: str
    parameters: list[Value]


class _Element:
    """A tag with what stands in it."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.parts: list[str] = []
        self.children: list[_Element] = []

    @property
    def text(self) -> str:
        return "".join(self.parts)


class CallReader:
    """Reads one call as its bytes arrive; ProtocolError for what is none."""

    def __init__(self) -> None:
        self._open = [_Element("")]
        self._count = 0
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._add
        self._parser.StartDoctypeDeclHandler = _refuse_document_type

    def feed(self, data: bytes, *, is_last: bool = False) -> None:
        """Take some more bytes."""
        try:
            self._parser.Parse(data, is_last)
        except (expat.ExpatError, LookupError, ValueError) as problem:  # the latter: encodings
            raise ProtocolError(f"the body is no XML: {problem}") from problem

    def close(self) -> Call:
        """Return the call, when all bytes were given."""
        self.feed(b"", is_last=True)
        call = _child(self._open[0], "methodCall")
        method, parameters = None, []
        for element in call.children:
            if element.tag == "methodName":
                if method is not None:
                    raise ProtocolError("the call names two methods")
                method = element.text.strip()
            elif element.tag == "params":
                parameters = [_value(_child(one, "value")) for one in element.children]
        return Call(method or "", parameters)

    def _begin(self, tag: str, _attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MOST_ELEMENTS or len(self._open) > DEEPEST:
            raise ProtocolError(
                f"the call has more than {MOST_ELEMENTS} elements, or {DEEPEST} in one another"
            )
        element = _Element(tag)
        self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, _tag: str) -> None:
        self._open.pop()

    def _add(self, text: str) -> None:
        self._open[-1].parts.append(text)


def _refuse_document_type(*_: object) -> NoReturn:
    raise ProtocolError("a call may have no document type")


def _child(element: _Element, tag: str) -> _Element:
    """Return the one child that must be there."""
    if [child.tag for child in element.children] != [tag]:
        raise ProtocolError(f"<{element.tag}> must hold one <{tag}>")
    return element.children[0]


def _value(element: _Element) -> Value:
    if not element.children:
        return element.text  # a value without a type is a string
    if len(element.children) > 1 or element.tag != "value":
        raise ProtocolError(f"<{element.tag}> must hold one value")
    typed = element.children[0]
    match typed.tag:
        case "array":
            return [_value(one) for one in _child(typed, "data").children]
        case "struct":
            return dict(map(_member, typed.children))
        case "string" | "dateTime.iso8601":
            return typed.text
        case "nil":
            return None
        case _:
            return _scalar(typed.tag, typed.text.strip())


def _scalar(tag: str, text: str) -> Value:
    try:
        match tag:
            case "int" | "i4" | "i8" if _INTEGER.fullmatch(text):
                return int(text)
            case "boolean" if text in {"0", "1"}:
                return text == "1"
            case "double":
                return float(text)
            case "base64":
                return base64.b64decode(text)
            case _:
                pass
    except ValueError:
        pass
    raise ProtocolError(f"{text[:40]!r} is no <{tag}>")


def _member(element: _Element) -> tuple[str, Value]:
    if [child.tag for child in element.children] != ["name", "value"]:
        raise ProtocolError("<member> must hold <name> and <value>")
    return element.children[0].text, _value(element.children[1])


# ── answers ──


def answer(value: Value) -> bytes:
    """Return the document that answers a call."""
    return f"{_HEAD}<params><param>{to_xml(value)}</param></params></methodResponse>\n".encode()


def refusal(number: int, text: str) -> bytes:
    """Return the document that refuses a call."""
    fault = to_xml({"faultCode": number, "faultString": text})
    return f"{_HEAD}<fault>{fault}</fault></methodResponse>\n".encode()


def to_xml(value: Value) -> str:
    """Return a value as an element; what XML cannot hold is escaped as in Python."""
    match value:
        case bool():
            inner = f"<boolean>{value:d}</boolean>"
        case int():
            inner = f"<int>{max(-LARGEST_INT, min(value, LARGEST_INT))}</int>"
        case float():
            inner = f"<double>{value!r}</double>"
        case str():
            inner = f"<string>{_escaped(value)}</string>"
        case bytes():
            inner = f"<string>{_escaped(value.decode(errors='backslashreplace'))}</string>"
        case list():
            inner = f"<array><data>{''.join(map(to_xml, value))}</data></array>"
        case dict():
            inner = f"<struct>{''.join(_to_member(*pair) for pair in value.items())}</struct>"
        case _:
            inner = "<nil/>"
    return f"<value>{inner}</value>"


def _to_member(name: str, value: Value) -> str:
    return f"<member><name>{_escaped(name)}</name>{to_xml(value)}</member>"


def _escaped(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = text.replace("\r", "&#13;")  # a bare one would be read as a line break
    return _NO_XML.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
