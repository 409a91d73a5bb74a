"""Red flags of heart, vessels, brain and lungs, and their grave but less certain neighbours."""

from typing import Final

from ml.rules.rule import Rule, grave, red
from ml.schema import Level

_ACS: Final = "AHA/ACC chest pain guideline 2021; NICE CG95"
_STROKE: Final = "AHA/ASA stroke 2019; NICE NG128; FAST"
_SEIZURE: Final = "NICE NG217; ILAE status epilepticus 2015"
_AIRWAY: Final = "Resuscitation Council UK 2021; BTS/SIGN 158"
_ARREST: Final = "ERC guidelines 2021; ESI v4 level 1"
_AORTA: Final = "ESC aortic diseases 2014; ACC/AHA 2022"

HEART: Final[tuple[Rule, ...]] = (
    red(
        "cardiac.arrest",
        _ARREST,
        "cardiac_arrest|heart_stopped|heart_stop|no_pulse|pulseless|not_breath|stop_breath"
        "|isnt_breath|dont_breath|hasnt_breath|cpr|post_cpr|DOA|asystole|rosc|arrested;"
        "turn|lip|face blue|purple not_wake|unresponsive|unconscious",
    ),
    red(
        "cardiac.infarction",
        _ACS,
        "heart_attack|acute_mi|inferior_mi|anterior_mi|myocardial_infarction|stemi|nstemi|MI"
        "|acute_coronary|ACS|st_elevation",
    ),
    red(
        "cardiac.crushing",
        _ACS,
        "rib|breastbone tight|band|pressure sweat|arm;indigestion|heartburn arm|jaw|both_arm "
        "sweat|radiate|go;indigestion|heartburn sweat arm|jaw;chest clutch|hold|grab sweat|grey"
        "|pale|collapse;chest crush|squeeze|elephant|vice|vise|clench|grip|constrict|tight_band;"
        "chest weight|brick|stone sit|press;"
        "chest @pain|@pressure|@chestpain sweat|cold_sweat|drenched;"
        "chest @pain|@pressure|@chestpain arm|jaw radiate|go|travel|down|shoot|move;"
        "chest @pain|@pressure left_arm|jaw|both_arm;"
        "@chestpain left_arm|jaw|radiate",
        window=6,
    ),
    red(
        "cardiac.chest_pain_collapse",
        _ACS,
        "chest @pain|@pressure faint|collapse|passed_out|pass_out|black_out|grey|blue_lip",
        window=8,
    ),
    grave(
        "cardiac.rhythm",
        "ESC SVT 2019; ACLS 2020",
        "v_tach|vtach|vfib|torsades;vt|ventricular_tachycardia|svt|complete_heart_block"
        "|bradycardia;"
        "heart|heart_beat|heart_rate|pulse|hr|beat 180|190|200|210|220|30|32|35;"
        "defibrillator|icd|pacemaker shock|fired|fire|malfunction",
    ),
    grave(
        "cardiac.hypotension",
        "RCP NEWS2 2017",
        "low_blood_pressure|hypotension|bp_low|low_bp|shock_state"
        "|hypovolemic|cardiogenic|septic_shock;blood_pressure|bp low",
    ),
    grave("cardiac.tamponade", _ACS, "tamponade|pulmonary_edema|acute_heart_failure|flash_edema"),
)

VESSELS: Final[tuple[Rule, ...]] = (
    red(
        "vascular.aorta",
        _AORTA,
        "aortic_dissection|aneurysm_rupture|ruptured_aneurysm|ruptured_aaa|leaking_aneurysm;"
        "chest|back|between_shoulder ripping @pain|pain;"
        "abd|back @pain aaa|aortic_aneurysm",
    ),
    red(
        "vascular.limb_ischaemia",
        "ESVS acute limb ischaemia 2020",
        "@biglimb cold pale|white|blue|numb|pulseless|no_pulse|@pain|@weak;"
        "@biglimb pale|white|blue|mottled numb|pulseless|no_pulse|cant_feel;"
        "acute_limb_ischemia|ischemic_limb|limb_ischemia",
        window=5,
    ),
    red(
        "vascular.embolism",
        "ESC pulmonary embolism 2019",
        "pulmonary_embolism|blood_clot_in_lung|clot_in_lung|clot_on_lung|saddle_embolus",
    ),
    grave(
        "vascular.dvt",
        "NICE NG158; Wells score",
        "PE;dvt|deep_vein_thrombosis|blood_clot_in_leg|clot_in_leg;"
        "leg|calf swell red|warm|hot|tender|pain|hurt;"
        "calf swell|pain|hurt|tender flight|surgery|one|cast|operation|pill",
        Level.URGENT,
        window=5,
    ),
)

