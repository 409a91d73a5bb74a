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
        ("ctx.upper_back_heavy",),
        lambda f: f.aged(35, 130) and f.has("ctx.sweating"),
        False, U,
    ),
    Combination(
        "combo.mesenteric", "abdominal", E, "WSES mesenteric ischaemia 2022",
        ("sym.abdominal_pain",),
        lambda f: (f.has("ctx.out_of_proportion")
        or (f.has("ctx.severe") and f.has("sym.palpitation") and f.aged(50, 130))), False, U,
    ),
    Combination(
        "combo.appendicitis", "abdominal", U, "NICE CKS appendicitis; WSES Jerusalem 2020",
        ("ctx.right_lower",),
        lambda f: f.hot or f.has("sym.vomiting", "sym.nausea", "sym.poor_intake",
                                 "ctx.not_drinking", "ctx.worse"), floor=U,
    ),
    Combination(
        "combo.obstruction", "abdominal", E, "WSES bowel obstruction 2017",
        ("sym.distension", "ctx.swollen_belly"),
        lambda f: f.has("sym.vomiting")
        and f.has("sym.constipation", "ctx.no_stool"), False, U,
    ),
    Combination(
        "combo.belly_injury", "trauma", E, "ATLS 10th edition", ("ctx.belly_injury",),
        lambda f: f.has("sym.dizziness", "ctx.blue_or_pale", "ctx.shoulder_tip", *_LAPSE),
        False, U,
    ),
    Combination(
        "combo.pelvic_bleeding_collapse", "obstetric", E, "NICE NG126", _LAPSE,
        lambda f: fertile(f) and f.sex == "female"
        and f.has("ctx.pelvic_pain", "sym.abdominal_pain", "abdominal.acute")
        and f.has("ctx.bleed"), False, U,
    ),
    Combination(
        "combo.ovarian_torsion", "obstetric", E, "ACOG adnexal torsion 2019", ("sym.vomiting",),
        lambda f: fertile(f) and f.has("sym.pelvic_pain", "ctx.pelvic_pain") and f.has("ctx.sudden")
        and f.has("ctx.severe"), False, U,
    ),
    Combination(
        "combo.withdrawal", "poisoning", E, "NICE CG100", ("ctx.stopped_drinking",),
        lambda f: (f.has("sym.hallucination", "neurological.seizure", "neurological.consciousness",
                   "ctx.drowsy", "ctx.sees_things")
             or "neurological.seizure" in f.gone), False, U,
    ),
    Combination(
        "combo.child_tablets", "poisoning", E, "TOXBASE; RCEM toxicology",
        ("ctx.swallowed_tablets",),
        lambda f: f.aged(0, 8), False, U,
    ),
    Combination(
        "combo.spinal_infection", "sepsis", E, "NICE NG234; IDSA vertebral osteomyelitis 2015",
        _DEFICIT,
        lambda f: f.hot and f.has("sym.back_pain"), False, U,
    ),
    Combination(
        "combo.surgery_sepsis", "sepsis", E, "NICE NG51", ("hx.surgery",),
        lambda f: f.hot
        and f.has("sym.palpitation", "sym.distension", "ctx.swollen_belly"), False, U,
    ),
    Combination(
        "combo.cellulitis_fever", "sepsis", U, "NICE NG141", ("ctx.cellulitis",),
        lambda f: f.hot, floor=S,
    ),
    Combination(
        "combo.pneumonia", "respiratory", U, "NICE CG191", ("sym.cough",),
        lambda f: f.hot and f.has("sym.chest_pain", "ctx.pleuritic"),
    ),
    Combination(
        "combo.neck_swelling_breath", "respiratory", E, "DAS/BAETS thyroid haematoma 2022",
        ("ctx.neck_swelling",),
        lambda f: f.has("sym.dyspnea"), True, E,
    ),
    Combination(
        "combo.ascending_weakness", "neurological", E, "EAN/PNS Guillain-Barré 2023",
        ("ctx.ascending",),
        lambda f: f.has("sym.dyspnea", "ctx.cant_swallow", "neurological.deficit_minor"), False, U,
    ),
    Combination(
        "combo.cancer_back", "neurological", U, "NICE NG234", ("hx.cancer",),
        lambda f: f.has("sym.back_pain"), floor=S,
    ),
    Combination(
        "combo.slow_pulse_faint", "cardiac", E, "ESC pacing 2021", ("ctx.slow_pulse",),
        lambda f: f.has("sym.dizziness", *_LAPSE), False, U,
    ),
    Combination(
        "combo.diabetic_foot", "metabolic", U, "NICE NG19", ("ctx.foot",),
        lambda f: f.lives_with("hx.diabetes")
        and f.has("sym.infection", "sym.wound", "ctx.black_toe"), floor=S,
    ),
    Combination(
        "combo.traveller_fever", "sepsis", U, "BIA fever in the returning traveller 2009",
        ("ctx.tropics",),
        lambda f: f.hot, floor=S,
    ),
)  # fmt: skip
