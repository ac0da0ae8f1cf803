"""gatekeeper gives a token to whoever is in the team."""

from __future__ import annotations

from worker import Worker

gatekeeper = Worker("gatekeeper", start=0.3, stop=0.1, period=5.0)
given: list[str] = []


@gatekeeper.answers("POST /tokens")
def give_token(sent: dict[str, object]) -> dict[str, object]:
    team = gatekeeper.ask("team", "GET /members")
    if team is None or sent["member"] not in team["members"]:
        raise ValueError(f"{sent['member']} is no member of the team")
    given.append(str(sent["member"]))
    return {"token": f"token-{len(given)}"}


@gatekeeper.every_turn
def report() -> None:
    gatekeeper.say(f"gave {len(given)} tokens")


if __name__ == "__main__":
    gatekeeper.run()
