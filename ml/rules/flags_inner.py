"""Red flags of abdomen, pregnancy, metabolism, infection, childhood, eye and urology."""

from typing import Final

from ml.rules.rule import Rule, grave, red
from ml.schema import Level

_ABDOMEN: Final = "WSES 2020; Manchester Triage System, abdominal pain"
_GI: Final = "NICE CG141; ACG upper GI bleeding 2021"
_OBS: Final = "RCOG green-top guidelines; NICE NG126, NG133"
_META: Final = "JBDS; ADA standards 2024"
_SEPSIS: Final = "NICE NG253; Surviving Sepsis Campaign 2021"
_CHILD: Final = "NICE NG143; APLS 6th edition"
_EYE: Final = "College of Optometrists; AAO"
_URO: Final = "EAU urological emergencies; BAUS torsion"

ABDOMEN: Final[tuple[Rule, ...]] = (
    red(
        "abdominal.catastrophe",
        _ABDOMEN,
        "pulsat lump|mass|abd|belly;pulsatile mass|abd;panperitonitis;board|board_like rigid"
        "|rigidity;perforated|perforation bowel|ulcer|abd"
        "|gastric|intestine|appendix;peritonitis;"
        "abd hard board;abd rigid;"
        "abd rigid|hard_as|board|boardlike|rock_hard|board_like @pain|@severe|hard;"
        "boardlike|board_like abd;mesenteric_ischemia;strangulated_hernia;incarcerated_hernia;"
        "abd @severe|@pain faint|collapse|passed_out|grey|cold_sweat|sweat pale|@severe|@pain"
        "|faint;ruptured appendix|spleen|ectopic|bowel;"
        "hernia hard|cant_push|stuck|black|purple|irreducible @pain|@vomit|@severe",
        window=6,
    ),
    red(
        "abdominal.bleeding",
        _GI,
        "vomit black|dark|coffee faint|collapse|weak|lot|ground;@vomit|cough_up|bring_up blood"
        "|bloody @much|clot|cup|bright;"
        "@vomit coffee_ground|coffee_grounds|coffee;"
        "poop black tar|tarry|sticky faint|dizzy|weak|lot|collapse|vomit;"
        "poop|rectum|anus|bottom|back_passage @bleed @much|faint|clot|pour|dizzy;"
        "gi_bleed @much|shock|active|faint|dizzy;"
        "melena|hematemesis|hematochezia dizzy|faint|collapse|syncope|shock|pale|massive|much",
        window=6,
    ),
    grave(
        "abdominal.bleeding_any",
        _GI,
        "varix|varices|variceal bleed;hematemesis|melena|gi_bleed|gib|variceal_bleed|ugi_bleed"
        "|ugib;@vomit blood|bloody",
        Level.EMERGENCY,
        Level.URGENT,
    ),
    grave(
        "abdominal.bleeding_low",
        _GI,
        "hematochezia|lgib;poop black|tarry|tar;bowel black;bloody poop|diarrhea;"
        "blood lot|clot poop|toilet|rectum;black_stool|black_tarry;low_hb|low_hemoglobin",
        Level.URGENT,
    ),
    grave(
        "abdominal.acute",
        _ABDOMEN,
        "acute_abd;gallbladder attack|pain;appendicitis|pancreatitis|cholecystitis"
        "|bowel_obstruction|ileus|cholangitis"
        "|diverticulitis|intussusception|volvulus|obstructed|panperitonitis;"
        "abd @severe|@sudden @pain;"
        "abd @pain right_lower|lower_right|right low|rlq|right_side move|worse|start|fever|vomit"
        "|cough|walk|lower|appetite|bump;"
        "abd swell|distend|bloat cant_pass|no_gas|no_wind|not_poop|@vomit|not_pass;"
        "vomit bile|green|fecal|poop;rebound|guarding abd|tender",
        Level.URGENT,
        window=6,
    ),
)

