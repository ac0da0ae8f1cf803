"""The charts of `timeline` as one HTML file: inline SVG, no scripts, nothing from elsewhere."""

from __future__ import annotations

from html import escape
from itertools import pairwise

from trio_supervisor.client.spans import PHASES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trio_supervisor.client.spans import Chart, Row

_WIDTH, _ROW, _BAR, _TOP = 1080, 30, 18, 34
_LETTER = 7.8  # widths of a letter of a name, as a browser draws it at this size
_OUTCOME = 130
_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300)
_MOST_TICKS = 10
_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2430; --soft: #66707f; --line: #e4e8ee;
  --band: #f6f8fa; --critical: #d9480f; --waiting: #ced4da; --starting: #f0b429;
  --settling: #9ad7ae; --probing: #3bc9db; --ready: #40a86b; --pausing: #f08c8c;
  --draining: #9775d4; --killed: #c92a2a; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181f; --ink: #e6eaf0; --soft: #94a0b0;
  --line: #2a313c; --band: #1a1f28; --critical: #ff922b; --waiting: #495057; } }
body { margin: 0 auto; padding: 32px 24px 48px; max-width: 1080px; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 22px; margin: 0; } h2 { font-size: 17px; margin: 36px 0 2px; }
h2 b { font-variant-numeric: tabular-nums; }
p { margin: 0 0 12px; color: var(--soft); } p b { color: var(--critical); font-weight: 600; }
svg { display: block; width: 100%; height: auto; font: 13px system-ui, sans-serif;
  fill: var(--ink); }
.axis { fill: var(--soft); font-size: 11px; text-anchor: middle; } .grid { stroke: var(--line); }
.name { text-anchor: end; } .critical { fill: var(--critical); font-weight: 600; }
.band { fill: var(--band); } .when { fill: var(--soft); font-variant-numeric: tabular-nums; }
.path { stroke: var(--critical); stroke-width: 2; fill: none; }
ul { display: flex; flex-wrap: wrap; gap: 6px 18px; list-style: none; padding: 0; margin: 20px 0;
  font-size: 13px; } li::before { content: ""; display: inline-block; width: 12px; height: 12px;
  border-radius: 3px; margin-right: 6px; vertical-align: -1px; background: var(--is); }
"""


def page(charts: Sequence[Chart]) -> str:
    """Return the whole file."""
    used = {span.phase for chart in charts for row in chart.rows for span in row.spans}
    legend = "".join(f'<li style="--is: var(--{p})">{p}</li>' for p in PHASES if p in used)
    phases = "\n".join(f".{phase} {{ fill: var(--{phase}); }}" for phase in PHASES)
    body = "\n".join(line for chart in charts for line in _section(chart))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n<title>timeline</title>\n'
        f"<style>{_STYLE}{phases}\n</style>\n</head>\n<body>\n<h1>timeline</h1>\n"
        f"<ul>{legend}</ul>\n{body}\n</body>\n</html>\n"
    )


def _section(chart: Chart) -> Iterator[str]:
    path = " → ".join(escape(name) for name in chart.critical)
    count = len(chart.rows)
    yield f"<h2>{chart.title}: <b>{_seconds(chart.duration)}</b></h2>"
    processes = "1 process" if count == 1 else f"{count} processes"
    waited = f"; what it had to wait for: <b>{path}</b>" if path else ""
    gaps = "".join(f"; {escape(told)}" for told in chart.gaps())
    yield f"<p>{processes}{waited}{gaps}</p>"
    yield from _svg(chart)


def _svg(chart: Chart) -> Iterator[str]:
    left = max(len(row.name) for row in chart.rows) * _LETTER + 20
    scale = (_WIDTH - left - _OUTCOME) / (chart.duration or 1.0)
    height = _TOP + len(chart.rows) * _ROW + 8
    yield f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{chart.title}">'
    for number in range(0, len(chart.rows), 2):
        y = _TOP + number * _ROW
        yield f'<rect class="band" x="0" y="{y}" width="{_WIDTH}" height="{_ROW}" rx="4"/>'
    for tick in _ticks(chart.duration):
        x = left + tick * scale
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 8}" y2="{height - 8}"/>'
        yield f'<text class="axis" x="{x:.1f}" y="{_TOP - 16}">{tick:g} s</text>'
    for number, row in enumerate(chart.rows):
        yield from _row(chart, row, _TOP + number * _ROW, left, scale)
    yield f'<path class="path" d="{_path(chart, left, scale)}"/>'
    yield "</svg>"


def _row(chart: Chart, row: Row, y: float, left: float, scale: float) -> Iterator[str]:
    kind = " critical" if row.name in chart.critical else ""
    middle = y + _ROW / 2 + 4.5
    yield f'<text class="name{kind}" x="{left - 10:.1f}" y="{middle}">{escape(row.name)}</text>'
    for span in row.spans:
        x = left + (span.begin - chart.begin) * scale
        width = max((span.end - span.begin) * scale, 3.0 if span.phase == "killed" else 1.0)
        told = f"{row.name}: {span.phase} {_seconds(span.end - span.begin)}"
        yield (
            f'<rect class="{span.phase}" x="{x:.1f}" y="{y + (_ROW - _BAR) / 2}" rx="3" '
            f'width="{width:.1f}" height="{_BAR}"><title>{escape(told)}</title></rect>'
        )
    when = f"{_seconds(row.settled - chart.begin)} {row.outcome}"
    x = _WIDTH - _OUTCOME + 12
    yield f'<text class="when" x="{x}" y="{middle}">{escape(when)}</text>'


def _path(chart: Chart, left: float, scale: float) -> str:
    """Draw the way from one that was waited for to the next, at the moment when it was ready."""
    places = {row.name: (number, row.settled) for number, row in enumerate(chart.rows)}
    points = [places[name] for name in chart.critical if name in places]
    steps = []
    for (number, settled), (after, _) in pairwise(points):
        x = left + (settled - chart.begin) * scale
        down = 1 if after > number else -1
        start = _TOP + number * _ROW + _ROW / 2 + down * _BAR / 2
        end = _TOP + after * _ROW + _ROW / 2 - down * _BAR / 2
        steps.append(f"M{x:.1f} {start:.1f}V{end:.1f}m-4 {-down * 5}l4 {down * 5}l4 {-down * 5}")
    return "".join(steps)


def _ticks(duration: float) -> list[float]:
    step = next((step for step in _STEPS if duration / step <= _MOST_TICKS), duration or 1.0)
    return [number * step for number in range(int(duration / step + 1e-9) + 1)]


def _seconds(duration: float) -> str:
    return f"{duration * 1000:.0f} ms" if duration < 1 else f"{duration:.2f} s"
