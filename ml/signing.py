"""Ed25519 over a bundle's metadata: who made it, not only that it is whole.

The serving side needs the verify key alone. A pair is made at the first training on a machine
that has neither; loading never makes one, or whoever can write a bundle could also have it
trusted.
"""

import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from ml.errors import BundleRefused

_SECRETS: Final = Path(__file__).resolve().parents[1] / "var" / "secrets"


def signing_key_path() -> Path:
    return Path(os.environ.get("TRIAGE_MODEL_SIGNING_KEY") or _SECRETS / "model_signing.key")


def verify_key_path() -> Path:
    return Path(os.environ.get("TRIAGE_MODEL_VERIFY_KEY") or _SECRETS / "model_verify.pub")


def sign(data: bytes) -> bytes:
    """The signature of `data`. Makes the key pair if this machine has neither key.

    Raises `BundleRefused("signature")` if there is a verify key but nothing to sign with, or if
    the two are not a pair: what could not be loaded afterwards must not be written.
    """
    signing, verifying = signing_key_path(), verify_key_path()
    if not signing.exists() and not verifying.exists():
        _make(signing)
    key = _private_key(signing)
    public = key.public_key()
    if not verifying.exists():
        _write_once(verifying, public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    signature = key.sign(data)
    verify(data, signature)
    return signature


def verify(data: bytes, signature: bytes) -> None:
    """Raises `BundleRefused("signature")` unless the verify key vouches for `data`."""
    try:
        key = load_pem_public_key(verify_key_path().read_bytes())
    except FileNotFoundError:
        raise BundleRefused("signature", "there is no verify key on this machine") from None
    except (OSError, ValueError):
        raise BundleRefused("signature", "the verify key cannot be read") from None
    if not isinstance(key, Ed25519PublicKey):
        raise BundleRefused("signature", "the verify key is not an Ed25519 key")
    try:
        key.verify(signature, data)
    except InvalidSignature:
        raise BundleRefused("signature", "the metadata was not signed with our key") from None


def _private_key(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError:
        raise BundleRefused("signature", "there is a verify key but no signing key") from None
    except (OSError, ValueError, TypeError):
        raise BundleRefused("signature", "the signing key cannot be read") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BundleRefused("signature", "the signing key is not an Ed25519 key")
    return key


def _make(path: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    _write_once(path, pem)


def _write_once(path: Path, content: bytes) -> None:
    """Write `path` whole, 0600, unless it is there: of two racing processes one key wins."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A hard link fails where the name exists; a rename would replace the winner's key.
        os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink()