OBSTETRIC: Final[tuple[Rule, ...]] = (
    red(
        "obstetric.emergency",
        _OBS,
        "leak blood|bleed @pregnant|week abd|hard;soak pad @pregnant;soak pad minute|dizzy"
        "|faint;precipitous labor"
        "|delivery;eclampsia|cord_prolapse"
        "|placental_abruption|placenta_praevia|placenta_previa"
        "|abruption|uterine_rupture|ruptured_ectopic|ectopic|ectopic_pregnancy|hellp"
        "|postpartum_hemorrhage|pph;cord come_out|hang|prolaps|between|visible|felt;"
        "baby coming|crowning|come_out|head_out|head_visible|being_born|pushing|born now|can"
        "|see|push|out|head;urge_to_push|need_to_push|need_push|feel_like_pushing;"
        "crowning;imminent_delivery;give_birth|giving_birth now|car|home;"
        "@pregnant seizure|fit|convuls;@pregnant bleed @much|pad|clot|pain|cramp|faint;"
        "gave_birth|delivered|postpartum|after_birth|since_birth bleed @much|pad|clot|faint;"
        "soak pad hour|hours;"
        "@pregnant headache|head vision|blur|see|flashing|spot|swell|blood_pressure|light;"
        "@pregnant baby|fetal|movement not_move|stop_move|no_movement|stopped_moving|less|reduced"
        "|not_felt|dont_move|hasnt_move|isnt_move|decreased;"
        "baby|fetal not_kick|stop_kick|hasnt_kick|no_kick|reduced_movement|decreased_movement"
        "|hasnt_move @pregnant|today|since;"
        "preeclampsia severe|headache|vision;shoulder|fetal_distress @pregnant|fetal_distress;"
        "baby|movement|kick cant_feel|not_feel|hasnt_feel|dont_feel|hasnt_felt move|movement|kick;"
        "cord see|visible|hang|out|prolaps @pregnant|water|baby|labor",
        window=9,
    ),
    grave(
        "obstetric.bleeding",
        _OBS,
        "fetal|fetus movement decreased|reduced|less|no|absent;decreased_fetal_movement;"
        "@pregnant bleed|spot|blood;@pregnant abd|pelvic|cramp @pain|cramp|severe;miscarry;"
        "preeclampsia;@pregnant fall|accident|assault|hit|fever;labor contraction|start|water"
        "|preterm|pain;water broke|break|gone|leak;contraction regular|minute|every|apart|strong;"
        "preterm_labor;prom;labor_pain;in_labor;threatened_abortion;hyperemesis",
        Level.URGENT,
        Level.URGENT,
        window=7,
    ),
    grave(
        "obstetric.heavy_bleeding",
        _OBS,
        "menorrhagia heavy;vagina|period|menstrual bleed @much|clot|pad|faint|dizzy;"
        "vagina_bleed;period|menstrual heavy faint|dizzy|weak|pass_out",
        Level.URGENT,
    ),
)

METABOLIC: Final[tuple[Rule, ...]] = (
    red(
        "metabolic.glucose",
        _META,
        "dka|diabetic_ketoacidosis|ketoacidosis|hyperosmolar|HHS|diabetic_coma"
        "|hypoglycemic_coma;"
        "low_sugar|low_blood_sugar|sugar_low|hypo|hypoglycemia|hypoglycemic "
        "@confuse|@drowsy|unconscious|unresponsive|seizure|cant_swallow;"
        "diabetic|diabetes|ketone|high_sugar @vomit|@drowsy|@confuse|deep_breath|@dyspnea "
        "ketone|high_sugar|drowsy|confuse|fruity|very_high|breath|sleepy|sugar;"
        "adrenal_crisis|addisonian_crisis|thyroid_storm|myxedema_coma",
        window=8,
    ),
    grave(
        "metabolic.disturbed",
        _META,
        "bst|glucose|sugar low;hypoglycemia|hypoglycemic|low_sugar|low_blood_sugar|sugar_low"
        "|hypoglycemic_symptom",
        Level.EMERGENCY,
    ),
    grave(
        "metabolic.disturbed_other",
        _META,
        "abnormal_lab|low_na|azotemia|low_potassium|low_sodium;potassium high;bst elevat"
        "|elevation|high;hyperkalemia|hyponatremia|hypokalemia|hypernatremia|high_bsl"
        "|hyperglycemia|high_sugar"
        "|high_blood_sugar|ketone|uremia|hypercalcemia|sugar_high|high_potassium|high_bst;"
        "sugar|glucose high|over|hi|above;severe_dehydration;missed dialysis;addison vomit|sick"
        "|weak;steroid stopped|ran_out|missed vomit|weak|faint",
        Level.URGENT,
    ),
)

