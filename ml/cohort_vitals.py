"""Vital signs of the synthetic cohort: normal for the age, then moved by what is wrong.

Normal adults: mean and spread as in large ward cohorts behind NEWS2 (RCP 2017; Pimentel et al.,
Resuscitation 2019): heart rate 84 ± 15, breathing 17 ± 2, systolic 131 ± 20, SpO2 97 ± 1.6,
temperature 36.7 ± 0.5. Children's rates follow Fleming et al., Lancet 2011.
"""

from random import Random
from typing import Any, Final

from ml.schema import RANGES, Level

# How far each level moves towards its profile's worst, as (mean, spread).
_INTENSITY: Final = ((0.05, 0.08), (0.18, 0.15), (0.5, 0.25), (0.95, 0.3))
# Departure at full intensity: heart rate, breathing, systolic, temperature, SpO2.
_PROFILES: Final[dict[str, tuple[float, float, float, float, float]]] = {
    "none": (4, 0.5, 4, 0.0, 0.0),
    "pain": (14, 2, 14, 0.0, 0.0),
    "fever": (26, 4, -4, 2.3, -0.8),
    "septic": (44, 11, -42, 2.2, -6),
    "resp": (28, 13, 6, 0.3, -11),
    "shock": (50, 9, -52, -0.4, -4),
    "cardiac": (16, 5, 6, 0.0, -3),
    "tachy": (72, 4, -8, 0.0, -1),
    "brady": (-38, 1, -22, 0.0, -1),
    "neuro": (6, 2, 40, 0.1, -1),
    "coma": (10, 1, 0, -0.2, -6),
    "hyper": (8, 1, 62, 0.0, 0.0),
    "bleed": (32, 4, -28, 0.0, -1),
    "cold": (-22, -4, -25, -4.5, -4),
    "allergy": (34, 8, -38, 0.0, -6),
}
# Age up to which heart rate, breathing rate and systolic pressure have these means.
_BY_AGE: Final = (
    (0.25, 142.0, 42.0, 74.0),
    (1.0, 130.0, 37.0, 88.0),
    (5.0, 112.0, 27.0, 97.0),
    (12.0, 92.0, 21.0, 105.0),
    (18.0, 82.0, 18.0, 116.0),
    (65.0, 82.0, 17.5, 128.0),
    (200.0, 80.0, 18.0, 138.0),
)
# Chance of being other than alert at full intensity, by profile.
_CLOUDED: Final = {
    "coma": 0.85,
    "septic": 0.4,
    "shock": 0.45,
    "neuro": 0.2,
    "cold": 0.6,
    "resp": 0.2,
}


def vital_signs(random: Random, profile: str, level: Level, age: float) -> dict[str, Any]:
    """All vital signs but pain, in the API's names and units, in range and free of
    contradiction."""
    mean, spread = _INTENSITY[level]
    # One departure per sign: an illness does not move all signs alike.
    heart, breath, systolic, temperature, spo2 = _PROFILES[profile]
    normal = next(row for row in _BY_AGE if age < row[0])
    pace = normal[1] / 82.0

    def strength() -> float:
        return max(0.0, random.gauss(mean, spread))

    pressure = random.gauss(normal[3] + systolic * strength(), 13 if age < 16 else 18)
    pressure = max(38.0, pressure)
    signs: dict[str, Any] = {
        "heart_rate_bpm": round(random.gauss(normal[1] + heart * pace * strength(), 12 * pace)),
        "respiratory_rate_bpm": round(
            random.gauss(normal[2] + breath * pace * strength(), 1.8 * pace)
        ),
        "systolic_bp_mmhg": round(pressure),
        "diastolic_bp_mmhg": round(pressure * random.uniform(0.52, 0.68)),
        "temperature_c": round(random.gauss(36.7 + temperature * strength(), 0.4), 1),
        "spo2_percent": round(min(100.0, random.gauss(97.6 + spo2 * strength(), 1.3))),
    }
    if random.random() < 0.35:
        # Nurses count breaths in even numbers, mostly 20 (digit preference).
        signs["respiratory_rate_bpm"] = 2 * round(signs["respiratory_rate_bpm"] / 2)
    clouded = _CLOUDED.get(profile, 0.02) * max(0.0, min(1.0, random.gauss(mean, 0.15)))
    found: dict[str, Any] = {}
    for name, value in signs.items():
        bounds = RANGES[name]
        found[name] = float(min(bounds.high, max(bounds.low, value)))
    found["consciousness"] = (
        random.choice(["C", "V", "V", "P", "U"]) if random.random() < clouded else "A"
    )
    return found
