"""A bundle is served only if every byte, version and answer of it is proven."""

import io
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256 as _sha256
from pathlib import Path
from typing import Any

import joblib
import pytest

from ml.bundle import (
    FILES,
    METADATA,
    SIGNATURE,
    Checked,
    check_bytes,
    latest_version,
    load,
    load_latest,
    promote,
    save,
)
from ml.errors import BundleMissing, BundleRefused
from ml.records import Record
from ml.signing import sign, signing_key_path, verify_key_path
from ml.training import train

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def models(tmp_path: Path, place: Path, saved: Checked) -> Path:
    """A copy of the promoted bundle that a test may harm."""
    shutil.copytree(place / "models", tmp_path / "models")
    return tmp_path / "models"


def sha256(content: bytes) -> str:
    return _sha256(content).hexdigest()


def refusal(models: Path, version: str = "latest") -> str:
    with pytest.raises(BundleRefused) as caught:
        load(version, models)
    return caught.value.reason


def resign(models: Path, saved: Checked, **changes: Any) -> None:
    """Change the metadata and sign it again with the right key."""
    raw = json.dumps({**saved.metadata, **changes}).encode()
    (models / saved.version / METADATA).write_bytes(raw)
    (models / saved.version / SIGNATURE).write_bytes(sign(raw))


def test_a_saved_bundle_loads_and_names_itself(models: Path, saved: Checked) -> None:
    bundle = load_latest(models)
    assert (bundle.version, bundle.digest) == (saved.version, saved.digest)
    assert bundle.policy.minimum_confidence >= 0.60
    assert check_bytes("latest", models).digest == bundle.digest


def test_an_empty_directory_is_missing_not_broken(tmp_path: Path, place: Path) -> None:
    assert latest_version(tmp_path) is None
    with pytest.raises(BundleMissing) as caught:
        load_latest(tmp_path)
    assert caught.value.reason == "missing"


@pytest.mark.parametrize("name", [*FILES, METADATA, SIGNATURE])
def test_one_changed_byte_in_any_file_is_refused(models: Path, saved: Checked, name: str) -> None:
    path = models / saved.version / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    expected = "signature" if name in {METADATA, SIGNATURE} else "digest"
    assert refusal(models) == expected


@pytest.mark.parametrize("name", [*FILES, METADATA, SIGNATURE])
def test_a_lost_file_is_refused(models: Path, saved: Checked, name: str) -> None:
    (models / saved.version / name).unlink()
    assert refusal(models) == "corrupt"


