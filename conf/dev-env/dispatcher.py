"""dispatcher tells mailsender, realtime and collaboration about each new post."""

from __future__ import annotations

from worker import Worker

dispatcher = Worker("dispatcher", start=0.3, stop=0.5, period=2.0)
LISTENERS = ("mailsender", "realtime", "collaboration")
told = 0  # the number of the last post that was passed on


@dispatcher.every_turn
def pass_on() -> None:
    global told  # noqa: PLW0603 - the one thing this worker remembers
    news = dispatcher.ask("socialapi", "GET /posts", after=told)
    if news and news["count"] < told:  # socialapi was restarted and counts from 1 again
        told = 0
    elif news and news["posts"]:
        reached = [n for n in LISTENERS if dispatcher.ask(n, "POST /events", posts=news["posts"])]
        told = news["posts"][-1]["id"]
        dispatcher.say(f"passed posts up to {told} on to {', '.join(reached) or 'nobody'}")


if __name__ == "__main__":
    dispatcher.run()
