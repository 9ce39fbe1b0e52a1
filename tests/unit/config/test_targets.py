"""Whom alerts go to: which ways of saying it are understood, and what is said of a mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from config.errors import ConfigError
from config.settings import Settings, load
from config.targets import EmailTarget, SlackTarget, UrlTarget
from config.variables import credential

SECRET = "swordfish"
MAIL = {"type": "email", "host": "mail.example.com", "from": "n@example.com", "to": ["a@b.de"]}
SLACK = {"type": "slack", "webhook": f"https://hooks.slack.com/services/T0/B0/{SECRET}"}


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Load settings with these targets."""

    def loaded(*targets: Any) -> Settings:
        monkeypatch.setenv("NIGHTSORT_ALERTS__TARGETS", json.dumps(targets))
        return load()

    return loaded


def problems(given: Any, *targets: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        given(*targets)
    return str(caught.value).split("\n")


def test_targets_are_tables_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "nightsort.toml"
    file.write_text(
        """
        incoming_dir = "/srv/in"
        sorted_dir = "/srv/out"
        results_dir = "/srv/results"
        state_dir = "/var/lib/nightsort"

        [[alerts.targets]]
        type = "email"
        name = "the night shift"
        host = "mail.example.com"
        user = "nightsort@example.com"
        password_credential = "mail-password"
        from = "nightsort@example.com"
        to = ["it@example.com", "boss@example.com"]
        severities = ["info", "critical"]

        [[alerts.targets]]
        type = "slack"
        webhook_credential = "slack-webhook"

        [[alerts.targets]]
        url = "json://monitor.example.com/alerts"
        """,
        encoding="utf-8",
    )
    mail, slack, url = load(file).alerts.targets
    assert isinstance(mail, EmailTarget)
    assert (mail.name, mail.effective_port, mail.security) == ("the night shift", 587, "starttls")
    assert mail.sender == "nightsort@example.com"
    assert mail.to == ("it@example.com", "boss@example.com")
    assert mail.severities == ("info", "critical")
    assert isinstance(slack, SlackTarget)
    assert slack.severities == ("error", "critical")
    assert (mail.credentials, slack.credentials) == (("mail-password",), ("slack-webhook",))
    assert isinstance(url, UrlTarget)


@pytest.mark.parametrize(("security", "port"), [("none", 25), ("starttls", 587), ("tls", 465)])
def test_the_port_follows_from_the_security(given: Any, security: str, port: int) -> None:
    (target,) = given(MAIL | {"security": security}).alerts.targets
    assert target.effective_port == port
    (target,) = given(MAIL | {"security": security, "port": 2525}).alerts.targets
    assert target.effective_port == 2525


@pytest.mark.parametrize(
    ("target", "place", "said"),
    [
        ({"type": "pigeon"}, "", 'type must be "email" or "slack"; leave it out beside a url'),
        ({"type": ["slack"]}, "", 'type must be "email" or "slack"'),
        ({"type": "email"}, ".email.host", "is missing; set it"),
        (MAIL | {"hots": "x"}, ".email.hots", "no such setting; correct the name or remove it"),
        (MAIL | {"host": "smtp://x"}, ".email.host", "must be a host name alone"),
        (MAIL | {"to": []}, ".email.to", "at least 1 item"),
        (MAIL | {"to": "ops@example.com"}, ".email.to", "must be a list"),
        (MAIL | {"to": ["ops"]}, ".email.to.0", "must be a mail address alone"),
        (MAIL | {"to": ["a@b.de\nBcc: c@d.de"]}, ".email.to.0", "must be a mail address alone"),
        (MAIL | {"from": "Night <n@b.de>"}, ".email.from", "must be a mail address alone"),
        (MAIL | {"security": "ssl"}, ".email.security", "'none', 'starttls' or 'tls'"),
        (MAIL | {"user": "n"}, ".email", "set one of password, password_credential"),
        (MAIL | {"password": SECRET}, ".email", "a password needs a user"),
        (
            MAIL | {"user": "n", "password": SECRET, "security": "none"},
            ".email",
            "a password does not travel unencrypted",
        ),
        (
            MAIL | {"user": "n", "password": SECRET, "password_credential": "p"},
            ".email",
            "set one of password, password_credential",
        ),
        (
            MAIL | {"user": "n", "password_credential": "../shadow"},
            ".email.password_credential",
            "must be the name of a systemd credential",
        ),
        (
            MAIL | {"user": "n", "password_credential": "nightsort_mail"},
            ".email.password_credential",
            "must not begin with NIGHTSORT_",
        ),
        (MAIL | {"name": "two\nlines"}, ".email.name", "match pattern"),
        (SLACK | {"webhook": SECRET}, ".slack.webhook", "address that Slack gave you"),
        (SLACK | {"token": SECRET}, ".slack", "set one of webhook, webhook_credential, token"),
        ({"type": "slack"}, ".slack", "set one of webhook, webhook_credential, token"),
        ({"type": "slack", "token": SECRET}, ".slack", "a token needs a channel"),
        (SLACK | {"channel": "#x"}, ".slack", "a webhook has one already"),
        ({}, ".url", "set one of url, url_credential"),
        ({"url": SECRET}, ".url.url", "must be an Apprise URL"),
        (SECRET, ".url", "a table of settings"),
    ],
)
def test_a_mistake_is_told_where_it_is_and_without_the_secret(
    given: Any, target: Any, place: str, said: str
) -> None:
    (problem, *more) = problems(given, MAIL, target)
    assert problem.startswith(f"alerts.targets.1{place} (NIGHTSORT_ALERTS__TARGETS): ")
    assert said in problem
    assert SECRET not in " ".join([problem, *more])


def test_two_targets_of_one_name_are_refused(given: Any) -> None:
    (problem,) = problems(given, MAIL | {"name": "ops"}, SLACK | {"name": "ops"})
    assert "two targets have the same name" in problem


def test_secrets_are_not_printed(given: Any) -> None:
    loaded = given(
        SLACK,
        MAIL | {"user": "n", "password": SECRET},
        {"url": f"json://u:{SECRET}@x"},
        {"type": "slack", "token": f"xoxb-{SECRET}", "channel": "#x"},
    )
    assert SECRET not in repr(loaded)
    assert SECRET not in loaded.model_dump_json()


def test_a_credential_is_read_from_the_folder_that_systemd_made(tmp_path: Path) -> None:
    (tmp_path / "mail-password").write_text(f"{SECRET}\n", encoding="utf-8")
    assert credential("mail-password", {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == SECRET


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no credential mail-password; put it into /etc/credstore"),
        (b" \n", "the credential mail-password is empty"),
        (b"\xff", "the credential mail-password cannot be read (not UTF-8)"),
    ],
)
def test_what_is_wrong_with_a_credential_is_told(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "mail-password").write_bytes(content)
    with pytest.raises(ConfigError, match="credential") as caught:
        credential("mail-password", {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert said in str(caught.value)


def test_without_systemd_a_credential_is_said_to_be_the_services() -> None:
    with pytest.raises(ConfigError, match="only there for the service"):
        credential("mail-password", {})
