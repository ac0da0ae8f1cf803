"""What is understood but not carried out yet: each such thing is named once, in a warning."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trio_supervisor.config.judge import Judge

UNSERVED_FAMILIES = ("ctlplugin", "rpcinterface")
_SERVED_INTERFACE = "supervisor"  # the name under which the original's files list their own


def warn_of_unserved(judge: Judge) -> None:
    """Name the sections that have no effect yet."""
    for family in UNSERVED_FAMILIES:
        names = judge.source.tree.get(family)
        for name in names if isinstance(names, dict) else ():
            if (family, name) != ("rpcinterface", _SERVED_INTERFACE):
                judge.warn((family, name), "is not served yet; the section is ignored")
