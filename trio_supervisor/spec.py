"""What a configuration says, as frozen values: each option once, with type, default and help.

A loaded `ProgramSpec` is *one* process: numbered, expanded, its paths absolute. The same classes
describe the sections of a file (`SECTIONS`), whence the JSON Schema and the table of the manual.
``extra["language"]`` names the converter of `source.values` for an option written as text.
"""

from __future__ import annotations

import signal
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct
from msgspec.structs import fields

from trio_supervisor.source.values import LOG_LEVELS


def _language(name: str, *types: str) -> Meta:
    """Let an option be written as text, too, in TOML as in INI."""
    schema = {"type": [*types, "string"]} if types else {}
    return Meta(extra={"language": name}, extra_json_schema=schema)


Boolean = Annotated[bool, _language("boolean", "boolean")]
Integer = Annotated[int, _language("integer", "integer")]
Natural = Annotated[int, Meta(ge=0), _language("integer", "integer")]
Seconds = Annotated[float, Meta(ge=0), _language("seconds", "number")]
Size = Annotated[int, Meta(ge=0), _language("size", "integer")]
Mode = Annotated[int, Meta(ge=0, le=0o7777), _language("octal", "integer")]
Signal = Annotated[int, Meta(ge=0), _language("signal", "integer")]
ExitCodes = Annotated[
    tuple[Annotated[int, Meta(ge=0, le=255)], ...],
    _language("exit_codes", "array"),
]
Environment = Annotated[dict[str, str], _language("environment", "object")]
User = Annotated[str, _language("user_name", "integer")]
Owner = Annotated[str, _language("owner", "integer")]
Logfile = Annotated[str, _language("logfile")]
Names = Annotated[tuple[str, ...], _language("words", "array")]
Restart = Annotated[
    bool | Literal["unexpected"],
    Meta(extra={"language": "autorestart"}),
]
Level = Annotated[
    str, Meta(extra={"language": "log_level"}, extra_json_schema={"enum": list(LOG_LEVELS)})
]
Port = Annotated[str, _language("text", "integer")]

_MEGABYTES_50 = 50 * 1024**2


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


