"""How values are written: levels, shares, ages. One way, on every page.

What is missing is a dash: None, and the empty text that a template makes of an absent name.
"""

import datetime as dt
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ml.schema import LEVELS

register = template.Library()

# A growing bar beside the word: the level is never told by colour alone.
_BARS = ("▁", "▃", "▅", "▇")


@register.filter
def level(name: str | None) -> SafeString | str:
    """A level as a chip; a dash for none."""
    if name not in LEVELS:
        return "–"
    number = LEVELS.index(name)
    return format_html(
        '<span class="level level-{}"><span aria-hidden="true">{}</span> {}</span>',
        number,
        _BARS[number],
        name,
    )


@register.filter
def percent(share: Any, digits: int = 1) -> str:
    """A share of 0–1 in percent; a dash for none."""
    return "–" if share in (None, "") else f"{share:.{digits}%}"


@register.filter
def interval(found: dict[str, Any] | None) -> str:
    """A share with its interval: 91.2% (88.0–93.9)."""
    if not found:
        return "–"
    return f"{found['share']:.1%} ({found['low'] * 100:.1f}–{found['high'] * 100:.1f})"


@register.filter
def written(value: Any, kind: str) -> str:
    """A measure by its kind: interval, percent or number."""
    if kind == "interval":
        return interval(value)
    return percent(value) if kind == "percent" else number(value, 3)


@register.filter
def number(value: Any, digits: int = 2) -> str:
    return "–" if value in (None, "") else f"{value:,.{digits}f}"


@register.filter
def duration(seconds: Any) -> str:
    """Seconds as people say them: 12 ms, 3.4 s, 5 min, 2 h, 3 d."""
    if seconds in (None, ""):
        return "–"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    raise AssertionError("seconds are covered above")


@register.filter
def ago(moment: dt.datetime | None) -> SafeString | str:
    """How long ago, with the moment itself (UTC) for who wants it exactly."""
    if not moment:
        return "–"
    seconds = max((dt.datetime.now(dt.UTC) - moment).total_seconds(), 0)
    text = (
        "just now" if seconds < 2 else f"{duration(float(int(seconds))).replace('.0 s', ' s')} ago"
    )
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        moment.astimezone(dt.UTC).isoformat(timespec="seconds"),
        moment.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S"),
        text,
    )


@register.filter
def moment(value: dt.datetime | None) -> str:
    """A moment in UTC to the millisecond."""
    if not value:
        return "–"
    return value.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


@register.filter
def plain(code: str | None) -> str:
    """A stable code as words."""
    return "–" if not code else code.replace("_", " ")


@register.filter
def step(code: str) -> str:
    """One step of a decision's trace as words."""
    return plain(code).replace("->", " → ").replace(":", ": ")


@register.filter
def lookup(mapping: dict[str, Any] | None, key: str) -> Any:
    return None if mapping is None else mapping.get(key)


@register.filter
def field_value(values: dict[str, str], field: Any) -> str:
    """What was typed into an input of the form, to show it again."""
    return values.get(field.name, "")
