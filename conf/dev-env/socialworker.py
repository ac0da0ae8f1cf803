"""socialworker writes posts in the names of the members who are on duty."""

from __future__ import annotations

from worker import Worker

socialworker = Worker("socialworker", start=0.6, stop=0.3, period=1.5)


@socialworker.every_turn
def write_a_post() -> None:
    team = socialworker.ask("team", "GET /members")
    if team is None:
        return
    author = team["on_duty"]
    text = f"{author} looks after {socialworker.environment}"
    post = socialworker.ask("socialapi", "POST /posts", author=author, text=text)
    if post:
        socialworker.say(f"wrote post {post['id']} for {author}")


if __name__ == "__main__":
    socialworker.run()
