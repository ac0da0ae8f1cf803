"""Where the daemon of a configuration listens, and what it leaves behind so that it is found.

The runtime directory holds, under a hash of the configuration's path: the lock, the socket of
a configuration that names none, and the control address, which spares `supervisorctl` the
reading of the configuration. Import nothing here that costs time.
"""

from __future__ import annotations

import os
import stat

from trio_supervisor.errors import SupervisorError
from trio_supervisor.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from trio_supervisor.source.tree import Source

_PRIVATE = 0o700


class Address(Record):
    """How to reach a daemon: ``unix:///path`` or ``http://host:port``, and who is asking."""

    HIDDEN = frozenset({"password"})

    serverurl: str
    username: str = ""
    password: str = ""
    prompt: str = "supervisor"
    history_file: str = ""


def runtime_directory() -> str:
    """Name the private directory of this user; `ensure_runtime_directory` makes it."""
    given = os.environ.get("XDG_RUNTIME_DIR")
    if given:
        return os.path.join(os.path.abspath(given), "trio-supervisor")
    return _without_session(os.getuid())


def _without_session(uid: int) -> str:
    """Name the directory of a user who has no session, or has left it by becoming this one."""
    temporary = os.path.abspath(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108
    return os.path.join(temporary, f"trio-supervisor-{uid}")


def ensure_runtime_directory() -> str:
    """Make the directory if needed; raise SupervisorError unless it is ours alone."""
    path = runtime_directory()
    try:
        os.mkdir(path, _PRIVATE)
    except FileExistsError:
        pass  # looked at below
    except OSError as error:
        raise SupervisorError(
            f"{path}: cannot be made: {error.strerror} "
            "(set XDG_RUNTIME_DIR to a directory that you can write to)"
        ) from None
    check_runtime_directory(path)
    return path


def check_runtime_directory(path: str) -> None:
    """Raise SupervisorError unless a runtime directory, which must exist, is ours alone."""
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode):
        raise SupervisorError(f"{path}: is not a directory (remove it)")
    if found.st_uid != os.getuid():
        raise SupervisorError(
            f"{path}: belongs to user {found.st_uid} "
            "(remove it, or set XDG_RUNTIME_DIR to a directory of yours)"
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise SupervisorError(f"{path}: is open to other users (chmod 700 {path})")


def identity(configuration_path: str) -> str:
    """Name a configuration by a short hash of its resolved path."""
    from _blake2 import blake2b  # hashlib would load OpenSSL

    digest: str = blake2b(
        os.fsencode(os.path.realpath(configuration_path)), digest_size=8
    ).hexdigest()
    return digest


def lock_path(configuration: str) -> str:
    return _named(configuration, "lock")


def state_path(configuration: str) -> str:
    return _named(configuration, "state")


def address_path(configuration: str) -> str:
    return _named(configuration, "address")


def default_socket_path(configuration: str) -> str:
    return _named(configuration, "sock")


def _named(configuration: str, suffix: str) -> str:
    return os.path.join(runtime_directory(), _name(configuration, suffix))


def _name(configuration: str, suffix: str) -> str:
    return f"{identity(configuration)}.{suffix}"


def read_address(path: str) -> Address | None:
    """Read what a daemon left; None when there is nothing, or nothing of this version."""
    try:
        with open(path, encoding="utf-8") as file:  # pathlib costs time
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    return Address(*lines) if len(lines) == len(Address.FIELDS) else None


def write_address(path: str, address: Address) -> None:
    """Leave an address, one field a line, readable by the owner only; atomic."""
    values = [getattr(address, field) for field in Address.FIELDS]
    if any("\n" in value or "\r" in value for value in values):
        raise SupervisorError("the control address holds a line break (remove it)")
    temporary = f"{path}.{os.getpid()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:  # a descriptor
            file.write("".join(f"{value}\n" for value in values))
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise


def address_of(source: Source) -> Address:
    """Find the address in a configuration, for a client to which no daemon has left one.

    [supervisorctl] serverurl, else the first [unix_http_server], else the first
    [inet_http_server], else the socket in the runtime directory of the daemon, which is that of
    [supervisord] user. A server's own username and password are used when [supervisorctl] has
    no serverurl.
    """
    control = _table(source.tree.get("supervisorctl"))
    unix = _first_server(source, "unix_http_server", "file")
    inet = _first_server(source, "inet_http_server", "port")
    server: dict[str, Any] = {}
    if "serverurl" in control:
        url = _resolved(source, str(control["serverurl"]))
    elif unix:
        url, server = f"unix://{_absolute(source, str(unix['file']))}", unix
    elif inet:
        url, server = _inet_url(str(inet["port"])), inet
    else:
        url = f"unix://{_default_socket(source)}"
    login = control if "username" in control else server
    history = str(control.get("history_file", ""))
    return Address(
        url,
        str(login.get("username", "")),
        str(login.get("password", "")),
        str(control.get("prompt", "supervisor")),
        os.path.abspath(os.path.expanduser(history)) if history else "",
    )


def base_of(source: Source) -> str:
    """Give the base of relative paths: [supervisord] directory, else the current directory."""
    directory = _table(source.tree.get("supervisord")).get("directory")
    if not isinstance(directory, str):
        return os.getcwd()
    return os.path.abspath(os.path.expanduser(directory))


def _default_socket(source: Source) -> str:
    """Find the socket of a daemon that has become the user of its configuration, if it has one."""
    user = _table(source.tree.get("supervisord")).get("user")
    if user is None:
        return default_socket_path(source.path)
    import pwd

    name = str(user)
    try:
        entry = pwd.getpwuid(int(name)) if name.isdecimal() else pwd.getpwnam(name)
    except (KeyError, OverflowError):
        return default_socket_path(source.path)  # supervisord reports it; it cannot have started
    return os.path.join(_without_session(entry.pw_uid), _name(source.path, "sock"))


def _absolute(source: Source, path: str) -> str:
    return os.path.abspath(os.path.join(base_of(source), os.path.expanduser(path)))


def _resolved(source: Source, url: str) -> str:
    """Make the path of a socket absolute."""
    if not url.startswith("unix://"):
        return url
    return f"unix://{_absolute(source, url.removeprefix('unix://'))}"


def _inet_url(port: str) -> str:
    from trio_supervisor.source.values import inet_address

    try:
        host, number = inet_address(port)
    except ValueError as error:
        raise SupervisorError(f"inet_http_server.port: {error}") from None
    shown = f"[{host}]" if ":" in host else host or "localhost"
    return f"http://{shown}:{number}"


def _first_server(source: Source, section: str, needed: str) -> dict[str, Any]:
    table = _table(source.tree.get(section))
    tables = [table, *(value for value in table.values() if isinstance(value, dict))]
    return next((one for one in tables if needed in one), {})


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
