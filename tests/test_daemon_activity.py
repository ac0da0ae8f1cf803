"""The activity log: format and levels of supervisord's."""

from __future__ import annotations

import logging
import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import convert

from trio_supervisor.daemon.activity import LEVELS, ActivityLog
from trio_supervisor.errors import SupervisorError
from trio_supervisor.spec import SupervisordSpec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger("trio_supervisor.daemon.somewhere")


class Lines:
    """A sink that keeps its text."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, data: bytes | memoryview) -> None:
        """Keep it."""
        self.text += bytes(data).decode()


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Leave the loggers as they were."""
    root = logging.getLogger("trio_supervisor")
    state = list(root.handlers), root.level, root.propagate
    yield
    root.handlers[:], root.level, root.propagate = state


def spec_of(path: Path, level: str = "info", **options: Any) -> SupervisordSpec:
    """Say where the log goes, and how much of it."""
    return convert(
        {"logfile": str(path), "loglevel": level, "nodaemon": False, **options}, SupervisordSpec
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a log file."""
    return tmp_path / "supervisord.log"


def test_a_line_has_time_level_and_text(path: Path) -> None:
    with closing(ActivityLog(spec_of(path))):
        log.info("spawned: '%s' with pid %d", "cat", 9443)

    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO spawned: 'cat' with pid 9443\n",
        path.read_text(),
    )


def test_levels_have_the_codes_of_supervisord(path: Path) -> None:
    with closing(ActivityLog(spec_of(path, "blather"))):
        for level in LEVELS.values():
            log.log(level, "x")
        log.log(logging.INFO + 1, "x")

    codes = [line.split()[2] for line in path.read_text().splitlines()]
    assert codes == ["CRIT", "ERRO", "WARN", "INFO", "DEBG", "TRAC", "BLAT", "Leve"]


def test_what_is_below_the_level_is_left_out(path: Path) -> None:
    with closing(ActivityLog(spec_of(path, "warn"))):
        log.info("no")
        log.warning("yes")

    assert path.read_text().endswith(" WARN yes\n")
    assert len(path.read_text().splitlines()) == 1


def test_a_fault_of_ours_comes_with_its_traceback(path: Path) -> None:
    with closing(ActivityLog(spec_of(path))):
        try:
            raise ValueError("the reason")
        except ValueError:
            log.exception("web: supervision failed")

    first, *rest = path.read_text().splitlines()
    assert first.endswith("ERRO web: supervision failed")
    assert rest[0].startswith("Traceback")
    assert rest[-1] == "ValueError: the reason"


def test_adopting_goes_on_in_another_file_at_another_level(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.log"
    with closing(ActivityLog(spec_of(path))) as activity:
        activity.adopt(spec_of(other, "debug"))

        log.debug("x")

    assert path.read_text() == ""
    assert other.read_text().endswith(" DEBG x\n")


def test_what_cannot_be_adopted_leaves_the_log_as_it_was(path: Path, tmp_path: Path) -> None:
    with closing(ActivityLog(spec_of(path))) as activity:
        with pytest.raises(SupervisorError, match=r"cannot open the log .*/no/x.log.* \(logfile\)"):
            activity.adopt(spec_of(tmp_path / "no" / "x.log"))

        log.info("x")

    assert path.read_text().endswith(" INFO x\n")


def test_a_log_that_was_moved_is_opened_again(path: Path) -> None:
    with closing(ActivityLog(spec_of(path))) as activity:
        log.info("old")
        path.rename(path.with_suffix(".1"))

        activity.reopen()
        log.info("new")

    assert path.read_text().endswith(" INFO new\n")
    assert len(path.read_text().splitlines()) == 1


def test_without_a_file_nothing_is_written(path: Path) -> None:
    with closing(ActivityLog(spec_of(path, logfile="syslog"))) as activity:
        log.info("x")
        activity.reopen()

    assert activity.file is None
    assert not path.exists()


def test_a_console_shows_messages_without_times_and_not_what_it_leaves_out(path: Path) -> None:
    console = Lines()
    with closing(
        ActivityLog(
            spec_of(path, "debug"), console=console, quiet=frozenset({"trio_supervisor.quiet"})
        )
    ):
        log.info("seen")
        log.debug("too small")
        logging.getLogger("trio_supervisor.quiet").info("left out")

    assert console.text == "seen\n"
    assert len(path.read_text().splitlines()) == 3
