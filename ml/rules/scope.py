"""What is said of each unit of a text: asserted now, denied, past, of others, supposed.

One pass from left to right. Cues that look back ("chest pain: no", "is gone now") mark their
part of the statement and close it, so every unit is marked a bounded number of times.
After the NegEx/ConText idea (Chapman 2001, Harkema 2009), with clauses instead of sentences.
"""

from typing import Final

from ml.rules.text import HARD_STOPS
from ml.rules.unit import Status, Unit

# How many units with meaning a negation reaches: "no nausea vomiting diarrhea fever chills".
_REACH: Final = {"#deny": 1 << 30, "#no": 5, "#not": 3}
_DISEASE: Final = "@disease"
# What begins a statement of its own after an "and".
_OPENING: Final = frozenset({"#now", "@verb"})
_NUMBERS: Final = frozenset({"one", "two", "three", "four", "five", "six", "ten", "twenty"})


class _Marker:
    """The state of one pass; every method is a transition."""

    def __init__(self, units: list[Unit], subjects: list[int], others: bool) -> None:
        self.units = units
        self.subjects = subjects
        self.others = others
        self.status = [Status.PRESENT] * len(units)
        self.statement = self.part = self.earlier = 0
        self.told = -1
        self.past_from = 0
        self.before = (0, 0)
        self.listing: list[bool] = []
        self._clear()

    def _clear(self) -> None:
        self.reach = 0
        self.mode = ""
        self.past = self.supposed = self.query = ""
        self.other = ""

    def stop(self, index: int) -> None:
        self.before = (self.statement, index)
        self.statement = self.part = self.earlier = index + 1
        self._clear()

    def turn(self, index: int) -> None:
        """'But': forward scopes end; a recovery told after it still looks back."""
        self._clear()
        self.part = index + 1

    def comma(self, index: int) -> None:
        self.listing = self.listing or _lists(self.units)
        if self.mode != "#deny" and not self.listing[index]:
            self.reach = 0
        # What follows a comma may be the patient's own, new trouble; a list of diseases goes on.
        for name in ("past", "other"):
            if getattr(self, name):
                setattr(self, name, "diseases")
        self.query = ""
        self.earlier = self.part
        self.part = index + 1

    def back(self, low: int, high: int, state: Status) -> None:
        for index in range(low, high):
            if self.status[index] is Status.PRESENT:
                self.status[index] = state

    def meaning(self) -> bool:
        """Whether the present part already holds something that a cue can look back at."""
        return self.told >= self.part


def mark(units: list[Unit], subjects: list[int], others: bool) -> list[Status]:
    """The status of every unit, in one pass. `subjects`: who is named just before each, 1 for the
    writer, 2 for somebody else. `others`: relatives named are not the patient."""
    marker = _Marker(units, subjects, others)
    for index, unit in enumerate(units):
        word = unit.word
        if unit.ends:
            marker.stop(index)
            continue
        if word == ":":
            marker.reach = 0
            continue
        if word == ",":
            marker.comma(index)
            continue
        if marker.other and subjects[index] == 1:
            marker.other = ""
        if unit.tags:
            _see(marker, index, unit)
    return marker.status


def _see(m: _Marker, index: int, unit: Unit) -> None:
    cue = unit.cues
    for tag in cue:
        _TRANSITIONS[tag](m, index, tag)
    if not unit.meanings or (cue and m.status[index] is not Status.PRESENT):
        return
    if not cue and not _counts(unit):
        m.told = index
    if m.reach > 0:
        m.reach -= 1
        m.status[index] = Status.DENIED
    else:
        m.status[index] = _forward(m, _DISEASE in unit.tags)


def _forward(m: _Marker, disease: bool) -> Status:
    """What the cues still open say of a unit that is not denied."""
    if m.other and (disease or m.other != "diseases"):
        return Status.OTHER
    if m.past and (disease or m.past != "diseases"):
        return Status.PAST
    if m.supposed and (disease or m.supposed == "all"):
        return Status.SUPPOSED
    return Status.QUERY if m.query and disease else Status.PRESENT


def _negate(m: _Marker, index: int, tag: str) -> None:
    if tag != "#not" and index > 0 and _ends(m, index):
        # "Chest pain: no", "fever? no, cough? no", "dyspnea no, cough yes".
        if m.meaning():
            m.back(m.part, index, Status.DENIED)
            m.part = index + 1
        elif m.part == index and m.units[index - 1].word == "?":
            m.back(*m.before, Status.DENIED)
        return
    if m.mode != "#deny" or m.reach == 0:
        m.mode, m.reach = tag, _REACH[tag]


def _ends(m: _Marker, index: int) -> bool:
    """Whether nothing more is said in this part after the cue."""
    following = m.units[index + 1].word if index + 1 < len(m.units) else "."
    return following in HARD_STOPS or following in {",", "(+)", "and", "but"}


