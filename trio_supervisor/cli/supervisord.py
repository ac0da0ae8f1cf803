"""`supervisord`: the daemon.

Everything else is imported only when the signals are as they should be: importing takes longer
than the first Ctrl-C, or the first `docker stop`.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_supervisor.daemon.launch import Launch
    from trio_supervisor.daemon.start import Handover

USAGE_ERROR = 2
INIT = 1
"""The pid of the first process of a container."""


def take_early_signals() -> None:
    """Let a signal simply end a process that runs nothing yet; as PID 1, let it wait.

    The kernel drops what PID 1 has no handler for, unless it is blocked: then whoever asks for
    signals first, which is the guardian or the daemon, gets it.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if os.getpid() == INIT:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def main(arguments: list[str] | None = None) -> int:
    """Start the daemon, or say what is wrong; return the exit code."""
    take_early_signals()
    from trio_supervisor.cli import flags
    from trio_supervisor.daemon.launch import Launch, report
    from trio_supervisor.daemon.start import start
    from trio_supervisor.errors import SupervisorError

    program = os.path.basename(sys.argv[0])
    try:
        given = flags.parse(sys.argv[1:] if arguments is None else arguments)
        if given.asks_help:
            print(flags.help_text(program))
            return 0
        if given.asks_version:
            from trio_supervisor import __version__

            print(__version__)
            return 0
        launch = Launch(
            program,
            configuration(given.configuration),
            given.overrides,
            os.getcwd(),
            has_guardian=given.has_guardian,
        )
        return start(launch, daemon)
    except SupervisorError as problem:
        report(program, problem)
        return USAGE_ERROR


def configuration(given: str | None) -> str:
    """Return the path of the configuration; ConfigError when there is none."""
    from trio_supervisor.source.search import candidates, find_configuration, missing

    path = find_configuration(given, sys.argv[0])
    if path is None:
        raise missing(candidates(sys.argv[0]))
    return path


def daemon(launch: Launch, source: Handover, guardian: int, say_ready: Callable[[], None]) -> int:
    """Be the daemon: only here, after the fork, come trio and msgspec."""
    from trio_supervisor.daemon import main as daemon_main

    return daemon_main.run(launch, source, guardian, say_ready)
