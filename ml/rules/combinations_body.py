"""Combinations of heart, vessels, brain, lungs and injury."""

from typing import Final

from ml.rules.combination import SICK, Combination, always, ill
from ml.schema import Level

E, U, S = Level.EMERGENCY, Level.URGENT, Level.SOON

BODY: Final[tuple[Combination, ...]] = (
    Combination(
        "combo.fever_neck", "neurological", E, "NICE NG240", ("ctx.neckstiff",),
        lambda f: (f.hot or ill(f))
        and f.has("sym.headache", "neurological.consciousness", "sym.vomiting", "sym.fever"),
        True, E,
    ),
    Combination(
        "combo.elder_confusion", "neurological", E, "NICE CG103; 4AT",
        ("neurological.consciousness",),
        lambda f: f.aged(65, 130), False, U,
    ),
    Combination(
        "combo.chest_pain_sweat", "cardiac", E, "AHA/ACC chest pain 2021",
        ("ctx.sweating", "ctx.radiation"),
        lambda f: f.has("sym.chest_pain") and not f.aged(0, 18), True, E,
    ),
    Combination(
        "combo.chest_pain_faint", "cardiac", E, "AHA/ACC chest pain 2021; ESC syncope 2018",
        ("sym.syncope", "neurological.lapse", "ctx.blue_or_pale"),
        lambda f: f.has("sym.chest_pain"), True, E,
    ),
    Combination(
        "combo.chest_pain_breathless", "cardiac", E, "AHA/ACC chest pain 2021; ESC PE 2019",
        ("sym.dyspnea",),
        lambda f: f.has("sym.chest_pain") and not f.aged(0, 18), False, U,
    ),
    Combination(
        "combo.chest_pain_heart", "cardiac", E, "AHA/ACC chest pain 2021", ("sym.chest_pain",),
        lambda f: (f.lives_with("hx.heart", "hx.aneurysm")
             or (f.lives_with("hx.diabetes", "hx.risk") and f.aged(40, 130))), False, U,
    ),
    Combination(
        "combo.jaw_arm_sweat", "cardiac", E, "AHA/ACC chest pain 2021, atypical presentations",
        ("ctx.sweating",),
        lambda f: f.aged(40, 130)
        and f.has("ctx.radiation", "sym.dyspnea") and f.has("sym.nausea", "sym.dyspnea",
                                                          "sym.dizziness", "sym.vomiting"),
    ),
    Combination(
        "combo.epigastric_heart", "cardiac", E, "AHA/ACC chest pain 2021, atypical presentations",
        ("ctx.sweating",),
        lambda f: f.aged(45, 130) and f.has("sym.abdominal_pain", "sym.heartburn")
        and (f.lives_with("hx.diabetes", "hx.heart", "hx.risk")
                                       or f.has("ctx.radiation", "sym.dyspnea")),
    ),
    Combination(
        "combo.syncope_exertion", "cardiac", E, "ESC syncope 2018", ("ctx.exertion",),
        lambda f: f.has("sym.syncope", "neurological.lapse"), False, U,
    ),
    Combination(
        "combo.syncope_palpitation", "cardiac", E, "ESC syncope 2018",
        ("sym.syncope", "neurological.lapse"),
        lambda f: (f.has("sym.palpitation") or f.lives_with("hx.heart")), False, U,
    ),
    Combination(
        "combo.palpitation_unstable", "cardiac", E, "ACLS 2020", ("sym.palpitation",),
        lambda f: f.has("sym.chest_pain", "sym.dyspnea")
        and not f.aged(0, 30), False, U,
    ),
    Combination(
        "combo.leg_breath", "vascular", E, "ESC pulmonary embolism 2019; Wells score",
        ("ctx.legswell", "vascular.dvt"),
        lambda f: f.has("sym.dyspnea", "sym.chest_pain") and not f.has("ctx.chronic"), False, U,
    ),
    Combination(
        "combo.clot_risk", "vascular", E, "ESC pulmonary embolism 2019; Wells score",
        ("hx.clot", "hx.postpartum", "hx.surgery", "hx.cancer"),
        lambda f: f.has("sym.dyspnea", "sym.chest_pain") and f.has("ctx.sudden"), False, U,
    ),
    Combination(
        "combo.aneurysm", "vascular", E, "NICE NG156", ("hx.aneurysm",),
        lambda f: f.has("sym.abdominal_pain", "sym.back_pain", "sym.flank_pain", "sym.syncope"),
        True, E,
    ),
    Combination(
        "combo.elder_abdomen_collapse", "vascular", E, "NICE NG156",
        ("sym.syncope", "neurological.lapse"),
        lambda f: f.aged(55, 130)
        and f.has("sym.abdominal_pain", "sym.back_pain", "sym.flank_pain"), False, U,
    ),
    Combination(
        "combo.anticoagulant_head", "trauma", E, "NICE NG232", ("ctx.head_injury",),
        lambda f: f.lives_with("hx.anticoagulant", "hx.bleeding_disorder")
        and f.has("ctx.head_injury", "trauma.accident"), False, U,
    ),
    Combination(
        "combo.anticoagulant_bleeding", "trauma", U, "NICE NG24",
        ("hx.anticoagulant", "hx.bleeding_disorder"),
        lambda f: f.has("ctx.bleed", "sym.headache", "ctx.fall", "sym.nosebleed"), floor=U,
    ),
    Combination(
        "combo.anticoagulant_unstoppable",
        "trauma",
        E,
        "NICE NG24; ESC anticoagulation 2020", ("hx.anticoagulant", "hx.bleeding_disorder"),
        lambda f: f.has("ctx.bleed", "sym.nosebleed")
        and f.has("ctx.unstoppable", "ctx.heavy_bleed"),
        False,
        U,
    ),
    Combination(
        "combo.child_burn",
        "trauma",
        E,
        "British Burn Association referral criteria 2012", ("trauma.burn_site",),
        lambda f: f.aged(0, 10),
        False,
        U,
    ),
    Combination(
        "combo.collapse_grey",
        "cardiac",
        E,
        "ESC syncope 2018", ("ctx.blue_or_pale", "sym.palpitation", "cardiac.rhythm"),
        lambda f: f.aged(40, 130)
        and f.has("sym.syncope", "neurological.lapse", "neurological.consciousness"),
        False,
        U,
    ),
    Combination(
        "combo.head_injury_symptoms", "trauma", E, "NICE NG232", ("ctx.head_injury",),
        lambda f: (f.has(*SICK, "neurological.lapse", "neurological.seizure",
                         "neurological.deficit")
             or (f.has("sym.vomiting") and f.has("sym.headache", "sym.dizziness", "ctx.worse"))),
        False, U,
    ),
    Combination(
        "combo.elder_head_injury", "trauma", U, "NICE NG232", ("ctx.head_injury",),
        lambda f: f.aged(65, 130), floor=U,
    ),
    Combination(
        "combo.elder_fall_hip", "trauma", U, "NICE CG124", ("ctx.no_weight", "sym.fracture"),
        lambda f: f.aged(60, 130) and f.has("ctx.fall"),
        floor=U,
    ),
    Combination(
        "combo.cauda_equina", "neurological", E, "GIRFT cauda equina 2023",
        ("ctx.stiff_saddle", "ctx.not_passing_urine"),
        lambda f: f.has("sym.back_pain"),
        True, E,
    ),
    Combination(
        "combo.headache_sudden", "neurological", E, "ACEP headache 2019", ("sym.headache",),
        lambda f: f.has("ctx.sudden")
        and f.has("sym.vomiting", "ctx.neckstiff", "sym.syncope", "neurological.lapse"), False, U,
    ),
    Combination(
        "combo.headache_deficit", "neurological", E, "NICE NG127",
        ("neurological.deficit", "neurological.deficit_minor"),
        lambda f: f.has("sym.headache", "sym.dizziness", "sym.numbness") and f.has("ctx.sudden"),
        False, U,
    ),
    Combination(
        "combo.two_deficits", "neurological", E, "FAST; NICE NG128", ("neurological.deficit",),
        lambda f: f.has("neurological.deficit_minor"), False, U,
    ),
    Combination(
        "combo.asthma_breathless", "respiratory", U, "BTS/SIGN 158", ("hx.asthma",),
        lambda f: f.has("sym.dyspnea", "sym.wheeze"), floor=S,
    ),
    Combination(
        "combo.transient_stroke", "neurological", U, "NICE NG128 (TIA)",
        ("gone.neurological.stroke", "gone.neurological.deficit",
         "gone.neurological.deficit_minor", "gone.eye.sight_loss"),
        always, floor=U,
    ),
    Combination(
        "combo.recent_chest_pain", "cardiac", U, "NICE CG95",
        ("gone.sym.chest_pain", "gone.cardiac.crushing"),
        lambda f: f.has("ctx.today") and f.aged(30, 130),
    ),
    Combination(
        "combo.haemoptysis_chest", "respiratory", E, "ESC pulmonary embolism 2019",
        ("ctx.coughed_blood",),
        lambda f: f.has("sym.chest_pain", "sym.dyspnea")
        or f.lives_with("hx.clot", "hx.surgery"), False, U,
    ),
    Combination(
        "combo.bleeding_faint", "trauma", E, "ATLS 10th edition; ESI v4", ("ctx.heavy_bleed",),
        lambda f: f.has("sym.syncope", "neurological.lapse"), False, U,
    ),
    Combination(
        "combo.migraine_vomiting", "neurological", S, "NICE CG150", ("sym.migraine",),
        lambda f: f.has("sym.vomiting"),
    ),
    Combination(
        "combo.recent_lapse", "neurological", U, "ESC syncope 2018",
        ("gone.neurological.seizure", "gone.neurological.lapse", "gone.sym.syncope"),
        always,
    ),
)  # fmt: skip
