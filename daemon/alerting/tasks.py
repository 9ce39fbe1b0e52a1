"""What the process that sends one alert is told, as JSON on its stdin."""

from __future__ import annotations

from typing import Any, Literal, TypedDict


class EmailAddress(TypedDict):
    """How a mail server is spoken to; secrets are among it."""

    type: Literal["email"]
    host: str
    port: int
    security: str
    user: str | None
    password: str | None
    sender: str
    to: list[str]


class SlackAddress(TypedDict):
    """How Slack is spoken to: by a token to a channel, or by a webhook."""

    type: Literal["slack"]
    webhook: str | None
    token: str | None
    channel: str | None


class UrlAddress(TypedDict):
    """A target of Apprise's, in its own writing."""

    type: Literal["url"]
    url: str | None


Address = EmailAddress | SlackAddress | UrlAddress


class AlertData(TypedDict):
    """The alert for programs."""

    rule: str
    severity: str
    phase: str
    day: int
    key: str
    at: str
    facts: dict[str, Any]


class LetterTask(TypedDict):
    """One alert, in all the words that it may need; `Letter` in `services` tells of each."""

    subject: str
    text: str
    html: str
    slack: str
    message_id: str
    thread_id: str | None
    at: str
    data: AlertData


class Task(TypedDict):
    """What is to be sent, and to whom."""

    target: Address
    ca_file: str | None
    letter: LetterTask
    notify_type: str
    files: list[str]
    most_bytes: int
    is_sent: bool  # False: only tried as far as that is possible without sending
    seconds: float  # that it may take