def _denied(m: _Marker, index: int, tag: str) -> None:
    following = m.units[index + 1].word if index + 1 < len(m.units) else "."
    if following == "for" or not m.meaning():
        return
    m.back(m.part, index, Status.DENIED)
    m.part = index + 1
    m.reach = 0


def _list(m: _Marker, index: int, tag: str) -> None:
    if m.mode:
        m.reach = max(m.reach, 2)


def _and(m: _Marker, index: int, tag: str) -> None:
    opens = index + 1 < len(m.units) and (
        m.subjects[index + 1] or not _OPENING.isdisjoint(m.units[index + 1].tags)
    )
    if opens or m.mode == "#not":
        m.reach = 0
        m.mode = ""
    if opens:
        m.past = m.supposed = m.query = ""
        m.part = index + 1


def _but(m: _Marker, index: int, tag: str) -> None:
    m.turn(index)


def _now(m: _Marker, index: int, tag: str) -> None:
    after_cue = index > 0 and bool(m.units[index - 1].cues)
    if m.units[index].word not in {"with", "has"} or not after_cue:
        m.reach = 0
    m.past = m.query = ""


def _ongoing(m: _Marker, index: int, tag: str) -> None:
    # "History of cough since Monday" tells of now.
    if m.past:
        for i in range(max(m.part, m.past_from), index):
            if m.status[i] is Status.PAST and _DISEASE not in m.units[i].tags:
                m.status[i] = Status.PRESENT
        m.past = ""


def _relation(m: _Marker, index: int, tag: str) -> None:
    if m.others:
        m.other = "all"


def _family(m: _Marker, index: int, tag: str) -> None:
    if "run" in m.units[index].word or m.units[index].word == "in":
        m.back(m.part, index, Status.OTHER)
    m.other = "all"


def _history(m: _Marker, index: int, tag: str) -> None:
    m.past, m.past_from = "all", index
    # "Past stroke history", "stroke hx".
    if index > m.part and _DISEASE in m.units[index - 1].tags:
        m.status[index - 1] = Status.PAST


def _former(m: _Marker, index: int, tag: str) -> None:
    # "Past MI", "old stroke": only a disease named next is meant.
    if index + 1 < len(m.units) and _DISEASE in m.units[index + 1].tags:
        m.past, m.past_from = "diseases", index


def _ago(m: _Marker, index: int, tag: str) -> None:
    for i in range(max(m.part, index - 4), index):
        if "#began" in m.units[i].tags:
            return
    if m.meaning():
        m.back(m.part, index, Status.PAST)
        m.past = ""
    elif _ends(m, index):
        # "Stroke, two years ago."
        m.back(m.earlier, index, Status.PAST)
    else:
        m.past, m.past_from = "all", index
    m.earlier = m.part = index + 1


def _gone(m: _Marker, index: int, tag: str) -> None:
    if index and m.units[index - 1].word in {"hasnt", "not", "wont", "dont", "until"}:
        return
    if not _ends(m, index):
        # "Gone numb", "stopped breathing" are findings, no recovery.
        following = m.units[index + 1]
        if following.meanings and not following.cues:
            return
    if m.meaning():
        m.back(m.part, index, Status.GONE)
    elif m.statement < m.part:
        m.back(m.statement, index, Status.GONE)
    else:
        m.back(*m.before, Status.GONE)
        m.before = (index, index)
    m.statement = m.part = index + 1


def _suppose(m: _Marker, index: int, tag: str) -> None:
    m.supposed = "all" if tag == "#suppose" else m.supposed or "diseases"


def _query(m: _Marker, index: int, tag: str) -> None:
    m.query = "diseases"


def _nothing(m: _Marker, index: int, tag: str) -> None:
    return


_TRANSITIONS: Final = {
    "#deny": _negate,
    "#no": _negate,
    "#not": _negate,
    "#denied": _denied,
    "#list": _list,
    "#and": _and,
    "#but": _but,
    "#now": _now,
    "#ongoing": _ongoing,
    "#rel": _relation,
    "#child": _nothing,
    "#fam": _family,
    "#hist": _history,
    "#former": _former,
    "#ago": _ago,
    "#gone": _gone,
    "#hypo": _suppose,
    "#suppose": _suppose,
    "#query": _query,
    "#past": _nothing,
    "#recent": _nothing,
    "#began": _nothing,
}


def _counts(unit: Unit) -> bool:
    """A bare number tells nothing that a cue could look back at: "ten years ago"."""
    return unit.word.isdigit() or unit.word in _NUMBERS


def _lists(units: list[Unit]) -> list[bool]:
    """For each unit whether an 'or' still follows in its statement: "no fever, cough or rash"."""
    found = [False] * len(units)
    ahead = False
    for index in range(len(units) - 1, -1, -1):
        unit = units[index]
        if unit.word in HARD_STOPS or "#but" in unit.tags or "#no" in unit.tags:
            ahead = False
        elif "#list" in unit.tags:
            ahead = True
        found[index] = ahead
    return found
