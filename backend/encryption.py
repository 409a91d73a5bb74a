"""Patient data at rest: AES-256-GCM, key id prefixed, the row's id as associated data.

A ciphertext moved to another row does not open, and the key id lets old rows open while new
ones are written under a new key. Pseudonyms are keyed HMACs: a plain hash of a patient number
could be guessed by trying all numbers.
"""

import base64
import hmac
import os
import re
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

_NONCE_BYTES = 12
_KEY_BYTES = 32
_REFERENCE_CHARS = 64
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,8}")


class Undecryptable(Exception):
    """A stored payload does not open: unknown key id, wrong key, or moved bytes."""


@lru_cache(maxsize=4)
def _keys(text: str) -> tuple[str, dict[str, AESGCM]]:
    """Current key id and all keys, from lines `id:base64(32 bytes)`, current first."""
    keys: dict[str, AESGCM] = {}
    for line in text.split():
        key_id, _, encoded = line.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except ValueError:
            key = b""
        # Random bytes hardly ever repeat; a key of few different ones was typed.
        if len(key) != _KEY_BYTES or len(set(key)) < _KEY_BYTES // 2:
            raise ImproperlyConfigured("payload_keys: expected lines id:base64(32 random bytes)")
        if not _KEY_ID.fullmatch(key_id) or key_id in keys:
            raise ImproperlyConfigured("payload_keys: expected ids of 1 to 8 letters, each once")
        keys[key_id] = AESGCM(key)
    if not keys:
        raise ImproperlyConfigured("payload_keys: expected lines id:base64(32 random bytes)")
    return next(iter(keys)), keys


@lru_cache(maxsize=4)
def _pseudonym_keys(text: str) -> dict[str, hmac.HMAC]:
    """Keys by version, current first: one bare secret (version ""), or lines `id:secret`. Each is
    begun once and copied: half of a short message's HMAC is to take its key in."""
    if ":" not in text:
        return {"": hmac.new(text.encode(), digestmod="sha256")}
    keys: dict[str, hmac.HMAC] = {}
    for line in text.split():
        key_id, _, key = line.rpartition(":")
        if len(key) < _KEY_BYTES or (key_id and not _KEY_ID.fullmatch(key_id)) or key_id in keys:
            raise ImproperlyConfigured(
                "pseudonym_key: expected one secret, or lines id:secret of 32 characters or more"
            )
        keys[key_id] = hmac.new(key.encode(), digestmod="sha256")
    return keys


def check_keys() -> None:
    """Raises `ImproperlyConfigured` unless both secrets hold keys that can be used."""
    _keys(settings.PAYLOAD_KEYS)
    _pseudonym_keys(settings.PSEUDONYM_KEY)


def current_key_id() -> str:
    """The id under which everything new is sealed."""
    return _keys(settings.PAYLOAD_KEYS)[0]


def seal(plain: bytes, row: UUID) -> bytes:
    """`key id`, a colon, nonce and ciphertext."""
    key_id, keys = _keys(settings.PAYLOAD_KEYS)
    nonce = os.urandom(_NONCE_BYTES)
    return key_id.encode() + b":" + nonce + keys[key_id].encrypt(nonce, plain, row.bytes)


def unseal(sealed: bytes, row: UUID) -> bytes:
    """The plain bytes. Raises `Undecryptable`; never returns garbage."""
    key_id, _, rest = sealed.partition(b":")
    _, keys = _keys(settings.PAYLOAD_KEYS)
    try:
        key = keys[key_id.decode("ascii", "replace")]
        return key.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], row.bytes)
    except (KeyError, InvalidTag, ValueError):
        raise Undecryptable from None


def pseudonym(client_id: int, patient_id: str) -> str:
    """A patient's reference within one client: 64 characters, useless without the key. It begins
    with the version of the key where there are several."""
    return pseudonyms(client_id, patient_id)[0]


def pseudonyms(client_id: int, patient_id: str) -> list[str]:
    """The patient's references under every live version of the key, the current one first."""
    message = f"patient|{client_id}|{patient_id}".encode()
    found = []
    for version, key in _pseudonym_keys(settings.PSEUDONYM_KEY).items():
        digest = _digest(key, message)
        found.append(f"{version}:{digest}"[:_REFERENCE_CHARS] if version else digest)
    return found


def fingerprint(body: bytes) -> str:
    """Equality of two bodies without keeping either: 64 hex digits. Made with the oldest live key,
    so that a new version does not make repeated bodies look different."""
    key = list(_pseudonym_keys(settings.PSEUDONYM_KEY).values())[-1]
    return _digest(key, b"body|" + body)


def _digest(key: hmac.HMAC, message: bytes) -> str:
    keyed = key.copy()
    keyed.update(message)
    return keyed.hexdigest()
