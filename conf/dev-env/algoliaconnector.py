"""algoliaconnector keeps an index of the words in socialapi's posts."""

from __future__ import annotations

from worker import Worker

algoliaconnector = Worker("algoliaconnector", start=0.6, stop=0.2, period=3.0)
index: dict[str, list[int]] = {}
read = 0  # the number of the last post in the index


@algoliaconnector.answers("GET /search")
def search(sent: dict[str, object]) -> dict[str, object]:
    return {"posts": index.get(str(sent["word"]), [])}


@algoliaconnector.every_turn
def read_on() -> None:
    global read  # noqa: PLW0603 - the one thing this worker remembers
    news = algoliaconnector.ask("socialapi", "GET /posts", after=read)
    if news and news["count"] < read:  # socialapi was restarted and counts from 1 again
        index.clear()
        read = 0
    elif news and news["posts"]:
        for post in news["posts"]:
            for word in str(post["text"]).split():
                index.setdefault(word, []).append(post["id"])
        read = news["posts"][-1]["id"]
        algoliaconnector.say(f"indexed {len(index)} words up to post {read}")


if __name__ == "__main__":
    algoliaconnector.run()
