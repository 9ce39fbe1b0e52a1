"""Noting that somebody knows of an alert, at the word of whoever is signed in to the page."""

from __future__ import annotations

import structlog

from config.errors import NightsortError
from daemon.domain.alert_answers import AlertAnswer
from daemon.domain.clock import Clock
from daemon.domain.orders import Acknowledge, Given
from daemon.store import Alerts

log = structlog.get_logger()


class NoSuchAlert(NightsortError):
    """An alert was meant that there is not."""


def acknowledge(alerts: Alerts, clock: Clock, given: Given) -> AlertAnswer:
    """Note who knows of it; who said so first stays. Raises NoSuchAlert.

    `nightsort alerts ack` does the same beside the daemon.
    """
    order, by = given.order, given.by
    assert isinstance(order, Acknowledge)
    first = alerts.acknowledge(order.alert, by.person, clock.now())
    if first is None:
        raise NoSuchAlert(f"there is no alert {order.alert}; it may be forgotten since")
    log.info("alert_acknowledged", alert=order.alert, person=by.person, via=by.via)
    return AlertAnswer(first)
