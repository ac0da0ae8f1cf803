"""`graph`: what needs what, with the state of each, as a tree or for Mermaid."""

from __future__ import annotations

from trio_supervisor.client.commands import command, usage_error
from trio_supervisor.client.processes import available, snapshot
from trio_supervisor.client.render import namespec
from trio_supervisor.client.screen import cut, room_for_names, terminal_width
from trio_supervisor.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio_supervisor.client.session import Session
    from trio_supervisor.protocol.messages import AvailableProcess

MERMAID = "--mermaid"
NOT_ACTIVE = "not active"
_CLASSES = {
    "RUNNING": "up",
    "EXITED": "done",
    "STOPPED": "down",
    "FATAL": "failed",
    "BACKOFF": "failed",
    NOT_ACTIVE: "down",
}
_STYLES = {
    "up": "fill:#d8f3dc,stroke:#2d6a4f,color:#081c15",
    "done": "fill:#e2eafc,stroke:#3a5ba0,color:#0b1a3a",
    "busy": "fill:#fff3bf,stroke:#b08900,color:#3d2f00",
    "down": "fill:#e9ecef,stroke:#868e96,color:#212529",
    "failed": "fill:#ffe3e3,stroke:#c92a2a,color:#5c0000",
}


class Node(Record):
    """A process; ``needs`` has names and conditions."""

    name: str
    state: str
    needs: tuple[tuple[str, str], ...]


@command(
    "graph",
    "graph                what needs what, with states",
    "graph --mermaid      as a Mermaid diagram",
    "graph --json         as one JSON object",
    has_json=True,
)
def graph(session: Session, words: list[str]) -> None:
    if words not in ([], [MERMAID]):
        usage_error(session, "graph", f"graph does not understand: {' '.join(words)}")
        return
    nodes = _nodes(session)
    if session.wants_json:
        from trio_supervisor.client.objects import graph_object, to_text

        session.say(to_text(graph_object(nodes.values())))
        return
    for line in mermaid(nodes) if words else tree(nodes, terminal_width()):
        session.say(line)


def _nodes(session: Session) -> dict[str, Node]:
    states = {namespec(one.group, one.name): one.state.name for one in snapshot(session, ())[0]}
    nodes = {}
    for process in sorted(available(session), key=_start_order):
        name = namespec(process.group, process.name)
        needs = ((need, met) for need, _, met in (d.rpartition("=") for d in process.depends_on))
        nodes[name] = Node(name, states.get(name, NOT_ACTIVE), tuple(needs))
    return nodes


def _start_order(process: AvailableProcess) -> tuple[int, str, int, str]:
    return process.group_priority, process.group, process.priority, process.name


def tree(nodes: dict[str, Node], width: int | None = None) -> Iterator[str]:
    """Yield lines, names cut so that these fit a width if there is one.

    What nobody needs stands at the left, and below it what it needs. What has been shown with all
    that it needs is not drawn again.
    """
    for before, name, after in _branches(nodes):
        if width is None:
            yield f"{before}{name}{after}"
        else:
            room = room_for_names(width, len(before) + len(after))
            yield cut(f"{before}{cut(name, room)}{after}", width)


def _branches(nodes: dict[str, Node]) -> Iterator[tuple[str, str, str]]:
    """Yield what stands before a name, the name, and what stands after it."""
    needed = {name for node in nodes.values() for name, _ in node.needs}
    seen: set[str] = set()
    roots = [node for node in nodes.values() if node.name not in needed]
    for node in sorted(roots, key=lambda node: not node.needs):
        yield "", node.name, f"  {node.state}"
        yield from _below(nodes, node, "", seen)


def _below(
    nodes: dict[str, Node], node: Node, indent: str, seen: set[str]
) -> Iterator[tuple[str, str, str]]:
    for place, (name, condition) in enumerate(node.needs, start=1):
        is_last = place == len(node.needs)
        needed = nodes.get(name, Node(name, NOT_ACTIVE, ()))
        again = " …" if name in seen and needed.needs else ""
        branch = "└── " if is_last else "├── "
        yield f"{indent}{branch}", name, f"  {needed.state}  ({condition}){again}"
        if name not in seen:
            seen.add(name)
            yield from _below(nodes, needed, indent + ("    " if is_last else "│   "), seen)


def mermaid(nodes: dict[str, Node]) -> Iterator[str]:
    """Yield the lines of a Mermaid flowchart, coloured by state."""
    numbers = {name: f"p{number}" for number, name in enumerate(nodes)}
    yield "flowchart LR"
    for name, node in nodes.items():
        label = f"{name}<br/>{node.state}".replace('"', "#quot;")
        yield f'    {numbers[name]}["{label}"]:::{_CLASSES.get(node.state, "busy")}'
    for name, node in nodes.items():
        for needed, condition in node.needs:
            if needed in numbers:
                yield f"    {numbers[name]} -->|{condition}| {numbers[needed]}"
    for name, style in _STYLES.items():
        yield f"    classDef {name} {style}"
