"""How the cohort's people put things: a nurse's shorthand, a patient's sentences, and typos."""

from random import Random
from typing import Final

from ml.schema import Level

# Lay qualifiers by level: onset, course and strength carry what the bare complaint does not.
_SINCE: Final = (
    (
        "for 3 weeks",
        "for a couple of months",
        "for a few weeks",
        "for about a year",
        "for ten days",
        "on and off for months",
        "for 3 days",
        "since last month",
    ),
    (
        "for 3 days",
        "for 2 days",
        "for the last 4 days",
        "since the weekend",
        "for a week",
        "since yesterday",
        "for 5 days",
        "since Monday",
    ),
    (
        "since yesterday",
        "since last night",
        "since this morning",
        "for 2 days",
        "for 12 hours",
        "for one day",
        "since early morning",
        "for the past 8 hours",
    ),
    (
        "for the last hour",
        "since 20 minutes ago",
        "that started suddenly",
        "just now",
        "since this morning",
        "for 30 minutes",
        "it came on all of a sudden",
        "for 2 hours",
    ),
)
_COURSE: Final = (
    (
        "it is mild",
        "not getting worse",
        "it's not bad",
        "it is about the same",
        "I can do everything as normal",
        "otherwise well",
        "no fever",
        "it is slowly getting better",
        "just want some advice",
        "nothing else is wrong",
        "not in much pain",
    ),
    (
        "it is not going away",
        "moderate",
        "it bothers me",
        "no fever",
        "drinking ok",
        "paracetamol helps a bit",
        "it is a nuisance at work",
        "a bit worse today",
        "I can still walk",
        "eating and drinking fine",
        "no trouble breathing",
    ),
    (
        "it is getting worse",
        "quite severe",
        "painkillers don't help",
        "I can't sleep",
        "I can't eat",
        "worse than yesterday",
        "getting worse by the hour",
        "it is really bad",
        "I don't feel well at all",
        "8 out of 10",
    ),
    (
        "it is very bad",
        "getting worse fast",
        "please help",
        "severe",
        "I'm scared",
        "worst I ever had",
        "need help now",
        "it won't stop",
        "and getting worse",
        "10/10",
    ),
)
_OPENINGS: Final = ("hi, ", "hello, ", "Good morning, ", "please advise, ", "", "", "", "", "", "")
_OLD_OPENINGS: Final = ("my mother is {age}: ", "my dad, {age}: ", "my grandmother ({age}): ")
_YOUNG_OPENINGS: Final = (
    "my {age} year old: ",
    "my son is {age}: ",
    "my daughter, {age}: ",
    "my child: ",
    "my kid ",
)
_NURSE_BEFORE: Final = ("c/o ", "Acute ", "sudden ", "mild ", "severe ", "s/p ", "chronic ")
_NURSE_AFTER: Final = (
    " x 2 days",
    " for 3 days",
    " today",
    " since am",
    " x1 wk",
    ", onset 1h",
    " NOS",
)
_SIDES: Final = ("Lt. ", "Rt. ", "left ", "right ", "lt ", "rt ", "both ", "Lt ", "Rt ")
# Written with a side when a phrase is marked with a leading "~".
_SIDED: Final = "~"


def nurse_text(random: Random, phrase: str, level: Level) -> str:
    """A few words as a triage nurse types them."""
    if phrase.startswith(_SIDED):
        side = random.choice(_SIDES) if random.random() < 0.6 else ""
        phrase = side + phrase.removeprefix(_SIDED)
    if random.random() < 0.12:
        # The classification's way of putting it: "pain, chest".
        words = phrase.split()
        if len(words) == 2 and words[1] in {"pain", "injury", "laceration", "bleeding", "swelling"}:
            phrase = f"{words[1]}, {words[0]}"
    if random.random() < 0.10:
        likely = (5, 3, 1, 1, 0, 0, 0)
        weights = ((1, 0, 0, 3, 0, 0, 2), likely, (2, 2, 2, 0, 2, 1, 0), (1, 4, 4, 0, 4, 0, 0))[
            level
        ]
        phrase = random.choices(_NURSE_BEFORE, weights)[0] + phrase
    if random.random() < 0.10:
        phrase += random.choice(_NURSE_AFTER)
    drawn = random.random()
    if drawn < 0.08:
        phrase = phrase.upper()
    elif drawn < 0.3:
        phrase = phrase[:1].upper() + phrase[1:]
    return _misspelt(random, phrase, 0.04)


def lay_text(random: Random, phrase: str, level: Level, age: float) -> str:
    """A sentence or two as a patient, or who speaks for one, types them at home."""
    if phrase.startswith(_SIDED):
        phrase = phrase.removeprefix(_SIDED)
    parts = [phrase]
    if random.random() < 0.5:
        # A neighbour's time now and then: how long says something, not everything.
        near = min(3, max(0, level + random.choices([-1, 0, 1], [15, 70, 15])[0]))
        parts[0] += " " + random.choice(_SINCE[near])
    if random.random() < 0.4:
        near = min(3, max(0, level + random.choices([-1, 0, 1], [8, 84, 8])[0]))
        parts.append(random.choice(_COURSE[near]))
    text = random.choice([", ", ". ", " and ", " - "]).join(parts)
    if not phrase.lower().startswith(("my ", "baby", "our ", "child")):
        if age < 16 and random.random() < 0.7:
            text = random.choice(_YOUNG_OPENINGS).format(age=int(age)) + text
        elif age >= 70 and random.random() < 0.15:
            text = random.choice(_OLD_OPENINGS).format(age=int(age)) + text
    text = random.choice(_OPENINGS) + text
    drawn = random.random()
    if drawn < 0.04:
        text = text.upper()
    elif drawn < 0.45:
        text = text[:1].upper() + text[1:]
    elif drawn < 0.6:
        text = text.lower().replace("'", "")
    return _misspelt(random, text, 0.02)


def _misspelt(random: Random, text: str, rate: float) -> str:
    """Each longer word is mistyped with probability `rate`: a letter lost, doubled, swapped."""
    words = text.split(" ")
    for place, word in enumerate(words):
        if len(word) < 5 or not word.isalpha() or random.random() >= rate:
            continue
        i = random.randrange(1, len(word) - 1)
        words[place] = random.choice(
            [
                word[:i] + word[i + 1 :],
                word[:i] + word[i] + word[i:],
                word[:i] + word[i + 1] + word[i] + word[i + 2 :],
            ]
        )
    return " ".join(words)
