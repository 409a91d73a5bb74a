"""Plain English words: known, and without clinical meaning by themselves.

They keep an ordinary sentence from counting as not understood. Written as people write them;
folded once on import.
"""

from typing import Final

from ml.rules.text import fold

_WORDS: Final = """
a able about above abroad accident acetaminophen ache across activity actually add admitted adult
advice advil advise advised afraid after afternoon again against age ago all almost alone along
already also although always am ambulance amount an and another answer antacid antihistamine any
anybody anymore anyone anything anyway appear appears applied apply appointment approx appt april
are area around arrive as ask aspirin assist at attend august aunt autumn available away baby back
bad bag ball bar based basketball bath bathroom be beach bear bearable became because become
becoming bed been before began begin behind being believe below belt beside best better between
bicycle big bigger bike bit black blanket board boat body book born boss both bottle bottom box
boxes boy boyfriend bread breakfast brief briefly bring brother brought brown bump bus business
busy but buy by c/o cake call called came camp camping can cannot car card care careful caregiver
carer carpet carry case cat catch cause center centre certain certificate chair change check
chemist chicken child choose christmas class clean clear clinic close clothes club coach coffee
coin cold colleague college come comes complain complaint complaints computer concern concert
constant constantly consultant contact continuous continuously cook cool cope coping copy corner
could counter country couple course cousin cover coworker cream cup curb cut dad daily dark date
daughter day daycare daytime deal dear december decide decided deep definitely degree dentist desk
did different dinner discharge disorder do doctor document does dog doing done door down dozen dr
drawer drive driving dry due duration during dx each early ease eased eases easily easy eat ed
edge egg eggs eight either eleven else email employer empty end enjoy enough entire er especially
etc even evening ever every everybody everyone everything everywhere evidence exactly exam except
exercise expect experience extra extremely f/u fact factory fairly fall family far farm fast
father february feel feels feet felt female few fifteen fifth figure fill finally find finding
fine finish first fish fit five flight floor follow following food football for forest form
fortnight forward found four fourth friday friend from front full fully furniture further game
garden gardening gave general generally gently get getting girl girlfriend give given glad glass
go goes going golf gone good got gp granddaughter grandfather grandma grandmother grandpa grandson
granny grape great green grew ground group grow growing guess gym had hair half hammer happen
happened happening happy hard has have having he health hear heard heavy held hello help helped
helping helps her here hers herself hi high hiking him himself his hit hockey hold holiday home
hope hospital hospitalised hot hour hours house how however hr hrs hundred husband hx ibuprofen
ice idea if important improve improved in inch indoors infant information inner inside instead
insurance interested intermittent into is it its itself january job jog jogging july june just
keep kept kerb keyboard kind kitchen knew knife know known ladder lady lake large larger last
lasted lasting lasts late lately later lawn lay lead least leave left leisure less let letter
level lid lie life lift lifting light like likely line list listen little live living local long
longer look looked looking looks lost lot lots loud low lower lump lunch lying made mainly make
male man manage managed manager managing many marathon march mark match mattress may maybe me meal
mean means meet middle midnight midwife might milk min mind mine mins minute minutes miss mo
moderate mom moment monday money month monthly months more morning mos most mostly mother move
moved movement moving mower much multiple mum must my nail name near nearly necessary need needed
needs neighbor neighbour neither nephew never new newborn next nice niece night nightclub nightly
nine no nobody none noon nor normal normally nos not note nothing notice noticed november now
number nurse nursery nuts obvious occasional occasionally october of off offer office often oh
ointment ok okay old older on once one online only onset onto open optician optometrist or order
ordinary other others otherwise our out outer outside over overnight own page paper paracetamol
parent parents park part partially particular partly partner party passport past patch patient
pavement pea peanut peanuts people per perfect perhaps persistent persistently person pharmacist
pharmacy phone physical physio physiotherapist pick piece pillow pizza place plan plane play
playground playing please pm point pool possible practice prefer present presented presenting
presents pretty previous probably problem problems proper provide pt pts pub public pull push put
quarter question quick quickly quiet quite race rain ran rang rarely rather razor reach read ready
real realised realized really reason recent recently recommend recommended refer referral referred
region regular regularly related relative relief relieve relieved remember repeat report reported
require resident rest restaurant result results return returned returning review rice right river
road roof room round rug rugby run running rx s/p said same saturday saw say says school scissors
scooter screen seafood season seat seatbelt second see seem seems seen send sent september service
set settle settled settles seven several shall shaved shaving she shelf shellfish shift shoe shop
short should show shower shrimp side sidewalk similar simple since single sink sister sit site
sitting situation six sixth size skateboard sleep slippery slow slowly small smaller snack snow so
soccer social sofa some somebody someone something sometime sometimes somewhere son soon sorry
sort speak special specialist specific spend spicy sport spot spring stairs stand start started
starting state states stay step stepped still stop stopped store story straight street strong
stuff such suggested summer sun sunday supper suppose sure surgery surprise sx symptom symptoms
table take takeaway taken takes taking talk tap teacher team teenager tell ten tennis tent than
thank thanks that the their them themselves then there these they thing things think third this
those though thought three thrice through throughout thursday till time times tin tired to today
toddler together toilet told tolerable tolerate tolerating tomorrow tonight too took top total
touch toward towards town train training trampoline transferred travel tried trip trouble true try
trying tub tuesday turn twelve twenty twice two tx tylenol type typing uncle under understand
undetermined unfortunately unit until unusual up upon upper urgent us use used using usual usually
various very via visa visit visitor w/u wait waiting wake walk walking wall want wanted ward
warehouse warm was wash watch water way we wear weather wedding wednesday week weekend weekly
weeks weight weights well went were wet what whatever when where whether which while white who
whole whose why wide wider wife will window winter wish with within without wk wks woke woman won
work worked working works worried worry would write wrong yeah year years yellow yes yesterday yet
yo yoga adm asymptomatic exac icu pefr ecg nsr obs bloods xray scan mri salbutamol amlodipine
statin clopidogrel aspirin ramipril metoprolol levothyroxine sertraline script rpt pls please
properly ask dressed best great you young your yours yr yrs zero
"""

COMMON: Final = frozenset(fold(word) for word in _WORDS.split())
