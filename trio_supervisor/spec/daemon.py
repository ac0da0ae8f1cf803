"""The daemon, its listeners and its client: every section that is not about programs."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from trio_supervisor.spec.types import (
    MEGABYTES_50,
    Boolean,
    EnvFiles,
    Environment,
    Level,
    Logfile,
    Mode,
    Natural,
    Owner,
    Port,
    Size,
    Spec,
    User,
)

_Username = Annotated[
    str | None, Meta(description="The name that clients must give; needs password.")
]
_Password = Annotated[
    str | None,
    Meta(description="The password that clients must give, or {SHA} and its SHA-1 in hex."),
]


class SupervisordSpec(Spec, frozen=True, kw_only=True):
    """``[supervisord]``: the daemon itself."""

    logfile: Annotated[Logfile, Meta(description="The daemon's own log: a file, or syslog.")] = (
        "supervisord.log"
    )
    logfile_maxbytes: Annotated[
        Size, Meta(description="The size at which the daemon's log is rotated; 0 means never.")
    ] = MEGABYTES_50
    logfile_backups: Annotated[
        Natural, Meta(description="How many rotated logs of the daemon to keep.")
    ] = 10
    logfile_compress: Annotated[
        Boolean, Meta(description="Compress rotated logs of the daemon (gzip).")
    ] = False
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
        Boolean,
        Meta(description="Remove ANSI colours and cursor movements from the programs' logs."),
    ] = False
    exit_with: Annotated[
        str | None,
        Meta(
            description="The process (NAME or GROUP:NAME) whose end, when it is not started again, "
            "ends the daemon, with its exit code, 128+n for signal n: the main program of a "
            "container."
        ),
    ] = None
    on_fatal: Annotated[
        Literal["ignore", "shutdown"],
        Meta(
            description="What to do when a process becomes FATAL: ignore, or shutdown: stop "
            "everything and exit with 3."
        ),
    ] = "ignore"
    identifier: Annotated[
        str, Meta(description="The daemon's name, in events and in the names of AUTO logs.")
    ] = "supervisor"
    environment: Annotated[
        Environment,
        Meta(description="Variables for every program, under its own environment."),
    ] = field(default_factory=dict)
    env_file: Annotated[
        EnvFiles,
        Meta(
            description="Files with variables for every program, NAME=value a line, read again "
            "at each start; over environment, and under the env_file and environment of a "
            "program. A ? before the name: it may be missing."
        ),
    ] = ()


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
    username: _Username = None
    password: _Password = None


class InetServerSection(Spec, frozen=True, kw_only=True):
    """``[inet_http_server]`` as a file has it."""

    port: Annotated[
        Port,
        Meta(
            description="The address to listen on: port, host:port, [IPv6]:port, or *:port for "
            "all addresses. Beyond this machine it must have a password: who connects may run "
            "programs."
        ),
    ]
    username: _Username = None
    password: _Password = None


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
