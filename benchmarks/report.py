"""What a measurement hands back, and how it is printed."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several rounds with the least and the greatest."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(statistics.median(values), min(values), max(values))

    def __str__(self) -> str:
        if self.least == self.greatest:
            return _short(self.median)
        return f"{_short(self.median)} ({_short(self.least)}–{_short(self.greatest)})"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table. `ratio` says how many times better ours is, round by round; `bar` is
    the target of the design, `met` whether the median reaches it."""

    what: str
    unit: str
    ours: Spread | None
    naive: Spread | None = None
    ratio: Spread | None = None
    bar: str = ""
    met: bool | None = None


@dataclass
class Report:
    """One measurement: its lines, and notes that a reader of the table needs."""

    name: str
    title: str
    lines: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def compare(
        self,
        what: str,
        unit: str,
        ours: Sequence[float],
        naive: Sequence[float],
        *,
        cost: bool = False,
        at_least: float | None = None,
    ) -> None:
        """A line with how many times better ours is, round by round: ours ÷ naive, or naive ÷ ours
        where the numbers are a `cost`."""
        pairs = list(zip(naive, ours, strict=True) if cost else zip(ours, naive, strict=True))
        ratios = [one / other for one, other in pairs if other]
        ratio = Spread.of(ratios) if ratios else None
        bar, met = _judged(ratio, at_least, None, " ×")
        self.lines.append(Line(what, unit, Spread.of(ours), Spread.of(naive), ratio, bar, met))

    def tell(
        self,
        what: str,
        unit: str,
        ours: Sequence[float],
        *,
        at_least: float | None = None,
        at_most: float | None = None,
    ) -> None:
        """A line about ours alone, with its bar in the line's own unit."""
        spread = Spread.of(ours)
        bar, met = _judged(spread, at_least, at_most, "")
        self.lines.append(Line(what, unit, spread, bar=bar, met=met))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def text(self) -> str:
        head = ("", "unit", "ours", "naive", "ratio", "bar", "")
        rows = [
            (
                line.what,
                line.unit,
                str(line.ours) if line.ours else "",
                str(line.naive) if line.naive else "",
                f"{line.ratio} ×" if line.ratio else "",
                line.bar,
                {True: "met", False: "MISSED", None: ""}[line.met],
            )
            for line in self.lines
        ]
        widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
        shown = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in [head, *rows]
        ]
        return "\n".join([f"== {self.name}: {self.title}", *shown, *self.notes, ""])


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the values lies; the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _judged(
    value: Spread | None, at_least: float | None, at_most: float | None, unit: str
) -> tuple[str, bool | None]:
    if value is None or (at_least is None and at_most is None):
        return "", None
    if at_least is not None:
        return f"≥ {at_least:g}{unit}", value.median >= at_least
    assert at_most is not None
    return f"≤ {at_most:g}{unit}", value.median <= at_most


def _short(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
