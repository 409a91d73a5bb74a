"""What moves a level without asking for one: severity, course, coping, and known conditions."""

from typing import Final

from ml.rules.rule import Rule
from ml.rules.symptoms import table
from ml.schema import Level

_MTS: Final = "Manchester Triage System charts; ESI v4; KTAS"

# Nothing is asked for by itself: what shifts the level of the symptoms above.
CONTEXT: Final[tuple[Rule, ...]] = table(
    {
        Level.ROUTINE: {
            "ctx.mild": "@mild",
            "ctx.improving": "improve|better|get_better|settling|ease|easing|healing|heal"
            "|lot_better",
            "ctx.chronic": "recurrent;chronic|long_standing|longstanding|year|years|month"
            "|months|ongoing_year"
            "|since_childhood|always_had|usual|as_usual|same_as_always|every_year|recurrent_year"
            "|unchanged|stable|no_change|long_term|for_ages|forever|every_spring|nothing_new",
            "ctx.coping": "eat_drink|eat_and_drink|drink_well|eat_well|drink_fine|eat_fine"
            "|eat_drink_fine|eat_and_drink_fine|can_walk|able_walk|walk_fine|walk_normal"
            "|can_still_walk|bear_weight|can_bear_weight|playing_normal|play_normal|otherwise_well"
            "|otherwise_fine|well_in_self|feel_fine|fine_otherwise|drink_ok|keep_fluid_down"
            "|weight_bear|alert|stop_bleed|bleed_stop|bleed_has_stopped"
            "|stop_bleeding|keep_fluids_down|work_normal|can_move|move_normal|go_work"
            "|paracetamol_help|helped_by|relieved_by|able_to_walk|eating_normally"
            "|drink_normal|eat_normal|well_otherwise;play drink|normal|well|happy|fine;active "
            "happy|well",
            "ctx.severe": "@severe|very_bad|really_bad|so_bad|bad|cant_bear|cant_sleep_pain"
            "|cant_walk|cant_stand|cant_bear_weight|cant_put_weight"
            "|cant_swallow|cant_drink|cant_eat|cant_keep_down|cant_keep_water_down"
            "|cant_keep_anything_down|cant_keep_fluids_down|dehydrated|cant_work|intense",
            "ctx.worse": "worse|get_worse|deteriorat|progressive|aggravat|rapid_worse|not_improve"
            "|not_better|spread|increasing|wont_go_away|wont_stop|not_stop",
            "ctx.sudden": "@sudden",
            "ctx.known": "usual|as_usual|known|my_usual|normal_for_me|same_as_before|like_before"
            "|familiar|typical|regular|had_before|as_always",
            "ctx.exertion": "@exert",
            "ctx.pregnant": "iup;@pregnant;missed|late period;positive|pos pregnancy|hcg",
            "ctx.today": "@now",
            "ctx.sweating": "sweat|cold_sweat",
            "ctx.radiation": "@pain|radiate|go|down|travel arm|jaw|left_arm|neck "
            "radiate|left|go|travel|down;arm|jaw radiate|go_to|travel|left",
            "ctx.blue_or_pale": "pale|blue|grey|mottled",
            "ctx.not_passing_urine": "no_wet|not_pee|no_urine|dry_nappy|dry_diaper|no_wet_nappy"
            "|no_wet_diaper|hasnt_pee|no_wet_nappies|cant_pee|retention|pee_nothing|no_pee",
            "ctx.not_drinking": "not_drink|wont_drink|not_feed|wont_feed|refuse|poor_feed"
            "|hasnt_drink"
            "|dont_drink|dont_feed|cant_drink|stop_feed|stop_drink",
            "ctx.floppy": "floppy|went_limp|gone_limp|listless|limp_body",
            "ctx.vision": "vision|see blur|spot|flash|double|loss|lost|disturbance;blurry|blurred;"
            "flashing_light;see_spot",
            "ctx.neckstiff": "neck stiff|rigid;@neckstiff",
            "ctx.stiff_saddle": "saddle|perineum|groin @numb;incontinent|incontinence|retention",
            "ctx.weeks": "week|fortnight",
            "ctx.legswell": "leg|calf|thigh swell|pain|red|hurt",
            "ctx.missed_period": "missed_period|late_period;missed|late period|menses;"
            "amenorrhea;pregnancy_test_positive;"
            "positive_pregnancy;hcg",
            "ctx.drowsy": "@drowsy|@confuse",
            "ctx.bleed": "@bleed",
            "ctx.unstoppable": "@wontstop",
            "ctx.heavy_bleed": "@bleed @much|clot|soak|pad",
            "ctx.head_injury": "@headhit;head|scalp|forehead|face injury|hit|fall|laceration|bang",
            "ctx.fall": "fall|fell",
            "ctx.no_weight": "@noweight|cant_get_up",
            "ctx.redeye": "eye red|pain|@pain",
            "ctx.rash": "rash|spot|purple",
            "ctx.pelvic_pain": "pelvic|abd|tubal @pain|cramp",
            "ctx.testicle": "testicle|scrotum pain|ache|hurt|tender",
            "ctx.operated": "gallbladder|appendix|hernia|womb|tonsil|prostate|hip|knee|breast|bowel"
            "|kidney|spleen out|removed|remove|replaced|replacement|repair|done|op;c_section"
            "|caesarean|cesarean|hysterectomy|laparoscopy|op",
            "ctx.hot_child": "@kid hot|boiling|burning",
            "ctx.coughed_blood": "cough blood;hemoptysis;blood sputum|phlegm",
            "ctx.swallowed_tablets": "swallow|ate|eat|ingest|got_into|found pill|tablet"
            "|heart_tablet|heart_pill|blood_pressure_tablet|medication",
            "ctx.cellulitis": "cellulitis;@limb|skin red|hot|redness spread|streak|track",
            "ctx.right_lower": "abd|navel|@pain right_lower|lower_right|bottom_right|right_iliac"
            "|rif|rlq|low_right|right_hand_side",
            "ctx.swollen_belly": "abd|bowel big|bigger|blown_up|blow|swell|huge|tight_drum|bloat",
            "ctx.no_stool": "bowel not_open|hasnt_open|not_move|hasnt_move|not_opened;not_poop"
            "|hasnt_poop|no_bowel_movement|not_pass_wind|no_wind|cant_pass_wind",
            "ctx.belly_injury": "abd|flank|rib|side kick|hit|punch|fall|handlebar|kneed|ram|"
            "headbutt|blow|tackle|crash",
            "ctx.shoulder_tip": "shoulder_tip|tip_shoulder|tip_of_shoulder",
            "ctx.neck_swelling": "neck swell|balloon|bulg|bigger|tight_lump",
            "ctx.ascending": "@numb|@weak|tingle move_up|moving_up|spread_up|climb|rising|rise"
            "|work_up|working_up|up_leg|up_body|creep",
            "ctx.cant_swallow": "cant_swallow|hard_swallow|difficult_swallow|trouble_swallow",
            "ctx.slow_pulse": "heart_rate|heart|pulse|hr 25|26|27|28|29|30|31|32|33|34|35"
            "|36|37|38|39|40|41|42",
            "ctx.tropics": "malaria|africa|african|nigeria|ghana|kenya|uganda|tanzania|congo|"
            "cameroon|malawi|zambia|zimbabwe|ethiopia|sudan|senegal|mali|gambia|sierra_leone|liberia|"
            "mozambique|angola|india|pakistan|bangladesh|nepal|sri_lanka|indonesia|bali|thailand|"
            "vietnam|cambodia|laos|myanmar|philippines|papua|amazon|brazil|peru|haiti|tropics|"
            "tropical|jungle|safari",
            "ctx.pleuritic": "pleuritic|pleurisy;rib|chest|breath @pain",
            "ctx.foot": "foot|toe|heel|ankle|sole",
            "ctx.black_toe": "foot|toe|heel black|dark|smelly|spread",
            "ctx.out_of_proportion": "out_of_proportion",
            "ctx.stopped_drinking": "alcoholic|drinker|alcohol|booze|drinking stop_drink|stop|"
            "stopped|gave_up|withdrawal|last_drink|without",
            "ctx.sees_things": "see spider|insect|rat|thing|bug|people;hallucinat",
            "ctx.upper_back_heavy": "between_shoulder|between_shoulder_blade|shoulder_blade|bosom"
            "|bust|upper_back heavy|heaviness|tight|pressure|ache|crush|@pain",
            "ctx.limp": "limp|limping",
            "ctx.gone": "resolved|gone",
            "ctx.wound_stopped": "stop_bleed|bleed_stop|stopped_bleed|bleed_has_stop",
        },
    },
    _MTS,
)

