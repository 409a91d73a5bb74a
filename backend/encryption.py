"""Patient data at rest: AES-256-GCM, key id prefixed, the row's id as associated data.

A ciphertext moved to another row does not open, and the key id lets old rows open while new
ones are written under a new key. Pseudonyms are keyed HMACs: a plain hash of a patient number
could be guessed by trying all numbers.
"""

import base64
import hashlib
import hmac
import os
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

_NONCE_BYTES = 12


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
            keys[key_id] = AESGCM(key)
        except ValueError:
            raise ImproperlyConfigured("payload_keys: expected lines id:base64(32 bytes)") from None
    return next(iter(keys)), keys


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
    """A patient's reference within one client: 64 hex digits, useless without the key."""
    return _keyed(f"patient|{client_id}|{patient_id}".encode())


def fingerprint(body: bytes) -> str:
    """Equality of two bodies without keeping either: 64 hex digits."""
    return _keyed(b"body|" + body)


def _keyed(message: bytes) -> str:
    return hmac.new(settings.PSEUDONYM_KEY.encode(), message, hashlib.sha256).hexdigest()
