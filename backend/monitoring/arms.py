"""Which phase of a trial is current, as the accept path asks it: without a query of its own."""

from dataclasses import dataclass

from django.conf import settings

from backend.monitoring.experiment_models import Phase
from ml.assignment import Experiment


@dataclass(frozen=True, slots=True)
class Active:
    """What a web process assigns patients with. `phase_id` is 0 without any trial in the database:
    then the settings decide."""

    phase_id: int
    experiment: Experiment


# None: not read yet. Phase 0: there is no trial in the database.
_known: Active | None = None


def current() -> Active:
    """The phase that this process believes is current. Read once and kept: the statement that
    stores a request compares it with the row, and `forget` follows where they differ."""
    global _known
    if _known is None:
        _known = _read()
    return _known if _known.phase_id else Active(0, _from_settings())


def forget() -> None:
    """Read the phase again at the next request: another one is current."""
    global _known
    _known = None


def _read() -> Active:
    rows = Phase.objects.filter(current=True)
    row = rows.values_list("id", "number", "ml_share", "experiment__name").first()
    if row is None:
        return Active(0, _from_settings())
    phase_id, number, share, name = row
    return Active(phase_id, Experiment(name, settings.EXPERIMENT_SALT, number, share))


def _from_settings() -> Experiment:
    return Experiment(
        settings.EXPERIMENT_NAME,
        settings.EXPERIMENT_SALT,
        settings.EXPERIMENT_PHASE,
        settings.EXPERIMENT_ML_SHARE,
    )
