"""Shares behind the synthetic cohort, each with where it comes from.

Nothing here was counted in a data file: figures are rounded from published summaries.
"""

from typing import Final

# (routine, soon, urgent, emergency). At a hospital's desk: five-level triage folded into four,
# between NHAMCS 2019-21 (immediate and emergent about 14 % of triaged visits, urgent 45, semi-
# urgent and non-urgent 41) and Korean national data (KTAS 1-2 about 9 %, 3 about 37, 4 about 40).
ARRIVAL_LEVELS: Final = (9.0, 34.0, 39.0, 18.0)
# At home, by telephone or online: NHS 111 dispositions, England 2019-23 (ambulance 12-14 %,
# emergency department about 10, primary care within hours or days about 50, self-care or
# routine about 25), with emergencies raised a little so that their wording is learnt.
CONTACT_LEVELS: Final = (30.0, 31.0, 22.0, 17.0)
ARRIVAL_SHARE: Final = 0.42

# How a scenario's spec spreads over the levels: experts agree with each other on about four in
# five cases (weighted kappa 0.8: Mistry et al., Emerg Med J 2018), and disagree by one level.
LABELS_BY_SPEC: Final = {
    "r": (88, 12, 0, 0),
    "rs": (52, 44, 4, 0),
    "s": (8, 82, 10, 0),
    "su": (2, 50, 46, 2),
    "u": (0, 10, 82, 8),
    "ue": (0, 4, 50, 46),
    "e": (0, 0, 8, 92),
    # What cannot be read says little: roughly what comes through the door.
    "x": (26, 45, 24, 5),
}

# Key -> years. i infants, t toddlers, c schoolchildren, y young adults, m middle age, o old age.
AGE_GROUPS: Final = {
    "n": (0.0, 0.24),
    "i": (0.25, 1.0),
    "t": (1.0, 5.0),
    "c": (5.0, 16.0),
    "y": (16.0, 40.0),
    "m": (40.0, 65.0),
    "o": (65.0, 96.0),
}

# How often a field is filled in. Desks measure nearly everything; people at home type a
# complaint and little else (a third gives nothing more).
RECORDED: Final = {
    "arrival": {
        "age": 0.98,
        "sex": 0.98,
        "vital_signs": 0.93,
        "each_sign": 0.97,
        "pain": 0.95,
        "history": 0.15,
        "urgency": 0.05,
        "severity": 0.05,
        "symptoms": 0.02,
    },
    "contact": {
        "age": 0.55,
        "sex": 0.45,
        "vital_signs": 0.14,
        "each_sign": 0.6,
        "pain": 0.5,
        "history": 0.4,
        "urgency": 0.4,
        "severity": 0.3,
        "symptoms": 0.2,
    },
}

HISTORY: Final = (
    "hypertension",
    "type 2 diabetes",
    "asthma",
    "COPD",
    "heart failure",
    "coronary artery disease",
    "atrial fibrillation on warfarin",
    "previous stroke",
    "epilepsy",
    "chronic kidney disease",
    "depression",
    "anxiety",
    "hypothyroidism",
    "breast cancer on chemotherapy",
    "migraine",
    "gallstones",
    "osteoarthritis",
    "appendectomy",
    "high cholesterol",
    "HIV",
)
