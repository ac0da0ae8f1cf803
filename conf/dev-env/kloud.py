"""kloud keeps the machines of the environment; terraformer builds them for it."""

from __future__ import annotations

from worker import Worker

kloud = Worker("kloud", start=0.5, stop=0.4, period=2.0)
machines: list[str] = []


@kloud.answers("GET /machines")
def list_machines(_sent: dict[str, object]) -> dict[str, object]:
    return {"machines": machines[-20:], "count": len(machines)}


@kloud.every_turn
def build_a_machine() -> None:
    machine = f"vm-{len(machines) + 1}"
    built = kloud.ask("terraformer", "POST /builds", machine=machine)
    if built:
        machines.append(machine)
        kloud.say(f"has {machine}: {built['resources']} resources, build {built['build']}")


if __name__ == "__main__":
    kloud.run()
