"""What people tell as an event: devices, poisons, bodies that fail step by step, odd accidents."""

from typing import Final

from ml.rules.rule import Rule, grave, red
from ml.schema import Level

SPOKEN_EVENTS: Final[tuple[Rule, ...]] = (
    red(
        "cardiac.arrest_event",
        "ERC guidelines 2021",
        "chest compression;compressions|cpr|aed do|doing|give|start|collapse|pitch|floor",
        window=9,
    ),
    red(
        "cardiac.infarction_event",
        "AHA/ACC chest pain guideline 2021",
        "reflux|burning|heartburn|indigestion|wind|trapped_wind arm|jaw|left_arm|both_arm|shoulder "
        "sweat|clammy|drench|soak|dripping|grey|breathless",
        window=12,
    ),
    grave(
        "cardiac.device_event",
        "ESC ventricular arrhythmias 2022",
        "icd|defibrillator|defib went_off|gone_off|go_off|going_off|kick|kicked|shocking|zap|"
        "shocked|shock|discharge",
        window=7,
    ),
    red(
        "respiratory.tube_event",
        "National Tracheostomy Safety Project 2012",
        "tracheostomy|trachy|trachi|laryngectomy|stoma_neck block|plug|came_out|come_out|"
        "fallen_out|struggle|blue|dislodg|cant_breath;"
        "tube laryngectomy|tracheostomy block|struggle|out",
        window=8,
    ),
    red(
        "allergic.two_systems_event",
        "Resuscitation Council UK anaphylaxis 2021; WAO 2020",
        "lip|face|tongue|eye swell|@puff cough|vomit|doom|dizzy|tummy|belly|wheezy|tight "
        "@allergen|peanut|nut|sting|stung|egg|milk|sesame|fish",
        window=10,
    ),
    red(
        "poisoning.nerve_event",
        "WHO pesticide poisoning; TOXBASE",
        "pesticide|insecticide|organophosphate|crop_spray|sheep_dip|nerve_agent drool|dribbl|"
        "salivat|pupil|twitch|sweat|weak|vomit|@dyspnea|@confuse|cramp",
        window=10,
    ),
    red(
        "abdominal.obstruction_event",
        "WSES bowel obstruction 2017",
        "feculent;@vomit brown_smelly|smells_of_poo|smells_like_poo|like_poo|tastes_of_poo|"
        "faecal_matter|fecal_matter;hernia @vomit hard|stuck|tender|red|wont_go_back",
        window=6,
    ),
    red(
        "neurological.headache_event",
        "ACEP headache 2019",
        "head|headache explod|burst|pop|snap sex|orgasm|lift|strain|cough|toilet|sneez|gym;"
        "headache sex|orgasm sudden|during|worst|@vomit|explod",
        window=8,
    ),
    red(
        "trauma.blade_event",
        "ATLS 10th edition",
        "knife|blade|screwdriver|scissors|bottle|skewer went_in|go_in|going_in|stuck|deep|plunge "
        "rib|chest|abd|back|neck|throat|groin|side",
        window=8,
    ),
    grave(
        "trauma.machine_event",
        "ATLS 10th edition; BSSH 2023",
        "hand|arm|finger|foot|leg|hair|scalp chipper|mincer|grinder|auger|shredder|lathe|baler|"
        "combine|press_machine|conveyor|slicer|band_saw|table_saw|mangle",
        window=6,
    ),
    red(
        "trauma.neck_event",
        "ATLS 10th edition; ENT UK laryngeal trauma",
        "neck|throat|adam_apple|larynx hit|punch|kick|ball|bar|elbow|strangl|choked voice|hoarse|"
        "crackl|swallow|@dyspnea|swell",
        window=9,
    ),
    red(
        "respiratory.floor_of_mouth_event",
        "ENT UK Ludwig's angina",
        "jaw|neck|tongue|chin swell cant_swallow|hard_swallow|hard_to_swallow|trouble_swallow|"
        "drool|tongue_up|voice tooth|dental|dentist|gum|abscess",
        window=12,
    ),
    red(
        "abdominal.stoma_event",
        "ASCN stoma care guideline",
        "stoma black|gone_black|went_black|dusky|purple|prolapse",
        window=5,
    ),
    red(
        "eye.glaucoma_event",
        "College of Optometrists; NICE NG81",
        "eye|cornea cloudy|hazy|halo|steamy red|@pain|headache|vomit|nausea",
        window=10,
    ),
    grave(
        "self_harm.postpartum_event",
        "NICE CG192; RCPsych CR232",
        "birth|born|postnatal|newborn|delivered evil|devil|possessed|demon|god|voice|hallucinat|"
        "harm|smother|kill|not_mine|swapped",
        window=12,
    ),
    grave(
        "urological.kidney_event",
        "NICE NG111",
        "kidney_infection|pyelonephritis|kidney infect @fever|38|39|shiver|rigor|vomit",
        Level.URGENT,
        window=8,
    ),
    grave(
        "ear.mastoid_event",
        "ENT UK mastoiditis",
        "behind|back ear swell|red|push|boggy|stick_out|tender fever|infect|ear|discharge",
        Level.URGENT,
        window=7,
    ),
    grave(
        "sepsis.joint_event",
        "BSR hot swollen joint 2006",
        "joint|knee|hip|elbow|ankle|wrist|shoulder hot red|swell|inject|fever|@fever|cant_bend",
        Level.URGENT,
        window=7,
    ),
    grave(
        "sepsis.fight_bite_event",
        "BSSH human bite",
        "hand|knuckle|fist infect|swell|red|hot punch|tooth|fight|bite|mouth",
        Level.URGENT,
        window=8,
    ),
    grave(
        "trauma.scald_child_event",
        "British Burn Association referral criteria 2012",
        "pull|tip|knock|spill|grab|tug kettle|saucepan|hot_drink|hot_tea|hot_coffee|mug_of_tea|"
        "boiling_water|deep_fryer skin|peel|blister|chest|neck|face|arm|himself|herself|over",
        window=9,
    ),
    grave(
        "trauma.fingertip_event",
        "BSSH hand injury standards 2023",
        "finger|fingertip|finger_tip|thumb|toe|nail half_off|hanging|hang|partly_off|squash|"
        "degloved|hanging_off;finger|thumb tip off",
        Level.URGENT,
        window=6,
    ),
    grave(
        "trauma.jaw_event",
        "NICE CKS facial injury; OMFS",
        "jaw|face|chin punch|hit|kick|fall|blow|elbow cant_close|cant_open|teeth|bite_wrong|"
        "dont_meet|out_of_line|click",
        Level.URGENT,
        window=8,
    ),
    grave(
        "obstetric.postmenopausal_event",
        "NICE NG12",
        "@bleed|spotting menopause|postmenopausal|post_menopausal|after_menopause|periods_stopped",
        Level.SOON,
        window=6,
    ),
)
