"""Carrying out what people ordered in the console: promote, roll back, shadow, retire."""

import structlog

from backend.logs import failure
from backend.monitoring import orders
from backend.monitoring import registry as rows
from backend.monitoring.orders import Action, Order, Outcome
from backend.monitoring.registry import Change, Refused
from ml.errors import BundleRefused
from workers import promotion
from workers import registry as bundles

log = structlog.get_logger()


def carry_out() -> int:
    """Do what waits, one after the other; returns how many orders were finished."""
    finished = 0
    while (order := orders.take()) is not None:
        orders.finish(order, _outcome(order))
        finished += 1
    return finished


def _outcome(order: Order) -> Outcome:
    try:
        return _done(order)
    except (Refused, BundleRefused) as refusal:
        return Outcome(done=False, reasons=(str(refusal),))
    except Exception as error:  # the person who waits is told, whatever it was
        log.error("order.failed", **failure(error))
        text = f"it failed here ({type(error).__name__}); the background worker's log says where"
        return Outcome(done=False, reasons=(text,))


def _done(order: Order) -> Outcome:
    if order.action == Action.PROMOTE:
        found = promotion.promote(
            order.version, by=order.by, reason=order.reason, override=order.override
        )
        return Outcome(found.promoted, found.verdict.reasons, found.verdict.to_json())
    change = Change(order.by, order.reason)
    if order.action == Action.ROLLBACK:
        bundles.roll_back(order.reason, order.by, to=order.version)
    elif order.action == Action.SHADOW:
        bundles.candidate(order.version, order.by)
        rows.put_in_shadow(order.version, change)
    else:
        rows.retire(order.version, change)
    return Outcome(done=True)
