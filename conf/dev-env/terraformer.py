"""terraformer turns the name of a machine into resources."""

from __future__ import annotations

from worker import Worker

terraformer = Worker("terraformer", start=0.8, stop=0.6, period=5.0)
builds: list[str] = []


@terraformer.answers("POST /builds")
def build(sent: dict[str, object]) -> dict[str, object]:
    builds.append(str(sent["machine"]))
    return {"build": len(builds), "resources": 2 + len(builds) % 3}


@terraformer.every_turn
def report() -> None:
    terraformer.say(f"{len(builds)} builds, the last for {builds[-1] if builds else 'nobody'}")


if __name__ == "__main__":
    terraformer.run()
