"""The services of Apprise through which we say more than Apprise passes on.

Apprise knows how to reach them. What its own classes lack for us: a mail that has our text beside
our HTML and one Message-ID at every attempt, Slack's own markup with a line for the notification on
a phone, and facts for programs in JSON. Every other service gets subject and text from Apprise.

Runs in the process that sends one alert (`sending`) and nowhere else: Apprise is large.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from html import escape
from typing import Any

from apprise import AppriseAsset, NotifyFormat
from apprise.manager_plugins import NotificationManager
from apprise.plugins import url_to_dict
from apprise.plugins.base import NotifyBase
from apprise.plugins.custom_json import NotifyJSON
from apprise.plugins.email import NotifyEmail
from apprise.plugins.email.base import PGPMode
from apprise.plugins.slack import NotifySlack, SlackMode

from daemon.alerting.tasks import Address, AlertData, EmailAddress, SlackAddress, UrlAddress


class UnusableTarget(Exception):
    """Nobody can be reached this way, now or later; the text says why, in one line."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One alert, in all the words that it may need."""

    subject: str
    text: str
    html: str
    slack: str
    message_id: str  # without a domain
    thread_id: str | None  # what all messages about one condition refer to; without a domain
    at: datetime
    data: AlertData
    files: list[tuple[str, bytes]] = field(default_factory=list)


def service_of(target: Address, letter: Letter, seconds: float) -> NotifyBase:
    """The service that reaches a target of the settings, ready to send `letter`.

    seconds: how long it waits for a server. Raises UnusableTarget.
    """
    asset = AppriseAsset(app_id="nightsort", storage_mode="memory", service_timeout=0)
    service = _reached_by(target, asset)
    service.socket_connect_timeout = service.socket_read_timeout = seconds
    if isinstance(service, Mail | Slack | Json):
        service.letter = letter
    return service


class Mail(NotifyEmail):
    """Mail, with text and HTML of ours, and the same Message-ID however often it is sent."""

    request_rate_per_sec = 0
    letter: Letter

    def send(self, *args: Any, **kwargs: Any) -> bool:
        """Send to all addresses; well when one at least took it, with a warning for the others."""
        if self.pgp_mode != PGPMode.NONE:
            return bool(super().send(*args, **kwargs))
        addresses = [address for _, address in self.targets] + [*self.cc, *self.bcc]
        try:
            with self._connection() as smtp:
                refused = smtp.sendmail(self._sender(), addresses, self._written().as_bytes())
        except smtplib.SMTPRecipientsRefused as exc:
            refused = exc.recipients
        except (OSError, smtplib.SMTPException, UnicodeError) as exc:
            self.logger.warning("%s: %s", self._server(), _why(exc))
            return False
        for address, (code, text) in refused.items():
            self.logger.warning("%s refused: %d %s", address, code, text.decode("utf-8", "replace"))
        return len(refused) < len(addresses)

    @contextmanager
    def _connection(self) -> Iterator[smtplib.SMTP]:
        """A session with the server, logged in if there is a user."""
        context = ssl.create_default_context()
        if not self.verify_certificate:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        where: dict[str, Any] = {
            "host": self.smtp_host,
            "port": self.port or 0,
            "timeout": self.socket_connect_timeout,
        }
        is_tls = self.secure_mode == "ssl"
        smtp = smtplib.SMTP_SSL(**where, context=context) if is_tls else smtplib.SMTP(**where)
        try:
            if self.secure_mode == "starttls":
                smtp.starttls(context=context)
            if self.user and self.password:
                smtp.login(self.user, self.password)
            yield smtp
        finally:
            with suppress(OSError, smtplib.SMTPException):
                smtp.quit()

    def _written(self) -> EmailMessage:
        letter = self.letter
        mail = EmailMessage(policy=SMTP)
        mail["Subject"] = letter.subject
        mail["From"] = formataddr((str(self.from_addr[0] or "nightsort"), self._sender()))
        mail["To"] = ", ".join(address for _, address in self.targets)
        if self.cc:
            mail["Cc"] = ", ".join(self.cc)
        if self.reply_to:
            mail["Reply-To"] = ", ".join(self.reply_to)
        mail["Date"] = format_datetime(letter.at)
        domain = self._sender().rpartition("@")[2]
        mail["Message-ID"] = f"<{letter.message_id}@{domain}>"
        if letter.thread_id is not None:
            mail["In-Reply-To"] = mail["References"] = f"<{letter.thread_id}@{domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"  # what Exchange heeds instead
        mail["X-Nightsort-Rule"] = letter.data["rule"]
        mail["X-Nightsort-Severity"] = letter.data["severity"]
        if letter.data["severity"] == "critical":
            mail["Importance"] = "high"
        for name, value in self.headers.items():
            mail[name] = value
        mail.set_content(letter.text, cte="quoted-printable")
        mail.add_alternative(letter.html, subtype="html", cte="quoted-printable")
        for name, content in letter.files:
            main, sub = media_type(name).split("/")
            mail.add_attachment(content, maintype=main, subtype=sub, filename=name)
        return mail

    def _sender(self) -> str:
        return str(self.from_addr[1])

    def _server(self) -> str:
        return f"{self.smtp_host}:{self.port}"


