"""Tables behind `ml.wording`: lay words, nurse shorthand and spellings to clinical words.

Common emergency-department abbreviations and lay synonyms; a word that means several things
(`ms`, `pt`, `cold`) is left alone.
"""

from typing import Final

_STOP = """
    a an and are as at be been being but by for from had has have having he her hers him his i
    im ive id in into is it its itself me mine my of off on or our she so some that the their them
    there they this to up was we were which who with you your really very quite also just about
    am like feel feels feeling felt get gets getting got keep keeps kept seem seems now patient pt
    states reports complains c o cc since think bit lot lots kind sort something feelings can
    will would could do does did doing done"""
STOP_WORDS: Final = frozenset(_STOP.split())
_NEGATIONS = (
    "no not denies denied denying without nor neither never dont doesnt didnt isnt "
    "wasnt havent hasnt negative"
)
NEGATIONS: Final = frozenset(_NEGATIONS.split())
# Sides tell little about urgency and would split every pair in three ("left flank pain").
SIDES: Final = frozenset({"left", "right", "bilateral"})
# "but" and a sentence's end close a negation.
NEGATION_ENDS: Final = frozenset({".", ";", "!", "?", "but", "however", "although"})


def _table(text: str) -> dict[str, tuple[str, ...]]:
    """Lines `clinical words: lay or short words` as lay word -> clinical words."""
    table: dict[str, tuple[str, ...]] = {}
    for line in text.strip().splitlines():
        target, words = line.split(":")
        for word in words.split():
            table[word] = tuple(target.split())
    return table


