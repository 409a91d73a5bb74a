"""Symptoms and minor complaints: what is no red flag, at the level of its typical case.

Levels follow the presentation charts of MTS, ESI v4 and KTAS, and their usual acuity; context
(severity, duration, age, vital signs) moves them in `severity`.
"""

from typing import Final

from ml.rules.rule import Rule, usual
from ml.schema import Level

_MTS: Final = "Manchester Triage System charts; ESI v4; KTAS"
_SELF: Final = "NICE CKS; Pharmacy First self-care guidance"
R, S, U, E = Level.ROUTINE, Level.SOON, Level.URGENT, Level.EMERGENCY


def table(table: dict[Level, dict[str, str]], source: str) -> tuple[Rule, ...]:
    return tuple(
        usual(rule_id, level, source, patterns)
        for level, rules in table.items()
        for rule_id, patterns in rules.items()
    )


SYMPTOMS: Final[tuple[Rule, ...]] = table(
    {
        E: {
            "sym.chest_pain": "chest @pain|@pressure;@chestpain;chest tight|pressure|heavy",
        },
        U: {
            "sym.dyspnea": "@dyspnea",
            "sym.head_injury": "@headhit;head injury",
            "sym.abdominal_pain": "abd @pain|cramp;epigastric @pain;ruq|rlq|luq|llq;stomachache;"
            "right_upper|lower_right|right_lower|quadrant @pain;abd_pain;indigestion severe;"
            "periumbilical|umbilical @pain",
            "sym.dizziness": "light_headed|light_head|light_headedness;light headed;dizzy"
            "|vertigo;room spin;spin head;unsteady|off_balance",
            "sym.syncope": "faint|pass_out|passed_out|collapse|presyncope|near_syncope|blacked_out"
            "|faintness",
            "sym.palpitation": "heart mad|mental|bonkers|dozen|hammer|thump|somersault|flip|"
            "jump;palps;heart|heartbeat|pulse irregular|fast|crazy|slow;heartbeat|beat "
            "irregular;chest flutter;heart beat;palpitation;heart race|pound|flutter|skip|"
            "irregular|fast;tachycardia|arrhythmia|afib|atrial_fibrillation",
            "sym.wheeze": "wheeze",
            "sym.asthma": "asthma;inhaler more|often|using",
            "sym.rectal_bleeding": "blood|bleed poop|toilet|rectum|anus",
            "sym.hearing_loss": "sudden hear|deaf loss|one|deaf|can't",
            "sym.high_bp": "bp|blood_pressure elevat|elevation|very_high;hypertension"
            "|high_blood_pressure|high_bp;blood_pressure high|180|200"
            "|190|210|220",
            "sym.hallucination": "paranoid;acting strange",
            "sym.jaundice": "jaundice;yellow_skin|yellow_eye|skin_yellow|eye_yellow|skin_is_yellow"
            "|eyes_are_yellow|turn_yellow|gone_yellow|going_yellow|look_yellow|white_of_eye_yellow;"
            "yellow skin",
            "sym.bleeding": "@bleed heavy|lot;hemorrhage",
            "sym.postop": "post_op|postoperative|surgery|operation fever|pain|swell|bleed|redness"
            "|pus|worse|open|infect",
            "sym.foreign_body": "swallow bead|something|marble|battery;swallow_foreign"
            "|foreign_body_ingestion|fishbone|fish_bone;"
            "fb esophagus|airway;swallow coin|object|toy|magnet|bone",
            "sym.pelvic_pain": "pelvic @pain @severe",
        },
        S: {
            "sym.fever": "@fever",
            "sym.headache": "headache;head @pain;ha",
            "sym.migraine": "migraine",
            "sym.vomiting": "cant_keep down;unwell times|twenty|repeatedly;@vomit",
            "sym.nausea": "nausea",
            "sym.diarrhea": "AGE;@diarrhea;gastroenteritis|stomach_flu|stomach_bug|food_poisoning",
            "sym.flank_pain": "ureter|kidney stone;flank|loin|kidney|cva_tenderness @pain;"
            "kidney_stone|renal_colic",
            "sym.general_weakness": "cant_cope;weak;g/w;general_weak;malaise;cant_stand_up;"
            "generally_weak",
            "sym.numbness": "@numb",
            "sym.back_pain": "back sore|ache|stiff;lower_back;whiplash;trapped_nerve;back @pain;"
            "backache|lbp|sciatica|lumbar|slipped_disc|coccygeal",
            "sym.neck_pain": "@neckstiff;whiplash;neck mass|lump;neck @pain;stiff neck",
            "sym.limb_pain": "arthralgia;face|facial pain;rectum|anus|bottom @pain;cast pain"
            "|tight|severe;ulcer|cyst pain;pain side|breath;@limb pull|wont_use|wont_move;"
            "pulled_elbow|nursemaid_elbow;foot ulcer;@limb|joint @pain;leg_pain;hip @pain;"
            "buttock|groin|rib|jaw|chin|"
            "tailbone|bone|pelvic|breast|clavicle|collarbone @pain;gout;arthritis @pain",
            "sym.injury": "pull|strain|tear hamstring|groin|muscle|calf|back|shoulder;joint "
            "out_of|out;put back out;bump;slip|slipped;slip_down;@limb|face|head|scalp|lip"
            "|eyelid|eyebrow|forehead|chin injury|trauma"
            "|hit|twist|sprain|crush|fall|contusion|jam;injury;contusion;sprain|twist;fall;"
            "fall stairs|bike|ladder;rolled ankle;ankle twist|roll|sprain",
            "sym.fracture": "fracture;bone|@limb|rib|nose|hip|wrist break;deformity",
            "sym.wound": "split eyebrow|lip|head|open;step nail|glass;stitches|stitch|wound "
            "open;tear skin|arm|dog;laceration;open_wound;cut|gash deep|stitch|glue|knife|glass"
            "|suture|"
            "gape|open|leg|arm|hand|face|head|forehead|knee;wound;puncture;nail foot;"
            "stitches|suture need|require",
            "sym.bite": "spider_bite|spider bite;dog|cat|animal|person bit|nip;bite dog|cat"
            "|animal|human;dog_bite|cat_bite",
            "sym.sting": "sting;bee_sting;wasp",
            "sym.burn": "spill|splash|touch|pour coffee|tea|water|oil|pan|stove|kettle|soup;"
            "@burn;sunburn blister;sunburn severe",
            "sym.swelling": "swell_up;puffy face|eye|hand|foot;lymph node;@limb|face|neck|eye"
            "|eyelid|lip|cheek|gum|gland swell;swell;lump neck;"
            "gingival swell",
            "sym.infection": "furuncle|carbuncle|cyst|ulcer;discharge smelly;epididymitis;"
            "crusty sores;cellulitis|abscess|boil|pus|infect;hot|warm red swell|skin|leg;"
            "@limb red;"
            "wound red|pus|smell|ooz;paronychia;mastitis;impetigo;shingles|zoster",
            "sym.urinary": "nocturia|AUR|APN;foley;ureter stone;pee|urine burning|pain|sting"
            "|frequent|often|hurt|cloudy|smell|blood"
            "|difficult;dysuria|uti|cystitis|hematuria|frequency;urinary_symptom|pee_difficulty;"
            "water_infection|bladder_infection;urine|pee sx|symptom|failure|trouble|hard|slow"
            "|problem;"
            "burning pee;blood pee|urine",
            "sym.ear_pain": "ear fluid|drip|come_out|deaf;aom|otitis;deaf;earache;ear @pain"
            "|discharge|infect|ooz;perforated eardrum",
            "sym.toothache": "toothache;tooth @pain|break|knocked|loose|swell|abscess;dental "
            "pain|abscess|infect|swell;gum bleed|swell|pain;gingival bleed;wisdom_tooth;"
            "mandibular|jaw pain;broken_tooth|chipped_tooth",
            "sym.eye_pain": "eye red;eye @pain|discomfort|swell|irritat|injury;eye something|fb"
            "|foreign"
            "|scratch|grit;eye red discharge|sticky;stye",
            "sym.eye_blur": "blur see|vision;blurry|blurred;decreased see|acuity;floater",
            "sym.nosebleed": "nosebleed;nose bleed|blood;epistaxis",
            "sym.bleeding_minor": "period long|last|heavy;menorrhagia;heavy_period;period heavy;"
            "gingival|gum|mouth|oral|anus|bottom|toilet_paper|rectum|piles"
            "|hemorrhoid @bleed;bleed;spotting",
            "sym.vaginal": "vulva|vulvar|ovarian|ovary|nipple pain|cyst;sti|std|chlamydia;"
            "smelly discharge;menopause pain;vagina discharge|itch|pain;pelvic @pain;period "
            "pain|cramp;"
            "dysmenorrhea|menstrual|midmenstrual;missed_period;thrush",
            "sym.anxiety": "irritab|irritability|grief|griev|burnout|burn_out|bad_dreams;"
            "feel_down|down sometimes;low feel|mood|postnatal;anxiety|panic_attack|panic"
            "|depression|hyperventilat|depress|low_mood"
            "|mood|insomnia|stress;overwhelm;hopeless",
            "sym.alcohol": "drunken;alcohol",
            "sym.hives": "welts|welt;drug_eruption;chickenpox|measles|hand_foot_mouth;hives"
            "|urticaria|allergic_rash;allergy drug|food|medication|test;"
            "allergy rash|reaction",
            "sym.rash_pain": "rash @pain|spread|fever|worse|blister;skin lesion|sore pain",
            "sym.distension": "distension|distend|bloat|ascites;abd swell",
            "sym.tube": "tube|foley|picc|drain|catheter removal|reinsertion|insertion|care"
            "|change|hurt|exchange|bag|obstruct|obstruction;avf|fistula|shunt|drain|catheter"
            "|ptbd|peg_tube|peg|l_tube|stoma|ngt|"
            "tracheostomy malfunction|block|leak|out|removal|change|pull|bleed"
            "|leakage|problem|insertion|leaukage|dislodg",
            "sym.foreign_body_minor": "foreign_body;fb;splinter;stuck ear|nose;bead nose|ear;tick",
            "sym.throat_discomfort": "foreign_body_sensation|foreign_body_sense;throat "
            "discomfort|stuck|lump|globus",
            "sym.tremor": "tremor|involuntary|shake;cramp|twitch;restless;muscle pain",
            "sym.poor_intake": "poor_oral_intake|oral_intake;morning_sickness;not_eat|not_drink"
            "|hasnt_eat|poor_appetite|poor_intake|anorexia"
            "|dehydrat|weight_loss;lose weight;dehydration",
            "sym.cough": "croupy;cough fever|green|worse|chest|pain|week|phlegm|yellow|sputum|bad;"
            "chest_infection|bronchitis|pneumonia;copd;c/s;croup",
            "sym.cold_limb": "foot|hand|leg|arm|finger|toe cold|freeze",
            "sym.anemia": "anemia|anaemia",
            "sym.withdrawal": "withdrawal",
            "sym.lump": "lump|mass;lump breast|growing|hard|testicle|neck;swollen_gland;lump new",
            "sym.tired": "tired severe|week|extreme;night_sweat",
            "sym.hernia": "hernia",
            "sym.diabetes": "diabetes|diabetic|sugar|thirsty|insulin;drink lot pee",
            "sym.chest_wall": "chest muscle|muscles;rib|chest_wall bruise|pain|hurt|sore;"
            "chest_wall pain",
            "sym.voice": "hoarse|lost_voice week",
            "sym.memory": "forget|forgetting;forgetful|memory",
            "sym.child_cry": "cry;irritable;colic baby;teeth|teething fever",
        },
        R: {
            "sym.cough_plain": "cough",
            "sym.sore_throat": "odynophagia|hoarse|lost_voice|hoarseness;swallow @pain|hurt;"
            "sore_throat|sorethroat|pharyngitis|tonsillitis|laryngitis;"
            "throat @pain|red;"
            "throat sore|hurt|scratchy|ache;strep;pain swallow|when_swallow",
            "sym.cold": "cant_breath_nose;nose|nostril cant_breath_through;covid|runny|"
            "congestion|sinus_congestion;nose drip|congestion;cold|uri|urti|flu_like|coryza|"
            "common_cold|sniffle;runny nose;nose stuffy|block|congest|runny|snotty;congest|"
            "sinus|sinusitis|hay_fever|hayfever|sneeze|post_nasal_drip|catarrh|stuffy|"
            "blocked_nose;nose_running;flu",
            "sym.rash": "eczema|freckle|oily_skin|rough_skin|varicose|cracked heel;skin rough"
            "|oily;rash|eczema|papule|pimple|acne|psoriasis|dermatitis|spot|hives_old"
            "|ringworm|athlete_foot|fungal|wart|verruca|mole|dandruff|skin_tag|patch|dry_skin;"
            "skin dry|flaky|lesion|red;blackhead;nappy_rash|diaper_rash;molluscum;cradle_cap",
            "sym.itch": "head_lice|lice;itch;eye itch|watery|dry;scalp itch;lice|scabies|worm"
            "|threadworm|pinworm",
            "sym.tiredness": "sleep trouble|difficult|badly|problem;energy low;low_energy;tired"
            "|run_down|no_energy|sleep_badly|cant_sleep",
            "sym.constipation": "constipation;hard poop;hasnt_poop|not_poop|not_pooped",
            "sym.heartburn": "gassy;stomach_upset|upset_stomach;heartburn|heart_burn|reflux"
            "|indigestion|gerd|acid_reflux|dyspepsia|"
            "gas|wind|hiccup|burp|belch|bloated_after",
            "sym.myalgia": "myalgia;muscle ache|sore|strain|pull;body_ache|aches_pain|whole_body "
            "ache|pain|bodyache;stiff;cramp leg",
            "sym.face_lesion": "face swell|lesion;swell face",
            "sym.pregnancy": "@pregnant",
            "sym.tingle_hand": "hand|finger tingle",
        },
    },
    _MTS,
)

