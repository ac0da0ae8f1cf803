"""Users by name or number, and the change from root to one of them."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass

from trio_supervisor.errors import SupervisorError


@dataclass(frozen=True, kw_only=True)
class Account:
    """Who a process runs as."""

    uid: int
    gid: int
    groups: tuple[int, ...]

    def options(self) -> dict[str, object]:
        """Return the keyword arguments of `subprocess.Popen` that make a child this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": list(self.groups)}


def account_of(user: str) -> Account:
    """Return the account of a user name or number; KeyError when there is none."""
    entry = pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
    groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, groups=groups)


def drop_privileges(user: str) -> None:
    """Become a user for good; SupervisorError when we may not."""
    account = account_of(user)
    if os.getuid() == account.uid:
        return
    if os.getuid() != 0:
        raise SupervisorError(
            f"Can't drop privilege as nonroot user (user={user}): start it as root, or as {user}"
        )
    # in this order: without root the later ones are refused
    os.setgroups(account.groups)
    os.setgid(account.gid)
    os.setuid(account.uid)
