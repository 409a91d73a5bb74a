"""The promotion gate's arithmetic and data, without a store."""

from dataclasses import replace
from pathlib import Path

import pytest

from ml import bundle
from ml.bundle import Bundle
from ml.cohort import generate
from ml.errors import InvalidRecord
from workers import gate
from workers.gate import compare, held_data, paired_loss


@pytest.fixture(scope="session")
def serving(models_dir: Path) -> Bundle:
    return bundle.load_latest(models_dir)


def test_the_loss_of_matched_shares_by_hand() -> None:
    """Agresti and Min: 10 pairs lost, 4 won of 100; cells 10.5 and 4.5 of 102."""
    events = [(False, True)] * 10 + [(True, False)] * 4 + [(True, True)] * 86
    worse, worst = paired_loss(events, good=True)
    assert worse == pytest.approx(0.06)
    assert worst == pytest.approx(6 / 102 + 1.6448536 * (15 - 36 / 102) ** 0.5 / 102)
    fewer, bound = paired_loss(events, good=False)
    assert fewer == pytest.approx(-0.06)
    assert bound < worst


def test_answers_that_never_differ_still_have_a_bound() -> None:
    few, many = ([(True, True)] * n for n in (20, 2_000))
    assert paired_loss(few, good=True)[0] == 0
    assert paired_loss(few, good=True)[1] > 0.05 > 0.001 > paired_loss(many, good=True)[1] > 0
    with pytest.raises(ValueError, match="nothing"):
        paired_loss([], good=True)


def test_a_model_passes_against_itself(serving: Bundle) -> None:
    verdict = compare(serving, serving, list(generate(600, seed=31)), "here")
    assert verdict.reasons == ()
    assert {(one.answer, one.measure) for one in verdict.measured} == {
        (answer, measure) for answer in ("decision", "model") for measure in gate.MARGINS
    }
    assert all(one.worse == 0 for one in verdict.measured)
    for one in verdict.measured:
        assert one.candidate.low <= one.candidate.share <= one.candidate.high


def test_too_few_emergencies_are_a_reason(serving: Bundle) -> None:
    verdict = compare(serving, serving, list(generate(40, seed=31)), "here")
    assert not verdict.passed
    assert "emergencies" in verdict.reasons[0]


def test_the_cohort_is_of_a_seed_that_nobody_was_trained_with(
    serving: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "HELD_OUT_RECORDS", 3)
    taken = {**serving.metadata, "seed": gate.HELD_OUT_SEED}
    usual, _ = held_data(None, [serving])
    other, said = held_data(None, [serving, replace(serving, metadata=taken)])
    assert f"seed {gate.HELD_OUT_SEED + 1}" in said
    assert usual != other


def test_data_of_ones_own_must_be_labelled(serving: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "held.jsonl"
    body = '{"symptoms_data": {"chief_complaint": "sore throat"}'
    path.write_text(f'{body}, "label": "soon"}}\n{body}}}\n')
    records, said = held_data(path, [serving])
    assert len(records) == 1
    assert "held.jsonl" in said
    path.write_text(f"{body}}}\n")
    with pytest.raises(InvalidRecord, match="label"):
        held_data(path, [serving])