CLINICAL_WORDS: Final = _table("""
abdomen: abd abdo abdominal abdominopelvic belly tummy stomach gut guts bellyache
abdomen pain: stomachache bellyache tummyache gastralgia
epigastric: epigastrium epigastralgia
pain: ache aches aching ached hurt hurts hurting painful sore soreness pains tender tenderness agony
pain cramp: cramp cramps cramping crampy
headache: ha headaches cephalgia migraine migraines
throat pain: sorethroat
back pain: backache lbp
ear pain: earache otalgia
tooth pain: toothache
chest pain: cp angina
left: lt lf lft
right: rt rgt
bilateral: both bil bilat
dyspnea: sob dyspnoea doe breathless breathlessness
breath: breathe breathing breathes breaths
short: shortness
difficulty: trouble hard difficult struggling struggle cant cannot unable problem problems
fever: febrile pyrexia feverish temperature temp fevers
chill: chills chilly shivering shivers rigor rigors chilling
vomiting: throwing threw throw vomit vomited vomits puking puke puked emesis vom
nausea: nauseous nauseated queasy nauseas
diarrhea: diarrhoea loose runs
dizziness: dizzy lightheaded lightheadedness giddy giddiness woozy
vertigo: spinning
syncope: fainted faint fainting faints collapsed collapse unconscious loc blackout
seizure: seizures convulsion convulsions convulsing fit fits seizing epileptic
weakness: weak weaker
paralysis: hemiparesis hemiplegia paralysed paralyzed palsy paraparesis
numbness: numb paresthesia paraesthesia tingling tingly
speech: dysarthria slurred slurring slur speaking talking aphasia
confusion: confused disoriented confusional delirium disorientation
mental change: ams
mental: mentality consciousness
bleeding: bleed bleeds bled blood bloody hemorrhage haemorrhage
vomiting bleeding: hematemesis haematemesis
stool bleeding: hematochezia haematochezia
stool bleeding black: melena melaena
urine bleeding: hematuria haematuria
cough bleeding: hemoptysis haemoptysis
nose bleeding: epistaxis nosebleed nosebleeds
stool: stools poo poop bowel
urine: pee peeing urinating urination urinary wee weeing voiding void urinate
urine pain: dysuria
nose: nasal
eye: ocular eyes orbital eyeball
vision: visual sight seeing blurred blurry diplopia
ear: ears
skin: cutaneous
rash: rashes exanthem
urticaria: hives urticarial wheals
itching: itchy itch pruritus itches
swelling: swollen swell edema oedema swelled puffy
palpitation: palpitations palp racing fluttering
laceration: lac lacerated cut cuts gash slashed lacerations
wound: wounds
injury: injured injuries hurted trauma traumatic
fracture: broken broke fractured fractures fx
sprain: sprained twisted strain strained
contusion: bruise bruised bruises bruising bump
burn: burns burned burnt scald scalded
bite: bitten bites
sting: stung stings
accident: mva mvc rta ta crash collision crashed
fall: fell fallen falls slipped tripped slip
knee: knees
ankle: ankles
foot: feet toe toes heel
hand: hands
finger: fingers thumb fingertip
wrist: wrists
arm: arms forearm elbow
leg: legs thigh calf shin
hip: hips groin inguinal
face: facial cheek
head: scalp skull forehead
neck: cervical
back: lumbar spine
chest: thoracic substernal retrosternal sternal precordial
flank: loin cva
suicide: suicidal
suicide attempt: si
overdose: od overdosed overdosing
poisoning: poison poisoned ingestion intoxication intox
drunk: alcohol intoxicated etoh drinking
anxiety: anxious panic panicking nervous
vagina: vaginal
pregnant: pregnancy gestation preg
cough: coughing coughs
phlegm: sputum mucus
runny: rhinorrhea rhinorrhoea
sneezing: sneeze sneezes
child: baby infant toddler newborn son daughter kid
refill: refills renewal renew
checkup: check physical
medication: meds med medicine medicines tablets pills prescription rx
severe: worst excruciating terrible unbearable intense awful extreme horrible
mild: slight slightly little minor small
worse: worsening worsened progressively
sudden: suddenly abrupt abruptly acute
chronic: longstanding ongoing months month years year
days: day
weeks: week wks wk
hours: hour hrs hr
minutes: minute mins
yesterday: ydy
sleep: insomnia sleeping
constipation: constipated
swallow: swallowing dysphagia
distension: distended bloated bloating
infection: infected
lump: lumps
allergy: allergic allergies
anaphylaxis: anaphylactic
asthma: wheezing wheeze wheezy
hypertension: htn hypertensive
hypoglycemia: hypo hypoglycaemia hypos
diabetes: dm diabetic sugar glucose
arrest: cpr
cancer: ca tumor tumour malignancy
tired: fatigue exhausted tiredness fatigued lethargic lethargy drowsy
""")

# Unordered neighbouring pairs of clinical words that name one concept.
_CONCEPT_LINES = """
dyspnea: breath+short breath+difficulty catch+breath breath+catch breath+out breath+shallow
headache: head+pain head+pounding head+splitting
syncope: out+passed out+pass blacked+out lost+mental lost+syncope out+passing
vomiting bleeding: bleeding+vomiting
mental change: altered+mental change+mental decreased+mental confusion+sudden drowsy+mental
paralysis: side+weakness weakness+left arm+weakness leg+weakness face+weakness motor+weakness
stroke: droop+face face+paralysis drooping+face
chest pain: chest+pain chest+pressure chest+tightness chest+tight chest+discomfort chest+heaviness
abdomen pain: abdomen+pain epigastric+pain abdomen+cramp llq+pain pain+rlq luq+pain pain+ruq
back pain: back+pain
throat pain: pain+throat
urine pain: burning+urine pain+urine
general weakness: general+weakness generalized+weakness weakness+whole body+weakness
open wound: open+wound laceration+wound
head injury: head+injury head+hit head+fall head+laceration bump+head contusion+head
upper respiratory: nose+runny nose+stuffy nose+blocked congestion+nose
medication refill: medication+refill medication+ran
"""
CONCEPTS: Final = {
    pair: "=" + target
    for target, pairs in (line.split(":") for line in _CONCEPT_LINES.strip().splitlines())
    for pair in pairs.split()
}