class ProgramSpec(Spec, frozen=True, kw_only=True):
    """One process of ``[program:x]``."""

    command: Annotated[
        str | tuple[str, ...],
        Meta(
            description="The command to run, without a shell: one string that is split as a shell "
            "would split it, or, in TOML, an array of the program and its arguments."
        ),
    ]
    process_name: Annotated[
        str,
        Meta(
            description="The name of each process; with numprocs above 1 it must hold "
            "%(process_num)d."
        ),
    ] = "%(program_name)s"
    numprocs: Annotated[Integer, Meta(ge=1, description="How many processes to run.")] = 1
    numprocs_start: Annotated[Natural, Meta(description="The number of the first process.")] = 0
    priority: Annotated[
        Integer,
        Meta(
            description="Its place in the order: low numbers start first and stop last. "
            "Nobody waits for another's start."
        ),
    ] = 999
    autostart: Annotated[
        Boolean, Meta(description="Start it with the daemon, or as soon as it is added.")
    ] = True
    startsecs: Annotated[
        Seconds,
        Meta(
            description="How many seconds it must stay up to count as started; "
            "fractions are welcome, 0 means at once."
        ),
    ] = 1.0
    startretries: Annotated[
        Natural,
        Meta(description="How many failed starts in a row to try again before it is FATAL."),
    ] = 3
    autorestart: Annotated[
        Restart,
        Meta(
            description="Start it again after it ended: true, false, or unexpected, which means "
            "only after an exit code that exitcodes does not list, or a signal."
        ),
    ] = "unexpected"
    exitcodes: Annotated[
        ExitCodes, Meta(description="The exit codes that are expected of it, 0 to 255 each.")
    ] = (0,)
    stopsignal: Annotated[
        Signal, Meta(description="The signal that asks it to stop: a name or a number.")
    ] = int(signal.SIGTERM)
    stopwaitsecs: Annotated[
        Seconds,
        Meta(description="How many seconds it may take to stop before it is killed (SIGKILL)."),
    ] = 10.0
    stopasgroup: Annotated[
        Boolean, Meta(description="Send the stop signal to its whole process group.")
    ] = False
    killasgroup: Annotated[
        Boolean | None,
        Meta(description="Kill its whole process group; as stopasgroup unless set."),
    ] = None
    user: Annotated[
        User | None,
        Meta(description="The user it runs as, a name or a number; needs a daemon run by root."),
    ] = None
    redirect_stderr: Annotated[
        Boolean,
        Meta(description="Send what it writes to stderr where its stdout goes."),
    ] = False
    stdout_logfile: Annotated[
        Logfile,
        Meta(
            description="Where its stdout goes: a file, AUTO (a file in childlogdir that is "
            "removed at the next start), NONE, or syslog."
        ),
    ] = "AUTO"
    stdout_logfile_maxbytes: Annotated[
        Size, Meta(description="The size at which the log is rotated; 0 means never.")
    ] = _MEGABYTES_50
    stdout_logfile_backups: Annotated[
        Natural, Meta(description="How many rotated logs to keep.")
    ] = 10
    stdout_capture_maxbytes: Annotated[
        Size,
        Meta(description="How much to keep of what it writes between capture marks; 0 is off."),
    ] = 0
    stdout_events_enabled: Annotated[
        Boolean, Meta(description="Publish an event for what it writes to stdout.")
    ] = False
    stdout_syslog: Annotated[
        Boolean, Meta(description="Send what it writes to stdout to syslog as well.")
    ] = False
    stderr_logfile: Annotated[
        Logfile,
        Meta(description="Where its stderr goes; as stdout_logfile, unless redirect_stderr."),
    ] = "AUTO"
    stderr_logfile_maxbytes: Annotated[
        Size, Meta(description="The size at which the stderr log is rotated; 0 means never.")
    ] = _MEGABYTES_50
    stderr_logfile_backups: Annotated[
        Natural, Meta(description="How many rotated stderr logs to keep.")
    ] = 10
    stderr_capture_maxbytes: Annotated[
        Size, Meta(description="As stdout_capture_maxbytes, for stderr.")
    ] = 0
    stderr_events_enabled: Annotated[
        Boolean, Meta(description="Publish an event for what it writes to stderr.")
    ] = False
    stderr_syslog: Annotated[
        Boolean, Meta(description="Send what it writes to stderr to syslog as well.")
    ] = False
    environment: Annotated[
        Environment,
        Meta(
            description="Variables for its environment, over those of the daemon and of "
            '[supervisord]: a table, or text such as A="1",B="x, y".'
        ),
    ] = {}
    directory: Annotated[
        str | None,
        Meta(description="The directory it runs in; the daemon's base directory unless set."),
    ] = None
    umask: Annotated[
        Mode | None,
        Meta(description='Its umask: octal text such as "022", or, in TOML, a number like 0o022.'),
    ] = None
    serverurl: Annotated[
        str | None,
        Meta(
            description="What it finds in SUPERVISOR_SERVER_URL; AUTO, or nothing, means the "
            "address of the daemon's first server."
        ),
    ] = None


class GroupSpec(Spec, frozen=True, kw_only=True):
    """A group with its processes, sorted by priority and name."""

    name: str
    priority: int = 999
    programs: tuple[ProgramSpec, ...] = ()


class GroupSection(Spec, frozen=True, kw_only=True):
    """``[group:x]`` as a file has it."""

    programs: Annotated[
        Names,
        Meta(description="The programs that belong to the group; they lose their own groups."),
    ] = ()
    priority: Annotated[
        Integer, Meta(description="Its place in the order: low numbers start first, stop last.")
    ] = 999


class SupervisordSpec(Spec, frozen=True, kw_only=True):
    """``[supervisord]``: the daemon itself."""

    logfile: Annotated[Logfile, Meta(description="The daemon's own log: a file, or syslog.")] = (
        "supervisord.log"
    )
    logfile_maxbytes: Annotated[
        Size, Meta(description="The size at which the daemon's log is rotated; 0 means never.")
    ] = _MEGABYTES_50
    logfile_backups: Annotated[
        Natural, Meta(description="How many rotated logs of the daemon to keep.")
    ] = 10
    loglevel: Annotated[
        Level, Meta(description="How much the daemon's log says, from critical to blather.")
    ] = "info"
    pidfile: Annotated[
        str, Meta(description="The file that holds the daemon's pid while it runs.")
    ] = "supervisord.pid"
    umask: Annotated[
        Mode,
        Meta(description='The daemon\'s umask, which programs inherit: text such as "022".'),
    ] = 0o022
    directory: Annotated[
        str | None,
        Meta(
            description="The base of relative paths and the working directory of programs; "
            "the directory supervisord was started in unless set."
        ),
    ] = None
    nodaemon: Annotated[
        Boolean, Meta(description="Stay in the foreground and show the log on stdout.")
    ] = False
    silent: Annotated[
        Boolean, Meta(description="Show no log on stdout when in the foreground.")
    ] = False
    user: Annotated[
        User | None, Meta(description="The user the daemon becomes when it is started by root.")
    ] = None
    minfds: Annotated[
        Natural, Meta(description="How many open files the daemon must be allowed to have.")
    ] = 1024
    minprocs: Annotated[
        Natural, Meta(description="How many processes the daemon must be allowed to have.")
    ] = 200
    nocleanup: Annotated[Boolean, Meta(description="Keep the AUTO logs of the run before.")] = False
    childlogdir: Annotated[
        str | None,
        Meta(description="The directory of AUTO logs; the temporary directory unless set."),
    ] = None
    strip_ansi: Annotated[
        Boolean, Meta(description="Remove ANSI colours and cursor movements from logs.")
    ] = False
    identifier: Annotated[
        str, Meta(description="The daemon's name, in events and in the names of AUTO logs.")
    ] = "supervisor"
    environment: Annotated[
        Environment,
        Meta(description="Variables for every program, under its own environment."),
    ] = {}


