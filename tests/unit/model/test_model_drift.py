"""Drift: indices by hand and by published values, quiet without a change, loud with one."""

import json
import math
import random

import pytest

from ml.case import TriageCase, parse_case
from ml.cohort import generate
from ml.data_profile import FEWEST_PATIENTS, binned, profile, vocabulary, words
from ml.drift import compare, jensen_shannon, population_stability_index
from ml.schema import Level


def case(complaint: str = "cough", **fields: object) -> TriageCase:
    return parse_case({"symptoms_data": {"chief_complaint": complaint}, **fields})


def test_the_index_by_hand() -> None:
    # Shares 0.2/0.3/0.5 against 0.3/0.3/0.4; the half case added to a bin is small at these counts.
    wanted = 0.1 * math.log(0.3 / 0.2) + (-0.1) * math.log(0.4 / 0.5)
    large = 1_000_000
    found = population_stability_index(
        [2 * large, 3 * large, 5 * large], [3 * large, 3 * large, 4 * large]
    )
    assert found == pytest.approx(wanted, abs=1e-6)
    assert population_stability_index([5, 5], [50, 50]) == pytest.approx(0.0, abs=1e-3)
    # An empty bin is large, not infinite: (0.5/101) against (50.5/101).
    p, q = 50.5 / 101, 0.5 / 101
    assert population_stability_index([50, 50], [0, 100]) == pytest.approx(
        (q - p) * math.log(q / p) + (100.5 / 101 - p) * math.log(100.5 / 101 / p)
    )
    with pytest.raises(ValueError, match="same bins"):
        population_stability_index([1], [1, 2])


def test_the_distance_by_hand() -> None:
    assert jensen_shannon([1, 0], [0, 1]) == pytest.approx(1.0)
    assert jensen_shannon([3, 1], [6, 2]) == pytest.approx(0.0)
    # scipy's documentation of spatial.distance.jensenshannon, base 2: [1, 0] and [0.5, 0.5].
    assert jensen_shannon([2, 0], [1, 1]) == pytest.approx(0.5579230452841438)


def test_bins_take_every_value_once() -> None:
    assert binned([1, 2, 2, 3, 9], [2, 3]) == [1, 2, 2]
    assert binned([], [2.0]) == [0, 0]


def test_the_profile_describes_no_single_patient() -> None:
    cases = [case("cough and fever", patient_age=30 + n % 40) for n in range(60)]
    cases.append(case("zebedeeson fell", patient_age=99))
    found = profile(cases, [Level.SOON] * 61, [Level.SOON] * 61)
    held = vocabulary(cases)
    assert held["words"] == {"and": 60, "cough": 60, "fever": 60}
    assert held["beyond"] == 1
    assert sum(found["bins"]["patient_age"]["counts"]) == 61
    assert "heart_rate_bpm" not in found["bins"]
    assert found["missing"]["heart_rate_bpm"] == 1.0
    assert found["answers"]["soon"] == 1.0
    assert "99" not in str(found["bins"]["patient_age"]["edges"])
    assert words(case("call 0551234567 now")) == {"call", "now"}


def test_new_patients_of_the_same_kind_do_not_drift_and_older_ones_do() -> None:
    records = list(generate(2_400, seed=11))
    levels = [record.level or Level.SOON for record in records]
    train, rest = records[:1_200], records[1_200:]
    found = profile([r.case for r in train], levels[:1_200], levels[:1_200])
    held = vocabulary([r.case for r in train])
    chance = random.Random(3)
    loud = 0
    for _ in range(20):
        day = chance.sample(range(1_200), 60)
        cases = [rest[i].case for i in day]
        loud += compare(found, held, cases, [levels[1_200 + i] for i in day]).state != "stable"
    assert loud <= 1
    # Out of a bundle the names come in another order.
    sorted_names = json.loads(json.dumps(found, sort_keys=True))
    day = chance.sample(range(1_200), 200)
    cases, answers = [rest[i].case for i in day], [levels[1_200 + i] for i in day]
    assert compare(found, held, cases, answers) == compare(sorted_names, held, cases, answers)
    older = [r.case for r in rest if (r.case.patient_age or 0) > 65][:150]
    drift = compare(found, held, older, [])
    by_field = {(one.field, one.kind): one for one in drift.shifts}
    assert drift.state == "large"
    assert by_field["patient_age", "value"].state == "large"
    assert by_field["patient_age", "value"].p_value < 1e-6
    assert ("answers", "answers") not in by_field


def test_a_field_that_vanishes_or_appears_is_drift() -> None:
    train = [case(patient_age=40.0, vital_signs={"heart_rate_bpm": 80.0 + n}) for n in range(80)]
    found, held = profile(train, [Level.SOON] * 80), vocabulary(train)
    gone = compare(found, held, [case(patient_age=40.0)] * 60, [])
    state = {(one.field, one.kind): one.state for one in gone.shifts}
    assert state["heart_rate_bpm", "missing"] == "large"
    assert state["severity_score", "missing"] == "stable"


def test_a_new_word_is_named_only_if_enough_patients_used_it() -> None:
    train = [case("cough and fever") for _ in range(100)]
    found, held = profile(train, [Level.SOON] * 100), vocabulary(train)
    people = [f"p{n}" for n in range(60)]
    same = [case("zebedeeson coughs")] * 40 + [case("cough and fever")] * 20
    one_patient = ["p0"] * 40 + people[40:]
    drift = compare(found, held, same, [], one_patient)
    assert "zebedeeson" not in str(drift.to_json())
    assert "cough" in {word for word, _, _ in drift.words}
    many = compare(found, held, same, [], people)
    assert "zebedeeson" in {word for word, _, _ in many.words}
    assert FEWEST_PATIENTS == 5


def test_a_description_of_another_form_is_refused() -> None:
    with pytest.raises(ValueError, match="profile"):
        compare({"deciles": {}}, {}, [case()], [])
    with pytest.raises(ValueError, match="nothing"):
        compare({}, {}, [], [])
