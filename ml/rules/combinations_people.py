"""Combinations of childhood, pregnancy, metabolism, infection, abdomen, eye and urology."""

from typing import Final

from ml.rules.combination import (
    HOT,
    SICK,
    Combination,
    expecting,
    fertile,
    ill,
    late_pregnancy,
)
from ml.schema import Level

E, U, S = Level.EMERGENCY, Level.URGENT, Level.SOON
_FEVER: Final = "NICE NG143; NICE NG51"
_OBS: Final = "NICE NG126; RCOG green-top guidelines"
_BLEED: Final = ("sym.vaginal", "ctx.bleed", "obstetric.heavy_bleeding", "sym.bleeding_minor")
_ABD: Final = ("sym.abdominal_pain", "abdominal.acute", "sym.pelvic_pain", "sym.vaginal")

PEOPLE: Final[tuple[Combination, ...]] = (
    Combination(
        "combo.infant_fever", "paediatric", E, _FEVER, (*HOT, "ctx.hot_child"),
        lambda f: f.aged(0, 0.25), True, E,
    ),
    Combination(
        "combo.young_infant_fever", "paediatric", U, _FEVER, HOT,
        lambda f: f.aged(0.25, 0.5), floor=U,
    ),
    Combination(
        "combo.infant_unwell", "paediatric", U, _FEVER,
        ("sym.vomiting", "sym.cough_plain", "sym.cough", "ctx.not_drinking", "sym.child_cry",
         "sym.diarrhea", "sym.dyspnea", "paediatric.unwell"),
        lambda f: f.aged(0, 0.25),
        floor=U,
    ),
    Combination(
        "combo.child_floppy", "paediatric", E, "NICE NG143 traffic light", ("ctx.floppy",),
        lambda f: f.aged(0, 16), True, E,
    ),
    Combination(
        "combo.child_dry", "paediatric", E, "NICE CG84; NICE NG143",
        ("ctx.not_passing_urine", "paediatric.unwell"),
        lambda f: f.aged(0, 6)
        and f.has("ctx.not_drinking", "sym.vomiting", "sym.diarrhea", "sym.fever")
        and f.has("ctx.drowsy", "ctx.floppy", "ctx.not_passing_urine"), False, U,
    ),
    Combination(
        "combo.child_drowsy", "paediatric", E, "NICE NG143 traffic light", SICK,
        lambda f: f.aged(0, 16)
        and (f.hot or f.has("sym.vomiting", "sym.diarrhea", "sym.headache", "ctx.not_drinking",
                            "sym.rash", "ctx.rash")),
        True, E,
    ),
    Combination(
        "combo.child_purpura", "paediatric", E, "NICE NG240", ("ctx.rash",),
        lambda f: f.hot and (ill(f) or f.has("ctx.neckstiff")), True, E,
    ),
    Combination(
        "combo.fever_confusion", "sepsis", E, "NICE NG51; Surviving Sepsis 2021", SICK,
        lambda f: f.hot, True, E,
    ),
    Combination(
        "combo.ectopic", "obstetric", E, "NICE NG126", _ABD,
        lambda f: fertile(f)
        and (f.has("ctx.missed_period") or (expecting(f) and not (f.weeks or 0) >= 20))
        and f.has("ctx.pelvic_pain", "sym.abdominal_pain", "sym.syncope", "ctx.bleed",
                  "abdominal.acute")
        and (f.has("ctx.severe", "ctx.bleed", "sym.syncope", "ctx.missed_period", "ctx.sudden")),
        False, U,
    ),
    Combination(
        "combo.ectopic_collapse", "obstetric", E, "NICE NG126",
        ("sym.syncope", "neurological.lapse"),
        lambda f: fertile(f) and (f.has("ctx.missed_period") or expecting(f))
        and f.has("sym.abdominal_pain", "abdominal.acute", "ctx.bleed"), True, E,
    ),
    Combination(
        "combo.pregnant_bleeding", "obstetric", U, _OBS,
        (*_BLEED, "sym.abdominal_pain", "ctx.fall", "sym.fever", "sym.dyspnea"),
        lambda f: expecting(f) and f.sex != "male", floor=U,
    ),
    Combination(
        "combo.pregnant_late_bleeding", "obstetric", E, "RCOG GTG 63", _BLEED,
        lambda f: expecting(f) and (f.weeks or 0) >= 20, True, E,
    ),
    Combination(
        "combo.pregnant_heavy_bleeding", "obstetric", E, _OBS, ("ctx.heavy_bleed",),
        lambda f: expecting(f) and f.sex != "male"
        and not f.has("ctx.mild"), True, E,
    ),
    Combination(
        "combo.pregnant_headache", "obstetric", E, "NICE NG133",
        ("ctx.vision", "sym.swelling", "sym.high_bp", "sym.eye_blur", "eye.threat"),
        lambda f: late_pregnancy(f)
        and f.has("sym.headache", "sym.migraine", "neurological.thunderclap", "abdominal.acute",
                  "sym.abdominal_pain"),
        True, E,
    ),
    Combination(
        "combo.pregnant_fit", "obstetric", E, "NICE NG133", ("neurological.seizure",),
        lambda f: (expecting(f) or f.lives_with("hx.postpartum")), True, E,
    ),
    Combination(
        "combo.sugar_ketosis", "metabolic", E, "JBDS DKA 2023", ("metabolic.disturbed_other",),
        lambda f: f.has("sym.vomiting")
        and f.has("sym.dyspnea", "ctx.drowsy"), False, U,
    ),
    Combination(
        "combo.infant_seizure", "paediatric", E, "NICE NG217; APLS 6th edition",
        ("neurological.seizure",),
        lambda f: f.aged(0, 1), False, U,
    ),
    Combination(
        "combo.diabetic_drowsy", "metabolic", E, "JBDS DKA 2023", ("hx.diabetes",),
        lambda f: (ill(f) or (f.has("sym.vomiting") and f.has("sym.dyspnea", "ctx.drowsy"))),
        True, E,
    ),
    Combination(
        "combo.diabetic_vomiting", "metabolic", U, "JBDS DKA 2023", ("hx.diabetes",),
        lambda f: f.has("sym.vomiting", "sym.abdominal_pain"),
        floor=U,
    ),
    Combination(
        "combo.adrenal", "metabolic", E, "Society for Endocrinology 2020", ("hx.adrenal",),
        lambda f: f.has("sym.vomiting", "sym.general_weakness", "sym.syncope", "sym.fever"),
        False, U,
    ),
    Combination(
        "combo.postpartum_bleeding",
        "obstetric",
        E,
        "RCOG GTG 52", ("hx.postpartum",),
        lambda f: f.has("ctx.heavy_bleed", "ctx.unstoppable")
        and f.has("ctx.bleed"),
        True,
        E,
    ),
    Combination(
        "combo.neutropenic_fever", "sepsis", E, "NICE CG151", ("hx.immunosuppressed",),
        lambda f: f.hot, True, E,
    ),
    Combination(
        "combo.fever_rigor_pressure", "sepsis", E, "NICE NG51",
        ("sym.dyspnea", "sym.syncope", "ctx.blue_or_pale", "cardiac.hypotension"),
        lambda f: f.hot
        and f.has("ctx.worse", "ctx.severe", "sym.general_weakness", "cardiac.hypotension"),
        False, U,
    ),
    Combination(
        "combo.neutropenic_rigor", "sepsis", E, "NICE NG250", ("sepsis.possible",),
        lambda f: f.lives_with("hx.immunosuppressed"), False, U,
    ),
    Combination(
        "combo.fever_after_surgery", "sepsis", U, "NICE NG125; WSES 2020", HOT,
        lambda f: (f.lives_with("hx.surgery") or f.has("ctx.operated"))
        and f.has("sym.infection", "sym.wound", "sym.abdominal_pain", "sym.postop", "minor.cut"),
    ),
    Combination(
        "combo.fever_limp", "paediatric", U, "NICE CKS acute childhood limp",
        ("ctx.no_weight", "ctx.limp"),
        lambda f: f.hot,
    ),
    Combination(
        "combo.fever_flank", "sepsis", U, "EAU urological infections", ("sym.flank_pain",),
        lambda f: f.hot,
    ),
    Combination(
        "combo.fever_back", "sepsis", U, "NICE NG234 spinal infection", HOT,
        lambda f: f.has("sym.back_pain", "sym.abdominal_pain", "sym.jaundice",
                                  "sym.dyspnea"),
    ),
    Combination(
        "combo.elder_fever", "sepsis", U, "NICE NG51", HOT,
        lambda f: f.aged(75, 130), floor=S,
    ),
    Combination(
        "combo.hyperthermia",
        "environmental",
        E,
        "WMS heat illness 2019; ERC 2021", ("sym.syncope", "neurological.lapse", *SICK),
        lambda f: f.celsius is not None
        and f.celsius >= 40.0,
        True,
        E,
    ),
    Combination(
        "combo.fever_sirs", "sepsis", E, "SIRS criteria; CTAS fever modifier 2008", ("sirs",),
        lambda f: not f.aged(0, 16) and f.sirs >= 3, False, U,
    ),
    Combination(
        "combo.fever_two_sirs", "sepsis", U, "SIRS criteria; CTAS fever modifier 2008", HOT,
        lambda f: not f.aged(0, 16) and f.sirs >= 2,
    ),
    Combination(
        "combo.high_fever", "sepsis", U, "NICE NG143; KTAS temperature", HOT,
        lambda f: f.celsius is not None and (f.celsius >= 39.0 if f.aged(16, 130) else
                                             f.celsius >= 39.5),
    ),
    Combination(
        "combo.torsion", "urological", E, "BAUS testicular torsion; EAU", ("ctx.testicle",),
        lambda f: f.sex != "female" and f.aged(0, 30)
        and not f.has("ctx.chronic", "ctx.mild", "ctx.weeks"), False, U,
    ),
    Combination(
        "combo.red_eye_sight", "eye", U, "College of Optometrists", ("ctx.vision", "sym.eye_blur"),
        lambda f: f.has("ctx.redeye"), floor=S,
    ),
    Combination(
        "combo.liver_bleeding", "abdominal", E, "BSG decompensated cirrhosis", ("hx.liver",),
        lambda f: f.has("abdominal.bleeding_any", "abdominal.bleeding_low",
                        "neurological.consciousness"), False, U,
    ),
    Combination(
        "combo.allergy_breath", "allergic", E, "Resuscitation Council UK anaphylaxis 2021",
        ("sym.hives", "allergic.swelling", "sym.sting"),
        lambda f: f.has("sym.hives", "allergic.swelling", "sym.sting", "minor.allergy")
        and f.has("sym.dyspnea", "sym.wheeze", "sym.syncope"), True, E,
    ),
    Combination(
        "combo.dizzy_melena", "abdominal", E, "NICE CG141",
        ("abdominal.bleeding_low", "abdominal.bleeding_any"),
        lambda f: f.has("sym.dizziness", "sym.syncope", "ctx.blue_or_pale"), False, U,
    ),
)  # fmt: skip
