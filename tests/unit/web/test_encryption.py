"""What is sealed opens only with its key and in its row."""

import base64
import hmac
import os
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from backend import encryption
from backend.triage import arrival
from ml.case import TriageCase

ROW, OTHER = uuid4(), uuid4()


def key_line(name: str) -> str:
    return f"{name}:{base64.b64encode(os.urandom(32)).decode()}"


def test_it_opens_in_its_row_only() -> None:
    sealed = encryption.seal(b"words", ROW)
    assert encryption.unseal(sealed, ROW) == b"words"
    assert b"words" not in sealed
    with pytest.raises(encryption.Undecryptable):
        encryption.unseal(sealed, OTHER)


def test_one_changed_bit_does_not_open() -> None:
    sealed = bytearray(encryption.seal(b"words", ROW))
    for place in (0, 5, len(sealed) - 1):
        changed = bytes(sealed[:place]) + bytes([sealed[place] ^ 1]) + bytes(sealed[place + 1 :])
        with pytest.raises(encryption.Undecryptable):
            encryption.unseal(changed, ROW)


def test_old_rows_open_while_new_ones_use_the_new_key(settings: Any) -> None:
    old, new = key_line("old"), key_line("new")
    settings.PAYLOAD_KEYS = old
    before = encryption.seal(b"words", ROW)
    settings.PAYLOAD_KEYS = f"{new}\n{old}"
    assert encryption.unseal(before, ROW) == b"words"
    assert encryption.seal(b"words", ROW).startswith(b"new:")
    settings.PAYLOAD_KEYS = new
    with pytest.raises(encryption.Undecryptable):
        encryption.unseal(before, ROW)


def test_a_pseudonym_belongs_to_one_client_and_one_key(settings: Any) -> None:
    mine = encryption.pseudonym(1, "p-1")
    assert mine == encryption.pseudonym(1, "p-1")
    assert len({mine, encryption.pseudonym(2, "p-1"), encryption.pseudonym(1, "p-2")}) == 3
    settings.PSEUDONYM_KEY = "k" * 64
    assert encryption.pseudonym(1, "p-1") != mine


def test_a_reference_is_the_hmac_of_client_and_patient(settings: Any) -> None:
    """The keys are begun once and copied: what was stored before must be found again."""
    settings.PSEUDONYM_KEY = "k" * 64
    for _ in range(2):
        wanted = hmac.digest(b"k" * 64, b"patient|7|p-1", "sha256").hex()
        assert encryption.pseudonym(7, "p-1") == wanted
        assert encryption.fingerprint(b"{}") == hmac.digest(b"k" * 64, b"body|{}", "sha256").hex()


@given(
    st.text(min_size=1, max_size=128),
    st.text(max_size=80) | st.just(',"patient_id":"p"') | st.just('","patient_id":"p'),
)
def test_a_stored_input_is_the_case_without_its_patient(patient: str, words: str) -> None:
    data = {"chief_complaint": words, "symptoms": [{"symptom_name": f"{words},"[:200]}]}
    case = TriageCase.model_validate(
        {"symptoms_data": data, "patient_id": patient, "patient_age": 3.0}
    )
    whole = case.model_dump_json(exclude_none=True, exclude_defaults=True)
    kept = arrival.without_patient(whole, case.patient_id)
    without = case.model_copy(update={"patient_id": None})
    assert kept == without.model_dump_json(exclude_none=True, exclude_defaults=True)
    assert TriageCase.model_validate_json(kept) == without


def test_a_new_version_of_the_pseudonym_key_leaves_the_old_references_findable(
    settings: Any,
) -> None:
    settings.PSEUDONYM_KEY = "a" * 64
    before, body = encryption.pseudonym(1, "p-1"), encryption.fingerprint(b"body")
    settings.PSEUDONYM_KEY = f"v2:{'b' * 64}\n:{'a' * 64}"
    now, *earlier = encryption.pseudonyms(1, "p-1")
    assert now.startswith("v2:")
    assert len(now) == 64
    assert earlier == [before]
    assert encryption.fingerprint(b"body") == body, "a repeated body is still recognised"


GOOD = key_line("k1")


@pytest.mark.parametrize(
    "keys",
    [
        "k1:c2hvcnQ=",
        "k1:" + base64.b64encode(bytes(32)).decode(),
        "k1:not base64",
        f"{GOOD}\n{GOOD}",
        f"far-too-long{GOOD}",
        "k1",
    ],
    # Named: a key's random text would be another test in each of two processes.
    ids=["short", "zeros", "not base64", "twice", "name too long", "no key"],
)
def test_keys_that_are_none_stop_the_process(keys: str, settings: Any) -> None:
    settings.PAYLOAD_KEYS = keys
    with pytest.raises(ImproperlyConfigured, match="payload_keys") as caught:
        encryption.check_keys()
    assert keys not in str(caught.value)
