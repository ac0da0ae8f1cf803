"""Which file is the configuration: ``-c``, else the first of supervisord's places that exists.

In each place a supervisord.toml is preferred to a supervisord.conf. A Procfile comes last.
"""

from __future__ import annotations

import os

from trio_supervisor.errors import ConfigError, Problem

NAMES = ("supervisord.toml", "supervisord.conf")
PROCFILE = "Procfile"


class _Unplaced(Problem):
    """A problem whose text names the file itself, in the original's words."""

    def __str__(self) -> str:
        return self.text


def find_configuration(given: str | None, executable: str) -> str | None:
    """Give the absolute path of the configuration, or None when no place has one.

    Raise ConfigError when the given one is missing or unreadable.
    """
    if given is None:
        return next((path for path in candidates(executable) if os.path.isfile(path)), None)
    path = os.path.abspath(given)
    if not os.path.exists(path):
        raise ConfigError([_Unplaced(path, None, "", f"could not find config file {path}")])
    if os.path.isdir(path) or not os.access(path, os.R_OK):
        raise ConfigError([_Unplaced(path, None, "", f"could not read config file {path}")])
    return path


def candidates(executable: str) -> tuple[str, ...]:
    """List all paths that are tried, in order, for the executable that was called.

    As supervisord's options.py does: around the executable, around the current directory, /etc;
    then a Procfile in the current directory.
    """
    above = os.path.dirname(os.path.dirname(os.path.abspath(executable)))
    places = (f"{above}/etc", above, ".", "etc", "/etc", "/etc/supervisor")
    files = (*(os.path.join(place, name) for place in places for name in NAMES), PROCFILE)
    return tuple(map(os.path.abspath, files))


def shadowed(path: str) -> str | None:
    """Name the supervisord.conf that a found supervisord.toml beside it hides, if there is one."""
    directory, name = os.path.split(path)
    other = os.path.join(directory, NAMES[1])
    return other if name == NAMES[0] and os.path.exists(other) else None


def missing(tried: tuple[str, ...]) -> ConfigError:
    """Make the error of a search that found nothing."""
    text = (
        f"No config file found at default paths ({', '.join(tried)}); use the -c option to specify "
        "a config file at a different path, or make one from a template: "
        "trio-supervisor configure TEMPLATE"
    )
    return ConfigError([_Unplaced("", None, "", text)])


def sought(executable: str) -> str:
    """Say where a configuration is looked for."""
    *files, procfile = candidates(executable)
    places = ", ".join(dict.fromkeys(map(os.path.dirname, files)))
    return f"{' or '.join(NAMES)} in {places}; {procfile}"
