"""Whom alerts reach: the targets of the settings, each ready to be sent an alert.

Sending is synchronous and bounded: whoever calls decides when, how often and beside what else. What
an alert says is for `render`; how a service is spoken to, for the process that `senders` starts.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import structlog
from pydantic import SecretStr

from config.errors import ConfigError
from config.readable import plain
from config.settings import Settings
from config.targets import EmailTarget, Severity, SlackTarget, UrlTarget
from config.variables import credential
from daemon.alerting.render import Message, message_of
from daemon.alerting.senders import send
from daemon.alerting.tasks import Address, LetterTask
from daemon.domain.alert_answers import TargetsAnswer, TargetTried
from daemon.domain.alerts import Alert, Sent

log = structlog.get_logger()

_HIDDEN = "****"
_LONGEST_ERROR = 300
_CHECK_SECONDS = 10.0
_TRY_SECONDS = 20.0
# Shorter parts of an address are words such as "hooks"; hiding them would hide what went wrong.
_SHORTEST_SECRET = 8
_NOTIFY_TYPES = {"info": "info", "warning": "warning", "error": "failure", "critical": "failure"}


def targets_of(settings: Settings) -> tuple[Target, ...]:
    """All targets, each with a name of its own."""
    found: list[Target] = []
    for one in settings.alerts.targets:
        name = one.name or _made_name(one)
        namesakes = sum(re.fullmatch(rf"{re.escape(name)}( \(\d+\))?", t.name) is not None
                        for t in found)  # fmt: skip
        found.append(
            Target(
                f"{name} ({namesakes + 1})" if namesakes else name,
                one,
                lambda alert: message_of(alert, settings),
                int(settings.alerts.attach_max_mb * 1_000_000),
            )
        )
    return tuple(found)


def enlisted(settings: Settings) -> tuple[Target, ...]:
    """All targets, looked over in the background: what is wrong with one is logged at once."""
    targets = targets_of(settings)
    threading.Thread(target=_look_over, args=(targets,), name="targets", daemon=True).start()
    return targets


def try_out(settings: Settings, now: datetime) -> TargetsAnswer:
    """Send each a test alert now, and bring back the real error, in the order of the settings.

    All at the same time, and each whatever it wants to hear.
    """
    test = Alert(f"test.{now:%Y%m%d%H%M%S%f}", "test", "info", "told", 1, now, {})
    targets = targets_of(settings)
    with ThreadPoolExecutor(max_workers=max(1, len(targets))) as pool:
        outcomes = pool.map(lambda target: target.deliver(test, _TRY_SECONDS), targets)
        return TargetsAnswer(
            tuple(
                TargetTried(target.name, outcome.is_delivered, outcome.error)
                for target, outcome in zip(targets, outcomes, strict=True)
            )
        )


def _look_over(targets: Iterable[Target]) -> None:
    for target in targets:
        why = target.problem()
        if why:
            log.error("alert_target_unusable", target=target.name, why=why)


class Target:
    """Somebody to be told."""

    def __init__(
        self,
        name: str,
        settings: UrlTarget | EmailTarget | SlackTarget,
        compose: Callable[[Alert], Message],
        most_bytes: int,
    ) -> None:
        """`name` holds no secret; most_bytes: of a file that is attached."""
        self.name = name
        self.severities: tuple[Severity, ...] = settings.severities
        self._settings = settings
        self._compose = compose
        self._most_bytes = most_bytes

    @property
    def has_credential(self) -> bool:
        """Whether its secret is one that systemd hands over."""
        return bool(self._settings.credentials)

    def deliver(self, alert: Alert, deadline_seconds: float) -> Sent:
        """Send it, now; never raises, and takes no longer than the deadline and a second.

        Delivered with an error means that some of its addressees were refused, for good.
        """
        return self._carried(alert, deadline_seconds, is_sent=True)

    def problem(self) -> str:
        """What is wrong with it as far as can be said without sending; empty when nothing is."""
        nothing = Alert("check", "test", "info", "told", 1, datetime.now(UTC), {})
        return self._carried(nothing, _CHECK_SECONDS, is_sent=False).error

    def _carried(self, alert: Alert, deadline_seconds: float, *, is_sent: bool) -> Sent:
        try:
            address = _address_of(self._settings)
        except ConfigError as exc:
            return Sent(False, str(exc))
        secrets = [*_secrets_in(self._settings, address)]
        ca_file = self._settings.ca_file
        outcome = send(
            {
                "target": address,
                "ca_file": None if ca_file is None else str(ca_file),
                "letter": _letter(alert, self._compose(alert), self.name),
                "notify_type": _notify_type(alert),
                "files": [str(path) for path in alert.attachments],
                "most_bytes": self._most_bytes,
                "is_sent": is_sent,
                "seconds": deadline_seconds,
            }
        )
        return Sent(outcome.is_delivered, _fit_to_be_told(outcome.error, secrets))


def _letter(alert: Alert, message: Message, target: str) -> LetterTask:
    condition = alert.facts.get("since")
    return {
        "subject": message.subject,
        "text": message.text,
        "html": message.html,
        "slack": message.slack,
        "message_id": _digest(alert.key, target),
        "thread_id": _digest(alert.rule, str(condition)) if condition else None,
        "at": alert.at.isoformat(),
        "data": {
            "rule": alert.rule,
            "severity": alert.severity,
            "phase": alert.phase,
            "day": alert.day,
            "key": alert.key,
            "at": alert.at.isoformat(),
            "facts": message.facts,
        },
    }


def _notify_type(alert: Alert) -> str:
    return "success" if alert.phase == "resolved" else _NOTIFY_TYPES[alert.severity]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _made_name(target: UrlTarget | EmailTarget | SlackTarget) -> str:
    match target:
        case EmailTarget():
            others = f" and {len(target.to) - 1} more" if len(target.to) > 1 else ""
            return f"mail to {target.to[0]}{others}"
        case SlackTarget():
            return f"Slack {target.channel}" if target.channel else "Slack"
        case UrlTarget(url=SecretStr() as url):
            secret = url.get_secret_value()
            return f"{secret.partition('://')[0].lower()} {_digest(secret)[:6]}"
        case _:
            return str(target.url_credential)


def _address_of(target: UrlTarget | EmailTarget | SlackTarget) -> Address:
    """What the sending process needs to know, secrets among it. Raises ConfigError."""
    match target:
        case EmailTarget():
            return {
                "type": "email",
                "host": target.host,
                "port": target.effective_port,
                "security": target.security,
                "user": target.user,
                "password": _secret(target.password, target.password_credential),
                "sender": target.sender,
                "to": list(target.to),
            }
        case SlackTarget():
            return {
                "type": "slack",
                "webhook": _secret(target.webhook, target.webhook_credential),
                "token": _secret(target.token, target.token_credential),
                "channel": target.channel,
            }
        case _:
            return {"type": "url", "url": _secret(target.url, target.url_credential)}


def _secret(value: SecretStr | None, credential_name: str | None) -> str | None:
    if credential_name is not None:
        return credential(credential_name)
    return None if value is None else value.get_secret_value()


def _secrets_in(target: UrlTarget | EmailTarget | SlackTarget, address: Address) -> Iterator[str]:
    """Everything in an address that nobody may read in a log."""
    secret, url = _hidden(address)
    if secret:
        yield secret
    if url is None:
        return
    yield url
    try:
        parts = urlsplit(url)
    except ValueError:  # no address at all; Apprise will say so
        return
    if parts.password:
        yield parts.password
    pieces = [*parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))]
    if isinstance(target, UrlTarget):
        # In many an Apprise URL a token stands where others have user and host.
        pieces += [parts.username or "", "" if "." in (parts.hostname or "") else parts.netloc]
    yield from (piece for piece in pieces if len(piece) >= _SHORTEST_SECRET and "@" not in piece)


def _hidden(address: Address) -> tuple[str | None, str | None]:
    """Password or token of an address, and its URL, which may hold more."""
    match address["type"]:
        case "email":
            return address["password"], None
        case "slack":
            return address["token"], address["webhook"]
        case "url":
            return None, address["url"]


def _fit_to_be_told(error: str, secrets: list[str]) -> str:
    """One line without secrets, in whichever way they may be written."""
    for secret in sorted(secrets, key=len, reverse=True):
        for spelling in {secret, unquote(secret), quote(secret), quote(secret, safe="")}:
            error = error.replace(spelling, _HIDDEN)
    line = plain(" ".join(error.split()))
    return line if len(line) <= _LONGEST_ERROR else f"{line[:_LONGEST_ERROR]} …"
