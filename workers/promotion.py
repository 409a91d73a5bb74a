"""Promoting a version: prove it, compare it with what serves, and let it serve if it may.

One way for the command and for orders from the console; only here the gate meets the registry.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backend.monitoring import registry as rows
from backend.monitoring.registry import Change, Refused
from ml.bundle import Bundle
from ml.errors import BundleRefused
from workers import registry as bundles

if TYPE_CHECKING:  # the gate loads the numeric libraries: only a promotion needs them
    from workers.gate import Verdict


@dataclass(frozen=True, slots=True)
class Attempt:
    """How it ended. `overridden`: promoted against the gate's word; `unloadable` says why what
    serves could not be loaded (then the rules alone were the measure), else empty."""

    version: str
    verdict: "Verdict"
    promoted: bool
    overridden: bool
    unloadable: str = ""


def promote(
    version: str, *, by: str, reason: str, override: bool = False, data: Path | None = None
) -> Attempt:
    """Let `version` serve, if the gate finds it no worse or `override` is set.

    `data` are labelled records that neither model was trained on; default: a synthetic cohort kept
    for this. Raises `Refused`, `BundleRefused`, and for `data` `InvalidRecord` or `OSError`.
    """
    from workers import gate

    candidate, record = bundles.candidate(version, by)
    if record.stage == "serving":
        raise Refused(f"{record.version} serves already")
    serving, against, unloadable = rows.roles().serving, None, ""
    if serving is not None:
        try:
            against = bundles.prove(serving)
        except BundleRefused as refusal:
            # The workers refuse it too: what patients get now is the rules alone.
            unloadable = str(refusal)
    trained: list[Bundle] = [one for one in (candidate, against) if one is not None]
    records, words = gate.held_data(data, trained)
    verdict = gate.compare(candidate, against, records, words)
    overridden = not verdict.passed and override
    change = Change(by, reason, verdict.to_json(), overridden)
    promoted = verdict.passed or overridden
    if promoted:
        rows.promote(record.version, change, serving.digest if serving else None)
    else:
        rows.record_refusal(record.version, change)
    return Attempt(record.version, verdict, promoted, overridden, unloadable)
