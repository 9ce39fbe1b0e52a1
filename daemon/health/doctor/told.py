"""What the doctor says of those who are told: people of trouble, another system of decisions."""

from __future__ import annotations

from config.settings import Settings
from config.variables import credentials_are_here
from daemon.alerting.targets import targets_of
from daemon.health.doctor.findings import Findings, advice, ok, wrong
from daemon.health.status_file import read


def of_handover(settings: Settings) -> Findings:
    """Whether another system can be told; nothing is sent."""
    webhook, secret = settings.handover.webhook, settings.handover.secret
    if webhook is None:
        return
    if secret is not None:
        yield ok("handover", "the webhook is called, signed")
    elif credentials_are_here():
        text = "[handover] has a webhook and no secret, so nothing is sent"
        yield wrong("handover", text, "put one into the credential NIGHTSORT_HANDOVER__SECRET")
    else:
        yield ok("handover", "the webhook is called with the service's secret: nightsort status")


def of_alerts(settings: Settings) -> Findings:
    """Whether people are told of trouble, and hear of it."""
    targets = targets_of(settings)
    if not targets:
        yield advice("alerts", "nobody would be told of trouble", "set [alerts] targets")
        return
    for severity in ("critical", "error"):
        if not any(severity in target.severities for target in targets):
            remedy = f'add "{severity}" to the severities of a target'
            yield advice("alerts", f"nobody would be told what is {severity}", remedy)
    for target in targets:
        what = f"{target.name} is told what is {', '.join(target.severities)}"
        if target.has_credential and not credentials_are_here():
            yield ok("alerts", f"{what}; with the service's secret: nightsort alerts test")
        elif problem := target.problem():
            yield wrong("alerts", f"{target.name}: {problem}", "correct [alerts] targets")
        else:
            yield ok("alerts", what)
    document, _ = read(settings.state_dir)
    if waiting := (document["alerts"] or {}).get("undelivered"):
        text = f"alerts that have not arrived yet: {waiting}"
        yield advice("alerts", text, "see why with: nightsort alerts list")
