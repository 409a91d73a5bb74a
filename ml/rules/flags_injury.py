"""Red flags of injury, bleeding, poison, self-harm, allergy and environment."""

from typing import Final

from ml.rules.rule import Rule, grave, red
from ml.schema import Level

_ATLS: Final = "ATLS 10th edition; NICE NG39"
_HEAD: Final = "NICE NG232"
_BURN: Final = "British Burn Association referral criteria 2012; ABA 2022"
_ALLERGY: Final = "Resuscitation Council UK anaphylaxis 2021; WAO 2020"
_MIND: Final = "NICE NG225; ESI v4"
_POISON: Final = "TOXBASE; ACMT position statements"

TRAUMA: Final[tuple[Rule, ...]] = (
    red(
        "trauma.bleeding",
        _ATLS,
        "@bleed @wontstop deep|gash|bone|laceration;@bleed uncontrolled|uncontrollable;lost"
        "|lose blood @much;@bleed @wontstop heavy|pump"
        "|spurt|soak|artery|arterial|wound|cut|leg|arm|wrist|stab|gash"
        "|pour|neck|everywhere|pressure;"
        "neck|throat|groin bleed|cut @much|glass|stab;blood|bleed spurt|squirt|pump;"
        "bleed pour|gush|soak_through|massive|profuse|pool;"
        "bleed out;exsanguinat;arterial bleed;blood pour|gush|pool",
    ),
    red(
        "trauma.penetrating",
        _ATLS,
        "penetrat chest|abd|neck|back|head;stab|shoot|stab_wound|knife chest|abd|neck|back"
        "|wound|groin|heart|head;"
        "gun_shot|gunshot_wound|got_stab|got_shot|gsw|bullet;shoot leg|arm|chest|abd|head|back"
        "|neck|by|gun;stab knife|by;"
        "knife|glass|metal|rod|stick|pole impale|through chest|abd|neck|eye|leg|thigh;impale",
        window=5,
    ),
    red(
        "trauma.amputation",
        _ATLS,
        "finger_gone|toe_gone|thumb_gone|hand_gone;finger|toe|thumb|hand gone|missing|off "
        "machine|saw|caught|mower|blade|accident;amputate|cut_off|chopped_off|torn_off|"
        "ripped_off|sliced_off|bitten_off finger|hand|toe|arm|leg|thumb|foot|penis|ear;"
        "traumatic_amputation;fingertip|finger|thumb|toe came_off|come_off;finger|hand|thumb|"
        "toe amputate",
    ),
    red(
        "trauma.major",
        _ATLS,
        "hit_by_car|ran_over|run_over cant_move|unconscious;compartment_syndrome;fall|jump roof"
        "|balcony|scaffold|three_story|2_storey|second_floor|third_floor|storey"
        "|height|cliff|bridge|fourth_floor|2nd_floor|3rd_floor|building;"
        "multiple_trauma|polytrauma|major_trauma|multiple_injury;"
        "car|truck|lorry|bus|train|van|vehicle hit|ran_over|run_over|knocked|struck pedestrian"
        "|cyclist|crossing|street|by|high_speed;eject car|vehicle|motorcycle;"
        "crush|pin under|beneath;hit_by_car|knocked_down|run_over street|road|cross|pedestrian"
        "|walk|cycl|bike;"
        "crush chest|pelvis|leg|trap|machine|under|abd injury|under|machine|trap;"
        "bone stick_out|through_skin|poke|sticking_out|visible|protrud|exposed;open_fracture;"
        "compound_fracture;flail_chest;trap car|machine|rubble|wreck",
        window=5,
    ),
    red(
        "trauma.head",
        _HEAD,
        "@headhit|fall|head unconscious|unresponsive|knocked_out|seizure|@confuse|@drowsy"
        "|loss_conscious|passed_out|black_out|loc hit|head|injury|bang|fall @headhit|head|after;"
        "@headhit @unconscious|seizure|@confuse|@drowsy|knocked_out|pupil|passed_out|black_out;"
        "@headhit keep|repeat|projectile @vomit;"
        "@headhit @vomit twice|3_times|three_times|four_times|repeated|several|times|keep|again"
        "|worse;"
        "fluid|clear_fluid|blood leak|come|from|drip ear|nose @headhit;"
        "skull|head fracture|dent|soft;skull_fracture;pupil unequal|blown|different|bigger",
        window=8,
    ),
    red(
        "trauma.spine",
        _ATLS,
        "jump|fall|crash|dive|accident|injury|mva|tackle|neck|land cant_move|cant_feel|"
        "no_feeling|numb leg|arm|toe|neck|body;broken_neck|neck_fracture|neck_broken|"
        "cervical_fracture;neck pain|hurt|injury|broke dive|crash|accident|car_accident|mva|"
        "fall|tackle @numb|@weak|tingle",
        window=6,
    ),
    grave(
        "trauma.accident",
        _ATLS,
        "stab by|multiple|someone|knife;popped_out|pop_out @limb;deglov|degloving;cut_off "
        "nearly|almost|partial;mva|mvc|rta|rtc|t/a|TA|car_accident|traffic_accident|car_crash"
        "|motorcycle_accident"
        "|motorbike_accident|motorcycle_crash|car_wreck|hit_by_car;fall stairs|ladder|horse|height"
        "|flight_of_stairs;@limb|hip|pelvis @break|neurovascular;"
        "hip fall|pain cant_walk|cant_stand|cant_bear_weight|shorten|rotat;"
        "chest|rib|abd|neck|back|flank injury|blunt|blow|kick|hit;"
        "bite|maul dog|animal|human face|deep|hand|neck;"
        "deep|gaping|big|large|wide|huge laceration|cut|wound|gash;tendon cut|wound|laceration"
        "|injury;wound|cut @numb|cant_bend|bone|tendon|fat|muscle;"
        "needle_stick;needlestick;sexual_assault;rape|raped;sexual_abuse;sexual_violence;assault"
        ";dislocation|dislocate;jaw_dislocation",
        Level.URGENT,
        window=5,
    ),
    grave(
        "trauma.neurovascular",
        _ATLS,
        "cut wrist;@burn major|extensive|severe;deglov|degloving hand|arm|leg;@break @limb|bone "
        "@numb|cold|pale|blue|white|pulseless;cut|slash|slit wrist deep|bleed|slit;slash wrist",
        window=8,
    ),
    grave("trauma.bleeding_slow", _ATLS, "bleed @wontstop;@bleed wontstop", Level.URGENT),
)

