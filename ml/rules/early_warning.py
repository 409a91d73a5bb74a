"""Early warning from vital signs: NEWS2 for adults, published ranges by age for children.

Sources: Royal College of Physicians, National Early Warning Score (NEWS) 2, 2017, SpO2 scale 1;
APLS 6th edition (normal ranges of heart rate, breathing and systolic pressure by age); shock
index, Rady 1994. A value that was not measured is not scored, only listed.
"""

from bisect import bisect_right
from operator import attrgetter
from typing import Final, NamedTuple

from ml.case import VitalSigns
from ml.rules.answer import RuleHit
from ml.schema import Level

_NEWS2: Final = "RCP NEWS2 2017"
_APLS: Final = "APLS 6th edition; RCPCH PEWS 2023"
ADULT_FROM: Final = 16.0

# The values at which another band begins, and the points of the bands from the lowest up. The
# published bands are whole numbers, tenths for temperature: so many digits a value is rounded to.
_BANDS: Final[dict[str, tuple[tuple[float, ...], tuple[int, ...], int]]] = {
    "respiratory_rate_bpm": ((9, 12, 21, 25), (3, 1, 0, 2, 3), 0),
    "spo2_percent": ((92, 94, 96), (3, 2, 1, 0), 0),
    "systolic_bp_mmhg": ((91, 101, 111, 220), (3, 2, 1, 0, 3), 0),
    "heart_rate_bpm": ((41, 51, 91, 111, 131), (3, 1, 0, 1, 2, 3), 0),
    "temperature_c": ((35.1, 36.1, 38.1, 39.1), (3, 1, 0, 1, 2), 1),
}
_MEASURED: Final = (*_BANDS, "consciousness")
_VALUES: Final = attrgetter(*_MEASURED)
# Below this age in years: breaths low-high, beats low-high, least systolic pressure.
_BY_AGE: Final[tuple[tuple[float, float, float, float, float, float], ...]] = (
    (1, 25, 50, 110, 170, 65),
    (2, 20, 40, 100, 160, 70),
    (5, 18, 35, 90, 150, 74),
    (12, 16, 30, 75, 140, 80),
    (16, 12, 25, 60, 120, 90),
)
# How far outside its range a child's value is gravely so.
_FAR: Final = 1.25


class EarlyWarning(NamedTuple):
    """What the vital signs alone ask for.

    `total` is the NEWS2 sum of what was measured in an adult, None in a child or where nothing
    was measured; `points` the greatest single score; `arrested` a value next to arrest.
    """

    level: Level
    floor: Level
    total: int | None
    points: int
    arrested: bool
    hits: tuple[RuleHit, ...]
    missing: tuple[str, ...]


_NOTHING_MEASURED: Final = EarlyWarning(Level.ROUTINE, Level.ROUTINE, None, 0, False, (), _MEASURED)


def score(vitals: VitalSigns, age: float | None) -> EarlyWarning:
    """Score what was measured; unknown age counts as adult."""
    values = _VALUES(vitals)
    if values.count(None) == len(values):
        return _NOTHING_MEASURED
    missing = tuple([n for n, value in zip(_MEASURED, values, strict=True) if value is None])
    child = age is not None and age < ADULT_FROM
    points = _child_points(vitals, age or 0.0) if child else _adult_points(vitals)
    if vitals.consciousness is not None:
        points["consciousness"] = 0 if vitals.consciousness == "A" else 3
    total = sum(points.values())
    arrested = _arrested(vitals, child)
    asked = {f"vital.{name}": Level.URGENT for name, value in points.items() if value == 3}
    if total >= 5:
        asked["vital.news2"] = Level.EMERGENCY if total >= 7 else Level.URGENT
    asked |= _grave(vitals, child)
    # Every one of these is at least urgent, and the model may not go below that.
    floor = Level.URGENT if asked else Level.ROUTINE
    if arrested:
        asked["vital.arrest"] = floor = Level.EMERGENCY
    source = _APLS if child else _NEWS2
    hits = [RuleHit(rule_id, "vital_signs", level, source) for rule_id, level in asked.items()]
    if not child and _shock_index(vitals) >= 1.0:
        hits.append(
            RuleHit("vital.shock_index", "vital_signs", Level.URGENT, "shock index; Rady 1994")
        )
    return EarlyWarning(
        max((hit.level for hit in hits), default=Level.ROUTINE),
        floor,
        None if child else total,
        max(points.values(), default=0),
        arrested,
        tuple(hits),
        missing,
    )


def _grave(vitals: VitalSigns, child: bool) -> dict[str, Level]:
    """Single values that ask for emergency by themselves (ESI v4 danger zone, MTS red/orange)."""
    found = {
        "vital.new_confusion": vitals.consciousness in {"C", "V"},
        "vital.hypoxia": vitals.spo2_percent is not None and vitals.spo2_percent < 90,
    }
    systolic, rate = vitals.systolic_bp_mmhg, vitals.heart_rate_bpm
    if not child:
        found["vital.hypotension"] = systolic is not None and systolic < 90
        found["vital.rate"] = rate is not None and (rate > 150 or rate < 40)
    return {rule_id: Level.EMERGENCY for rule_id, holds in found.items() if holds}


def _shock_index(vitals: VitalSigns) -> float:
    """Heart rate over systolic pressure; 0 where either is missing. Above 0.9 is abnormal."""
    rate, systolic = vitals.heart_rate_bpm, vitals.systolic_bp_mmhg
    return rate / systolic if rate is not None and systolic else 0.0


def _adult_points(vitals: VitalSigns) -> dict[str, int]:
    found = {}
    for name, (bounds, points, digits) in _BANDS.items():
        value = getattr(vitals, name)
        if value is not None:
            found[name] = points[bisect_right(bounds, round(value, digits))]
    return found


def _child_points(vitals: VitalSigns, age: float) -> dict[str, int]:
    """2 outside the range of the age, 3 far outside; fever counts as in adults."""
    breaths_low, breaths_high, beats_low, beats_high, least_systolic = next(
        row[1:] for row in _BY_AGE if age < row[0]
    )
    found = {}
    for name, low, high in (
        ("respiratory_rate_bpm", breaths_low, breaths_high),
        ("heart_rate_bpm", beats_low, beats_high),
    ):
        value = getattr(vitals, name)
        if value is not None:
            if value > high * _FAR or value < low / _FAR:
                found[name] = 3
            else:
                found[name] = 2 if value > high or value < low else 0
    if vitals.systolic_bp_mmhg is not None:
        found["systolic_bp_mmhg"] = 3 if vitals.systolic_bp_mmhg < least_systolic else 0
    if vitals.spo2_percent is not None:
        spo2 = vitals.spo2_percent
        found["spo2_percent"] = 3 if spo2 < 92 else 1 if spo2 < 95 else 0
    if vitals.temperature_c is not None:
        celsius = vitals.temperature_c
        found["temperature_c"] = 3 if celsius < 35 else 1 if celsius > 38 else 0
    return found


def _arrested(vitals: VitalSigns, child: bool) -> bool:
    """Values next to arrest: final whatever else is said."""
    rate, breaths = vitals.heart_rate_bpm, vitals.respiratory_rate_bpm
    systolic, spo2 = vitals.systolic_bp_mmhg, vitals.spo2_percent
    return (
        vitals.consciousness in {"P", "U"}
        or (spo2 is not None and spo2 < 85)
        or (rate is not None and rate < (40 if child else 30))
        or (breaths is not None and breaths < 6)
        or (systolic is not None and systolic < (50 if child else 70))
    )
