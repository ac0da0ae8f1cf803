"""realtime would push events to browsers; here it counts them."""

from __future__ import annotations

from worker import Worker

realtime = Worker("realtime", start=0.2, stop=0.15, period=3.5)
pushed: dict[str, int] = {}  # author -> events


@realtime.answers("POST /events")
def push(sent: dict[str, object]) -> dict[str, object]:
    posts = sent["posts"]
    if not isinstance(posts, list):
        raise TypeError("posts is no list")
    for post in posts:
        author = str(post["author"])
        pushed[author] = pushed.get(author, 0) + 1
    return {"channels": len(pushed)}


@realtime.every_turn
def report() -> None:
    realtime.say(f"pushed {sum(pushed.values())} events to {len(pushed)} channels")


if __name__ == "__main__":
    realtime.run()
