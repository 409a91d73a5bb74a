"""Combinations of belly, infection, poison and nerves, told in several words or fields."""

from typing import Final

from ml.rules.combination import Combination, fertile
from ml.schema import Level

S, U, E = Level.SOON, Level.URGENT, Level.EMERGENCY

_LAPSE: Final = ("sym.syncope", "neurological.lapse")
_DEFICIT: Final = ("neurological.deficit", "neurological.deficit_minor")

INNER: Final[tuple[Combination, ...]] = (
    Combination(
        "combo.back_heavy_sweat", "cardiac", E, "AHA/ACC chest pain guideline 2021",
        lambda f: f.aged(35, 130) and f.has("ctx.upper_back_heavy") and f.has("ctx.sweating"),
        False, U,
    ),
    Combination(
        "combo.mesenteric", "abdominal", E, "WSES mesenteric ischaemia 2022",
        lambda f: f.has("sym.abdominal_pain") and (f.has("ctx.out_of_proportion")
        or (f.has("ctx.severe") and f.has("sym.palpitation") and f.aged(50, 130))), False, U,
    ),
    Combination(
        "combo.appendicitis", "abdominal", U, "NICE CKS appendicitis; WSES Jerusalem 2020",
        lambda f: f.has("ctx.right_lower")
        and (f.hot or f.has("sym.vomiting", "sym.nausea", "sym.poor_intake", "ctx.not_drinking",
                            "ctx.worse")), floor=U,
    ),
    Combination(
        "combo.obstruction", "abdominal", E, "WSES bowel obstruction 2017",
        lambda f: f.has("sym.distension", "ctx.swollen_belly") and f.has("sym.vomiting")
        and f.has("sym.constipation", "ctx.no_stool"), False, U,
    ),
    Combination(
        "combo.belly_injury", "trauma", E, "ATLS 10th edition",
        lambda f: f.has("ctx.belly_injury")
        and (f.has("sym.dizziness", "ctx.blue_or_pale", "ctx.shoulder_tip", *_LAPSE)), False, U,
    ),
    Combination(
        "combo.pelvic_bleeding_collapse", "obstetric", E, "NICE NG126",
        lambda f: fertile(f) and f.sex == "female"
        and f.has("ctx.pelvic_pain", "sym.abdominal_pain", "abdominal.acute")
        and f.has("ctx.bleed") and f.has(*_LAPSE), False, U,
    ),
    Combination(
        "combo.ovarian_torsion", "obstetric", E, "ACOG adnexal torsion 2019",
        lambda f: fertile(f) and f.has("sym.pelvic_pain", "ctx.pelvic_pain") and f.has("ctx.sudden")
        and f.has("ctx.severe") and f.has("sym.vomiting"), False, U,
    ),
    Combination(
        "combo.withdrawal", "poisoning", E, "NICE CG100",
        lambda f: f.has("ctx.stopped_drinking")
        and (f.has("sym.hallucination", "neurological.seizure", "neurological.consciousness",
                   "ctx.drowsy", "ctx.sees_things")
             or "neurological.seizure" in f.gone), False, U,
    ),
    Combination(
        "combo.child_tablets", "poisoning", E, "TOXBASE; RCEM toxicology",
        lambda f: f.aged(0, 8) and f.has("ctx.swallowed_tablets"), False, U,
    ),
    Combination(
        "combo.spinal_infection", "sepsis", E, "NICE NG234; IDSA vertebral osteomyelitis 2015",
        lambda f: f.hot and f.has("sym.back_pain") and f.has(*_DEFICIT), False, U,
    ),
    Combination(
        "combo.surgery_sepsis", "sepsis", E, "NICE NG51",
        lambda f: f.hot and f.lives_with("hx.surgery")
        and f.has("sym.palpitation", "sym.distension", "ctx.swollen_belly"), False, U,
    ),
    Combination(
        "combo.cellulitis_fever", "sepsis", U, "NICE NG141",
        lambda f: f.hot and f.has("ctx.cellulitis"), floor=S,
    ),
    Combination(
        "combo.pneumonia", "respiratory", U, "NICE CG191",
        lambda f: f.hot and f.has("sym.cough") and f.has("sym.chest_pain", "ctx.pleuritic"),
    ),
    Combination(
        "combo.neck_swelling_breath", "respiratory", E, "DAS/BAETS thyroid haematoma 2022",
        lambda f: f.has("ctx.neck_swelling") and f.has("sym.dyspnea"), True, E,
    ),
    Combination(
        "combo.ascending_weakness", "neurological", E, "EAN/PNS Guillain-Barré 2023",
        lambda f: f.has("ctx.ascending")
        and f.has("sym.dyspnea", "ctx.cant_swallow", "neurological.deficit_minor"), False, U,
    ),
    Combination(
        "combo.cancer_back", "neurological", U, "NICE NG234",
        lambda f: f.lives_with("hx.cancer") and f.has("sym.back_pain"), floor=S,
    ),
    Combination(
        "combo.slow_pulse_faint", "cardiac", E, "ESC pacing 2021",
        lambda f: f.has("ctx.slow_pulse") and f.has("sym.dizziness", *_LAPSE), False, U,
    ),
    Combination(
        "combo.diabetic_foot", "metabolic", U, "NICE NG19",
        lambda f: f.lives_with("hx.diabetes") and f.has("ctx.foot")
        and f.has("sym.infection", "sym.wound", "ctx.black_toe"), floor=S,
    ),
    Combination(
        "combo.traveller_fever", "sepsis", U, "BIA fever in the returning traveller 2009",
        lambda f: f.hot and f.has("ctx.tropics"), floor=S,
    ),
)  # fmt: skip