BURNS: Final[tuple[Rule, ...]] = (
    red(
        "trauma.burn_major",
        _BURN,
        "caustic|lye|lime|cement eye;@burn explosion|fire face|chest|airway|neck;@burn face "
        "explosion|chest|neck|throat;chemical_burn eye;@burn inhalation|airway;eye acid|"
        "chemical burn;@burn|fire|boil airway|inhal|smoke|soot|hoarse|singed;@burn whole|entire|"
        "all_over|both_leg|half|large_area|most chest|back|arm|leg|body|face;@burn 20_percent|"
        "30_percent|15_percent|40_percent|10_percent|third_degree|full_thickness|charred|"
        "white_leathery|leathery;@burn face|genital|groin|neck|perineum blister|peel|deep|"
        "severe|swell|hot|boil|fire|water|oil;clothes|hair|shirt fire;electrical_burn;"
        "high_voltage;electrocute;electric_shock|lightning unconscious|collapse|chest|burn|"
        "palpitation|thrown;lightning|struck_by_lightning struck|hit|strike;chemical|acid|"
        "alkali|bleach|caustic|lye burn|splash|splatter|squirt|spray eye|face",
        window=6,
    ),
    grave(
        "trauma.burn_site",
        _BURN,
        "@burn|boil chest|abd|back|trunk|face|neck|both_leg|genital",
        Level.URGENT,
        window=6,
    ),
    grave(
        "trauma.burn",
        _BURN,
        "acid|chemical skin|hand|arm;electric|electrical burn|injury;chemical_burn"
        "|electric_shock|smoke_inhalation;"
        "@burn hand|foot|face|joint|circumferential|genital;"
        "@burn blister large|palm|big|many",
        Level.URGENT,
    ),
)

ALLERGY: Final[tuple[Rule, ...]] = (
    red(
        "allergic.anaphylaxis",
        _ALLERGY,
        "anaphylaxis|anaphylactic|anaphylactoid|angioedema;"
        "throat|tongue|airway swell|close|closing|tight|shut "
        "sting|@allergen|hives|rash|itch|allergy|ate|eat|after|medication|food|bite;"
        "throat|airway close|closing|swell_shut|shut;tongue swell;"
        "hives|allergy|sting|rash|@allergen|lip|face @dyspnea|wheeze|faint|collapse|cant_swallow"
        "|hoarse @allergen|hives|swell|allergy|sting|rash|itch;"
        "hives|rash|@allergen @dyspnea|wheeze;"
        "lip|face|eye|tongue swell @dyspnea|wheeze|throat_tight|cant_swallow|hoarse|voice|throat;"
        "epipen|adrenaline_pen used|use|gave|inject;throat tight hives|nut|sting|rash;"
        "lip|face|eye|tongue swell @vomit|faint @allergen|hives",
        window=8,
    ),
    grave(
        "allergic.swelling",
        _ALLERGY,
        "lip|face swell sudden|allergy|@allergen|hives|after|medication;"
        "hives|urticaria whole_body|all_over|generalized|everywhere;allergic_reaction;"
        "allergy reaction severe|bad",
        Level.URGENT,
    ),
)

