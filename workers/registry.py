"""Bundles and their registry rows: what is written into a row was proven in this process.

The rows are `backend.monitoring.registry`; this module opens the bundles for them.
"""

import getpass
from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings

from backend.monitoring import registry
from backend.monitoring.registry import Change, Entry, ModelRecord, Refused, Registration
from ml import bundle
from ml.bundle import Bundle
from ml.errors import BundleRefused

# The vocabulary was learnt from training records and is long; it stays in the bundle.
_NOT_SHOWN: Final = frozenset({"feature_names", "vocabulary", "files", "metrics"})
_CARD: Final = "MODEL_CARD.md"


def operator() -> str:
    """Who acts: the operating system's user."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return "unknown"


def prove(entry: Entry) -> Bundle:
    """The bundle of a registered version, proven in this process.

    Raises `BundleRefused`, with reason `digest` if the directory of that name holds another
    bundle than the one that was registered.
    """
    found = bundle.load(entry.version)
    if found.digest != entry.digest:
        raise BundleRefused("digest", f"{entry.version} is not the bundle that was registered")
    return found


def describe(proven: Bundle) -> Registration:
    """The row's content for a proven bundle. Raises `BundleRefused` if its files changed since."""
    checked = bundle.check_bytes(proven.version)
    if checked.digest != proven.digest:
        raise BundleRefused("digest", f"{proven.version} changed while it was read")
    return Registration(
        version=proven.version,
        digest=proven.digest,
        rules_version=str(proven.metadata["rules_version"]),
        metadata=_shown(proven.metadata),
        card=checked.files[_CARD].decode(errors="replace"),
        metrics=dict(proven.metadata.get("metrics", {})),
    )


def _shown(metadata: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in metadata.items() if name not in _NOT_SHOWN}
    return kept | {"features": len(metadata.get("feature_names", ()))}


def serve_first(proven: Bundle) -> Entry:
    """Make a row for the first bundle that a worker proved; returns what serves then."""
    reason = "nothing was serving; the pointer named this version and a worker proved it"
    return registry.serve_first(describe(proven), Change("worker", reason))


def candidate(version: str, by: str | None = None) -> tuple[Bundle, ModelRecord]:
    """Prove `version` here and register it if it is new; `by` is who acts, default `operator()`.

    Raises `BundleRefused`, or `Refused` if another bundle is registered under its name.
    """
    proven = bundle.load(version)
    return proven, registry.register(describe(proven), Change(by or operator(), ""))


def unreachable_floors(record: ModelRecord) -> list[str]:
    """Floors of the daily check that the version did not reach on its own held-out data, in words:
    with it every day would be a warning or a breach, and say nothing new."""
    measured = record.metrics.get("model", {})
    found = []
    for measure, floor, variable in (
        ("accuracy", settings.ACCURACY_FLOOR, "ACCURACY_FLOOR"),
        ("emergency_recall", settings.EMERGENCY_RECALL_FLOOR, "EMERGENCY_RECALL_FLOOR"),
    ):
        own = measured.get(measure)
        if own and own["share"] < floor:
            how = "wholly under" if own["high"] < floor else "under"
            found.append(
                f"its held-out {measure.replace('_', ' ')} of {own['share']:.1%} "
                f"({own['low']:.1%}–{own['high']:.1%}) is {how} {variable} of {floor:.0%}: "
                "the daily check will not reach it either"
            )
    return found


def unregistered() -> list[str]:
    """Names of the bundles on this machine that have no row; whether they are whole is not said."""
    directory = bundle.default_models_dir()
    known = {one.version for one in registry.listed()}
    found = directory.glob(f"[!.]*/{bundle.METADATA}")
    return sorted({place.parent.name for place in found} - known)


def roll_back(reason: str, by: str | None = None, to: str | None = None) -> str:
    """Serve again what served before, proven here first; returns its version.

    `to` is the version that the caller means. Raises `Refused`, or `BundleRefused` if the earlier
    bundle is not what it was.
    """
    serving = registry.roles().serving
    record = registry.find(serving.version) if serving else None
    earlier = registry.find(record.previous) if record and record.previous else None
    if earlier is None:
        raise Refused("there is no earlier version to roll back to; promote one")
    if to is not None and to != earlier.version:
        raise Refused("another version was promoted meanwhile; look again")
    prove(Entry(earlier.version, earlier.digest))
    registry.roll_back(Change(by or operator(), reason), to=earlier.version)
    return earlier.version
