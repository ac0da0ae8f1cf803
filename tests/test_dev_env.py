"""The thirteen workers, each as its own process: they answer, stop cleanly and lose no line."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tomllib
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest
from workers import GROUPS, NAMES, TEMPLATE, WORKERS, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator


def start(name: str, base: int, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(WORKERS / f"{name}.py")],
        env={**os.environ, "FIRST_ADDRESS": f"127.0.0.1:{base}", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def running(base: int, *names: str, **environment: str) -> Iterator[dict[str, Any]]:
    """Run workers until the block ends, from the moment that all of them listen."""
    with ExitStack() as stack:
        workers = {name: start(name, base, **environment) for name in names}
        for worker in workers.values():
            stack.enter_context(worker)
            stack.callback(worker.kill)
        lines = {name: read_until(workers[name], "listens on") for name in names}
        yield {name: (workers[name], lines[name]) for name in names}


def read_until(worker: subprocess.Popen[str], words: str) -> list[str]:
    assert worker.stdout is not None
    lines: list[str] = []
    for line in worker.stdout:
        lines.append(line)
        if words in line:
            return lines
    raise AssertionError(f"no {words!r} in {lines}")


def get(base: int, name: str, path: str) -> str:
    url = f"http://127.0.0.1:{base + NAMES.index(name)}{path}"
    with urlopen(url, timeout=5) as answer:
        text: str = answer.read().decode()
        return text


def stop(worker: subprocess.Popen[str], number: int = signal.SIGTERM) -> list[str]:
    """Stop a worker; give what it still wrote."""
    worker.send_signal(number)
    rest, _ = worker.communicate(timeout=5)
    return rest.splitlines(keepends=True)


def assert_complete(name: str, lines: list[str]) -> None:
    """Assert that the lines are numbered without a gap and end with the goodbye."""
    numbers = [re.fullmatch(rf"{name}\[(\d+)\] .+\n", line) for line in lines]

    assert [m and int(m[1]) for m in numbers] == list(range(1, len(lines) + 1))
    assert "goodbye" in lines[-1]


def test_template_has_each_worker_in_its_group_and_nothing_else() -> None:
    template = tomllib.loads(TEMPLATE.read_text())

    assert {name: tuple(group["programs"]) for name, group in template["group"].items()} == GROUPS
    assert list(template["program"]) == NAMES
    assert len(NAMES) == 13


def test_each_worker_has_a_file() -> None:
    files = {file.stem for file in WORKERS.glob("*.py")}

    assert files == {*NAMES, "worker"}


@pytest.mark.slow
def test_every_worker_answers_and_stops_with_a_goodbye_that_ends_its_lines() -> None:
    base = free_ports()
    with running(base, *NAMES) as workers:
        healths = [json.loads(get(base, name, "/health")) for name in NAMES]
        page = get(base, "webserver", "/")
        for worker, _ in workers.values():
            worker.send_signal(signal.SIGTERM)
        rests = {name: worker.communicate(timeout=5)[0] for name, (worker, _) in workers.items()}

        codes = {name: worker.returncode for name, (worker, _) in workers.items()}
        everything = {
            name: workers[name][1] + rest.splitlines(True) for name, rest in rests.items()
        }

    assert [health["name"] for health in healths] == NAMES
    assert codes == dict.fromkeys(NAMES, 0)
    assert "13 of 13 workers answer" in page
    assert all(f'<tr id="{name}">' in page for name in NAMES)
    for name, lines in everything.items():
        assert_complete(name, lines)


@pytest.mark.slow
def test_page_shows_who_is_down() -> None:
    base = free_ports()
    with running(base, "webserver") as workers:
        page = get(base, "webserver", "/")
        worker, _ = workers["webserver"]
        stop(worker)

    assert "1 of 13 workers answer" in page
    assert '<td class="down">down' in page


@pytest.mark.slow
def test_worker_keeps_quiet_about_a_neighbour_that_is_not_up_yet() -> None:
    base = free_ports()
    with running(base, "team", "gatekeeper") as workers:
        gatekeeper, lines = workers["gatekeeper"]
        team, _ = workers["team"]
        lines += stop(gatekeeper)
        stop(team)

    assert_complete("gatekeeper", lines)
    assert len(lines) == 3


def test_interrupt_is_a_clean_stop_too() -> None:
    base = free_ports()
    with running(base, "team") as workers:
        worker, lines = workers["team"]
        lines += stop(worker, signal.SIGINT)

    assert worker.returncode == 0
    assert_complete("team", lines)


@pytest.mark.slow
def test_stop_while_starting_ends_without_listening() -> None:
    with start("terraformer", free_ports()) as worker:
        lines = read_until(worker, "starts in")
        lines += stop(worker)

    assert worker.returncode == 0
    assert_complete("terraformer", lines)
    assert not any("listens" in line for line in lines)


def test_level_leaves_out_lines_but_no_numbers() -> None:
    base = free_ports()
    with running(base, "team", LOG_LEVEL="debug") as workers:
        get(base, "team", "/members")
        worker, lines = workers["team"]
        lines += stop(worker)

    assert_complete("team", lines)
    assert any("answers GET /members" in line for line in lines)


def test_occupied_port_is_one_line_with_the_remedy() -> None:
    base = free_ports()
    taken = ("127.0.0.1", base + NAMES.index("team"))
    with socket.create_server(taken), start("team", base) as worker:
        said, _ = worker.communicate(timeout=5)

    assert worker.returncode == 1
    assert "Address already in use; choose other ports" in said
    assert "Traceback" not in said


def test_ports_that_cannot_be_are_refused() -> None:
    with start("team", 65_530) as worker:
        said, _ = worker.communicate(timeout=5)

    assert worker.returncode == 1
    assert said.startswith("team: FIRST_ADDRESS: '127.0.0.1:65530' is no address with 13 ports")
    assert said.count("\n") == 1


def test_unknown_path_names_the_known_ones() -> None:
    base = free_ports()
    with running(base, "team") as workers:
        worker, _ = workers["team"]
        with socket.create_connection(("127.0.0.1", base + NAMES.index("team"))) as client:
            client.sendall(b"GET /nothing HTTP/1.1\r\n\r\n")
            answer = b"".join(iter(lambda: client.recv(4096), b""))
        stop(worker)

    assert answer.startswith(b"HTTP/1.0 404 ")
    assert b"GET /health, GET /members" in answer


@pytest.mark.slow
def test_neighbour_that_hangs_does_not_hold_up_the_stop() -> None:
    base = free_ports()
    hung = ("127.0.0.1", base + NAMES.index("socialapi"))
    with socket.create_server(hung) as neighbour, running(base, "dispatcher") as workers:
        worker, lines = workers["dispatcher"]
        question, _ = neighbour.accept()  # which nobody will answer
        with question:
            lines += stop(worker)

    assert worker.returncode == 0
    assert_complete("dispatcher", lines)


def test_worker_whose_reader_left_stops_by_itself() -> None:
    with start("team", free_ports(), LOG_LEVEL="debug") as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        worker.stdout.close()

        assert worker.wait(timeout=10) == 0
