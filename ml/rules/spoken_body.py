"""Red flags of heart, brain, lungs, limbs and allergy in the patient's own everyday words."""

from typing import Final

from ml.rules.rule import Rule, grave, red
from ml.schema import Level

_ACS: Final = "AHA/ACC chest pain guideline 2021; NICE CG95"
_STROKE: Final = "AHA/ASA stroke 2019; NICE NG128; FAST"

SPOKEN_BODY: Final[tuple[Rule, ...]] = (
    red(
        "cardiac.crushing_told",
        _ACS,
        "chest someone|somebody sit|sat|stand|stood|kneel|park|press|squeeze;chest "
        "someone_stand|someone_sit|someone_sat|someone_stood|someone_kneel|someone_squeeze|"
        "someone_press|somebody_sit|somebody_stand|someone_crush;chest something|person|horse|"
        "cow|truck|car|fridge|anvil|sumo|gorilla sit|sat|stand|stood|kneel|knelt|stamp|park|"
        "lean|press;chest iron|bar|plate across|sweat|clammy|unwell|vomit|like;chest weight|"
        "brick|slab|concrete|boulder|ton|tonne|clamp|anvil|cement|sandbag heavy|like|weight|"
        "press|clammy|sweat|sit|lie;chest tight band|belt|strap|rope arm|jaw|sweat|neck|round|"
        "around|across;jaw|shoulder|arm @pain walk|hill|uphill|stairs|exertion rest|worse;chest "
        "heavy|tight|discomfort|@pain sweat|clammy|grey|doom;chest|breastbone heavy|tight|"
        "discomfort|@pain faint|@unconscious|collapse",
        window=8,
    ),
    red(
        "cardiac.arrest_told",
        "ERC guidelines 2021; ESI v4 level 1",
        "gurgl|snor|gasp collapse|unconscious|@wakeless|blue|grey;"
        "collapse|drop|keel|keel_over|faint|floor|slump|ground @wakeless",
        window=8,
    ),
    red(
        "neurological.stroke_told",
        _STROKE,
        "@facepart @droops side|@side;smile wonky|crooked|lopsided|uneven|skew|cant|one_side|"
        "droop;side|half not_move|isnt_move;FAST onset|positive|ve|hour|stroke;cant_smile;"
        "@facepart @droops @talkwrong|word|speak|slur|dribbl|drool|arm|hand|leg;speak|talk|word "
        "none_make_sense;@handfail arm|hand fall|fell|drop|tea|cup;lean one_side|left|right "
        "cant_stand|@talkwrong|talk|speak;@handfail word|speak|sentence|talk|@facepart "
        "@talkwrong|@droops|slur|wrong;arm|leg|hand @dead @talkwrong|slur|@droops|word;word|"
        "speak|sentence @talkwrong arm|hand|leg|@facepart;sudden|suddenly lost use|movement|"
        "power|feeling;lost|lose use|movement|power left|right|one|half|side;side|half|one_side "
        "body|left|right stop_work|not_work|wont_work|dead|lifeless|shut_down|gone|useless|"
        "paralysis|nothing;half|side body @dead;half body stop_work|not_work|dead|wont_work|"
        "numb|gone",
        window=7,
    ),
    grave(
        "neurological.deficit_told",
        _STROKE,
        "word|speak|sentence @talkwrong;speak|talk drunken|drunk;word wont_come|stuck|not_come|"
        "cant_get;cant_string sentence|word;@handfail @handheld sudden|face|word|mouth|smile|"
        "hour|minute|breakfast;drag leg|foot sudden|side|hour|today;arm|leg @dead @sudden|hour|"
        "breakfast|face|speak|speech|lunch|dinner;cant_understand|not_understand word|say|speak;"
        "arm flop|drift;cant_see left|right|side bump|lunch|hour|side|today;half see|vision "
        "lost|gone|missing;cant_write sudden",
    ),
    grave(
        "neurological.deficit_minor_told",
        _STROKE,
        "arm|leg @numb heavy|sudden|minute|hour|morning|came_back|wore_off;arm|leg|one_side|"
        "side one|left|right @numb;arm|leg one|left|right @dead;mini_stroke;tia|ministroke",
        Level.URGENT,
    ),
    red(
        "neurological.status_told",
        "NICE NG217; ILAE status epilepticus 2015",
        "have|having fit;have|having|had|take fit minute|still|wont|stop|floor|blue|now|help|"
        "again;fitting third|second|keep|another|minute|stop|wont|stiff|hot|now|floor|still|"
        "epileptic|again|help|foam|unconscious|blue|shake|@kid|wife|husband|mum|dad|man|woman|"
        "friend|sister|brother|bed;foam mouth|lip;froth mouth;convuls|jerk|spasm still|minute|wont|"
        "eye|blue|unconscious;eye roll|rolled|white|back|glazed shake|jerk|stiff|twitch|fit;"
        "stiff|rigid shake|jerk|shook|twitch minute|eye|hot|unconscious|blue|fever|five",
        window=7,
    ),
    red(
        "neurological.thunderclap_told",
        "ACEP headache 2019; NICE CG150",
        "head|headache explod|burst @neckstiff|stiff|vomit|hour|minute|second|faint;@fever neck "
        "light|lights|photophobia|@photophobia;neck @photophobia burning|hot|fever;headache|"
        "head shovel|brick|sledgehammer|plank|axe|hammer|explosion|thunder hit|struck|like|"
        "whack|kick;headache out_of_blue|zero|bang|instant|second|@sudden worst|@neckstiff|neck|"
        "vomit|collapse|faint|blinding|unwell;headache @sudden neck stiff",
        window=7,
    ),
    red(
        "respiratory.failure_told",
        "Resuscitation Council UK 2021; BTS/SIGN 158",
        "turn_blue|turning_blue|going_blue;"
        "lip|mouth|face|tongue|finger|nail|baby blue|purple|navy|dusky|slate @dyspnea|baby|"
        "breath|cold|drowsy|floppy|child|newborn;lip funny|strange|weird|odd|wrong color;lip|"
        "round_mouth|around_mouth blue|purple|navy|dusky;fight|battl|struggl|gasp|gulp breath|"
        "air;puff|breath|@dyspnea whisper|cant_talk|cant_speak|cant_get_sentence|sentence|"
        "cant_get_word|one_word|two_word|few_word;blue_inhaler|reliever|puffer|inhaler|ventolin|"
        "nebuliser nothing|useless|not_touch|no_difference|isnt_work|not_work|no_good;cant_get "
        "air|breath|oxygen",
        window=6,
    ),
    red(
        "respiratory.choking_told",
        "ERC guidelines 2021; ENT UK 2022",
        "lodge|stuck|wedge|jam gullet|throat|windpipe|food_pipe|esophagus|neck|gullet saliva|"
        "spit|drool|gag;drool|dribbl lean|noise|harsh|stridor|tripod|rasp fever|breath|hot;"
        "cant_swallow saliva|spit|drool|dribbl|water stuck|throat|sore_throat|sore|fever|voice|"
        "drool|bone|food|steak|meat|muffle;drool|dribbl cant_swallow|muffle|hot_potato;"
        "cant_swallow saliva|spit;cant_swallow_saliva|cant_swallow_spit;choke|chok stuck|blue|"
        "cant_breath|cant_talk|still",
        window=8,
    ),
    red(
        "allergic.anaphylaxis_told",
        "Resuscitation Council UK anaphylaxis 2021; WAO 2020",
        "throat swell cant_open|barely_swallow|hardly_swallow|cant_swallow|muffle;tongue fat|"
        "balloon|huge|thick|enormous|puffy|swell;throat close|closing|narrow|seal|shut|shutting|"
        "tighten|swell @allergen|reaction|hives|ate|eat|curry|allergic_reaction|sting|itch|"
        "tablet|antibiotic|lip|face;allergic_reaction|reaction throat|tongue swell|tight|close|"
        "itch|thick;lip|face|eye @puff wheeze|breath|@dyspnea|throat|cant_swallow|faint|voice|"
        "hoarse|croaky|dizzy;sting|stung|wasp|bee|hornet|@allergen faint|collapse|keel|throat|"
        "tongue|@dyspnea|wheeze|faint_feel|cant_get_air;hives|welts|lump|blotch|rash faint|"
        "collapse|@dyspnea|tight|cant_get_air @allergen|antibiotic|sting|ate|wasp|bee|tablet|nut",
        window=12,
    ),
    grave(
        "allergic.lips_told",
        "Resuscitation Council UK anaphylaxis 2021",
        "lip|face|eye @puff @allergen|reaction|ate|hives|sudden|antibiotic|curry|tablet|sting",
        Level.URGENT,
        window=7,
    ),
    red(
        "vascular.limb_told",
        "ESVS acute limb ischaemia 2020; ESC aortic diseases 2014",
        "@biglimb black|dusky|purple cold|freeze|numb|agony;"
        "@biglimb white|marble|waxy|pale|blue cold|freeze|perish|ice|icy|ice_cold|numb|"
        "cant_feel|stone_cold;shoulder_blade|between_shoulder @pain|knife sweat|clammy|grey;"
        "chest|back|shoulder_blade|between_shoulder ripping|split|tearing "
        "@sudden|through|pain|worst|agony;abd ripping|rip @sudden|back|collapse|grey",
        window=7,
    ),
    grave(
        "vascular.shock_told",
        "ESI v4; RCP NEWS2 2017",
        "grey|ashen|gray sweat|clammy|collapse|faint|cold;white_as_sheet clammy|sweat|collapse",
        Level.EMERGENCY,
        window=5,
    ),
    red(
        "neurological.cord_told",
        "GIRFT cauda equina 2023; NICE NG234",
        "leg cant_feel|cant_move move|feel|both|fall|fell;"
        "@privates @numb back|leg|pee|poop|sciatica|wet_myself|bladder|cant_pee|@notpass;"
        "back|sciatica|lumbar|disc @notpass|wet_myself|wet_self|soiled|peed_myself|leak"
        "|incontinent|incontinence @numb|@pain|leg|sciatica|weak|backache;"
        "cant_feel wipe|toilet_paper|when_pee|when_wee|sitting",
        window=9,
    ),
    grave(
        "trauma.hip_told",
        "NICE CG124",
        "nof|neck_of_femur|femur|broken_hip|hip_fracture;"
        "hip|leg short|shorter|shorten|shortened rotat|turn|twist|point|out|fall|fell|cant;"
        "hip|leg turned_out|rotated|ext_rotated fall|fell|slip|short|cant_stand|cant_walk",
        Level.URGENT,
        window=8,
    ),
    grave(
        "urological.retention_told",
        "EAU urological emergencies",
        "@notpass;bladder burst|full|swell|explode|stretched dribbl|cant|drop|agony|pain|night"
        "|bursting;dribbl only|nothing pee|bladder|water|urine",
        Level.URGENT,
        window=6,
    ),
    red(
        "urological.torsion_told",
        "EAU urological emergencies; BAUS torsion",
        "@ballword|testicle @agony|@pain doubled_over|cry|screaming|boy|son|teenage|teenager|lad;"
        "@ballword @agony @sudden|woke|agony|vomit|unwell|twist|hitch|higher|severe|kill|hour|"
        "hard|excruciat|sleep|nowhere|4am;testicle|bollock|scrotum agony|excruciat|unbearable;"
        "nut agony one|left|right|rock_hard|woke;testicle|scrotum|bollock|nut hitch|twist|"
        "higher|ridden;left_nut|right_nut|left_ball|right_ball|left_bollock|right_bollock agony|"
        "pain|kill|swell|hurt|throb woke|sudden|unwell|vomit|sick|hour|agony",
        window=8,
    ),
    red(
        "eye.sight_told",
        "College of Optometrists; AAO",
        "gone_blind|went_blind|going_blind;lost|lose|gone|loss see|vision left|right|one eye;"
        "eye hit|punch|ball|poke|elbow|kick|struck cant_see|blind|lost;eye|sight|see "
        "@blacksight cant_see|woke|sudden|hour|minute|today|morning|went|come_down|painless|"
        "curtain|sudden_out|everything;eye everything|all|world black|dark|blank|gone_dark|"
        "went_dark|gone_black|went_black|gone_blank;eye firework|airsoft|pellet|bb|paintball|"
        "explosion|golf_ball|bungee hit|shot|hurt|open|cant|see|struck;eye @corrosive;eye "
        "@corrosive splash|squirt|spray|splatter|got",
        window=7,
    ),
)