MINOR: Final[tuple[Rule, ...]] = table(
    {
        R: {
            "minor.admin": "@onpaper;repeat please|request|script|due|order;reorder|re_order|"
            "rpt|scrip|script;re order;pill_check|smear_test|smear|annual_review;asthma|"
            "diabetes|medication|copd|hrt|thyroid|pill|annual|yearly review;epipen|inhaler|"
            "autoinjector replace|replacement|expire|new|date|spare;form sign|signed;"
            "licence|license|visa form|renewal|renew|medical;coil|denture|crown fit|fitting;"
            "side_effect|vitamin|which_vitamin|how_often|fussy_eater;can take ibuprofen|"
            "paracetamol;question medication|tablet;covid_test|lab_check|health_check|"
            "medication_review|contraception|menopause|new_glasses|prenatal_check|"
            "diet_advice|morning_after_pill|test_strips|bp_check|cosmetic|dose;question "
            "medication|vitamin|safe;bp|blood_pressure review|check|home|tablets;run_out|"
            "ran_out medication|inhaler|pill|cream|strips;weight gain|advice;physical work|"
            "exam;levels check|checked;iron level;cataract;drink less;refill|prescription|"
            "repeat_prescription|sick_note|fit_note|certificate|doctor_note|vaccination|"
            "vaccine|flu_shot|flu_jab|travel_advice|checkup|check_up|booster|jab|"
            "routine_check|medical_form|insurance_form|referral_letter|blood_test_result|"
            "test_result|paperwork|copy|for_medication|po_medication|contraceptive|"
            "birth_control|follow_up|f/u|letter|blood_pressure_check|results|blood_test|"
            "quit_smoke|stop_smoke|cholesterol|hearing_aid|pregnancy_test|ear_wax|earwax|"
            "physical_exam|sick_leave|second_opinion|travel_vaccine|renew;run|ran out "
            "medication|pill|inhaler|cream|tablet;medication request|need|more|only;missed|"
            "forgot pill|tablet|dose",
            "minor.removal": "ros wound|clean|x|d7|d10|forehead;suture|stitch|staple|cast|drain|"
            "catheter|stitches|splint remove|removal|out|taken;suture_removal|"
            "catheter_removal;dressing change|check|dirty;wound_check|stitch_removal|"
            "for_ascites_tapping;a/tapping",
            "minor.toe": "toe|toenail|toenails stub|ingrown|bruise|bump|nail|sore;stub;"
            "nail bruise|break|fungus|ingrown|split;ingrown;toenail",
            "minor.cut": "@smallcut;cut small|tiny|little|shallow|superficial|shave|kitchen;"
            "scratch_wound;cut finger|thumb;skinned knee;graze|scrape knee|elbow;"
            "bleed stop|stopped;blister foot|heel|shoe",
            "minor.skin": "verruca|verrucas;nits|stretch_mark|cracked_lip|dry_lip;skin flaky|"
            "rough|peel|oily;flaky scalp;small blister|bite|bump;blister|rub heel;sweaty "
            "hand;cold_sore|canker_sore|mouth_ulcer|mosquito|insect_bite|bug_bite|midge|"
            "bedbug|flea|chapped|callus|corn|bunion|dandruff|chafing|razor_burn|heat_rash|"
            "prickly_heat|sunburn|hangnail|wart|pimple|age_spot|dry_lip;bite insect|"
            "mosquito|bug|itch|flea|ant;hair loss|thin|fall;chilblain",
            "minor.bruise": "bruise;bump shin|knee|elbow|leg;sore after gym|workout|run|exercise;"
            "doms;black_eye_old;paper_cut",
            "minor.strain": "tennis_elbow|golfers_elbow|plantar_fasciitis|carpal_tunnel|bursitis"
            "|trigger_finger|frozen_shoulder|tendonitis|tendinitis|flat_feet|rsi|shin_splint;"
            "ear block|pop|full",
            "minor.eye": "pink_eye|pinkeye|conjunctivitis|stye|dry_eye|eye_allergy|watery_eye"
            "|eye_strain;eye itch|sticky|crust|gunk|goo;eye foreign_body_sensation;"
            "eye discomfort|eczema;fb eye",
            "minor.allergy": "hay_fever|seasonal_allergy|pollen|hayfever|allergic_rhinitis;"
            "itch spring|season|every_year;allergy season|spring|pollen|dust",
            "minor.hemorrhoid": "hemorrhoid|piles;anus itch",
            "minor.other": "bed_wetting|wets_bed|growing_pain|dry_mouth|spit_up|spits_up"
            "|grinding_teeth|brittle_nail|sensitive_teeth|sensitive_tooth|leak_laugh|cerumen"
            "|hot_flush|irregular_period|subconjunctival_hemorrhage|excessive_sweat|oral_ulcer"
            "|varicose_vein;grind tooth;arthritis usual;wet bed;snor|jet_lag|jetlag"
            "|motion_sickness|bad_breath|hangover|hung_over"
            "|ring_ear|tinnitus|teething|colic|cradle_cap|nappy_rash|wax|hiccup|travel_sick"
            "|sweaty_feet|body_odor|flatulence|stiff_from|morning_stiff|erectile|weight_advice"
            "|tension_headache|cradle|nail_fungus|vaccine_sore|sore_arm_after_vaccine|splinter",
        },
    },
    _SELF,
)
