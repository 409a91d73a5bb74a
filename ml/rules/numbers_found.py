"""What numbers written into the text ask for: coma scale, glucose, saturation, pressure, pulse."""

from ml.rules.answer import RuleHit
from ml.rules.facts import Facts
from ml.rules.measures import Measures
from ml.schema import Level

E, U = Level.EMERGENCY, Level.URGENT
_NEWS2 = "RCP NEWS2 2017"


def number_hits(measures: list[Measures], facts: Facts) -> list[RuleHit]:
    """Hits on numbers; thresholds are those of the named source. No spans: they name no words."""
    asked: list[tuple[str, Level | None, str]] = []
    for found in measures:
        asked += [
            ("number.gcs", _low(found.gcs, 14, 15), "ATLS; NICE NG232"),
            ("number.spo2", _low(found.spo2, 91, 94), _NEWS2),
            ("number.systolic", _low(found.systolic, 90, 90), _NEWS2),
            ("number.systolic_high", _high(found.systolic, 200, None), _NEWS2),
            ("number.heart_rate_low", _low(found.heart_rate, 41, 41), _NEWS2),
            (
                "number.heart_rate",
                _high(found.heart_rate, 131, None if facts.aged(0, 5) else 151),
                _NEWS2,
            ),
            ("number.glucose_low", _low(found.glucose_mgdl, 54, 70), "ADA hypoglycaemia levels"),
            (
                "number.glucose_high",
                _high(found.glucose_mgdl, 301, 451 if facts.has("sym.vomiting") else None),
                "JBDS; ADA standards 2024",
            ),
        ]
    return [
        RuleHit(rule_id, "measured", level, source)
        for rule_id, level, source in asked
        if level is not None
    ]


def _low(value: float | None, emergency: float, urgent: float) -> Level | None:
    """Emergency below the first bound, urgent below the second."""
    if value is None or value >= urgent:
        return None
    return E if value < emergency else U


def _high(value: float | None, urgent: float, emergency: float | None) -> Level | None:
    """Urgent from the first bound on, emergency from the second where there is one."""
    if value is None or value < urgent:
        return None
    return E if emergency is not None and value >= emergency else U
