"""team knows the members, and who of them is on duty."""

from __future__ import annotations

from worker import Worker

team = Worker("team", start=0.1, stop=0.05, period=4.0)
MEMBERS = ("ada", "barbara", "grace", "radia")
turns = 0


@team.answers("GET /members")
def list_members(_sent: dict[str, object]) -> dict[str, object]:
    return {"members": MEMBERS, "on_duty": MEMBERS[turns % len(MEMBERS)]}


@team.every_turn
def change_duty() -> None:
    global turns  # noqa: PLW0603 - whose turn it is
    turns += 1
    team.say(f"{MEMBERS[turns % len(MEMBERS)]} is on duty")


if __name__ == "__main__":
    team.run()