POISON: Final[tuple[Rule, ...]] = (
    red(
        "poisoning.overdose",
        _POISON,
        "eat|ate|swallow granny|grandma|nan|parent|mum|adult pill|tablet|medication;eat|ate "
        "blood_pressure_tablet|blood_pressure_pill;SI plan;took all pill;@poisonous ingestion;"
        "overdose;drug_intoxication;DI;"
        "take|swallow|eat|drink @manypills|@manynumber @pills;"
        "swallow|drink|ingest|drank @poisonous;ate|eat|put|lick|got_into @poisonous;"
        "ate|eat|swallow|drink|found|got_into grandma|grandmother|grandfather|grandad|grandpa|gran"
        "|mother|father|dad|uncle|aunt|sister|brother|husband|wife|neighbour pill|tablet|"
        "heart_tablet|heart_pill|blood_pressure_tablet;"
        "ecstasy|mdma|molly|cocaine|amphetamine|meth|party pill|drug|tablet|took|snort jaw|hot"
        "|burn|agitat|rigid|see_things|hallucinat|stiff|twitch;"
        "carbon_monoxide;co_poison|co_poisoning|co_intoxication;"
        "co_alarm|monoxide_alarm headache|dizzy|sick|faint|vomit;"
        "poison @drowsy|@confuse|@dyspnea|unconscious|seizure;pesticide|organophosphate|paraquat "
        "intoxication|ingestion|poison;nerve_agent",
        window=6,
    ),
    grave(
        "poisoning.suspected",
        _POISON,
        "extra|double dose;bottle pill|medication open|missing|empty;drug|pill|medication"
        "|herbicide ingestion;poison|intoxication|accidental_ingestion;swallow|ingest battery"
        "|button_battery|magnet"
        "|coin|bleach|detergent;button_battery|magnet swallow|nose|ate|ear|eat;"
        "alcohol withdrawal|tremor|hallucinat|DT|seizure;delirium_tremens;double_dose",
        Level.URGENT,
    ),
    red(
        "poisoning.battery",
        "ESPGHAN 2021; National Capital Poison Center",
        "battery ingestion;battery swallow|ate|nose|throat|eat|ingest|mouth",
    ),
)

MIND: Final[tuple[Rule, ...]] = (
    red(
        "self_harm.attempt",
        _MIND,
        "want die|dead|kill take pill|tablet|medication;suicide|dont_want_live|want_die|SI plan;"
        "dont_want live plan;suicide attempt|tried|try"
        "|note|plan|pill|rope|gun|jump;tried|try|attempt|want|going"
        "|plan|thought kill|end|hang|hurt myself|himself|herself|life|all pill|rope|gun|bridge|jump"
        "|knife|tonight|plan;"
        "kill_myself|kill_himself|kill_herself|end_life|end_all|end_everything"
        "|take_my_life|take_my_own_life plan|tonight|going|want|tried|will|now|pill|rope|gun"
        "|thinking|try|think;"
        "cut|slit|slash wrist|throat|vein|herself|himself bleed|deep|kill|die|suicide|wont_stop;"
        "slit|slash wrist|throat;want|wish die|dead|not_exist pill|plan|tonight|take|kill|rope;"
        "hang|hung himself|herself|noose|rope|neck|attempt;hanging;strangl|strangulation;"
        "jump|jumped bridge|train|building kill|suicide|off;self_poison;"
        "voice tell|command kill|hurt|harm",
        window=6,
    ),
    grave(
        "self_harm.thoughts",
        _MIND,
        "hurt|harm myself;cut cant_stop myself;agitat|agitation;see things;suicide;want_die"
        "|want_to_die|wish_dead|better_off_dead|life_not_worth|no_reason_live"
        "|dont_want_live|dont_want_be_here|end_life|kill_himself|kill_herself;wish|want die"
        "|dead;self_harm;"
        "selfharm;cut_myself|cutting_myself purpose;cut myself|herself|himself purpose"
        "|deliberate;"
        "kill_myself;dont_want live|wake|exist|alive;violent|aggressive|homicidal behavior|threat"
        "|psychos|voice;homicidal;want hurt|kill someone|people|others;"
        "hear|heard voice;voice tell|talk|say;hallucinat;hallucination;delusion|delusional;"
        "behavior change|abnormal"
        "|bizarre|strange;psychosis|psychotic|manic|mania",
        Level.URGENT,
        Level.URGENT,
    ),
)

ENVIRONMENT: Final[tuple[Rule, ...]] = (
    red(
        "environmental.exposure",
        "WMS heat illness 2019; ERC 2021",
        "submerg water|cough|under;under_water;struck_by_lightning|lightning_strike;snake bit;"
        "heat|sun|hot_day faint|passed_out|collapse;heat_stroke|heatstroke;hypothermia"
        "|hypothermic;drown|near_drown|pulled_from_water"
        "|submers|submersion;"
        "heat|sun|hot_day|sauna|hot_car @confuse|collapse|unconscious|seizure|stop_sweat"
        "|not_sweat;"
        "snow|cold|frozen|outside all_night|hour|lying @confuse|@drowsy|unresponsive|cant_wake"
        "|slur;decompression_sickness;"
        "dive|scuba joint|@dyspnea|numb|paralysis|chest surfac|after|dive;"
        "snake bite;snakebite;envenom;viper|cobra|rattlesnake bite",
        window=6,
    ),
    grave(
        "environmental.illness",
        "WMS 2019",
        "heat_exhaustion|frostbite|altitude_sickness|jellyfish|scorpion|spider_bite_black_widow;"
        "bat bite|scratch;rabies bite|exposure;monkey|stray|wild|raccoon|fox bite",
        Level.URGENT,
    ),
)
