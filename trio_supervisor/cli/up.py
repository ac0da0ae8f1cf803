"""`trio-supervisor up`: the same supervisor in the foreground, every line on the console."""

from __future__ import annotations

import getopt
import os
import sys

from trio_supervisor.cli.supervisord import USAGE_ERROR, configuration, daemon, take_early_signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trio_supervisor.daemon.launch import Launch

USAGE = """\
usage: trio-supervisor up [OPTION ...] [NAME ...]

Run a configuration in the foreground: every line of every process on the console behind its
name, log files as configured, the control socket open for supervisorctl in another terminal.
Ctrl-C stops everything in order; a second one, a second later, kills. Where it runs already,
what is missing is started, output is shown from now on, and Ctrl-C only leaves.

  -c, --configuration FILE   the configuration (default: searched for as supervisord does)
  -d, --detach               in the background: return when the first programs were spawned
  --wait                     so, but return when all is ready; 1 and what is not, if it fails
  --wait-timeout S           wait no longer than that: 30, 1.5, 2m
  --no-deps                  with NAME: start nothing that these depend on
  --abort-on-exit            stop everything as soon as any process ends, with its exit code; a
                             task that ends well is none; not with -d, --wait
  --exit-code-from NAME      so, with the exit code of this process, if it ends by itself
  --timestamps               the time before each line
  --color, --no-color        with colours, or without (default: NO_COLOR, FORCE_COLOR, else
                             colours on a terminal)
  --env-file FILE            variables for all programs, in place of env_file of [supervisord]
  --concurrency web=2,...    how many processes of a type to run; for a Procfile
  NAME                       start only these: programs, groups, processes, or patterns
                             (default: all that have autostart)
"""

LONG_OPTIONS = [
    "configuration=",
    "detach",
    "wait",
    "wait-timeout=",
    "no-deps",
    "abort-on-exit",
    "exit-code-from=",
    "env-file=",
    "concurrency=",
    "timestamps",
    "color",
    "no-color",
    "help",
]
_COLOURS = frozenset({"--color", "--no-color"})
OF_THE_FIRST = (
    "--no-deps",
    "--abort-on-exit",
    "--exit-code-from",
    "--env-file",
    "--concurrency",
)
"""What an `up` that finds another cannot ask for."""
LEAVING = ("-d", "--detach", "--wait", "--wait-timeout")
ENDING = ("--abort-on-exit", "--exit-code-from")
"""What is about the end, which an `up` that leaves does not see."""


def main(arguments: list[str]) -> int:
    """Run in the foreground until everything is down; return the exit code."""
    take_early_signals()
    from trio_supervisor.client.words import complaint
    from trio_supervisor.daemon.launch import report
    from trio_supervisor.errors import SupervisorError

    try:
        pairs, names = getopt.gnu_getopt(arguments, "c:dh", LONG_OPTIONS)
    except getopt.GetoptError as problem:
        report("trio-supervisor up", SupervisorError(complaint(problem, LONG_OPTIONS)))
        return USAGE_ERROR
    given = dict(pairs)
    if asked := [option for option, _ in pairs if option in _COLOURS]:
        given = {option: given[option] for option in given if option not in _COLOURS}
        given[asked[-1]] = ""  # the last one holds
    if "-h" in given or "--help" in given:
        print(USAGE, end="")
        return 0
    try:
        path = configuration(given.get("-c", given.get("--configuration")))
        return _run(path, tuple(names), given)
    except SupervisorError as problem:
        report("trio-supervisor up", problem)
        return USAGE_ERROR


def _run(path: str, names: tuple[str, ...], given: dict[str, str]) -> int:
    """Join the daemon of a configuration, or be it, or start it and leave."""
    from trio_supervisor.cli import joining
    from trio_supervisor.client.words import seconds
    from trio_supervisor.daemon.start import start
    from trio_supervisor.errors import SupervisorError

    limit = given.get("--wait-timeout")
    timeout = None if limit is None else seconds("--wait-timeout", limit)
    is_waiting = "--wait" in given or timeout is not None
    is_detached = _is_detached(given)
    session = joining.find(path)
    if session is None:
        launch = _launch(path, names, given, is_detached=is_detached)
        if not is_detached:
            return start(launch, daemon)
        if code := _start_detached(launch):
            return code
        if (session := joining.find(path)) is None:
            return _gone(path) if is_waiting else 0
        if not is_waiting:
            joining.tell_start(session)
    elif first := [one for one in OF_THE_FIRST if one in given]:
        raise SupervisorError(f"{first[0]}: it runs already (trio-supervisor down stops it)")
    elif not is_detached:
        return joining.join(session, names, given)
    elif not joining.start(session, joining.chosen(session, names)) and not is_waiting:
        session.hint(f"all of it runs already; {joining.how_to_go_on(session)}")
    return joining.wait(session, names, timeout) if is_waiting else 0


def _is_detached(given: dict[str, str]) -> bool:
    """Say whether it is to leave at once, or when all is ready; SupervisorError if it cannot."""
    from trio_supervisor.errors import SupervisorError

    leaving = next((one for one in LEAVING if one in given), "")
    ending = next((one for one in ENDING if one in given), "")
    if leaving and ending:
        raise SupervisorError(
            f"{ending}: with {leaving} nobody is there to see that end, and to exit with its "
            f"code: take out one of them"
        )
    return bool(leaving)


def _launch(
    path: str, names: tuple[str, ...], given: dict[str, str], *, is_detached: bool
) -> Launch:
    from trio_supervisor.daemon.launch import Launch

    return Launch(
        "trio-supervisor up",
        path,
        {"nodaemon": not is_detached},
        os.getcwd(),
        console=not is_detached,
        only=names,
        color=None if _COLOURS.isdisjoint(given) else "--color" in given,
        timestamps="--timestamps" in given,
        env_file=_env_file(given.get("--env-file", "")),
        concurrency=given.get("--concurrency", ""),
        no_deps="--no-deps" in given,
        abort_on_exit="--abort-on-exit" in given or "--exit-code-from" in given,
        exit_code_from=given.get("--exit-code-from", ""),
    )


def _start_detached(launch: Launch) -> int:
    """Start the daemon as supervisord does; return its exit code, 0 when it is there."""
    from trio_supervisor.daemon.guardian import exit_code
    from trio_supervisor.daemon.launch import report
    from trio_supervisor.daemon.start import start
    from trio_supervisor.errors import SupervisorError

    child = os.fork()
    if child == 0:
        try:
            os._exit(start(launch, daemon))
        except SupervisorError as problem:
            report(launch.program, problem)
        os._exit(USAGE_ERROR)
    return exit_code(os.waitpid(child, 0)[1])


def _gone(path: str) -> int:
    print(f"supervisord has ended at once; its log may say why ({path})", file=sys.stderr)
    return 1


def _env_file(path: str) -> str:
    """Return the absolute path of a file that was asked for, and has to be there."""
    from trio_supervisor.errors import SupervisorError

    if path and not os.path.exists(path):
        raise SupervisorError(f"--env-file: there is no {path}")
    return os.path.abspath(path) if path else ""
