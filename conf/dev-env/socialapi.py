"""socialapi keeps what people wrote; its neighbours read on from the number they know."""

from __future__ import annotations

from worker import Worker

socialapi = Worker("socialapi", start=0.4, stop=0.3, period=3.0)
posts: list[dict[str, object]] = []


@socialapi.answers("POST /posts")
def add_post(sent: dict[str, object]) -> dict[str, object]:
    posts.append({"id": len(posts) + 1, "author": sent["author"], "text": sent["text"]})
    return {"id": len(posts)}


@socialapi.answers("GET /posts")
def list_posts(sent: dict[str, object]) -> dict[str, object]:
    """Give at most 20 posts: those after the number ``after``, else the newest."""
    after = sent.get("after")
    chosen = posts[-20:] if after is None else posts[int(str(after)) :][:20]
    return {"posts": chosen, "count": len(posts)}


@socialapi.every_turn
def report() -> None:
    socialapi.say(f"keeps {len(posts)} posts")


if __name__ == "__main__":
    socialapi.run()