class Evil:
    """A pickle that writes a file when it is loaded."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.sentinel),))


def test_a_foreign_pickle_is_never_executed(
    models: Path, saved: Checked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = io.BytesIO()
    joblib.dump(Evil(tmp_path / "executed"), buffer)
    (models / saved.version / "model.joblib").write_bytes(buffer.getvalue())
    assert refusal(models) == "digest"
    # With its own digest in the metadata, but signed with another key.
    files = {**saved.metadata["files"], "model.joblib": sha256(buffer.getvalue())}
    raw = json.dumps({**saved.metadata, "files": files}).encode()
    (models / saved.version / METADATA).write_bytes(raw)
    monkeypatch.setenv("TRIAGE_MODEL_SIGNING_KEY", str(tmp_path / "other.key"))
    monkeypatch.setenv("TRIAGE_MODEL_VERIFY_KEY", str(tmp_path / "other.pub"))
    signature = sign(raw)
    monkeypatch.undo()
    (models / saved.version / SIGNATURE).write_bytes(signature)
    assert refusal(models) == "signature"
    assert not (tmp_path / "executed").exists()
    # The sentinel works: the same bytes do act when somebody loads them.
    joblib.load(buffer)
    assert (tmp_path / "executed").exists()


def test_another_makers_key_is_refused(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIAGE_MODEL_SIGNING_KEY", str(tmp_path / "a" / "other.key"))
    monkeypatch.setenv("TRIAGE_MODEL_VERIFY_KEY", str(tmp_path / "a" / "other.pub"))
    sign(b"make the pair")
    assert refusal(models) == "signature"


def test_loading_never_makes_a_key(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIAGE_MODEL_SIGNING_KEY", str(tmp_path / "none" / "signing.key"))
    monkeypatch.setenv("TRIAGE_MODEL_VERIFY_KEY", str(tmp_path / "none" / "verify.pub"))
    assert refusal(models) == "signature"
    assert not (tmp_path / "none").exists()


def test_without_the_signing_key_nothing_is_signed(
    place: Path, saved: Checked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIAGE_MODEL_SIGNING_KEY", str(tmp_path / "signing.key"))
    with pytest.raises(BundleRefused) as caught:
        sign(b"data")
    assert caught.value.reason == "signature"
    assert not (tmp_path / "signing.key").exists()


def test_keys_are_private(place: Path, saved: Checked) -> None:
    assert signing_key_path().stat().st_mode & 0o777 == 0o600
    assert signing_key_path().parent.stat().st_mode & 0o777 == 0o700
    assert verify_key_path().exists()


@pytest.mark.parametrize("library", ["python", "numpy", "scipy", "scikit-learn", "joblib"])
def test_another_library_version_is_refused(models: Path, saved: Checked, library: str) -> None:
    libraries = {**saved.metadata["libraries"], library: "0.0.1"}
    resign(models, saved, libraries=libraries)
    assert refusal(models) == "library"


def test_a_pickle_of_another_scikit_learn_is_refused(models: Path, saved: Checked) -> None:
    version = saved.metadata["libraries"]["scikit-learn"].encode()
    content = saved.files["model.joblib"].replace(version, b"0" * len(version))
    assert content != saved.files["model.joblib"]
    (models / saved.version / "model.joblib").write_bytes(content)
    resign(models, saved, files={**saved.metadata["files"], "model.joblib": sha256(content)})
    assert refusal(models) == "library"


def test_another_format_is_refused(models: Path, saved: Checked) -> None:
    resign(models, saved, format=99)
    assert refusal(models) == "format"


def test_two_trainings_at_once_make_one_key_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIAGE_MODEL_SIGNING_KEY", str(tmp_path / "keys" / "signing.key"))
    monkeypatch.setenv("TRIAGE_MODEL_VERIFY_KEY", str(tmp_path / "keys" / "verify.pub"))
    with ThreadPoolExecutor(8) as pool:
        signatures = list(pool.map(sign, [b"data"] * 32))
    assert len(set(signatures)) == 1
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == [
        "signing.key",
        "verify.pub",
    ]


def test_other_rules_are_refused(models: Path, saved: Checked) -> None:
    resign(models, saved, rules_version="rules-0")
    assert refusal(models) == "rules"


def test_a_golden_case_that_differs_is_refused(models: Path, saved: Checked) -> None:
    golden = json.loads(saved.files["golden.json"])
    golden[3]["probabilities"][0] += 1e-7
    content = json.dumps(golden).encode()
    (models / saved.version / "golden.json").write_bytes(content)
    files = {**saved.metadata["files"], "golden.json": sha256(content)}
    resign(models, saved, files=files)
    assert refusal(models) == "golden"


def test_a_signed_bundle_under_another_name_is_refused(models: Path, saved: Checked) -> None:
    shutil.copytree(models / saved.version, models / "newer")
    assert refusal(models, "newer") == "corrupt"


@pytest.mark.parametrize("name", ["../x", "", "latest/..", "a b", ".hidden"])
def test_a_version_is_a_plain_name(models: Path, name: str) -> None:
    assert refusal(models, name) == "corrupt"


def test_promotion_switches_and_refuses_a_broken_version(models: Path, saved: Checked) -> None:
    save("second", dict(saved.files), saved.metadata, models)
    promote("second", models)
    assert latest_version(models) == "second"
    (models / saved.version / "model.joblib").write_bytes(b"")
    with pytest.raises(BundleRefused):
        promote(saved.version, models)
    assert latest_version(models) == "second"
    assert load_latest(models).version == "second"


def test_a_version_is_never_overwritten(models: Path, saved: Checked) -> None:
    assert save(saved.version, dict(saved.files), saved.metadata, models).digest == saved.digest
    with pytest.raises(BundleRefused):
        save(saved.version, dict(saved.files), {**saved.metadata, "seed": 99}, models)
    assert check_bytes(saved.version, models).digest == saved.digest
    assert [path for path in models.iterdir() if path.name.startswith(".")] == []


def test_training_again_gives_the_same_digest(
    records: list[Record], saved: Checked, tmp_path: Path
) -> None:
    again = train(records, source="synthetic", seed=7, models_dir=tmp_path)
    assert (again.version, again.digest) == (saved.version, saved.digest)


def test_checking_bytes_imports_nothing_heavy(models: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from ml.bundle import check_bytes; "
        "check_bytes('latest', Path(sys.argv[1])); "
        "heavy = {'numpy', 'sklearn', 'scipy', 'joblib', 'ml.predictor'} & set(sys.modules); "
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(models)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