SEPSIS: Final[tuple[Rule, ...]] = (
    red(
        "sepsis.likely",
        _SEPSIS,
        "sepsis|septic|septic_shock|septicemia|necrotising_fasciitis|necrotizing_fasciitis"
        "|flesh_eating|toxic_shock|gas_gangrene|fournier|neutropenic_fever|febrile_neutropenia"
        "|neutropenic_sepsis;@fever|infect @confuse|mottled|grey_skin|blotchy|not_pee|no_urine "
        "shake|chill|fast|drowsy|cold|breath|mottled|cant_stand|confuse|slur|blotchy|weak;"
        "skin mottled|blotchy|marbled|grey fever|cold|drowsy|sick|shake|breath;"
        "@fever chemo|neutropenic|neutropenia|transplant;"
        "rash|skin|wound pain_out|black|dusky|grey|spread_fast|rapid_spread @fever|severe|spread"
        "|unbearable|agony|excruciat|blister|crackl",
        window=9,
    ),
    grave(
        "sepsis.possible",
        _SEPSIS,
        "rigor;red_line|red_streak|streak arm|leg|up|wound|spread;"
        "cellulitis|infect|red spread fast|rapid|quick|fever;pyelonephritis;endocarditis;"
        "septic_arthritis;fever|hot joint|knee|hip swell|red cant_move|cant_bend|fever;"
        "quinsy|peritonsillar_abscess|lockjaw|trismus;@fever malaria|africa|tropical|returned_from",
        Level.URGENT,
        window=6,
    ),
)

CHILD: Final[tuple[Rule, ...]] = (
    red(
        "paediatric.very_ill",
        _CHILD,
        "bulging_fontanelle;blood|nappy|diaper jelly;@baby|child|son|daughter|toddler|boy|girl "
        "floppy|went_limp|gone_limp|mottled|blue|grey|unresponsive"
        "|wont_wake|cant_wake|not_breath|stop_breath|lifeless|bulging_fontanelle;"
        "bulge|bulging|sunken fontanelle|soft_spot;floppy drowsy|limp|pale|fever;"
        "baby|infant|newborn blue|purple|apnea|stop_breath|not_breath;"
        "@baby|child|toddler|son|daughter grunt|suck_in|recession|head_bob|retract|flar;"
        "grunt breath;high_pitched cry|scream baby|infant|fever|newborn;"
        "vomit green|bile baby|newborn|infant|week_old|days_old;"
        "jelly poop|redcurrant|red_currant;newborn fever|jaundice|yellow|not_feed|wont_feed"
        "|drowsy;brue|alte",
        window=7,
    ),
    grave(
        "paediatric.unwell",
        _CHILD,
        "no_wet_nappy|no_wet_diaper|dry_nappy|dry_diaper|no_wet|no_tears|dry_mouth "
        "hour|today|since|baby|child|drink|feed|vomit;"
        "@baby|child|toddler|son|daughter not_drink|wont_drink|not_feed|wont_feed|refuse|dont_feed"
        "|wont_eat|hasnt_drink|poor_feed;"
        "nappy|diaper dry|drier|fewer|less diarrhea|vomit|fever|drink|feed|usual;"
        "breath|breathing noisy|noise|harsh|squeak @kid|cry|bark|cough;"
        "croup|bark|barking_cough|bronchiolitis|febrile_seizure|febrile_convulsion;"
        "child limping fever|cant_walk|wont_walk;nonaccidental|non_accidental;"
        "inconsolable|wont_stop_cry|cry_nonstop|cant_console;cry hour baby|infant",
        Level.URGENT,
        window=6,
    ),
)