class Slack(NotifySlack):
    """Slack, in its own markup, and whatever else takes its webhooks."""

    request_rate_per_sec = 0
    letter: Letter
    address: str | None = None  # of the webhook; None: Slack's own, or a bot's

    def send(self, *_args: Any, **kwargs: Any) -> bool:
        """Send our words instead of what Apprise would make of the text."""
        if self.mode is not SlackMode.BOT:
            kwargs["attach"] = None  # webhooks take none
        ours = {"body": self.letter.slack, "title": "", "body_format": NotifyFormat.MARKDOWN}
        # Not passed through: that would make mentions of what looks like one.
        return bool(super().send(**{**kwargs, **ours, "body_passthrough": False}))

    def _send(self, url: str, payload: Any, *args: Any, **kwargs: Any) -> Any:
        if "attachments" in payload:
            subject = escape(self.letter.subject, quote=False)
            payload["text"] = f"*{subject}*"
            for part in payload["attachments"]:
                part |= {"fallback": subject, "mrkdwn_in": ["text"]}
        return super()._send(self.address or url, payload, *args, **kwargs)


class Json(NotifyJSON):
    """A program: the title is the rule, and the facts are there as data."""

    letter: Letter

    def send(self, *_args: Any, **kwargs: Any) -> bool:
        """Send with our title, subject and text, and the facts."""
        self.payload_extras = {**self.letter.data, **self.payload_extras}
        body = f"{self.letter.subject}\n\n{self.letter.text}"
        return bool(super().send(**{**kwargs, "body": body, "title": self.letter.data["rule"]}))


def media_type(name: str) -> str:
    """What a file of ours is, by its ending."""
    endings = {"csv": "text/csv", "html": "text/html", "json": "application/json"}
    return endings.get(name.rpartition(".")[2], "application/octet-stream")


def _reached_by(target: Address, asset: AppriseAsset) -> NotifyBase:
    match target["type"]:
        case "email":
            return _mail(target, asset)
        case "slack":
            return _slack(target, asset)
        case "url":
            return _by_url(target, asset)


def _mail(target: EmailAddress, asset: AppriseAsset) -> Mail:
    modes = {"none": "insecure", "starttls": "starttls", "tls": "ssl"}
    service = Mail(
        smtp_host=target["host"],
        port=target["port"],
        secure_mode=modes[target["security"]],
        from_addr=target["sender"],
        targets=target["to"],
        asset=asset,
    )
    # Given to the constructor, each % in them would begin a quoted character.
    service.user, service.password = target["user"], target["password"]
    return service


def _slack(target: SlackAddress, asset: AppriseAsset) -> Slack:
    if target["token"] is not None:
        service = Slack(access_token=target["token"], targets=target["channel"], asset=asset)
    else:
        # The tokens stand for those in the address, which is used as it was given.
        service = Slack(token_a="T", token_b="B", token_c="X", asset=asset)  # noqa: S106
        service.address = target["webhook"]
    return _plain(service)


def _by_url(target: UrlAddress, asset: AppriseAsset) -> NotifyBase:
    found = url_to_dict(target["url"], secure_logging=True)
    if found is None:
        raise UnusableTarget("Apprise does not understand its URL; correct it in the settings")
    manager = NotificationManager()
    maker = _OURS.get(found["schema"], manager[found["schema"]])
    if not maker.enabled:
        raise UnusableTarget(f"Apprise lacks a package for {found['schema']}:// here")
    service: NotifyBase = maker(**found, asset=asset)
    return _plain(service) if isinstance(service, Slack) else service


def _plain(service: Slack) -> Slack:
    """Without pictures that Slack would fetch from elsewhere."""
    service.include_image = service.include_footer = False
    return service


_OURS = {"mailto": Mail, "mailtos": Mail, "slack": Slack, "json": Json, "jsons": Json}


def _why(error: Exception) -> str:
    """The real reason, as short as it can be told."""
    match error:
        case smtplib.SMTPAuthenticationError():
            why = f"login refused: {_said(error)}"
        case smtplib.SMTPResponseException():
            why = _said(error)
        case ssl.SSLCertVerificationError():
            why = f"its certificate is not trusted ({error.verify_message})"
        case TimeoutError():
            why = "no answer in time"
        case UnicodeError():
            why = "user and password may hold ASCII characters only"
        case OSError() if error.strerror:
            why = error.strerror
        case _:
            why = str(error) or type(error).__name__
    return why


def _said(error: smtplib.SMTPResponseException) -> str:
    text = error.smtp_error
    return (
        f"{error.smtp_code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}"
    )
