"""collaboration opens a shared session for every author it hears of, if gatekeeper agrees."""

from __future__ import annotations

from worker import Worker

collaboration = Worker("collaboration", start=0.5, stop=0.25, period=2.5)
heard: set[str] = set()
sessions: dict[str, str] = {}  # author -> token


@collaboration.answers("POST /events")
def hear(sent: dict[str, object]) -> dict[str, object]:
    posts = sent["posts"]
    if not isinstance(posts, list):
        raise TypeError("posts is no list")
    heard.update(str(post["author"]) for post in posts)
    return {"sessions": len(sessions)}


@collaboration.every_turn
def open_session() -> None:
    author = min(heard - sessions.keys(), default=None)
    if author is None:
        collaboration.say(f"{len(sessions)} sessions are open")
        return
    answer = collaboration.ask("gatekeeper", "POST /tokens", member=author)
    if answer:
        sessions[author] = answer["token"]
        collaboration.say(f"opened a session for {author}")


if __name__ == "__main__":
    collaboration.run()
