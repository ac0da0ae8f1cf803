"""The kinds of values that options have, and the class that all specs are.

``extra["language"]`` of a type names the converter of `source.values` for an option that is
written as text, which INI always does and TOML may.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct
from msgspec.structs import fields


def _language(name: str) -> Meta:
    """Let an option be written as text, too, in TOML as in INI."""
    return Meta(extra={"language": name})


Boolean = Annotated[bool, _language("boolean")]
Integer = Annotated[int, _language("integer")]
Natural = Annotated[int, Meta(ge=0), _language("integer")]
Backlog = Annotated[int, Meta(ge=1, le=65535), _language("integer")]
Seconds = Annotated[float, Meta(ge=0), _language("seconds")]
Size = Annotated[int, Meta(ge=0), _language("size")]
Mode = Annotated[int, Meta(ge=0, le=0o7777), _language("octal")]
Signal = Annotated[int, Meta(ge=0), _language("signal")]
ExitCodes = Annotated[tuple[Annotated[int, Meta(ge=0, le=255)], ...], _language("exit_codes")]
Environment = Annotated[dict[str, str], _language("environment")]
User = Annotated[str, _language("user_name")]
Owner = Annotated[str, _language("owner")]
Logfile = Annotated[str, _language("logfile")]
EnvFiles = Annotated[tuple[str, ...], _language("words")]
Names = Annotated[tuple[str, ...], _language("words")]
Restart = Annotated[bool | Literal["unexpected"], _language("autorestart")]
Level = Annotated[
    Literal["critical", "error", "warn", "info", "debug", "trace", "blather"],
    _language("log_level"),
]
Port = Annotated[str, _language("text")]

MEGABYTES_50 = 50 * 1024**2

DERIVED = "derived"
"""Of a field that no file has: it is made of others."""


class Spec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value with options for fields; its repr shows no secrets."""

    secrets: ClassVar[frozenset[str]] = frozenset({"environment", "password"})

    def __repr__(self) -> str:
        shown = (
            f"{field.name}=<hidden>"
            if field.name in self.secrets and getattr(self, field.name)
            else f"{field.name}={getattr(self, field.name)!r}"
            for field in fields(self)
        )
        return f"{type(self).__name__}({', '.join(shown)})"
