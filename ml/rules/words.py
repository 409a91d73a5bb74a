"""Words as such: what is folded together, what carries no meaning, what is plain English.

Nothing here asks for a level; the lexicon does. All sets hold folded forms or are folded on use.
"""

from typing import Final


def _pairs(table: str) -> dict[str, str]:
    """'target: form form' a line, as form -> target."""
    found = {}
    for line in table.strip().splitlines():
        target, forms = line.split(":")
        found.update(dict.fromkeys((target.strip(), *forms.split()), target.strip()))
    return found


# Forms that the stemmer cannot join, and words it must not touch (mapped to themselves).
FOLDED: Final = _pairs("""
abd: guts insides abdomen abdominal abdo abd belly tummy stomach stomache stomack tum gut intestinal
chest: thorax thoracic sternum sternal substernal retrosternal precordial precordium breastbone
pain: painful pains painfully pained pian
ache: aching achy aches ached
hurt: hurts hurting hurtful
cant: cannot unable couldnt cant
wont: wont wouldnt
dont: dont doesnt didnt doesn
not: isnt arent wasnt werent aint
hasnt: hasnt havent hadnt
bleed: bled bleeding bleeds bleeder bleedin
swell: swollen swelled swelling swellings edema edematous
break: broke broken breaking
fall: fell fallen falls falling
feel: felt feels feeling feelings
sting: stung stings stinging
bite: bitten bites biting
eat: ate eaten eats eating
drink: drank drunk_in drinks drinking
drunken: drunk intoxicated
take: took taken takes taking
swallow: swallowed swallowing swallows
freeze: froze frozen freezing
shake: shook shaking shaky shaken shakes
tear: tore torn
ripping: ripping tearing
stroking: stroking stroked
fitting: fitting
burning: burning burny
burn: burnt burned burns burn
hives: hives hive
left: lt lft left
right: rt rigth rght right
both: bilateral both bilat bilaterally
dizzy: giddy dizziness dizzyness lightheaded lightheadedness dz dizzines wobbly
vertigo: vertiginous vertigo whirling
vomit: vomited vomiting vomits vomitting vomitted emesis puking puke puked barfing
nausea: nauseous nauseated nauseas queasy
diarrhea: diarrhoea diarhea diarrhoeal diarreah diarrea dirrhea
confuse: confused confusion disoriented disorientated disorientation confusional muddled
seizure: sz szs seizures convulsion convulsions convulsing convulsed convulse seizing sezure seisure
unconscious: unconscious unconsciousness
unresponsive: unresponsive unresponsiveness nonresponsive
faint: tloc fainted fainting faints syncope syncopal blackout
paralysis: paralysed paralyzed paralysis plegia palsy paralyse
weak: weak weakness weakend paresis
hemiparesis: hemiparesis hemiplegia hemiplegic hemiparetic haemiparesis
monoparesis: monoparesis monoplegia
paraparesis: paraparesis paraplegia quadriparesis quadriplegia tetraparesis
numb: anaesthesia anesthesia paraesthesia numbness numb hypesthesia hypoesthesia
slur: slurred slurring slurs slur
droop: drooping droopy drooped droops droop
speak: speaking spoke spoken speech speaks talk talks talking talked
see: seeing saw seen sight vision visual
fracture: fx fractured fractures
laceration: lac laceration lacerations lacerated
injury: inj injured injuries injury trauma traumatic traumatized
suicide: suicidal suicide suicidality
overdose: overdosed overdosing overdose od
poison: poisoned poisoning poisonous
pregnant: pregnant pregnancy gravid
miscarry: miscarriage miscarrying miscarried
contraction: contractions contraction contracting
allergy: allergic allergies allergy
die: dying died dies dead
kill: killing killed kills
stab: stabbed stabs
stabbing: stabbing
shoot: shot gunshot
tight: tighten tightened tightening
croup: croupy
choke: choking choked chokes choke
drown: drowned drowning
pee: piss pissing urinate urinating urination urinated pees peeing peed micturition void wee weeing
urine: urine urinary
poop: poo pooing pooed shitting crapping pooping pooped poos stool stools feces faeces bowel
breath: breathe breathing breathes breath breaths respiration
thigh: thighs
knee: knees
calf: calves
tooth: teeth
foot: feet
child: children kid kids
woman: women
man: men
baby: babies babys
eye: eyes ocular eyeball
ear: ears
leg: legs
arm: arms
face: facial face
nose: nasal nose nostril nostrils
nosebleed: nosebleeds epistaxis nosebleeding
head: cranial head
testicle: testis testicular testes testicles testical testicals ball balls
scrotum: scrotal scrotum
penis: penile penis
vagina: vaginal vaginally vagina
anus: anal anus
rectum: rectal rectum rectally
heart: cardiac heart ticker
epigastric: epigastric epigastrium epigastralgia
fever: fever febrile fevers feverish pyrexia feverishness
chill: chills chilling chilly rigor rigors shivering shivers
headache: headache headaches cephalgia cephalalgia
palpitation: palpitations palpitation palps
dyspnea: dyspnea dyspnoea dyspneic dyspnoeic
toothache: toothache toothaches
earache: earache earaches otalgia
stomachache: stomachache tummyache bellyache stomachaches
backache: backache lumbago backpain
sorethroat: sorethroat
runny: runny rhinorrhea rhinorrhoea
sneeze: sneezing sneeze sneezes
itch: itch itchy itching itches itchiness pruritus pruritic
rash: rash rashes
red: red redness erythema erythematous
hot: hot
blister: blister blisters blistered blistering
bruise: bruise bruised bruising bruises ecchymosis
sprain: sprained sprain sprains
pale: pale pallor pallid
blue: blue bluish cyanosis cyanotic cyanosed
grey: grey gray ashen
floppy: floppy hypotonic limp_body
drowsy: drowsy drowsiness somnolent somnolence lethargic lethargy obtunded stuporous stupor
sleep: sleep asleep sleeps slept
wheeze: wheeze wheezy wheezing wheezes
limping: limping limps limped
anxiety: anxiety anxious
sleepy: sleepy sleepiness
sweat: sweat sweaty sweating sweats diaphoresis diaphoretic clammy
radiate: radiating radiates radiated radiation radiate spreading spreads spread shooting
sudden: sudden suddenly abrupt abruptly
severe: severe severely
bad: bad badly awful terrible horrible dreadful
worst: worst
worse: worse worsening worsened worsens
mild: mild mildly slight slightly minor
constipation: constipated constipation
diabetic: diabetic diabetics
old: old elderly
asthma: asthma asthmatic
infect: infected infection infections infect
anticoagulant: anticoagulant anticoagulants anticoagulated anticoagulation
chemo: chemo chemotherapy chemotherapeutic
drug: drug drugs
medication: medication medications medicine medicines meds med
pill: pill pills tablet tablets
unwell: unwell ill sick illness
tired: tired tiredness fatigue fatigued exhausted exhaustion tiring
cold: cold colds
electrocute: electrocuted electrocution
hematemesis: hematemesis haematemesis
hemoptysis: hemoptysis haemoptysis
hematuria: hematuria haematuria
hematochezia: hematochezia haematochezia
melena: melena melaena malena
hemorrhage: hemorrhage haemorrhage hemorrhaging haemorrhaging hemorrhagic haemorrhagic
amputate: amputated amputation amputate severed
sure: sure surely
toe: toes toe
finger: fingers finger
thumb: thumbs thumb
sever: sever
yes: yes
""")
del FOLDED["drunk_in"], FOLDED["limp_body"]
FOLDED["drunk"] = "drunken"

