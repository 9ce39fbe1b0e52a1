"""Whom alerts go to: mail and Slack in plain fields, everybody else by an Apprise URL.

A secret stands in its field, or in a systemd credential that the field beside it names. Here it is
only named: it is read when something is sent, so that a command without it still has its settings.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    model_validator,
)

from config.section import Credential, Section

Severity = Literal["info", "warning", "error", "critical"]
MailSecurity = Literal["none", "starttls", "tls"]

DEFAULT_PORTS: dict[MailSecurity, int] = {"none": 25, "starttls": 587, "tls": 465}


def _apprise_url(url: SecretStr) -> SecretStr:
    if not re.match(r"[a-z][a-z0-9+.-]*://\S", url.get_secret_value(), re.IGNORECASE):
        raise ValueError("must be an Apprise URL, such as json://monitor.example.com/alerts")
    return url


def _web_hook(url: SecretStr) -> SecretStr:
    if not re.match(r"https?://[^\s/]+/\S+$", url.get_secret_value(), re.IGNORECASE):
        raise ValueError("must be the https:// address that Slack gave you for the webhook")
    return url


def _host_name(host: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:]+", host):
        raise ValueError("must be a host name alone, such as mail.example.com")
    return host


def _mail_address(address: str) -> str:
    if not re.fullmatch(r"[!-~]+@[A-Za-z0-9.-]+", address) or re.search(r"[<>,;:\"]", address):
        raise ValueError("must be a mail address alone, such as ops@example.com")
    return address


MailAddress = Annotated[str, AfterValidator(_mail_address)]


class _Target(Section):
    """What every target has."""

    name: str | None = Field(
        None,
        pattern=r"^[^\x00-\x1f\x7f]{1,60}$",
        description="What it is called in messages and logs. Default: made from its address.",
    )
    severities: tuple[Severity, ...] = Field(
        ("error", "critical"), min_length=1, description="What this target wants to hear."
    )
    ca_file: Path | None = Field(
        None,
        description="PEM file with the certificate authorities to trust instead of the system's.",
    )

    @property
    def credentials(self) -> tuple[str, ...]:
        """The systemd credentials that its fields name."""
        fields = (name for name in type(self).model_fields if name.endswith("_credential"))
        named = (getattr(self, name) for name in fields)
        return tuple(name for name in named if name is not None)

    def _needs_one_of(self, *fields: str) -> None:
        """Raise ValueError unless exactly one of these fields is set."""
        if sum(getattr(self, field) is not None for field in fields) != 1:
            raise ValueError(f"set one of {', '.join(fields)}")


class UrlTarget(_Target):
    """Any service that Apprise knows, by its URL."""

    type: Literal["url"] = "url"
    url: Annotated[SecretStr, AfterValidator(_apprise_url)] | None = Field(
        None, description="An Apprise URL."
    )
    url_credential: Credential | None = Field(
        None, description="The systemd credential that holds the URL."
    )

    @model_validator(mode="after")
    def _has_an_address(self) -> UrlTarget:
        self._needs_one_of("url", "url_credential")
        return self


class EmailTarget(_Target):
    """People, by mail."""

    type: Literal["email"]
    host: Annotated[str, AfterValidator(_host_name)] = Field(description="The mail server.")
    port: int | None = Field(
        None, ge=1, le=65535, description="Default: 587, with tls 465, with none 25."
    )
    security: MailSecurity = Field(
        "starttls", description="How the connection is encrypted: starttls, tls or none."
    )
    user: str | None = Field(None, min_length=1, description="Default: no login.")
    password: SecretStr | None = Field(None, description="Better in a credential.")
    password_credential: Credential | None = Field(
        None, description="The systemd credential that holds the password."
    )
    sender: MailAddress = Field(alias="from", description="The sender's address.")
    to: tuple[MailAddress, ...] = Field(min_length=1, description="Addresses.")

    @model_validator(mode="after")
    def _can_log_in(self) -> EmailTarget:
        if self.user is None:
            if self.password is not None or self.password_credential is not None:
                raise ValueError("a password needs a user")
            return self
        self._needs_one_of("password", "password_credential")
        if self.security == "none":
            raise ValueError(
                'a password does not travel unencrypted; set security to "starttls" or "tls"'
            )
        return self

    @property
    def effective_port(self) -> int:
        """The port that is connected to."""
        return self.port or DEFAULT_PORTS[self.security]


class SlackTarget(_Target):
    """A Slack channel, or a service that takes Slack's webhooks, such as Mattermost."""

    type: Literal["slack"]
    webhook: Annotated[SecretStr, AfterValidator(_web_hook)] | None = Field(
        None, description="The address of an incoming webhook."
    )
    webhook_credential: Credential | None = Field(
        None, description="The systemd credential that holds it."
    )
    token: SecretStr | None = Field(
        None, description="Instead: a bot's token (xoxb-...), for which reports can be attached."
    )
    token_credential: Credential | None = Field(
        None, description="The systemd credential that holds it."
    )
    channel: str | None = Field(
        None,
        pattern=r"^[#@+]?[A-Za-z0-9_-]{1,80}$",
        description="With a token: the channel, such as #warehouse.",
    )

    @model_validator(mode="after")
    def _has_an_address(self) -> SlackTarget:
        self._needs_one_of("webhook", "webhook_credential", "token", "token_credential")
        has_token = self.token is not None or self.token_credential is not None
        if has_token != (self.channel is not None):
            raise ValueError("a token needs a channel, and a webhook has one already")
        return self


def _kind(value: Any) -> str | None:
    """Which kind of target this is; None: no such kind."""
    kind = value.get("type", "url") if isinstance(value, dict) else getattr(value, "type", "url")
    return kind if kind in ("url", "email", "slack") else None


AlertTarget = Annotated[
    Annotated[UrlTarget, Tag("url")]
    | Annotated[EmailTarget, Tag("email")]
    | Annotated[SlackTarget, Tag("slack")],
    Discriminator(
        _kind,
        custom_error_type="target_kind",
        custom_error_message='type must be "email" or "slack"; leave it out beside a url',
    ),
]