EYE_AND_UROLOGY: Final[tuple[Rule, ...]] = (
    red(
        "eye.sight_loss",
        _EYE,
        "painless loss|lost see|vision|sight;loss_vision|loss_see|vision_loss|lost_vision @now"
        "|sudden;eye|see went_dark|went_black|gone_dark|went_blank @now|sudden;eye perforation"
        "|perforated;lost_vision|vision_loss|loss_see|lost_see curtain|sudden;"
        "@sudden blind|lost_see|loss_see|lost_vision|cant_see|see_loss|gone_blind|vision_loss;"
        "eye|see|one_eye cant_see|blind|went_black|went_dark|lost|curtain|gone_dark|loss "
        "sudden|curtain|today|hour|minute|now|shadow|woke;"
        "curtain|shadow|veil eye|see over|across|come_down|down|float|flash|half;"
        "eye chemical|acid|alkali|bleach|cement|lime|cleaner|ammonia|lye|plaster|solvent;"
        "eye rupture|penetrat|globe|impale|pierce|stab|knife|nail|dart|fish_hook;"
        "central_retinal|retinal_detachment|acute_glaucoma|angle_closure|endophthalmitis;"
        "eye @pain|red see|blur|halo @vomit|halo|lost|worse|severe|nausea|headache;"
        "eye @pain|red|swell bulge|cant_move;"
        "temporal|scalp|jaw headache|tender|chew|pain see|vision|blur|lost",
        window=7,
    ),
    grave(
        "eye.threat",
        _EYE,
        "lost_vision|vision_loss|blind|cant_see eye|one;lost see eye;sharp|something went eye;"
        "eye_trauma|hyphema|abnormality_visual;eye pain|red blur|see|light|photophobia;"
        "see loss|lost|disturbance|decreased|sudden|double|blur sudden|today|hour|eye|new;"
        "flash|floater new|sudden|many|shower|lot|first;floater flash;"
        "shingles|zoster eye|nose_tip|eyelid;eye hit|punch|injury|scratch|ball see|blood"
        "|pain|metal|blur;contact_lens pain|red;cant_see eye|out;visual disturbance|acuity|loss",
        Level.URGENT,
        window=6,
    ),
    red(
        "urological.torsion",
        _URO,
        "testicular_torsion|torsion;testicle|scrotum @pain|swell|@severe sudden|severe|vomit"
        "|twist|woke|high|unbearable;absent_cremasteric;paraphimosis|priapism;"
        "erection|penis hour|4_hours|prolonged|wont_go_down pain|erection|wont|last|hour;"
        "penile_fracture;penis fracture|snap",
        window=7,
    ),
    grave(
        "urological.acute",
        _URO,
        "not_pass_any_urine|not_pass_urine|hasnt_pass_urine|hasnt_pass_any_urine"
        "|cant_pass_any_urine|no_urine_output|not_urinated;testicle|scrotum pain|ache|swell"
        "|tender|hurt;erection;urosepsis;cant_pee|retention"
        "|no_urine|anuria|oliguria|not_pee|cant_pass_urine|unable_urinate|hasnt_pee|pee_nothing;"
        "renal_colic|kidney_stone|ureteral_stone;"
        "flank|loin @pain @fever|@vomit|severe|pregnant|unbearable|blood|hematuria|cant_sit_still"
        "|writhing|groin;hematuria|urine clot|retention"
        "|lot;"
        "penis erection|trapped|zip",
        Level.URGENT,
        window=6,
    ),
)
