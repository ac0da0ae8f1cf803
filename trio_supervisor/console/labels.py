"""What processes are called where each has a line of its own: by name, where that tells them apart.

Processes of different groups may have one name; those are called ``group:name``.
"""

from __future__ import annotations

from collections import Counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Labels:
    """The labels of processes; one that was given stays, whatever comes later."""

    def __init__(self, processes: Iterable[tuple[str, str]] = ()) -> None:
        """Label processes (group and name), in their order, before any is shown."""
        processes = list(processes)
        times = Counter(name for _, name in processes)
        self._labels = {
            (group, name): name if times[name] == 1 else _in_full(group, name)
            for group, name in processes
        }
        self._names = set(times)

    @property
    def all(self) -> tuple[str, ...]:
        """All labels so far, in the order in which they were given."""
        return tuple(self._labels.values())

    def of(self, group: str, name: str) -> str:
        """Return the label of a process, also of one that was not there before."""
        label = self._labels.get((group, name))
        if label is None:
            label = _in_full(group, name) if name in self._names else name
            self._labels[group, name] = label
            self._names.add(name)
        return label


def _in_full(group: str, name: str) -> str:
    return name if name == group else f"{group}:{name}"
