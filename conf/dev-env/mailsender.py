"""mailsender collects events and sends them in one mail a turn."""

from __future__ import annotations

from worker import Worker

mailsender = Worker("mailsender", start=0.7, stop=0.05, period=4.0)
waiting: list[object] = []
sent_mails = 0


@mailsender.answers("POST /events")
def collect(sent: dict[str, object]) -> dict[str, object]:
    posts = sent["posts"]
    if not isinstance(posts, list):
        raise TypeError("posts is no list")
    waiting.extend(posts)
    return {"waiting": len(waiting)}


@mailsender.every_turn
def send() -> None:
    global sent_mails  # noqa: PLW0603 - the count in its log lines
    if waiting:
        count = len(waiting)
        del waiting[:count]
        sent_mails += 1
        mailsender.say(f"sent mail {sent_mails} about {count} posts")


if __name__ == "__main__":
    mailsender.run()