# What a patient lives with; read from the history and from the complaint alike.
CONDITIONS: Final[tuple[Rule, ...]] = table(
    {
        Level.ROUTINE: {
            "hx.diabetes": "diabetes|diabetic|dm|insulin|type_1|type_2|t1dm|t2dm|metformin"
            "|diabetes_mellitus|iddm|niddm",
            "hx.anticoagulant": "warfarin|anticoagulant|blood_thinner|apixaban|rivaroxaban"
            "|dabigatran|edoxaban|eliquis|xarelto|heparin|enoxaparin|coumadin|noac|doac"
            "|blood_thinning",
            "hx.immunosuppressed": "chemo|neutropenic|neutropenia|transplant|immunosuppressed|"
            "immunocompromised|leukemia|lymphoma|on_steroid|methotrexate|hiv|"
            "immunosuppression|myeloma|cancer_treatment|no_white_cell|low_white_cell|"
            "no_immune_system|weak_immune_system|bone_marrow|asplenia|no_spleen|splenectomy|"
            "biologic",
            "hx.heart": "mi|heart_attack|angina|heart_failure|stent|bypass|cabg|heart_disease"
            "|coronary|ischemic_heart|pci|cardiomyopathy|heart_condition|chf|cad|ihd|pacemaker"
            "|heart_problem|aortic_stenosis|hcm",
            "hx.risk": "hypertension|htn|smoker|high_blood_pressure|high_cholesterol"
            "|hyperlipidemia|smoke|obese|dyslipidemia",
            "hx.epilepsy": "epilepsy|epileptic|seizure_disorder",
            "hx.asthma": "asthma|copd|emphysema|bronchiectasis",
            "hx.pregnant": "pregnant",
            "hx.clot": "dvt|pulmonary_embolism|blood_clot|clotting_disorder|thrombophilia",
            "hx.cancer": "cancer|metastatic|metastasis|malignancy|tumor|carcinoma",
            "hx.kidney": "dialysis|ckd|kidney_failure|renal_failure|esrd",
            "hx.liver": "cirrhosis|varices|liver_failure|hepatitis|lc",
            "hx.aneurysm": "aneurysm|aaa|marfan|ehlers",
            "hx.bleeding_disorder": "hemophilia|von_willebrand|thrombocytopenia|itp",
            "hx.migraine": "migraine",
            "hx.postpartum": "postpartum|gave_birth|post_partum|delivered|c_section|after_birth",
            "hx.surgery": "surgery|operation|post_op|operated|immobil|long_flight|flight|cast",
            "hx.adrenal": "addison|adrenal_insufficiency|long_term_steroid|hydrocortisone",
            "hx.stroke": "stroke|cva|tia",
        },
    },
    "condition named in the request",
)
