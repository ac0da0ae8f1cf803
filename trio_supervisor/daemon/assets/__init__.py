"""What the page needs beside itself: style, script and icon, each under a name with its hash.

The name changes with the content, so that a browser may keep it for ever.
"""

from __future__ import annotations

import hashlib
import os
from typing import NamedTuple

KINDS = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "page.svg": "image/svg+xml",
}


class Asset(NamedTuple):
    """A file and its media type."""

    body: bytes
    kind: str


def _read(file: str) -> bytes:
    with open(os.path.join(os.path.dirname(__file__), file), "rb") as opened:
        return opened.read()


def _name(file: str, body: bytes) -> str:
    stem, _, suffix = file.partition(".")
    return f"{stem}-{hashlib.sha256(body).hexdigest()[:12]}.{suffix}"


_FILES = {file: Asset(_read(file), kind) for file, kind in KINDS.items()}
NAMES = {file: _name(file, asset.body) for file, asset in _FILES.items()}
"""The names under which the files are served."""
ASSETS = {NAMES[file]: asset for file, asset in _FILES.items()}
"""The files by those names."""
