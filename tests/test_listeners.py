"""Who a control socket belongs to."""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

import pytest

from trio_supervisor.daemon.listeners import listen_unix
from trio_supervisor.spec import UnixServerSpec

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize(("chown", "group"), [("nobody", 0), ("nobody:1", 1)])
def test_a_user_alone_leaves_the_group_as_it_is(tmp_path: Path, chown: str, group: int) -> None:
    listener = listen_unix(UnixServerSpec(file=str(tmp_path / "s"), chown=chown))

    found = (tmp_path / "s").stat()
    listener.close()

    assert (found.st_uid, found.st_gid) == (pwd.getpwnam("nobody").pw_uid, group)