# Slips of the pen that change what a word is.
CORRECTIONS: Final = _pairs("""
breath: brethe breth brathe
breathing: brething breathin brathing
chest: cheast chst
throat: throt thraot
stroke: storke stoke
weakness: weaknes wekness
decreased: decerased
unconscious: unconcious unconsious uncoscious
bleeding: bleading bleding
swallow: swalow
headache: headach headake hedache
dyspnea: dyspena dypsnea
""")

# Two tokens that are one word.
MERGED: Final[dict[tuple[str, str], str]] = {
    ("can", "not"): "cant",
    ("could", "not"): "cant",
    ("not", "abl"): "cant",
    ("not", "able"): "cant",
    ("do", "not"): "dont",
    ("doe", "not"): "dont",
    ("does", "not"): "dont",
    ("did", "not"): "dont",
    ("will", "not"): "wont",
    ("would", "not"): "wont",
    ("has", "not"): "hasnt",
    ("have", "not"): "hasnt",
    ("had", "not"): "hasnt",
    ("is", "not"): "not",
    ("are", "not"): "not",
    ("was", "not"): "not",
    ("used", "to"): "usedto",
    ("no", "longer"): "nolonger",
    ("nolonger", "abl"): "cant",
    ("can", "nolonger"): "cant",
    ("could", "nolonger"): "cant",
    ("is", "this"): "isthis",
    ("is", "it"): "isit",
    ("as", "a"): "asa",
    ("asa", "child"): "childhood",
    ("asa", "teenager"): "childhood",
    ("asa", "toddler"): "childhood",
    ("asa", "baby"): "childhood",
    ("asa", "youngster"): "childhood",
    ("be", "her"): "behere",
    ("being", "her"): "behere",
    ("end", "it"): "endit",
    ("do", "myself"): "domyself",
    ("hasnt", "been"): "hasnt",
    ("hasnt", "abl"): "cant",
    ("with", "it"): "withit",
    ("been", "shoot"): "gsw",
    ("got", "shoot"): "gsw",
    ("blood", "sugar"): "sugar",
    ("blood", "glucose"): "glucos",
    ("blood", "glucos"): "glucos",
}

