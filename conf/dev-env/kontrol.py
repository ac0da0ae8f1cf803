"""kontrol knows who is there."""

from __future__ import annotations

from worker import NAMES, Worker

kontrol = Worker("kontrol", start=0.2, stop=0.1, period=3.0)


@kontrol.answers("GET /workers")
def list_workers(_sent: dict[str, object]) -> dict[str, object]:
    return {"workers": kontrol.census()}


@kontrol.every_turn
def count() -> None:
    down = [name for name, look in kontrol.census().items() if look["state"] == "down"]
    text = f"{len(NAMES) - len(down)} of {len(NAMES)} workers answer"
    kontrol.say(f"{text}; not yet: {', '.join(down)}" if down else text)


if __name__ == "__main__":
    kontrol.run()
