"""Write a configuration as TOML: whole or not at all, and only when it differs."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import tomli_w

_READABLE = 0o644


def write_toml(path: str, document: dict[str, Any], comment: str) -> bool:
    """Write a document under a comment; say whether the file had to be written.

    Atomic: whoever reads sees the old file or the new one. A symbolic link is followed, an
    existing file keeps its mode. Raise OSError when the directory refuses.
    """
    target = Path(os.path.realpath(path))
    heading = "".join(f"# {line}".rstrip() + "\n" for line in comment.splitlines())
    content = f"{heading}\n{tomli_w.dumps(document)}".encode()
    if target.is_file() and target.read_bytes() == content:
        return False
    mode = target.stat().st_mode & 0o7777 if target.exists() else _READABLE
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)  # there only if something failed
    return True