BRAIN: Final[tuple[Rule, ...]] = (
    red(
        "neurological.stroke",
        _STROKE,
        "stroke|cva|cerebral_infarction|cerebrovascular|brain_bleed|brain_hemorrhage|ICH|SAH"
        "|subarachnoid|intracranial_hemorrhage|bleed_on_brain;"
        "face|mouth|smile droop|crooked|lopsided|uneven;"
        "one|left|right side|half body|body_half @weak|@numb|dead;"
        "@side arm|leg|face @weak @sudden;"
        "@weak|@numb sudden one_side|left_side|right_side;"
        "arm leg @weak|cant_move left|right|one|same;"
        "slur sudden|face|arm|weak|droop|drool|confuse;"
        "cant_speak|cant_talk|unable_speak sudden|droop|arm|weak|mumbl;"
        "word wont_come|cant_get_out|jumbl|garbl|muddl sudden|arm|face|speak;"
        "speak garbl|jumbl|gibberish|mumbl|nonsense sudden;"
        "arm|leg drift|dead|useless sudden",
        window=5,
    ),
    grave(
        "neurological.deficit",
        _STROKE,
        "word wrong|garbl|jumbl;side motor_weak|weak;paraparesis|quadriparesis;leg paralysis"
        "|cant_move;facial_palsy|face_paralysis arm|leg|hand;hemiparesis|slur|aphasia|word_salad;"
        "left_side|right_side|one_side weak|paralysis|cant_move;"
        "left|right side motor_weak|weak|paralysis;"
        "arm|leg|body paralysis|cant_move|wont_move sudden;"
        "cant_speak|cant_talk|lost_speak|speak_difficult;speak loss|lost;"
        "lost_word|cant_find_word|cant_get_word;"
        "speak garbl|jumbl|mumbl|strange|funny|odd|nonsense|gibberish|wrong|difficult|trouble;"
        "face|mouth|cheek arm|hand|leg @numb|@weak|droop;"
        "arm|leg woke @weak|@numb;arm leg @weak|@numb",
    ),
    grave(
        "neurological.deficit_minor",
        _STROKE,
        "tia;fall|lean|veer one side;foot_drop;dysarthria|monoparesis|paraparesis|motor_weak"
        "|facial_palsy|bell_palsy|diplopia"
        "|double_see|see_double|ataxia|gait_disturbance|amnesia|memory_loss|face_paralysis;"
        "arm|leg|hand|foot @weak;"
        "left|right|one_side|face arm|side|leg|face|body @numb",
        Level.URGENT,
    ),
    red(
        "neurological.status",
        _SEIZURE,
        "seizure|fit|convuls several|continuous|continual|minute|repeated;not_regain"
        "|hasnt_regain|without_regain conscious;jerk|shake|twitch minute ten|five|10|5"
        "|unconscious;fit|seizure wont_stop|hasnt_stop|not_stop|right_now;seizure|fit|convuls "
        "last|more five"
        "|5|ten|10;status_epilepticus;"
        "seizure|fit wont_stop|not_stop|still|continue|non_stop|nonstop|10_minute|ongoing|5_minute"
        "|keep|back_to_back|another|cluster|hasnt_stop|one_after|15_minute|right_now;"
        "seizure|fit|convuls 5|five|10|ten|15|fifteen|20|twenty|30 minute|min;"
        "seizure|fit more|long five|5|ten minute;"
        "fit|jerk|shake wont_stop|still|hasnt_stop|not_stop unconscious|unresponsive|whole_body;"
        "have|having fit|seizure now;"
        "first seizure ever|time|adult|life;"
        "seizure pregnant|head_injury|fever_neck",
    ),
    grave(
        "neurological.seizure",
        _SEIZURE,
        "jerk|twitch whole_body|all_over|arm|leg|minute;post_ictal|postictal;shake|stiff|jerk "
        "eye roll|rolled;first|ever|another fit;seizure"
        "|epileptic_fit|grand_mal|tonic_clonic|had_fit|have_fit;fit last|jerk|shake;"
        "seizure like|motion|movement|post;whole_body|arm|uncontrollable jerk|twitch eye_roll"
        "|eyes_rolled|unconscious|foam;eye roll_back|rolled_back stiff|jerk|shake",
        Level.URGENT,
    ),
    red(
        "neurological.thunderclap",
        "ACEP headache 2019; NICE CG150",
        "head|headache thunderbolt|lightning|hammer;headache @severe explod|bomb|burst|hit|bang;"
        "most_severe headache ever|experienced|had;headache|head explosive|explod @sudden;"
        "headache neck stiff|rigid;fever neck stiff|rigid;headache|head explosive|explod sudden;"
        "worst_headache|thunderclap|thunder_clap;"
        "headache|head @sudden @severe;"
        "headache worst life|ever;"
        "headache|head like|felt hit|explod|burst|hammer|bat|kick @sudden|back;"
        "head worst life|ever @pain;"
        "headache @neckstiff;"
        "headache explod|burst sudden|second|peak",
        window=7,
    ),
    red(
        "neurological.meningitis",
        "NICE NG240",
        "@fever rash light|photophobia;@fever rash photophobia|stand|light|cant_stand;rash|spot "
        "glass_test|tumbler_test not_disappear|dont_disappear|dont_fade|not_fade|wont_fade|fail"
        "|hasnt_fade;meningitis|encephalitis|meningococcal|meningococcus;"
        "@fever @neckstiff;"
        "@neckstiff @photophobia;"
        "rash wont_fade|not_fade|dont_fade|glass_test|not_blanch|nonblanch|non_blanch|dont_blanch"
        "|purple|dont_disappear|wont_disappear|hasnt_fade fever|glass|press|sick|unwell|drowsy"
        "|hot|baby|child|tumbler|spread|temperature;"
        "petechia|purpura|petechial|non_blanching_rash|nonblanching_rash;"
        "spot|rash purple|blood_spot fever|spread|sick|drowsy",
        window=8,
    ),
    red(
        "neurological.coma",
        "ESI v4; RCP NEWS2 2017",
        "not_come_round|hasnt_come_round|wont_come_round|not_coming_to|unrouseable;found_down;"
        "unresponsive|wont_wake|cant_wake|not_wake_up|not_waking|cant_be_woken"
        "|not_wakeable|coma"
        "|comatose|unrousable|not_rousable|cant_rouse|dont_wake|semicoma|stupor_state"
        "|wont_respond|not_respond|isnt_respond|stop_respond|dont_respond|isnt_wake|cant_wake_up;"
        "unconscious still|now|found|lying|wont|currently|floor;"
        "unconscious|faint|collapse|passed_out hasnt_come|not_come_round|hasnt_woke|not_come_to"
        "|still_out",
    ),
    grave(
        "neurological.consciousness",
        "RCP NEWS2 2017; KTAS consciousness",
        "@confuse|@drowsy;unconscious",
        Level.EMERGENCY,
        Level.URGENT,
    ),
    grave(
        "neurological.lapse",
        "ESC syncope 2018",
        "loc|loss_conscious|loss_of_conscious|lost_conscious|knocked_out|lose_conscious",
        Level.URGENT,
    ),
    red(
        "neurological.cord",
        "GIRFT cauda equina 2023; NICE NG234",
        "cant_feel wipe;back @pain leak|dribbl urine|pee;@numb|cant_feel wipe;back lost_control"
        "|incontinent|lose_control|loss_control bladder|bowel|pee|poop;"
        "cauda_equina|ces|cord_compression|spinal_cord_injury;"
        "back @pain saddle|perineum|groin_numb|between_leg|genital|private|bottom|inner_thigh "
        "@numb;saddle|between_leg|private_part|genital|crotch|bottom @numb;"
        "back @pain cant_pee|cant_pass_urine|incontinent|incontinence|wet_myself|lost_control"
        "|retention|soil|no_control|loss_control|cant_control|lose_control;"
        "back @pain both_leg @weak|@numb;"
        "both_leg @weak|paralysis sudden|cant_walk|numb",
        window=8,
    ),
)

