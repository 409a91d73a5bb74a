"""One error tree for `ml`. No message ever holds a patient's words or values."""

from dataclasses import dataclass


class TriageError(Exception):
    """Root of every error that `ml` raises on purpose."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One refused field: where it is, which rule it broke, what was expected."""

    field: str
    code: str
    message: str

    def to_json(self) -> dict[str, str]:
        return {"field": self.field, "code": self.code, "message": self.message}


class InvalidCase(TriageError):
    """The request body was refused; `errors` name each field and what was expected."""

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__("; ".join(f"{e.field}: {e.message}" for e in errors))
        self.errors = errors


class InvalidRecord(TriageError):
    """A training or replay record cannot be read; names the line and the column."""


class BundleRefused(TriageError):
    """A model bundle that must not be served: `reason` is one of the stable codes below."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class BundleMissing(BundleRefused):
    """There is no bundle at all (a fresh machine before its first training)."""

    def __init__(self, detail: str) -> None:
        super().__init__("missing", detail)
