"""What a program is: ``[program:x]``."""

from __future__ import annotations

import signal
from typing import Annotated, Literal

from msgspec import Meta, field
from msgspec.structs import asdict

from trio_supervisor.lifecycle import Backoff, RestartPolicy
from trio_supervisor.spec.health import Health, Ready
from trio_supervisor.spec.order import Dependency
from trio_supervisor.spec.restart import BackoffSpec
from trio_supervisor.spec.types import (
    DERIVED,
    MEGABYTES_50,
    Boolean,
    EnvFiles,
    Environment,
    ExitCodes,
    Integer,
    Logfile,
    Mode,
    Natural,
    Restart,
    Seconds,
    Signal,
    Size,
    Spec,
    User,
)


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
    numprocs: Annotated[
        Integer, Meta(ge=1, le=10_000, description="How many processes to run.")
    ] = 1
    numprocs_start: Annotated[Natural, Meta(description="The number of the first process.")] = 0
    type: Annotated[
        Literal["program", "task"],
        Meta(
            description="task is for what does its work and ends, such as a migration: it counts "
            "as started at once, and is not started again unless autorestart is set."
        ),
    ] = "program"
    depends_on: Annotated[
        dict[str, Dependency],
        Meta(
            description="What must be up before it starts, and goes down after it: names of "
            "programs or groups, or a table with a condition, required and restart for each.",
            extra={"language": "dependencies"},
        ),
    ] = field(default_factory=dict)
    ready: Annotated[
        Ready | None,
        Meta(
            description="When it is ready: a table with one of http, tcp, unix, exec, log, notify "
            "and delay, an interval and a timeout, after which the start has failed.",
            extra={"language": "table"},
        ),
    ] = None
    health: Annotated[
        Health | None,
        Meta(
            description="Whether it still does its work: a table with one of http, tcp, unix, exec "
            "and notify, how often to ask, and what to do when it does not.",
            extra={"language": "table"},
        ),
    ] = None
    priority: Annotated[
        Integer,
        Meta(
            description="Its place in the order: low numbers start first and stop last. "
            "Nobody waits for another's start; see depends_on."
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
    backoff: Annotated[
        BackoffSpec | None,
        Meta(
            description="How long it waits before it is started again after failures, crashes too: "
            "a table of base, factor, max, jitter and reset_after. Unless set, the n-th failed "
            "start waits n seconds, and a crash none.",
            extra={"language": "table"},
        ),
    ] = None
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
        Boolean,
        Meta(
            description="Accepted for compatibility: the stop signal goes to its whole tree in any "
            "case."
        ),
    ] = False
    killasgroup: Annotated[
        Boolean | None,
        Meta(description="Accepted for compatibility: its whole tree is killed in any case."),
    ] = None
    leave_behind: Annotated[
        Boolean,
        Meta(
            description="Let live what it leaves when it ends by itself: for programs that put "
            "themselves into the background. What is left stops with the program."
        ),
    ] = False
    user: Annotated[
        User | None,
        Meta(description="The user it runs as, a name or a number; needs a daemon run by root."),
    ] = None
    tty: Annotated[
        Boolean,
        Meta(
            description="Run it on a terminal of its own: it shows colours and prompts, stdout and "
            "stderr are one, and attach gives it the keyboard."
        ),
    ] = False
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
    ] = MEGABYTES_50
    stdout_logfile_backups: Annotated[
        Natural, Meta(description="How many rotated logs to keep.")
    ] = 10
    stdout_logfile_compress: Annotated[
        Boolean, Meta(description="Compress rotated logs (gzip); their names end in .gz.")
    ] = False
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
    ] = MEGABYTES_50
    stderr_logfile_backups: Annotated[
        Natural, Meta(description="How many rotated stderr logs to keep.")
    ] = 10
    stderr_logfile_compress: Annotated[
        Boolean, Meta(description="Compress rotated stderr logs (gzip).")
    ] = False
    stderr_capture_maxbytes: Annotated[
        Size, Meta(description="As stdout_capture_maxbytes, for stderr.")
    ] = 0
    stderr_events_enabled: Annotated[
        Boolean, Meta(description="Publish an event for what it writes to stderr.")
    ] = False
    stderr_syslog: Annotated[
        Boolean, Meta(description="Send what it writes to stderr to syslog as well.")
    ] = False
    log_format: Annotated[
        Literal["raw", "prefixed", "json"],
        Meta(
            description="How its log files have what it writes: raw, as it is; prefixed, time and "
            "name before each line; json, one object a line with time, group, name, channel and "
            "text."
        ),
    ] = "raw"
    strip_ansi: Annotated[
        Boolean,
        Meta(
            description="Remove ANSI colours and cursor movements from its logs; as in "
            "[supervisord] unless set."
        ),
    ] = False
    environment: Annotated[
        Environment,
        Meta(
            description="Variables for its environment, over those of the daemon and of "
            '[supervisord]: a table, or text such as A="1",B="x, y".'
        ),
    ] = field(default_factory=dict)
    program: Annotated[
        str,
        Meta(description="The name that means all of its processes.", extra={DERIVED: True}),
    ] = ""
    chosen: Annotated[
        bool | None,
        Meta(
            description="Whether the names that `up` was given mean it; unset without names.",
            extra={DERIVED: True},
        ),
    ] = None
    own_environment: Annotated[
        tuple[str, ...],
        Meta(
            description="Which of its variables beat those of its env_file.",
            extra={DERIVED: True},
        ),
    ] = ()
    env_file: Annotated[
        EnvFiles,
        Meta(
            description="Files with more variables, NAME=value a line, read again at each start. "
            "They are over those of [supervisord], and under its own environment. A ? before the "
            "name: it may be missing."
        ),
    ] = ()
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

    @property
    def is_task(self) -> bool:
        """Whether it is there to do its work and end."""
        return self.type == "task"

    @property
    def starts_by_itself(self) -> bool:
        """Whether it is started with its group: if it was chosen, else as its autostart says."""
        return self.autostart if self.chosen is None else self.chosen

    @property
    def restart_policy(self) -> RestartPolicy:
        """When it is started again, and when it is given up."""
        given = self.backoff
        backoff = None if given is None else Backoff(**asdict(given))
        codes = frozenset(self.exitcodes)
        return RestartPolicy(self.autorestart, codes, self.startretries, backoff, self.is_task)