LUNGS: Final[tuple[Rule, ...]] = (
    red(
        "respiratory.failure",
        _AIRWAY,
        "noisy|bark breath rib|suck|recession|rest;breath suck_in_rib|suck_rib;cant_breath"
        "|fight_for_breath|struggle_for_breath|gasp_for_air|gasp|respiratory_arrest"
        "|suffocat|respiratory_failure|cant_get_air|gasp_for_breath;"
        "@dyspnea lip|face|finger|nail|turn blue|grey|purple;"
        "blue lip;lip|tongue|fingertip|around_mouth blue|purple|grey;blue_lip;"
        "@dyspnea cant_speak|cant_talk|speak_sentence|finish_sentence|full_sentence|few_word"
        "|one_word|complete_sentence|single_word|cant_finish|cant_complete|only_word|word_at_time;"
        "@dyspnea blue;@dyspnea pink|froth frothy|sputum|foam;"
        "breath exhaust|tired_out|give_out|confuse|drowsy asthma|breath",
        window=6,
    ),
    red(
        "respiratory.choking",
        "ERC guidelines 2021",
        "swallow bone|food|meat|coin|object cant_swallow|saliva|drool;swallow coin|object|toy"
        "|bone|something|fb|battery|piece drool|cant_swallow|gag|breath;"
        "fb|foreign_body airway|aspirat|aspiration;choke stuck|food|cant|blue|grape|coin|throat"
        "|meat|now|toy|something|breath|nut;"
        "airway block|obstruct|swell|close;stridor;"
        "stuck|lodge throat|windpipe cant_breath|drool|blue|gag|cant_swallow_saliva;"
        "drool sore_throat|throat|fever|cant_swallow muffle|lean|fever|breath|tripod|swallow;"
        "epiglottitis",
        window=6,
    ),
    red(
        "respiratory.asthma",
        "BTS/SIGN 158; GINA 2023",
        "severe asthma_attack;status_asthmaticus;asthma|inhaler|blue_inhaler|wheeze|copd|"
        "nebulizer|puffer not_help|not_work|dont_help|dont_work|no_relief|no_effect|hasnt_help|"
        "cant_speak|exhaust|cant_talk|blue|silent|doing_nothing|nothing|isnt_work|no_help|"
        "severe_attack|cant_finish;severe asthma attack",
        window=6,
    ),
    red(
        "respiratory.haemoptysis",
        "BTS haemoptysis; ACR 2020",
        "cough blood @much|cupful|clot|bright_red_lot;massive_hemoptysis",
    ),
    red("respiratory.pneumothorax", "BTS pleural 2023", "tension_pneumothorax"),
    grave(
        "respiratory.distress",
        _AIRWAY,
        "choke;resp_distress;apnea;swallow|breath trouble|difficult droop|double;noise"
        "|high_pitched breath drool|noise;inhal|inhalation gas|smoke|fume;grunt;"
        "respiratory_distress|breath_distress;blue skin|hand|nail",
    ),
    grave("respiratory.swallow", "ENT UK 2022", "cant_swallow", Level.URGENT),
    grave(
        "respiratory.lung_bad",
        "BTS pleural 2023",
        "cough|cough_up blood;food_impaction;food|meat stuck;chf|heart_failure aggravat"
        "|aggravation|worse;pneumothorax|collapsed_lung|ptx|asthma_attack|copd_exacerbation;"
        "asthma attack|worse|bad|exacerbation|flare;hemoptysis;cough blood;"
        "blood|bloody|tinged sputum|phlegm|mucus;"
        "inhaled|breathed_in smoke|chlorine|fume|gas|chemical",
        Level.URGENT,
    ),
)
