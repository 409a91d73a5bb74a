"""The model card that travels inside every bundle."""

from collections.abc import Mapping
from typing import Any

from ml import slices
from ml.evaluation import Scores, table

_CARD = """# Model card

**What it is.** A multinomial logistic regression over clinical terms, vital signs and the rules'
findings; it proposes one of four triage levels with a calibrated probability.

**What it is for.** Decision support beside the rules engine of this service. It decides nothing
alone: a red flag is final, a safety floor is never undercut, and an unsure answer is never less
urgent than the rules'.

**What it must not be used for.** Telling a patient that they are well; cases outside its training
data; any use as the only opinion.

**Data.** {source}: {records} records, digest `{digest}`. {synthetic}

**Operating point.** Emergency from a probability of {emergency}; at least urgent from a
probability of emergency of {urgent}; the routine level is weighted {routine}.

**Results.** {method}:

```
{table}
```

**Parts of the patients**, on the same unseen answers (95 % intervals):

```
{parts}
```

**Limits.** Synthetic or local training data carry their makers' view of the world; measure on your
own patients (`python -m ml evaluate --data FILE`) before use, and by age and complaint group.
Rules `{rules}`; features, calibration and candidates are described in `docs/model.md`.
"""


def model_card(metadata: Mapping[str, Any], scores: Scores, parts: dict[str, Scores]) -> str:
    """Markdown for `metadata` as `ml.training` writes it."""
    thresholds = metadata["thresholds"]
    synthetic = (
        "Every patient in it is invented; the results below say how well the model has learnt the "
        "inventor's rules, not how well it triages people."
        if metadata["source"] == "synthetic"
        else "Real records; they are described by shares and deciles in the metadata only."
    )
    return _CARD.format(
        source=metadata["source"],
        records=metadata["training_data"]["records"],
        digest=metadata["training_data"]["digest"][:16],
        synthetic=synthetic,
        emergency=thresholds["emergency"],
        urgent=thresholds["not_below_urgent"],
        routine=thresholds["routine_weight"],
        method=metadata["metrics"]["method"],
        table=table({"model": scores}),
        parts=slices.table(parts),
        rules=metadata["rules_version"],
    )
