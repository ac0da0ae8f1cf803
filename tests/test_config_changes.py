"""What an update would do: added, changed with the fields, removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from trio_supervisor.config.changes import Changes, compare
from trio_supervisor.spec import GroupSpec, ProgramSpec

if TYPE_CHECKING:
    from typing import Any


def process(name: Any = "web", **options: Any) -> Any:
    return ProgramSpec(command="x", process_name=name, **options)


def group(name: Any, *programs: ProgramSpec, priority: Any = 999) -> Any:
    return GroupSpec(name=name, priority=priority, programs=programs)


def test_equal_configurations_have_no_changes() -> None:
    assert compare((group("a", process()),), (group("a", process()),)) == Changes((), (), ())


def test_groups_that_come_and_go_are_named_in_order() -> None:
    found = compare((group("c"), group("a")), (group("d"), group("b")))

    assert found == Changes(added=("b", "d"), changed=(), removed=("a", "c"))


def test_a_changed_group_names_the_fields_that_differ() -> None:
    old = group("a", process("one"), process("two"))
    two = replace(old.programs[1], umask=0, startsecs=2.0)
    new = group("a", process("one"), two, priority=1)

    assert compare((old,), (new,)).changed == (("a", ("priority", "startsecs", "umask")),)


def test_processes_that_come_or_go_are_a_change_of_the_programs() -> None:
    old = group("a", process("p0", numprocs=1))
    new = group("a", process("p0", numprocs=2), process("p1", numprocs=2))

    assert compare((old,), (new,)).changed == (("a", ("programs", "numprocs")),)
