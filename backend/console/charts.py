"""Pictures as inline SVG, drawn on the server: no script, colours from the style sheet.

Every picture has a title and a sentence for who cannot see it; the pages put a table under each.
Sizes are in the units of the view box; numbers are rounded to a tenth of one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from django.utils.safestring import SafeString, mark_safe

from ml.schema import LEVELS

WIDTH: Final = 440
HEIGHT: Final = 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 18, 10, 26


@dataclass(frozen=True, slots=True)
class Point:
    """A value with its interval; `value` None is a gap (nothing was measured)."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """A named value of a horizontal bar; `note` stands at its end."""

    name: str
    value: float
    note: str = ""
    loud: bool = False


def line(
    points: Sequence[Point],
    *,
    title: str,
    said: str,
    low: float = 0.0,
    high: float = 1.0,
    floor: float | None = None,
    percent: bool = True,
) -> SafeString:
    """A line through the values with a band for the intervals, `floor` as a dashed line.

    The axis runs from `low` to `high` and is widened where a value lies outside of it.
    """
    ends = [v for p in points for v in (p.value, p.low, p.high) if v is not None]
    low, high = min([low, *ends]), max([high, *ends])
    plot = _Plot(low, high)
    xs = plot.places(len(points))
    parts = [plot.grid(percent)]
    for run in _runs(points):
        top = [f"{xs[i]:.1f},{plot.y(points[i].high or 0):.1f}" for i in run if _band(points[i])]
        under = [f"{xs[i]:.1f},{plot.y(points[i].low or 0):.1f}" for i in run if _band(points[i])]
        if len(top) > 1:
            parts.append(f'<polygon class="c-band" points="{" ".join([*top, *under[::-1]])}"/>')
        path = " ".join(f"{xs[i]:.1f},{plot.y(points[i].value or 0):.1f}" for i in run)
        parts.append(f'<polyline class="c-line" points="{path}"/>')
    for x, point in zip(xs, points, strict=True):
        parts.append(_marker(plot, x, point))
    if floor is not None:
        y = plot.y(floor)
        parts.append(
            f'<line class="c-floor" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
    parts.append(_labels(xs, [point.label for point in points]))
    return _svg(title, said, HEIGHT, parts)


def stacked(bins: Sequence[tuple[str, Mapping[str, int]]], *, title: str, said: str) -> SafeString:
    """Counts by level, one column a bin, the most urgent at the bottom."""
    most = max((sum(counts.values()) for _, counts in bins), default=0)
    plot = _Plot(0, max(-(-most // 4) * 4, 4))  # four steps of whole requests
    xs, width = plot.places(len(bins)), plot.width / max(len(bins), 1) * 0.72
    parts = [plot.grid(percent=False)]
    for x, (_, counts) in zip(xs, bins, strict=True):
        below = 0
        for number in reversed(range(len(LEVELS))):
            count = counts.get(LEVELS[number], 0)
            if count:
                top, bottom = plot.y(below + count), plot.y(below)
                parts.append(
                    f'<rect class="c-l{number}" x="{x - width / 2:.1f}" y="{top:.1f}" '
                    f'width="{width:.1f}" height="{bottom - top:.1f}"/>'
                )
                below += count
    parts.append(_labels(xs, [label for label, _ in bins]))
    return _svg(title, said, HEIGHT, parts)


def matrix(rows: Sequence[Sequence[int]], *, title: str, said: str) -> SafeString:
    """Counts of (clinician's level, answered level); the shade is the share within its row."""
    left, top, cell, height = 96, 34, 80, 36
    parts = []
    for column, name in enumerate(LEVELS):
        x = left + column * cell + cell / 2
        parts.append(f'<text class="c-text c-mid" x="{x:.0f}" y="24">{name}</text>')
    for r, row in enumerate(rows):
        y, total = top + r * height, sum(row) or 1
        parts.append(
            f'<text class="c-text c-end" x="{left - 8}" y="{y + height / 2 + 4:.0f}">'
            f"{LEVELS[r]}</text>"
        )
        for c, count in enumerate(row):
            kind = "c-right" if c == r else "c-under" if c < r else "c-over"
            x = left + c * cell
            parts.append(
                f'<rect class="{kind}" x="{x}" y="{y}" width="{cell - 3}" height="{height - 3}" '
                f'fill-opacity="{0.06 + 0.5 * count / total:.2f}"/>'
                f'<text class="c-text c-mid" x="{x + cell / 2 - 1:.0f}" '
                f'y="{y + height / 2 + 4:.0f}">{count}</text>'
            )
    return _svg(title, said, top + len(rows) * height + 4, parts)


def calibration(bins: Sequence[tuple[float, float, int]], *, title: str, said: str) -> SafeString:
    """(mean confidence, share that was right, number) of each bin against the diagonal."""
    size = 150
    plot = _Plot(0, 1, height=size + _TOP + _BOTTOM)
    most = max((n for _, _, n in bins), default=1)
    x1, x2 = plot.x(0), plot.x(1)
    parts = [
        plot.grid(percent=True),
        f'<line class="c-floor" x1="{x1}" y1="{plot.y(0):.1f}" x2="{x2}" y2="{plot.y(1):.1f}"/>',
    ]
    places = [(plot.x(confidence), plot.y(right)) for confidence, right, _ in bins]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    parts.append(f'<polyline class="c-line" points="{path}"/>')
    for (x, y), (_, _, n) in zip(places, bins, strict=True):
        radius = 2.5 + 5 * (n / most) ** 0.5
        parts.append(f'<circle class="c-dot" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>')
    for share in (0, 0.25, 0.5, 0.75, 1):
        parts.append(
            f'<text class="c-text c-mid" x="{plot.x(share):.1f}" y="{plot.bottom + 17:.0f}">'
            f"{share:.0%}</text>"
        )
    return _svg(title, said, plot.height, parts)


def intervals(
    points: Sequence[Point], *, title: str, said: str, middle: float | None = None
) -> SafeString:
    """One row a name: the value as a dot, its interval as a line, `middle` as a dashed line."""
    ends = [v for p in points for v in (p.low, p.high, p.value, middle) if v is not None]
    low, high = min([0.0, *ends]), max([1.0, *ends])
    left, right, row = 172, WIDTH - 20, 24
    height = len(points) * row + 26

    def place(value: float) -> float:
        return left + (value - low) / ((high - low) or 1) * (right - left)

    parts = []
    for share in (low, (low + high) / 2, high):
        x = place(share)
        parts.append(
            f'<line class="c-grid" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{height - 22}"/>'
            f'<text class="c-text c-mid" x="{x:.1f}" y="{height - 6}">{share:.0%}</text>'
        )
    if middle is not None:
        x = place(middle)
        parts.append(f'<line class="c-floor" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{height - 22}"/>')
    for i, point in enumerate(points):
        y = 6 + i * row + row / 2
        name = escape(point.label[:26])
        parts.append(f'<text class="c-text c-end" x="{left - 12}" y="{y + 4:.1f}">{name}</text>')
        if point.low is not None and point.high is not None:
            parts.append(
                f'<line class="c-line" x1="{place(point.low):.1f}" x2="{place(point.high):.1f}" '
                f'y1="{y:.1f}" y2="{y:.1f}"/>'
            )
        if point.value is not None:
            x = place(point.value)
            parts.append(f'<circle class="c-dot" cx="{x:.1f}" cy="{y:.1f}" r="4"/>')
    return _svg(title, said, height, parts)


def bars(rows: Sequence[Bar], *, title: str, said: str, limit: float | None = None) -> SafeString:
    """Horizontal bars; `limit` is a dashed line, what is `loud` has another colour."""
    most = max([row.value for row in rows] + [limit or 0]) or 1
    left, room, height = 150, WIDTH - 150 - 70, 24
    parts = []
    for i, row in enumerate(rows):
        y, width = 4 + i * height, row.value / most * room
        name = escape(row.name[:20])
        parts.append(
            f'<text class="c-text c-end" x="{left - 10}" y="{y + 16}">{name}</text>'
            f'<rect class="{"c-loud" if row.loud else "c-bar"}" x="{left}" y="{y + 4}" '
            f'width="{max(width, 1):.1f}" height="15"/>'
            f'<text class="c-text" x="{left + max(width, 1) + 6:.1f}" y="{y + 16}">'
            f"{escape(row.note)}</text>"
        )
    bottom = 4 + len(rows) * height
    if limit is not None:
        x = left + limit / most * room
        parts.append(f'<line class="c-floor" x1="{x:.1f}" x2="{x:.1f}" y1="2" y2="{bottom}"/>')
    return _svg(title, said, bottom + 6, parts)


class _Plot:
    """Where values lie between the axes."""

    def __init__(self, low: float, high: float, height: int = HEIGHT) -> None:
        self.low, self.high, self.height = low, high, height
        self.width = WIDTH - _LEFT - _RIGHT
        self.bottom = height - _BOTTOM

    def y(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1)
        return self.bottom - share * (self.bottom - _TOP)

    def x(self, share: float) -> float:
        return _LEFT + share * self.width

    def places(self, count: int) -> list[float]:
        """The middles of `count` equal columns."""
        return [_LEFT + self.width * (i + 0.5) / count for i in range(count)]

    def grid(self, percent: bool) -> str:
        found = []
        for step in range(5):
            value = self.low + (self.high - self.low) * step / 4
            text = f"{value:.0%}" if percent else _short(value)
            y = self.y(value)
            found.append(
                f'<line class="c-grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" '
                f'y1="{y:.1f}" y2="{y:.1f}"/>'
                f'<text class="c-text c-end" x="{_LEFT - 6}" y="{y + 4:.1f}">{text}</text>'
            )
        return "".join(found)


def _short(value: float) -> str:
    """A number in the six characters that stand left of a picture."""
    if abs(value) < 1_000:
        return f"{value:.3g}"
    if abs(value) < 10_000:
        return f"{value:,.0f}"
    return f"{value / 1_000:.3g}k" if abs(value) < 999_500 else f"{value / 1e6:.3g}M"


def _band(point: Point) -> bool:
    return point.low is not None and point.high is not None


def _marker(plot: _Plot, x: float, point: Point) -> str:
    if point.value is None:
        return ""
    dot = f'<circle class="c-dot" cx="{x:.1f}" cy="{plot.y(point.value):.1f}" r="3"/>'
    if point.low is None or point.high is None:
        return dot
    return (
        f'<line class="c-whisker" x1="{x:.1f}" x2="{x:.1f}" y1="{plot.y(point.low):.1f}" '
        f'y2="{plot.y(point.high):.1f}"/>{dot}'
    )


def _runs(points: Sequence[Point]) -> list[list[int]]:
    """Indices of neighbours that have a value: a line does not run over a gap."""
    runs: list[list[int]] = [[]]
    for i, point in enumerate(points):
        if point.value is None:
            runs.append([])
        else:
            runs[-1].append(i)
    return [run for run in runs if run]


def _labels(xs: Sequence[float], labels: Sequence[str]) -> str:
    """Names under the columns, as many as there is room for."""
    every = max(1, -(-len(labels) // 6))
    return "".join(
        f'<text class="c-text c-mid" x="{x:.1f}" y="{HEIGHT - 8}">{escape(label)}</text>'
        for i, (x, label) in enumerate(zip(xs, labels, strict=True))
        if i % every == 0
    )


def _svg(title: str, said: str, height: float, parts: Sequence[str]) -> SafeString:
    # Everything in `parts` is made here: numbers, our own words, escaped names.
    return mark_safe(  # noqa: S308
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'aria-label="{escape(f"{title}. {said}")}">{"".join(parts)}</svg>'
    )