class UnixServerSpec(Spec, frozen=True, kw_only=True):
    """``[unix_http_server]``, in TOML also ``[control]``: the control socket."""

    file: Annotated[str, Meta(description="The path of the socket.")]
    chmod: Annotated[
        Mode, Meta(description='The socket\'s mode, octal: who may control the daemon ("0700").')
    ] = 0o700
    chown: Annotated[
        Owner | None,
        Meta(description="The socket's owner as user or user:group; unchanged unless set."),
    ] = None
    username: Annotated[
        str | None, Meta(description="The name that clients must give; needs password.")
    ] = None
    password: Annotated[
        str | None,
        Meta(description="The password that clients must give, or {SHA} and its SHA-1 in hex."),
    ] = None


class InetServerSection(Spec, frozen=True, kw_only=True):
    """``[inet_http_server]`` as a file has it."""

    port: Annotated[
        Port,
        Meta(
            description="The address to listen on: port, host:port, [IPv6]:port, or *:port for "
            "all addresses. Give it a password: who connects may run programs."
        ),
    ]
    username: Annotated[
        str | None, Meta(description="The name that clients must give; needs password.")
    ] = None
    password: Annotated[
        str | None,
        Meta(description="The password that clients must give, or {SHA} and its SHA-1 in hex."),
    ] = None


class InetServerSpec(Spec, frozen=True, kw_only=True):
    """A TCP listener; no host ("") means all addresses."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None


class SupervisorctlSpec(Spec, frozen=True, kw_only=True):
    """``[supervisorctl]``: what the client uses."""

    serverurl: Annotated[
        str | None,
        Meta(
            description="The daemon's address, unix:///path or http://host:port; that of the "
            "file's own server unless set."
        ),
    ] = None
    username: Annotated[str | None, Meta(description="The name to give to the daemon.")] = None
    password: Annotated[str | None, Meta(description="The password to give to the daemon.")] = None
    prompt: Annotated[
        str, Meta(description="What the shell shows before a command, without its >.")
    ] = "supervisor"
    history_file: Annotated[
        str | None, Meta(description="The file in which the shell keeps its history.")
    ] = None


class IncludeSection(Spec, frozen=True, kw_only=True):
    """``[include]``: more files of either dialect."""

    files: Annotated[
        str | tuple[str, ...],
        Meta(
            description="Patterns of files to read as well, separated by spaces, relative to "
            "this file; later ones override earlier ones, option by option."
        ),
    ]


class Configuration(Spec, frozen=True, kw_only=True):
    """All that a configuration says, ready to be carried out."""

    path: str
    base: str
    supervisord: SupervisordSpec
    unix_servers: tuple[UnixServerSpec, ...] = ()
    inet_servers: tuple[InetServerSpec, ...] = ()
    supervisorctl: SupervisorctlSpec
    groups: tuple[GroupSpec, ...] = ()
    warnings: tuple[str, ...] = ()
    included: tuple[str, ...] = ()


SECTIONS: dict[str, Any] = {
    "supervisord": SupervisordSpec,
    "unix_http_server": UnixServerSpec,
    "inet_http_server": InetServerSection,
    "supervisorctl": SupervisorctlSpec,
    "program": ProgramSpec,
    "group": GroupSection,
    "include": IncludeSection,
}
"""The class that describes the options of each section of a file."""
