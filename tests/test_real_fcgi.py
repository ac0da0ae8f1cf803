"""fcgi-programs: several processes accept connections from one socket that is their stdin."""

from __future__ import annotations

import os
import socket
import stat
import sys
from typing import TYPE_CHECKING

import pytest
from rig import open_rig, until  # noqa: F401  # the fixture

from trio_supervisor.errors import Fault, RequestError
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import Done, Write

if TYPE_CHECKING:
    from pathlib import Path

    from rig import Rig

ACCEPTS = """
import os, socket
door = socket.socket(fileno=0)
while True:
    guest, _ = door.accept()
    guest.sendall(b"%d %d" % (os.getpid(), os.getuid()))
    guest.close()
"""
NAMES = [f"app_{number}" for number in range(3)]
TABLE = """
[fcgi-program.app]
command = ['{python}', '-u', 'accepts.py']
process_name = '%(program_name)s_%(process_num)d'
numprocs = 3
startsecs = 0
stopwaitsecs = 1
socket = '{address}'
{more}
"""


def write(rig: Rig, address: str, more: str = "") -> None:
    (rig.directory / "accepts.py").write_text(ACCEPTS)
    rig.write(TABLE.format(python=sys.executable, address=address, more=more))


def visit(address: str | tuple[str, int]) -> int:
    """Connect; return the pid of who answered."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as guest:
        guest.settimeout(5)
        guest.connect(address)
        return int(guest.recv(100).split()[0])


def everybody_answers(rig: Rig, address: str | tuple[str, int]) -> None:
    """Stop answering one by one: whoever is left still answers."""
    pids = {name: row.pid for name, row in rig.rows().items()}
    for name in sorted(pids):
        assert visit(address) in pids.values()
        if len(pids) > 1:
            rig.ctl("stop", f"app:{name}")
            del pids[name]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(name="path")
def path_of_socket(rig: Rig) -> Path:
    return rig.directory / "app.socket"


def test_three_processes_share_a_unix_socket_until_the_last_is_gone(rig: Rig, path: Path) -> None:
    write(rig, f"unix://{path}", "socket_mode = '0770'\nsocket_backlog = 7")
    rig.start()
    rig.settle(ProcessState.RUNNING, *NAMES)

    found = path.stat()
    everybody_answers(rig, str(path))
    rig.ctl("stop", "all")

    assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o770, os.getuid())
    assert not path.exists()


def test_three_processes_share_a_tcp_port_until_the_last_is_gone(rig: Rig) -> None:
    port = free_port()
    write(rig, f"tcp://localhost:{port}")
    rig.start()
    rig.settle(ProcessState.RUNNING, *NAMES)

    everybody_answers(rig, ("127.0.0.1", port))
    rig.ctl("stop", "all")

    with pytest.raises(ConnectionRefusedError):
        visit(("127.0.0.1", port))


def test_members_of_a_group_share_it_as_well(rig: Rig, path: Path) -> None:
    write(rig, f"unix://{path}", "[group.site]\nprograms = ['app']")
    rig.start()
    rig.settle(ProcessState.RUNNING, *NAMES)
    inode = path.stat().st_ino

    rig.ctl("restart", "site:app_1")

    assert path.stat().st_ino == inode
    assert visit(str(path)) in {row.pid for row in rig.rows().values()}


def test_a_dead_socket_makes_way_and_a_live_one_does_not(rig: Rig, path: Path) -> None:
    write(rig, f"unix://{path}", "startretries = 0")
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        rig.start()
        rig.settle(ProcessState.FATAL)
        reason = rig.rows()["app_0"].description
        assert path.exists()

    rig.ctl("start", "app:*")
    assert visit(str(path))
    assert reason == (
        f"cannot listen on unix://{path}: Address already in use "
        "(somebody else listens there; stop that, or change socket)"
    )


@pytest.mark.parametrize("host", ["a..b", "x" * 64])
def test_a_host_that_has_no_name_is_a_spawn_error(rig: Rig, host: str) -> None:
    write(rig, f"tcp://{host}:9000", "startretries = 0")
    rig.start()
    rig.settle(ProcessState.FATAL)

    assert "that is no host name (change socket)" in rig.rows()["app_0"].description
    assert "Traceback" not in rig.log


def test_a_directory_that_is_not_there_is_a_spawn_error(rig: Rig) -> None:
    write(rig, "unix:///nowhere/app.sock", "startretries = 0")
    rig.start()
    rig.settle(ProcessState.FATAL)

    assert "make its directory, or change socket" in rig.rows()["app_0"].description
    assert "Traceback" not in rig.log


def test_a_file_that_is_no_socket_is_left_alone(rig: Rig, path: Path) -> None:
    path.write_text("precious")
    write(rig, f"unix://{path}", "startretries = 0")
    rig.start()
    rig.settle(ProcessState.FATAL)

    assert "that is no socket" in rig.rows()["app_0"].description
    assert path.read_text() == "precious"


def test_a_changed_mode_is_a_change_of_the_group(rig: Rig, path: Path) -> None:
    write(rig, f"unix://{path}")
    rig.start()
    rig.settle(ProcessState.RUNNING, *NAMES)
    before = stat.S_IMODE(path.stat().st_mode)
    write(rig, f"unix://{path}", "socket_mode = '0777'")

    told = rig.ctl("update", "--dry-run").stdout
    rig.ctl("update")
    rig.settle(ProcessState.RUNNING, *NAMES)

    assert "app: updated process group (socket_mode)" in told
    assert (before, stat.S_IMODE(path.stat().st_mode)) == (0o700, 0o777)
    assert visit(str(path))


def test_a_changed_address_moves_the_group(rig: Rig, path: Path) -> None:
    write(rig, f"unix://{path}")
    rig.start()
    rig.settle(ProcessState.RUNNING, *NAMES)
    other = rig.directory / "other.socket"
    write(rig, f"unix://{other}")

    rig.ctl("update")
    rig.settle(ProcessState.RUNNING, *NAMES)

    assert visit(str(other))
    assert not path.exists()


def test_a_reload_and_a_shutdown_leave_no_socket(rig: Rig, path: Path) -> None:
    write(rig, f"unix://{path}")
    daemon = rig.start()
    rig.settle(ProcessState.RUNNING, *NAMES)
    pids = {row.pid for row in rig.rows().values()}

    rig.ctl("reload")
    until(lambda: not pids & {row.pid for row in rig.rows().values()}, "new processes")
    rig.settle(ProcessState.RUNNING, *NAMES)
    assert visit(str(path))

    rig.finish(daemon)
    assert not path.exists()


def test_what_a_killed_daemon_has_left_makes_way(rig: Rig, path: Path) -> None:
    write(rig, f"unix://{path}")
    rig.start()
    rig.settle(ProcessState.RUNNING, *NAMES)
    rig.kill_both()
    assert path.exists()

    rig.start()
    rig.settle(ProcessState.RUNNING, *NAMES)

    assert visit(str(path)) in {row.pid for row in rig.rows().values()}


def test_there_is_no_stdin_to_write_to(rig: Rig, path: Path) -> None:
    write(rig, f"unix://{path}")
    rig.start()
    rig.settle(ProcessState.RUNNING, *NAMES)

    with rig.connect() as client, pytest.raises(RequestError) as refused:
        client.ask(Write("app:app_0", b"x"), Done)

    assert refused.value.fault is Fault.NO_FILE


@pytest.mark.skipif(os.getuid() != 0, reason="only root changes users")
def test_the_user_of_the_program_owns_the_socket_unless_told_otherwise(
    rig: Rig, path: Path
) -> None:
    rig.directory.chmod(0o755)
    write(rig, f"unix://{path}", "user = 'nobody'\ndirectory = '/'\nautostart = false")
    ours = f"'{sys.executable}', '-u', 'accepts.py'"  # in a place that may be closed to others
    text = rig.configuration.read_text().replace(ours, "'/bin/sleep', '1000'")
    rig.configuration.write_text(text)
    rig.start()

    rig.ctl("start", "app:*")
    by_default = path.stat().st_uid
    rig.configuration.write_text(f"{text}\nsocket_owner = 'daemon'\n")
    rig.ctl("update")
    rig.ctl("start", "app:*")

    assert (by_default, path.stat().st_uid) == (65534, 1)
