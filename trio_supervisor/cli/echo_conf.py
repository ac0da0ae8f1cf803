"""`echo_supervisord_conf`: print the sample of a supervisord.conf, which has every option."""

from __future__ import annotations

import os
import sys

SAMPLE = "supervisord.conf"
_HERE = os.path.dirname(__file__)
_FOLDERS = (_HERE, os.path.join(_HERE, "..", "..", "conf"))
"""Where it is when the package is installed, and in a working copy."""


def main() -> int:
    """Print it; as the original, whatever the arguments."""
    path = next(found for folder in _FOLDERS if os.path.isfile(found := f"{folder}/{SAMPLE}"))
    with open(path, encoding="utf-8") as sample:
        sys.stdout.write(sample.read())
    return 0
