"""Red flags of belly, pregnancy, poison, mind, children and injury in everyday words."""

from typing import Final

from ml.rules.rule import Rule, grave, red
from ml.schema import Level

_OBS: Final = "NICE NG126, NG133; RCOG green-top guidelines"
_POISON: Final = "TOXBASE; ACMT position statements"
_MIND: Final = "NICE NG225; ESI v4"
_CHILD: Final = "NICE NG143; APLS 6th edition"

SPOKEN_INNER: Final[tuple[Rule, ...]] = (
    red(
        "abdominal.bleeding_told",
        "NICE CG141; ACG upper GI bleeding 2021",
        "abd solid|rock|concrete @pain|@severe|cant_move|agony;"
        "vomit|puke black;abd board;hernia hard|purple|black|stuck|dusky unwell|vomit|agony;"
        "coffee_ground|coffee_granule @bringup|unwell|stuff|look|vomit;@bringup|unwell blood|"
        "bloody|claret lot|mug|cup|bowl|bucket|full|pint|bright|red|clot|fresh|loads|dark|"
        "morning|pure|dizzy|sink;blood toilet|loo|bowl|pan|lavatory full|dizzy|faint|clot|"
        "collapse;poop|poo black|tar|tarry faint|dizzy|pass_out|collapse|weak|grey|vomit;blood|"
        "bleed bum|arse|ass|backside|back_passage|rectum|bottom|anus pour|gush|lot|pan_full|"
        "clot|dizzy|faint|bowl|everywhere",
        window=7,
    ),
    grave(
        "abdominal.bleeding_said",
        "NICE CG141",
        "chuck|bring|brought|spew|throw|threw|chunder|hurl|upchuck|spat|puke|vomit blood|bloody"
        "|claret;chuck_up|bring_up|spew_up|brought_up|threw_up|throw_up blood",
        Level.EMERGENCY,
        Level.URGENT,
    ),
    grave(
        "abdominal.biliary_told",
        "Tokyo guidelines 2018",
        "gallstone|gallbladder @pain|wave|agony;under_rib|right_rib|ribs @pain wave|vomit|unwell"
        "|takeaway|meal|shoulder_blade|fatty",
        Level.URGENT,
        window=9,
    ),
    red(
        "obstetric.ectopic_told",
        _OBS,
        "@pregnant|missed_period|late_period|positive_test|pregnancy_test tip shoulder @pain|bleed"
        "|spot;shoulder_tip|tip_shoulder @pain|hurt|ache @pregnant|missed_period|spot|bleed|period"
        "|week_gone;"
        "@pregnant|missed_period|late_period|positive_test|positive_pregnancy_test @pain faint"
        "|collapse|dizzy|nearly_faint|pass_out;"
        "@pregnant|missed_period|late_period|positive_test @pain|stabbing one_side|one_sided"
        "|left_side|right_side|low_down|sharp",
        window=11,
    ),
    red(
        "obstetric.bleeding_told",
        _OBS,
        "foot|arm|leg|bottom|hand out|come_out|hang waters|labor|born|birth;"
        "@pregnant|bump|waters|placenta|baby_due bleed|blood @gush;waters|water blood|bleed "
        "broke|break|week|gone;gave_birth|birth|giving_birth|had_baby|section|postnatal bleed|"
        "blood clot|run|gush|soak|pour|flood|pad|faint;soak pad|towel minute;bump|tummy|abd "
        "hard|rock_hard bleed|blood week|pregnant|bump|34|35|36|32|30;no_kick|no_movement week|"
        "yesterday|today|since|bump|baby;fm reduced|decreased|nil|absent;fetal|baby heartbeat "
        "no|cant_find;waters|week rope|loop|cord|something hang|dangl|come_out;cord feel|felt|"
        "come|out|see|down waters|water|gone|broke|labor|vagina|leg;head feel|see|out|crown "
        "baby|coming|labor|push;@pregnant|week headache|head flash|flashing|puffy|swell|blur|"
        "light|spot|see|zigzag|upper|ribs;baby|bump hasnt_move|not_move|stop_move|no_movement|"
        "quiet|still @pregnant|yesterday|today|week|since|hour",
        window=9,
    ),
    red(
        "metabolic.ketosis_told",
        "JBDS DKA 2023; ADA standards 2024",
        "sugar|meter|glucose lo|fitting|fit|low unconscious|fitting|fit|drowsy|confuse|sweat|"
        "read|shake;@noinsulin @vomit|breath|drowsy|unwell|sleepy|pear|thirsty|confuse|sick;"
        "pear_drop|nail_varnish|nail_polish|acetone|fruity|sweet breath|smell vomit|thirsty|"
        "diabetic|diabetes|pee|drowsy|unwell|tired|type_1|insulin|ketone;ketone vomit|unwell|"
        "drowsy|breath diabetic|diabetes|type_1|insulin|pump|high|sugar;thirsty|drink pee|wee "
        "lot|nonstop|non_stop|constantly vomit|unwell|breath|drowsy|weight;hypo cant_swallow|"
        "wont_swallow|cant_get_swallow|cant_get_eat|cant_get_drink;hypo|sugar wont_wake|"
        "cant_wake|confuse|fit|@talkwrong|not_make_sense|no_sense|not_making_any_sense|"
        "unconscious|combative",
        window=10,
    ),
    red(
        "sepsis.chemo_told",
        "NICE NG250; NICE CG151",
        "pus|abscess|cellulitis|uti|wound shake|shiver|rigor|chatter freeze|death|confuse|die|"
        "uncontrollable;chemo|neutropenic|neutropenia|bone_marrow_transplant shiver|chill|hot|"
        "burning|fever|rough|@fever|shake|rigor|flu;skin mottled|blotchy|marbl|corned_beef "
        "fever|breath|cold|confuse|infect|clammy|shiver",
        window=12,
    ),
    red(
        "poisoning.told",
        _POISON,
        "@ingest @corrosive;@kid @ingest tablet|pill|medication|heart_tablet|nicotine|vape|weed|"
        "edible|gummy|methadone|battery|magnet nan|nanna|nana|gran|granny|grandma|grandad|"
        "grandpa|mum|dad|heart|found|got|hold|some|all;battery|button_battery|magnet @ingest;"
        "neck|down|pop|scoff|drink|drank|swallow|take|took|gulp|taken load|loads|strip|sheet|"
        "packet|handful|tub|bottle|box|30|40|50|60|20|16|24|32 paracetamol|tablet|pill|"
        "ibuprofen|medication|codeine|antidepressant|sleeping_tablet|capsule|tramadol|"
        "pregabalin|gabapentin|diazepam|temazepam|zopiclone|propranolol|sertraline|citalopram|"
        "amitriptyline|aspirin|methadone|heroin|xanax|valium|oxycodone|fentanyl|morphine|"
        "co_codamol|panadol|tylenol;alarm|detector|beep @gasalarm @groupsick;monoxide headache|"
        "dizzy|unwell|alarm|nausea|faint|vomit;kid|class|people|several|whole_family|everyone|"
        "all_four|all_three|all_five|house @gasalarm @groupsick;alarm dog|cat|budgie|pet|"
        "everyone|family|four collapse|dead|ill|unwell @groupsick",
        window=14,
    ),
    red(
        "self_harm.plan_told",
        _MIND,
        "gun|rifle|shotgun|pistol|noose|rope myself|himself|herself|loaded|mouth;@means|knife|"
        "blade|pill|tablet want|wish|going die|dead|kill;tie|tied|wrap|cord|belt|scarf|cable|"
        "string neck round|around|something|tight;end_life|end_it|kill_myself|end_all evening|"
        "tonight|decided|prepared|ready|planned;@means @despair;@means tonight|ready|bought|"
        "letter|note|goodbye|got|tied|tree|garage|write|written|wrote kill|die|end|cant_keep|"
        "letter|note|goodbye|tonight|everyone|family;goodbye|farewell say|said|kid|letter|note|"
        "write|wrote|written|family|text|video|post end|plan|tonight|die|kill|pill|tablet|rope|"
        "suicide|cant;plan end|die|kill|suicide|jump tonight|life|all|myself|today|weekend;"
        "stand|sit|stood|sat|walk|edge bridge|cliff|ledge|roof|platform|track|motorway cant|end|"
        "jump|die|kill|over|help|alone|throw;pill|tablet|medication line|lined|saved|save|stash|"
        "stockpil|front|count|bought|ready die|kill|end|suicide|goodbye|tonight;shoot|hang|"
        "drown|stab|gas|electrocute myself|himself|herself;try|tried|attempt hang|drown|"
        "strangle|suffocate|jump himself|herself|myself|front|off;voice tell|order|say|command "
        "kill|hurt|stab|jump|die",
        window=9,
    ),
    grave(
        "self_harm.despair_told",
        _MIND,
        "feel|want|thinking|think|plan|like end_it|ending_it|end_all|ending_it_all|end_life"
        "|top_myself|not_exist|not_wake_up|never_wake_up|disappear|kms;top_myself|do_myself_in"
        "|off_myself|unalive|kms;cant_go_on;better_off dead|without;end_it tonight|all;"
        "dont_want_be_here|dont_want_to_be_here|no_point live|living|life",
        Level.URGENT,
        Level.URGENT,
        window=6,
    ),
    red(
        "paediatric.ill_told",
        _CHILD,
        "unwell|vomit|sick green|bile @kid|week_old|newborn;@kid rag_doll|ragdoll|floppy|limp|"
        "lifeless|mottled|dusky|blue|grey|purple_lip|glazed|@wakeless|staring_through;@kid "
        "grunt|caving|tug|suck|head_bob|heav rib|chest|breath|tummy|neck|abd;rib|chest|tummy|"
        "abd suck|cave|caving|pull @kid|breath;ragdoll|rag_doll;@kid fever|hot|burning "
        "@wakeless|floppy|drowsy|limp|glazed|mottled",
        window=7,
    ),
    red(
        "environmental.told",
        "ERC 2021; WMS 2019",
        "face_down|submerged|under pool|pond|bath|river|sea|lake|water;bottom pool|lake|river|"
        "pond;bit|bite|sting adder|snake|taipan|rattler|copperhead|funnel_web|redback|cobra|"
        "viper;adder|viper|snake swell;pull|found|drag|fish bottom|face_down|under|out pool|"
        "pond|lake|river|sea|bath|water;smoke|fire breath|inhal|swallow|trap hoarse|soot|black|"
        "cough|voice|throat|dizzy|chest|confuse;house_fire|flat_fire|kitchen_fire|car_fire "
        "cough|breath|smoke|hoarse|soot|burn;live_wire|livewire|live|voltage|mains|pylon|"
        "electric thrown|threw|across|unconscious|burn|knocked;electric|electrical|mains|socket|"
        "zap|shock|livewire|live_wire|plug|cooker shock|zap|thrown|bolt|belt faint|pass_out|"
        "collapse|passed_out|chest|heart|unconscious|burn|thrown|palpitation|black_out;snow|"
        "cold|freezing|outside night|hour|hours slur|shiver|confuse|drowsy|shake",
        window=8,
    ),
    grave(
        "trauma.needle_told",
        "UKHSA bloodborne virus guidance; NICE NG39",
        "needle|syringe prick|poke|stuck|trod|stood|stab|jab|stick|step used|dirty|park|finger"
        "|foot|hiv|hep|work|blood|street|beach",
        Level.URGENT,
        window=6,
    ),
    red(
        "trauma.told",
        "ATLS 10th edition; NICE NG39",
        "ran_over|run_over|hit|crush tractor|forklift|quad|digger|motorbike|motorcycle|tram|"
        "combine;head split|open|cracked|caved|bash|smash|batter @unconscious|confuse|vomit|"
        "drowsy;blood|bleed @soak @limbcut|cut|grinder|window|glass|knife|wound|towel|"
        "everywhere|saw|axe|through|wont|stop|bottle|hand|fall;blood radiate|shoot|spray out|"
        "artery|everywhere;artery cut|nick|blood|sever|bleed;wound|stitch|scar|incision|section "
        "burst|split|gaping abd|open|see|bowel|hang;ear bleed|blood|fluid beat|beaten|hit|fall|"
        "bang|punch|crash|head|kick|assault;trap|bury|buried chest|rubble|grain|sand|trench|"
        "collapse|machine|under;machete|axe|sword|hatchet|cleaver attack|wound|cut|slash|hit|"
        "head;stonefish|blue_ring|blue_ringed|irukandji|box_jellyfish|funnel_web;bleach|"
        "chlorine|gas|fume|ammonia mix|gas|breath|inhal|fume chest|cough|@dyspnea|throat;crash|"
        "collision|smash|rollover mph|speed|kph|km|unconscious|trap;crash|accident|fall|fell|"
        "crush pelvis|spine agony|severe|cant_move|excruciat;blood|bleed pump|spurt|hose|"
        "fountain|jet|tap;came_off|come_off|thrown|thrown_off|knocked_off motorbike|motorcycle|"
        "bike|horse|quad|moped speed|mph|car|cant_feel|cant_move|unconscious|lorry;car|lorry|"
        "van|bus|truck|train hit|ran_over|run_over|knocked leg|head|pelvis|bent|bone|"
        "unconscious|cant_move|down|crush|flying|trap;hot_oil|hot_water|boil|boiling|scald|"
        "scalding|fat|fryer face|chest|neck|genital|tummy|abd|back splash|spill|over|all|pour|"
        "tip|fell|down|burn;boil|scald|kettle|hot_water|coffee|tea|chip_pan|oil all_over|whole|"
        "face|chest|half|both @kid|toddler|baby",
        window=7,
    ),
    grave(
        "trauma.nosebleed_told",
        "ENT UK epistaxis 2017",
        "nosebleed|nose @wontstop|hour|30_minute|20_minute|pouring|gush @bleed|nosebleed|blood"
        "|hour|still;nosebleed @wontstop",
        Level.URGENT,
        window=6,
    ),
    grave(
        "paediatric.limp_told",
        "NICE CKS acute childhood limp",
        "@noweight @fever|hip|38|39",
        Level.URGENT,
        window=10,
    ),
    grave(
        "sepsis.wound_told",
        "NICE NG125; NICE NG141",
        "wound|scar|cut|section|stitch|incision|operation|surgery red|ooz|pus|leak|hot|open|smelly"
        " fever|temperature|temp|shiver|op|operation|gallbladder|surgery|appendix|section|38",
        Level.URGENT,
        window=14,
    ),
    grave(
        "eye.foreign_told",
        "College of Optometrists, corneal foreign body",
        "eye|cornea rust|metal|grind|steel|weld|swarf|filing|shard|rust_ring|drill|woodchip",
        Level.SOON,
        window=8,
    ),
    grave(
        "trauma.nail_told",
        "NICE CKS nail trauma; subungual haematoma",
        "nail|toenail|fingernail gone_black|went_black|black|purple|blood throb|pressure|crush|"
        "drop|trap|slam|hammer",
        Level.SOON,
        window=9,
    ),
    grave(
        "trauma.deformity_told",
        "NICE NG38 fractures",
        "@limb|nose odd|funny|wrong|weird|strange|bent|unnatural shape|angle|direction|way;"
        "@limb dinner_fork|misshapen|deformed;dog|cat|animal|horse|person|human|man bit face|deep"
        "|hand|neck|chunk|lip|ear",
        Level.URGENT,
    ),
    grave(
        "vascular.leg_told",
        "NICE NG158; Wells score",
        "leg|calf|thigh twice|double|bigger size|other|hot|tight;leg|calf hot|red|tight|massive"
        "|huge swell|sore|size|twice|bigger",
        Level.URGENT,
        window=6,
    ),
    grave(
        "sym.called_for_help",
        "caller's own words: an alarm, not a finding",
        "ambulance|999|911|paramedic need|call|send|now|quick|want|get;help quick|hurry|emergency"
        "|fast|now|asap|urgent;hurry;come_quick",
        Level.URGENT,
    ),
    grave(
        "metabolic.dialysis_told",
        "UK Kidney Association hyperkalaemia 2023",
        "missed|skip|miss dialysis weak|palpitation|flutter|heart|breath|swell|confuse|unwell",
        Level.EMERGENCY,
        window=8,
    ),
    grave(
        "poisoning.agitated_told",
        "ACMT hyperactive delirium 2023; TOXBASE",
        "off_head|off_face|ecstasy|mdma|cocaine|meth|amphetamine|spice|drug hot|burning|thrash|"
        "rigid|clench|agitat|convuls|chest|confuse|unconscious|collapse",
        Level.EMERGENCY,
        window=8,
    ),
    red(
        "paediatric.rash_told",
        "NICE NG240",
        "rash|spot dont_fade|not_fade|wont_fade|hasnt_fade|glass_test|non_blanching|not_blanch"
        " floppy|limp|drowsy|@fever|hot|vomit|unwell|cold|@neckstiff",
        window=10,
    ),
    grave(
        "paediatric.warning_told",
        "NICE NG143 traffic light; NICE NG240",
        "floppy|lifeless;rash|spot dont_fade|not_fade|wont_fade|hasnt_fade|not_blanch",
        Level.URGENT,
    ),
)
