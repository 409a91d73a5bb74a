"""`python -m ml`: train, verify, evaluate, decide. No web, no queue, no database."""

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

# Before numpy is imported: one thread per process, as the service runs it.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from ml.assignment import Experiment, assign  # noqa: E402
from ml.bundle import LATEST, Bundle, load, promote  # noqa: E402
from ml.case import TriageCase, parse_case  # noqa: E402
from ml.decision import Arm, decide, explain  # noqa: E402
from ml.errors import BundleRefused, InvalidCase, InvalidRecord, TriageError  # noqa: E402
from ml.records import Record, read_records, split_body  # noqa: E402
from ml.rules.engine import assess  # noqa: E402

if TYPE_CHECKING:
    from ml.prediction import Prediction

COHORT_RECORDS: Final = 8_000
_BATCH: Final = 256
# The arm that `--arm assigned` asks for; a running trial's own salt lives in the database.
_TRIAL: Final = Experiment(name="command-line", salt="command-line", phase=1, ml_share=0.5)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when done, 1 when something was refused."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except TriageError as error:
        print(f"ml: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"ml: {error.filename or 'output'}: {error.strerror}", file=sys.stderr)
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml", description=__doc__)
    commands = parser.add_subparsers(required=True)

    def command(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        found = commands.add_parser(name, help=text, description=text)
        found.set_defaults(run=run)
        return found

    train = command("train", _train, "Train a model and save it as a signed bundle.")
    train.add_argument("--data", type=Path, help="JSON lines or a KTAS table; else synthetic")
    train.add_argument("--name", help="the version's name; else made from its content")
    train.add_argument("--seed", type=int, default=1)
    train.add_argument("--records", type=int, default=COHORT_RECORDS, help="size of the cohort")
    train.add_argument("--no-promote", action="store_true", help="save it, but serve another")
    verify = command("verify", _verify, "Prove a bundle as a worker does before serving it.")
    verify.add_argument("--bundle", default=LATEST)
    verify.add_argument("--json", action="store_true")
    evaluate = command("evaluate", _evaluate, "Compare a model's answers with labels.")
    evaluate.add_argument("--data", type=Path, help="labelled records; else a fresh cohort")
    evaluate.add_argument("--bundle", default=LATEST)
    evaluate.add_argument("--json", action="store_true")
    decide_ = command("decide", _decide, "Decide one request per JSON line.")
    decide_.add_argument("file", help="JSON lines, or - for standard input")
    decide_.add_argument("--bundle", default=LATEST)
    decide_.add_argument("--arm", choices=("ml", "rules", "assigned"), default="ml")
    return parser


def _train(options: argparse.Namespace) -> int:
    from ml.cohort import generate
    from ml.training import train

    started = time.monotonic()

    def say(stage: str) -> None:
        print(f"[{time.monotonic() - started:5.1f} s] {stage}", flush=True)

    if options.data:
        say("reading records")
        records, source = list(read_records(options.data)), "file"
    else:
        say(f"inventing {options.records} synthetic patients, seed {options.seed}")
        records, source = list(generate(options.records, options.seed)), "synthetic"
    checked = train(records, source=source, seed=options.seed, name=options.name, say=say)
    load(checked.version)
    if not options.no_promote:
        promote(checked.version)
    say(f"{checked.version} {'saved' if options.no_promote else 'promoted'}, {checked.digest}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    try:
        bundle = load(options.bundle)
        found = {"ok": True, "version": bundle.version, "digest": bundle.digest}
    except BundleRefused as error:
        found = {"ok": False, "reason": error.reason, "detail": error.detail}
    if options.json:
        print(json.dumps(found))
    else:
        print("\n".join(f"{name}: {value}" for name, value in found.items()))
    return 0 if found["ok"] else 1


def _evaluate(options: argparse.Namespace) -> int:
    from ml.cohort import generate
    from ml.evaluation import evaluate, table

    bundle = load(options.bundle)
    if options.data:
        records: list[Record] = list(read_records(options.data))
    else:
        # Not the seed that the model was trained on.
        records = list(generate(2_000, int(bundle.metadata["seed"]) + 1_000))
    if not any(record.level is not None for record in records):
        raise InvalidRecord("no record has a label")
    results = evaluate(records, bundle)
    if options.json:
        found = {name: scores.to_json() for name, scores in results.items()}
        print(json.dumps({"version": bundle.version, "digest": bundle.digest, **found}))
    else:
        print(f"{bundle.version} {bundle.digest}\n\n{table(results)}")
    return 0


def _decide(options: argparse.Namespace) -> int:
    try:
        bundle = load(options.bundle)
    except BundleRefused as error:
        print(f"ml: {error}; the rules answer alone", file=sys.stderr)
        bundle = None
    code = 0
    with _opened(options.file) as lines:
        batch: list[dict[str, Any] | tuple[Any, TriageCase]] = []
        for number, text in enumerate(lines, start=1):
            if text.strip():
                batch.append(_parsed(number, text))
                code |= isinstance(batch[-1], dict)
            if len(batch) == _BATCH:
                _answer(batch, bundle, options.arm)
                batch = []
        _answer(batch, bundle, options.arm)
    return code


@contextmanager
def _opened(name: str) -> Iterator[IO[str]]:
    if name == "-":
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
        yield sys.stdin
    else:
        with Path(name).open(encoding="utf-8-sig", errors="replace") as file:
            yield file


def _parsed(number: int, text: str) -> dict[str, Any] | tuple[Any, TriageCase]:
    """(id, case), or the line that says why it was refused."""
    try:
        body, extra = split_body(number, text)
    except InvalidRecord:
        return {"line": number, "errors": [{"field": "", "code": "json", "message": "no object"}]}
    try:
        return extra.get("id"), parse_case(body)
    except InvalidCase as error:
        return {"line": number, "errors": [e.to_json() for e in error.errors]}


def _answer(
    batch: list[dict[str, Any] | tuple[Any, TriageCase]], bundle: Bundle | None, wanted: str
) -> None:
    """Print one line per entry, in order."""
    valid = [entry for entry in batch if not isinstance(entry, dict)]
    rows = [(case, assess(case)) for _, case in valid]
    predictions: Sequence[Prediction | None]
    if bundle is None or wanted == "rules":
        predictions = [None] * len(rows)
    else:
        predictions = bundle.predictor.predict_many(rows)
    answers = []
    for (identity, case), (_, rules), prediction in zip(valid, rows, predictions, strict=True):
        arm = _arm(case, wanted, red_flag=rules.red_flag)
        policy = {} if bundle is None else {"policy": bundle.policy}
        decision = decide(rules, prediction or "no_model", arm, **policy)
        said = {} if identity is None else {"id": identity}
        answers.append(
            {
                **said,
                "prediction": decision.level.label,
                **decision.to_json(),
                "model_version": bundle.version if bundle else None,
                "explanation": explain(rules, prediction),
            }
        )
    ready = iter(answers)
    for entry in batch:
        print(json.dumps(entry if isinstance(entry, dict) else next(ready)), flush=True)


def _arm(case: TriageCase, wanted: str, *, red_flag: bool) -> Arm:
    from ml.evaluation import arm_of

    if wanted == "rules":
        return "rules"
    if wanted == "ml":
        return arm_of(case)
    reference = hashlib.sha256((case.patient_id or "").encode()).hexdigest()
    return assign(case, reference, _TRIAL, red_flag=red_flag)


if __name__ == "__main__":
    sys.exit(main())
