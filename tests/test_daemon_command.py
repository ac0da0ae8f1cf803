"""Commands: the words that are executed, and why some cannot be."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest
from daemon_fakes import spec_of

from trio_supervisor.daemon.command import arguments_of, spawn_error
from trio_supervisor.errors import Fault, RequestError

if TYPE_CHECKING:
    from pathlib import Path


def refusal(command: str | tuple[str, ...], **options: object) -> tuple[Fault, str]:
    """Return fault and text of a command that cannot be executed."""
    with pytest.raises(RequestError) as found:
        arguments_of(spec_of("web", command=command, **options), {"PATH": "/bin:/usr/bin"})
    return found.value.fault, found.value.detail


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_command_is_split_as_a_shell_would(script: Path) -> None:
    spec = spec_of("web", command=f"{script} 'one two' three")

    assert arguments_of(spec, {}) == [str(script), "one two", "three"]


def test_an_array_is_taken_as_it_is(script: Path) -> None:
    spec = spec_of("web", command=(str(script), "one two", ""))

    assert arguments_of(spec, {}) == [str(script), "one two", ""]


def test_a_bare_name_is_looked_up_on_the_path(script: Path) -> None:
    spec = spec_of("web", command="script x")

    assert arguments_of(spec, {"PATH": f"/nonexistent:{script.parent}"}) == [str(script), "x"]


def test_what_is_not_executable_is_passed_over_on_the_path(script: Path, tmp_path: Path) -> None:
    other = tmp_path / "first"
    other.mkdir()
    (other / "script").write_text("no")
    (tmp_path / "second" / "script").mkdir(parents=True)
    path = f"{other}:{tmp_path / 'second'}:{script.parent}"

    assert arguments_of(spec_of("web", command="script"), {"PATH": path}) == [str(script)]


def test_without_a_path_the_usual_directories_are_searched() -> None:
    assert arguments_of(spec_of("web", command="sh"), {}) == ["/bin/sh"]


def test_there_is_no_such_command() -> None:
    assert refusal("nosuchprogramxyz -v") == (
        Fault.NO_FILE,
        "can't find command 'nosuchprogramxyz'",
    )
    assert refusal("/no/such/file") == (Fault.NO_FILE, "can't find command '/no/such/file'")


def test_a_name_with_a_nul_is_no_command() -> None:
    fault, _ = refusal(("/bin/\0sh",))

    assert fault is Fault.NO_FILE


def test_a_directory_is_no_command(tmp_path: Path) -> None:
    assert refusal(str(tmp_path)) == (
        Fault.NOT_EXECUTABLE,
        f"command at '{tmp_path}' is a directory",
    )


def test_a_file_without_execute_bits_is_no_command(script: Path) -> None:
    script.chmod(0o644)

    assert refusal(str(script)) == (
        Fault.NOT_EXECUTABLE,
        f"command at '{script}' is not executable",
    )


@pytest.mark.skipif(os.getuid() == 0, reason="root may execute whatever anybody may")
def test_a_file_that_only_others_may_execute(script: Path) -> None:
    script.chmod(0o601)

    assert refusal(str(script)) == (
        Fault.NOT_EXECUTABLE,
        f"no permission to run command '{script}'",
    )


def test_an_open_quotation_is_shown_with_its_quotes_escaped() -> None:
    assert refusal('foo "bar') == (
        Fault.NOT_EXECUTABLE,
        'can\'t parse command "foo \\"bar": No closing quotation',
    )


@pytest.mark.parametrize("command", ["", "   ", ()])
def test_an_empty_command(command: str | tuple[str, ...]) -> None:
    assert refusal(command) == (Fault.NOT_EXECUTABLE, "command is empty")


def test_a_directory_that_is_none(script: Path) -> None:
    assert refusal(str(script), directory="/no/such") == (
        Fault.NO_FILE,
        "can't change to directory '/no/such'",
    )


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (OSError(errno.EMFILE, ""), "too many open files to spawn 'web'"),
        (OSError(errno.ENFILE, ""), "too many open files to spawn 'web'"),
        (BlockingIOError(errno.EAGAIN, ""), "Too many processes in process table to spawn 'web'"),
        (OSError(errno.E2BIG, ""), "couldn't exec web: E2BIG"),
        (PermissionError(errno.EACCES, "", "/bin/x"), "couldn't exec /bin/x: EACCES"),
        (
            OSError(errno.ENOEXEC, "", "/bin/x"),
            "couldn't exec /bin/x: ENOEXEC (its first line must name an interpreter)",
        ),
        (OSError("odd"), "couldn't exec web: None"),
        (KeyError("nobody2"), "couldn't setuid: no such user 'nobody2'"),
        (
            RuntimeError("can't start new thread"),
            "no thread to spawn 'web': can't start new thread",
        ),
        (ValueError("embedded null byte"), "couldn't spawn 'web': embedded null byte"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_the_system_refuses_is_said_in_words(problem: Exception, text: str) -> None:
    assert spawn_error(problem, "web") == text
