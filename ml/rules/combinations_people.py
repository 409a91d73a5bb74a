"""Combinations of childhood, pregnancy, metabolism, infection, abdomen, eye and urology."""

from typing import Final

from ml.rules.combination import SICK, Combination, expecting, fertile, ill, late_pregnancy
from ml.schema import Level

E, U, S = Level.EMERGENCY, Level.URGENT, Level.SOON
_FEVER: Final = "NICE NG143; NICE NG51"
_OBS: Final = "NICE NG126; RCOG green-top guidelines"
_BLEED: Final = ("sym.vaginal", "ctx.bleed", "obstetric.heavy_bleeding", "sym.bleeding_minor")
_ABD: Final = ("sym.abdominal_pain", "abdominal.acute", "sym.pelvic_pain", "sym.vaginal")

PEOPLE: Final[tuple[Combination, ...]] = (
    Combination(
        "combo.infant_fever", "paediatric", E, _FEVER,
        lambda f: f.aged(0, 0.25) and (f.hot or f.has("ctx.hot_child")), True, E,
    ),
    Combination(
        "combo.young_infant_fever", "paediatric", U, _FEVER,
        lambda f: f.aged(0.25, 0.5) and f.hot, floor=U,
    ),
    Combination(
        "combo.infant_unwell", "paediatric", U, _FEVER,
        lambda f: f.aged(0, 0.25)
        and f.has("sym.vomiting", "sym.cough_plain", "sym.cough", "ctx.not_drinking",
                  "sym.child_cry", "sym.diarrhea", "sym.dyspnea", "paediatric.unwell"),
        floor=U,
    ),
    Combination(
        "combo.child_floppy", "paediatric", E, "NICE NG143 traffic light",
        lambda f: f.aged(0, 16) and f.has("ctx.floppy"), True, E,
    ),
    Combination(
        "combo.child_dry", "paediatric", E, "NICE CG84; NICE NG143",
        lambda f: f.aged(0, 6) and f.has("ctx.not_passing_urine", "paediatric.unwell")
        and f.has("ctx.not_drinking", "sym.vomiting", "sym.diarrhea", "sym.fever")
        and f.has("ctx.drowsy", "ctx.floppy", "ctx.not_passing_urine"), False, U,
    ),
    Combination(
        "combo.child_drowsy", "paediatric", E, "NICE NG143 traffic light",
        lambda f: f.aged(0, 16) and ill(f)
        and (f.hot or f.has("sym.vomiting", "sym.diarrhea", "sym.headache", "ctx.not_drinking",
                            "sym.rash", "ctx.rash")),
        True, E,
    ),
    Combination(
        "combo.child_purpura", "paediatric", E, "NICE NG240",
        lambda f: f.hot and f.has("ctx.rash") and (ill(f) or f.has("ctx.neckstiff")), True, E,
    ),
    Combination(
        "combo.fever_confusion", "sepsis", E, "NICE NG51; Surviving Sepsis 2021",
        lambda f: f.hot and ill(f), True, E,
    ),
    Combination(
        "combo.ectopic", "obstetric", E, "NICE NG126",
        lambda f: fertile(f) and f.has(*_ABD)
        and (f.has("ctx.missed_period") or (expecting(f) and not (f.weeks or 0) >= 20))
        and f.has("ctx.pelvic_pain", "sym.abdominal_pain", "sym.syncope", "ctx.bleed",
                  "abdominal.acute")
        and (f.has("ctx.severe", "ctx.bleed", "sym.syncope", "ctx.missed_period", "ctx.sudden")),
        False, U,
    ),
    Combination(
        "combo.ectopic_collapse", "obstetric", E, "NICE NG126",
        lambda f: fertile(f) and (f.has("ctx.missed_period") or expecting(f))
        and f.has("sym.abdominal_pain", "abdominal.acute", "ctx.bleed")
        and f.has("sym.syncope", "neurological.lapse"), True, E,
    ),
    Combination(
        "combo.pregnant_bleeding", "obstetric", U, _OBS,
        lambda f: expecting(f) and f.sex != "male"
        and (f.has(*_BLEED) or f.has("sym.abdominal_pain", "ctx.fall", "sym.fever", "sym.dyspnea")),
        floor=U,
    ),
    Combination(
        "combo.pregnant_late_bleeding", "obstetric", E, "RCOG GTG 63",
        lambda f: expecting(f) and (f.weeks or 0) >= 20 and f.has(*_BLEED), True, E,
    ),
    Combination(
        "combo.pregnant_heavy_bleeding", "obstetric", E, _OBS,
        lambda f: expecting(f) and f.sex != "male" and f.has("ctx.heavy_bleed")
        and not f.has("ctx.mild"), True, E,
    ),
    Combination(
        "combo.pregnant_headache", "obstetric", E, "NICE NG133",
        lambda f: late_pregnancy(f)
        and f.has("sym.headache", "sym.migraine", "neurological.thunderclap", "abdominal.acute",
                  "sym.abdominal_pain")
        and f.has("ctx.vision", "sym.swelling", "sym.high_bp", "sym.eye_blur", "eye.threat"),
        True, E,
    ),
    Combination(
        "combo.pregnant_fit", "obstetric", E, "NICE NG133",
        lambda f: (expecting(f) or f.lives_with("hx.postpartum"))
        and f.has("neurological.seizure"), True, E,
    ),
    Combination(
        "combo.sugar_ketosis", "metabolic", E, "JBDS DKA 2023",
        lambda f: f.has("metabolic.disturbed_other") and f.has("sym.vomiting")
        and f.has("sym.dyspnea", "ctx.drowsy"), False, U,
    ),
    Combination(
        "combo.infant_seizure", "paediatric", E, "NICE NG217; APLS 6th edition",
        lambda f: f.aged(0, 1) and f.has("neurological.seizure"), False, U,
    ),
    Combination(
        "combo.diabetic_drowsy", "metabolic", E, "JBDS DKA 2023",
        lambda f: f.lives_with("hx.diabetes")
        and (ill(f) or (f.has("sym.vomiting") and f.has("sym.dyspnea", "ctx.drowsy"))),
        True, E,
    ),
    Combination(
        "combo.diabetic_vomiting", "metabolic", U, "JBDS DKA 2023",
        lambda f: f.lives_with("hx.diabetes") and f.has("sym.vomiting", "sym.abdominal_pain"),
        floor=U,
    ),
    Combination(
        "combo.adrenal", "metabolic", E, "Society for Endocrinology 2020",
        lambda f: f.lives_with("hx.adrenal")
        and f.has("sym.vomiting", "sym.general_weakness", "sym.syncope", "sym.fever"), False, U,
    ),
    Combination(
        "combo.postpartum_bleeding",
        "obstetric",
        E,
        "RCOG GTG 52",
        lambda f: f.lives_with("hx.postpartum")
        and f.has("ctx.heavy_bleed", "ctx.unstoppable")
        and f.has("ctx.bleed"),
        True,
        E,
    ),
    Combination(
        "combo.neutropenic_fever", "sepsis", E, "NICE CG151",
        lambda f: f.lives_with("hx.immunosuppressed") and f.hot, True, E,
    ),
    Combination(
        "combo.fever_rigor_pressure", "sepsis", E, "NICE NG51",
        lambda f: f.hot and f.has("sym.dyspnea", "sym.syncope", "ctx.blue_or_pale",
                                  "cardiac.hypotension")
        and f.has("ctx.worse", "ctx.severe", "sym.general_weakness", "cardiac.hypotension"),
        False, U,
    ),
    Combination(
        "combo.neutropenic_rigor", "sepsis", E, "NICE NG250",
        lambda f: f.lives_with("hx.immunosuppressed") and f.has("sepsis.possible"), False, U,
    ),
    Combination(
        "combo.fever_after_surgery", "sepsis", U, "NICE NG125; WSES 2020",
        lambda f: f.hot and (f.lives_with("hx.surgery") or f.has("ctx.operated"))
        and f.has("sym.infection", "sym.wound", "sym.abdominal_pain", "sym.postop", "minor.cut"),
    ),
    Combination(
        "combo.fever_limp", "paediatric", U, "NICE CKS acute childhood limp",
        lambda f: f.hot and f.has("ctx.no_weight", "ctx.limp"),
    ),
    Combination(
        "combo.fever_flank", "sepsis", U, "EAU urological infections",
        lambda f: f.hot and f.has("sym.flank_pain"),
    ),
    Combination(
        "combo.fever_back", "sepsis", U, "NICE NG234 spinal infection",
        lambda f: f.hot and f.has("sym.back_pain", "sym.abdominal_pain", "sym.jaundice",
                                  "sym.dyspnea"),
    ),
    Combination(
        "combo.elder_fever", "sepsis", U, "NICE NG51",
        lambda f: f.hot and f.aged(75, 130), floor=S,
    ),
    Combination(
        "combo.hyperthermia",
        "environmental",
        E,
        "WMS heat illness 2019; ERC 2021",
        lambda f: f.celsius is not None
        and f.celsius >= 40.0
        and f.has("sym.syncope", "neurological.lapse", *SICK),
        True,
        E,
    ),
    Combination(
        "combo.fever_sirs", "sepsis", E, "SIRS criteria; CTAS fever modifier 2008",
        lambda f: not f.aged(0, 16) and f.sirs >= 3, False, U,
    ),
    Combination(
        "combo.fever_two_sirs", "sepsis", U, "SIRS criteria; CTAS fever modifier 2008",
        lambda f: not f.aged(0, 16) and f.hot and f.sirs >= 2,
    ),
    Combination(
        "combo.high_fever", "sepsis", U, "NICE NG143; KTAS temperature",
        lambda f: f.celsius is not None and (f.celsius >= 39.0 if f.aged(16, 130) else
                                             f.celsius >= 39.5),
    ),
    Combination(
        "combo.torsion", "urological", E, "BAUS testicular torsion; EAU",
        lambda f: f.has("ctx.testicle") and f.sex != "female" and f.aged(0, 30)
        and not f.has("ctx.chronic", "ctx.mild", "ctx.weeks"), False, U,
    ),
    Combination(
        "combo.red_eye_sight", "eye", U, "College of Optometrists",
        lambda f: f.has("ctx.redeye") and f.has("ctx.vision", "sym.eye_blur"), floor=S,
    ),
    Combination(
        "combo.liver_bleeding", "abdominal", E, "BSG decompensated cirrhosis",
        lambda f: f.lives_with("hx.liver")
        and f.has("abdominal.bleeding_any", "abdominal.bleeding_low", "neurological.consciousness"),
        False, U,
    ),
    Combination(
        "combo.allergy_breath", "allergic", E, "Resuscitation Council UK anaphylaxis 2021",
        lambda f: f.has("sym.hives", "allergic.swelling", "sym.sting", "minor.allergy")
        and f.has("sym.dyspnea", "sym.wheeze", "sym.syncope")
        and f.has("sym.hives", "allergic.swelling", "sym.sting"), True, E,
    ),
    Combination(
        "combo.dizzy_melena", "abdominal", E, "NICE CG141",
        lambda f: f.has("abdominal.bleeding_low", "abdominal.bleeding_any")
        and f.has("sym.dizziness", "sym.syncope", "ctx.blue_or_pale"), False, U,
    ),
)  # fmt: skip
