"""`echo_supervisord_conf`: print the sample of a supervisord.conf, which has every option."""

from __future__ import annotations

import os
import sys

SAMPLE = "supervisord.conf"
_HERE = os.path.dirname(__file__)
_FOLDERS = (_HERE, os.path.join(_HERE, "..", "..", "conf"))
"""Where it is when the package is installed, and in a working copy."""


def main() -> int:
    """Print it; as the original, whatever the arguments. Return 1 if it could not be written."""
    path = next(found for folder in _FOLDERS if os.path.isfile(found := f"{folder}/{SAMPLE}"))
    with open(path, encoding="utf-8") as sample:
        text = sample.read()
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as problem:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is not flushed
        if isinstance(problem, BrokenPipeError):
            return 0  # whoever reads has read enough
        print(f"echo_supervisord_conf: cannot write: {problem.strerror}", file=sys.stderr)
        return 1
    return 0
