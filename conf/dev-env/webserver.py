"""webserver shows the environment as a page: who is there, how they are, the newest posts."""

from __future__ import annotations

from html import escape

from worker import GROUPS, Worker

webserver = Worker("webserver", start=0.4, stop=0.2, period=4.0)
served = 0

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 46rem; }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ text-align: left; padding: .2rem .6rem }}
.ok {{ color: #08783a }} .waiting {{ color: #9a6700 }} .down {{ color: #b3261e }}
</style>
<h1>{title}</h1>
<p>{summary}</p>
<table><tr><th>group<th>worker<th>state<th>pid<th>up for<th>lines</tr>
{rows}
</table>
<h2>Newest posts</h2>
<ul>{posts}</ul>
</html>
"""


@webserver.answers("GET /")
def page(_sent: dict[str, object]) -> str:
    global served  # noqa: PLW0603 - the count in its log lines
    served += 1
    known = webserver.ask("kontrol", "GET /workers")
    looks = known["workers"] if known else webserver.census()
    up = sum(look["state"] != "down" for look in looks.values())
    return PAGE.format(
        title=f"Environment {escape(webserver.environment)}",
        summary=f"{up} of {len(looks)} workers answer"
        + ("." if known else ", as far as the web server sees: kontrol is not there."),
        rows="\n".join(row(g, looks[name]) for g, names in GROUPS.items() for name in names),
        posts=newest_posts(),
    )


def row(group: str, look: dict[str, object]) -> str:
    name, state = str(look["name"]), str(look["state"])
    waiting = look.get("waiting_for")
    told = (
        f"waiting for {', '.join(map(str, waiting))}"
        if isinstance(waiting, list) and waiting
        else state
    )
    cells = (
        f"<td>{group}",
        f'<td><a href="{webserver.url(name)}/health">{name}</a>',
        f'<td class="{state}">{told}',
        f"<td>{look.get('pid', '')}",
        f"<td>{look.get('uptime', '')}",
        f"<td>{look.get('lines', '')}",
    )
    return f'<tr id="{name}">{"".join(cells)}</tr>'


def newest_posts() -> str:
    answer = webserver.ask("socialapi", "GET /posts")
    if answer is None:
        return "<li>socialapi is not there"
    return "".join(
        f"<li>{post['id']}: {escape(str(post['text']))}" for post in answer["posts"][:-6:-1]
    )


@webserver.every_turn
def report() -> None:
    webserver.say(f"served the page {served} times")


if __name__ == "__main__":
    webserver.run()