# A full stop after these ends no sentence ("rt. flank pain", "abd. pain").
_ABBREVIATED = """
abd left right ant post lat med approx dr st mr mrs ms vs resp temp inf sup hx movt
"""
ABBREVIATED: Final = frozenset(_ABBREVIATED.split())
# Words that stand between the parts of a phrase: neither matched nor counted (as written).
_BETWEEN = """
my the a an his her their our your its is are am was were be been being im ive hes shes theyre
thei very so really just quite to of in on at i me he she it they we you this that these those
there here him them us % = ( ) own rather pretty into onto our youre weve theyve itself as asa
"""
BETWEEN: Final = frozenset(_BETWEEN.split())

# Words without clinical content: they do not widen the gap within a pattern.
_EMPTY = """
for since with and or by from then when while after before during about have has had hav feel get
got gott getting go gone goe now some any all also too still keep kept become becam seem look like
which who if than more much lot bit little (+) , : across down up over
"""
EMPTY: Final = frozenset(_EMPTY.split())

# Phrases made only of these do not hide their words: "left arm" is also an arm, and left.
_COMPOSING = """
left right both one two side arm leg hand foot face eye body half lower upper and head injury
chest pain abd bleed blue lip grey pale heavy back neck hour minute ago day week month year last
night today now morning band  throat tight swell tongue see loss lost turn cough up cut wrist
asthma attack severe period catheter block pill all run ran out
"""
COMPOSING: Final = frozenset((*_COMPOSING.split(), *map(str, range(1, 121))))

# A phrase with one of these turns its words round ("no pulse", "stopped breathing"): they are
# not to be read again by themselves.
_CLOSING = """
no not cant wont dont hasnt without stop gone never nothing nil none neither nobody absent
negative
"""
CLOSING: Final = frozenset(_CLOSING.split())

# Shorthand read only in capitals.
_CAPITALS = "FAST MI DI TA PE SI ICH SAH ACS DT AUR APN DOA HHS AGE"
CAPITALS: Final = frozenset(_CAPITALS.split())
