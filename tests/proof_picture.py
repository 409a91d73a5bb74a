"""The picture of the proof, drawn as text: evidence by day, the alarm's level, the new hospital."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ml.change_detection import RUN_LENGTH_DAYS

if TYPE_CHECKING:
    from tests.proof import Run

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 34, 44
LOWEST, HIGHEST = 0.001, 1e8
SHOWN = (("ours: urgency", "#b3541e"), ("ours: accuracy", "#2b6a99"))


def draw(runs: "Sequence[Run]") -> str:
    """SVG: the evidence of both charts by day, median and the middle 90 % of the runs."""
    days = len(runs[0].charts[SHOWN[0][0]])

    def x(day: float) -> float:
        return LEFT + (day - 0.5) / days * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        place = math.log10(min(max(value, LOWEST), HIGHEST) / LOWEST)
        return HEIGHT - BOTTOM - place / math.log10(HIGHEST / LOWEST) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="sans-serif" font-size="12">',
        "<title>Evidence by day: five days of the known hospital, five of the unknown one</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<rect x="{x(5.5):.1f}" y="{TOP}" width="{x(days + 0.5) - x(5.5):.1f}" '
        f'height="{HEIGHT - TOP - BOTTOM}" fill="#f4efe6"/>',
    ]
    for power in range(-2, 9, 2):
        level = y(10.0**power)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{level:.1f}" y2="{level:.1f}" '
            f'stroke="#ddd"/><text x="{LEFT - 8}" y="{level + 4:.1f}" text-anchor="end">'
            f"{10.0**power:g}</text>"
        )
    alarm = y(RUN_LENGTH_DAYS)
    parts.append(
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{alarm:.1f}" y2="{alarm:.1f}" stroke="#c00" '
        f'stroke-dasharray="6 4"/><text x="{LEFT + 6}" y="{alarm - 5:.1f}" fill="#c00">alarm from '
        f"{RUN_LENGTH_DAYS}</text>"
    )
    for place, (name, colour) in enumerate(SHOWN):
        values = np.array([run.charts[name] for run in runs])
        low, middle, high = np.quantile(values, [0.05, 0.5, 0.95], axis=0)
        around = [f"{x(d + 1):.1f},{y(v):.1f}" for d, v in enumerate(high)]
        around += [f"{x(d + 1):.1f},{y(low[d]):.1f}" for d in reversed(range(days))]
        line = " ".join(f"{x(d + 1):.1f},{y(v):.1f}" for d, v in enumerate(middle))
        parts.append(f'<polygon points="{" ".join(around)}" fill="{colour}" opacity="0.18"/>')
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(
            f'<text x="{LEFT + 6 + 330 * place}" y="20" fill="{colour}">{name.split(": ")[1]}: '
            f"median and middle 90 % of {len(runs)} runs</text>"
        )
    for day in range(1, days + 1):
        parts.append(
            f'<text x="{x(day):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{day}</text>'
        )
    for middle_day, title in ((3.0, "known hospital"), (8.0, "unknown hospital")):
        parts.append(
            f'<text x="{x(middle_day):.1f}" y="{HEIGHT - 8}" text-anchor="middle">{title}</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"
