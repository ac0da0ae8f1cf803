"""Control requests over one connection: a second's worth of them, and how long each takes.

The client of XML-RPC runs in the peers' interpreter with supervisor's own transport.
"""

from __future__ import annotations

import json
import socket
import subprocess
import time
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.harness import PATIENCE, BenchError, open_running
from benchmarks.peers import peers_bin
from benchmarks.rows import Must, Row, for_each
from benchmarks.scenario import Scenario
from benchmarks.tools import SOCKET, Original, Plan
from trio_supervisor.protocol import REPLY_LIMIT, Deframer, from_frame, to_bytes
from trio_supervisor.protocol.messages import GetInfo, Hello, Info

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.effort import Effort
    from benchmarks.harness import Running
    from benchmarks.rows import Sample
    from benchmarks.tools import Tool
    from trio_supervisor.protocol.messages import Message

REQUESTS = for_each(
    {1: 4, 16: 15},
    Row(
        name="requests-{}",
        title="control requests, one connection, {} in flight",
        unit="1/s",
        must=Must.AT_LEAST_TIMES,
    ),
)
XMLRPC = Row(
    name="xmlrpc",
    title="XML-RPC calls, one connection",
    unit="1/s",
    must=Must.NOTHING,
)
XMLRPC_STATUS = Row(
    name="xmlrpc-status-1000",
    title="`getAllProcessInfo` over XML-RPC, 1 000 programs",
    unit="ms",
    must=Must.AT_MOST_TIMES,
    bound=1,
)
XMLRPC_CLIENT = """
import json, sys, time
from xmlrpc.client import ServerProxy
from supervisor.xmlrpc import SupervisorTransport
path, method, seconds, pause = *sys.argv[1:3], *map(float, sys.argv[3:])
transport = SupervisorTransport(None, None, "unix://" + path)
ask = getattr(ServerProxy("http://127.0.0.1", transport=transport).supervisor, method)
taken, deadline = [], time.monotonic() + seconds
while (begin := time.monotonic()) < deadline:
    ask()
    taken.append(time.monotonic() - begin)
    time.sleep(pause) if pause else None
print(json.dumps(taken))
"""


def latencies(
    tool: Tool, running: Running, *, seconds: float, in_flight: int, pause: float
) -> list[float]:
    """Ask for that long; return the seconds each round of ``in_flight`` requests took."""
    path = running.place.directory / SOCKET
    if isinstance(tool, Original):
        return _xmlrpc(running, "getPID", seconds, pause)
    return _frames(path, seconds, in_flight, pause)


def _measure(tool: Tool, effort: Effort) -> Iterator[Sample]:
    with open_running(tool, lambda place: Plan({"sleeper": place.sleeper})) as running:
        running.await_programs()
        for in_flight, row in REQUESTS.items():
            taken = latencies(tool, running, seconds=effort.stream, in_flight=in_flight, pause=0)
            # XML-RPC has no way to have more than one in flight
            asked = len(taken) * (1 if isinstance(tool, Original) else in_flight)
            yield row, tool.side, asked / sum(taken)
        taken = _xmlrpc(running, "getPID", effort.stream)
        yield XMLRPC, tool.side, len(taken) / sum(taken)


def measure_status(running: Running, effort: Effort) -> Iterator[Sample]:
    """Ask for the status of all programs as panels and exporters do."""
    taken = _xmlrpc(running, "getAllProcessInfo", effort.stream)
    yield XMLRPC_STATUS, running.tool.side, median(taken) * 1000


def _xmlrpc(running: Running, method: str, seconds: float, pause: float = 0) -> list[float]:
    path = running.place.directory / SOCKET
    given = (str(path), method, str(seconds), str(pause))
    command = [str(peers_bin() / "python"), "-c", XMLRPC_CLIENT, *given]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
    if done.returncode:
        raise BenchError(f"the XML-RPC client failed: {done.stderr.decode()[-500:]}")
    taken: list[float] = json.loads(done.stdout)
    return taken


def _frames(path: Path, seconds: float, in_flight: int, pause: float) -> list[float]:
    """Send rounds of requests as raw frames; after the first, replies are only counted."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(path))
        deframer = Deframer(REPLY_LIMIT)
        connection.sendall(to_bytes(0, Hello(major=1)))
        _receive(connection, deframer, 1)
        round_ = b"".join(to_bytes(number + 1, GetInfo()) for number in range(in_flight))
        connection.sendall(round_)
        replies = _receive(connection, deframer, in_flight)
        if not all(isinstance(reply, Info) for reply in replies):
            raise BenchError(f"no Info: {replies}")
        size = sum(len(to_bytes(0, reply)) for reply in replies)
        return _rounds(connection, round_, size, seconds, pause)


def _rounds(
    connection: socket.socket, round_: bytes, size: int, seconds: float, pause: float
) -> list[float]:
    buffer, taken = bytearray(size), []
    deadline = time.monotonic() + seconds
    while (begin := time.monotonic()) < deadline:
        connection.sendall(round_)
        got = 0
        while got < size:
            got += connection.recv_into(buffer, size - got) or len(_hung_up())
        taken.append(time.monotonic() - begin)
        if pause:
            time.sleep(pause)
    return taken


def _receive(connection: socket.socket, deframer: Deframer, count: int) -> list[Message]:
    replies: list[Message] = []
    while len(replies) < count:
        data = connection.recv(65536) or _hung_up()
        replies += [from_frame(frame) for frame in deframer.feed(data)]
    return replies


def _hung_up() -> bytes:
    raise BenchError("the daemon closed the control connection")


SCENARIOS = (Scenario((*REQUESTS.values(), XMLRPC), _measure),)
