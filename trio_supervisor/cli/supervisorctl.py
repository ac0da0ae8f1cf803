"""`supervisorctl`: the control client. Its start-up time is a feature: mind what is imported."""

from __future__ import annotations

import gc
import os
import sys
from io import TextIOWrapper

from trio_supervisor.errors import SupervisorError

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as of a shell."""


def run() -> None:
    """Be the executable: no garbage is collected and nothing torn down in so short a life."""
    gc.disable()
    exit_code = main()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(exit_code)


def main(arguments: list[str] | None = None, also: tuple[str, ...] = ()) -> int:
    """Run one command, or the shell; return the exit code.

    ``also`` are commands of the launcher, for who has mistyped one of them.
    """
    _never_fail_to_print()
    try:
        exit_code = _run(sys.argv[1:] if arguments is None else arguments, also)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # whoever read our output has seen enough; nothing may be written at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return exit_code


def _run(arguments: list[str], also: tuple[str, ...]) -> int:
    from trio_supervisor.client import commands, options, session

    try:
        given = options.parse(arguments)
        if given.help:
            print(options.USAGE)
            return 0
        address, configuration = options.find_address(given, sys.argv[0])
    except SupervisorError as error:
        print(f"Error: {error}\nFor help, use {sys.argv[0]} -h", file=sys.stderr)
        return 2
    load(given.words)
    opened = session.Session(
        address,
        configuration=configuration,
        is_interactive=given.interactive or not given.words,
        is_lost=configuration is None and given.serverurl is None,
        also=also,
    )
    if given.words:
        commands.run_words(opened, list(given.words))
        return opened.exit_code
    from trio_supervisor.client.shell import run_shell

    run_shell(opened)
    return 0


def load(words: tuple[str, ...]) -> None:
    """Import what holds a command; most that are typed are about processes, and come alone."""
    from trio_supervisor.client import commands, processes  # noqa: F401  # the commands

    if commands.parse(" ".join(words))[0] not in commands.COMMANDS:
        from trio_supervisor.client import table  # noqa: F401  # all of them


def _never_fail_to_print() -> None:
    """Escape what the encoding of the terminal cannot say."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
