"""Lay words and nurse shorthand meet in the same terms."""

import time

import pytest

from ml.wording import MAX_WORDS, character_grams, terms, word_list


def said(text: str) -> set[str]:
    return terms(word_list(text))


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("PAIN, CHEST", "=chest pain"),
        ("my chest really hurts", "=chest pain"),
        ("Lt. chest pain", "=chest pain"),
        ("abd pain", "=abdomen pain"),
        ("my tummy is sore", "=abdomen pain"),
        ("SOB", "dyspnea"),
        ("I can't breathe", "=dyspnea"),
        ("short of breath", "=dyspnea"),
        ("threw up", "vomiting"),
        ("he passed out", "=syncope"),
        ("I’ve a fièvre, febrile", "fever"),
    ],
)
def test_different_words_same_term(text: str, term: str) -> None:
    assert term in said(text)


def test_a_negated_finding_is_another_term() -> None:
    found = said("cough, no fever or chest pain. Headache")
    assert {"cough", "no fever", "no =chest pain", "headache"} <= found
    assert "fever" not in found
    assert "=chest pain" not in found


def test_but_ends_a_negation() -> None:
    found = said("no fever but chest pain")
    assert {"no fever", "=chest pain"} <= found


def test_a_misspelt_word_keeps_most_of_its_grams() -> None:
    right, wrong = character_grams(["diarrhoea"]), character_grams(["diarrhea"])
    assert len(right & wrong) >= 6


def test_a_long_text_is_bounded_and_quick() -> None:
    start = time.perf_counter()
    for hostile in ("a" * 2_000, "no " * 700, "pain " * 400, "a. " * 700, "\u0301e" * 1_000):
        tokens = word_list(hostile * 30)
        assert len(tokens) <= 2 * MAX_WORDS
        terms(tokens)
        character_grams(tokens)
    assert time.perf_counter() - start < 1.0
