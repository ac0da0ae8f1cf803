"""Commands as who reads them can type them: found by the shell, and finding the configuration."""

from __future__ import annotations

import os

from trio_supervisor.source.search import find_configuration


def command(name: str, configuration: str, executable: str) -> str:
    """Return what starts one of our executables here, for a configuration.

    ``executable`` is the one that was started, as in ``sys.argv``: the others lie beside it. There
    is a path only where no name would do, ``-c`` only where another file would be found without.
    """
    from shlex import quote

    words = [_path_of(name, executable)]
    if find_configuration(None, executable) != configuration:
        words += ["-c", _shorter(configuration)]
    return " ".join(map(quote, words))


def _path_of(name: str, executable: str) -> str:
    ours = os.path.abspath(os.path.join(os.path.dirname(executable), name))
    candidates = (os.path.join(place, name) for place in os.get_exec_path())
    found = next((path for path in candidates if os.access(path, os.X_OK)), None)
    if not os.path.exists(ours) or (found is not None and os.path.samefile(found, ours)):
        return name
    path = _shorter(ours)
    return path if os.sep in path else os.path.join(".", path)


def _shorter(path: str) -> str:
    return min(os.path.relpath(path), path, key=len)
