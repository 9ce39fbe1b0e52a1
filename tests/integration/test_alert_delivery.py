"""Alerts on their way to real servers: what arrives, and what is said when it does not."""

from __future__ import annotations

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings, load
from daemon.alerting.outbox import addressees
from daemon.alerting.targets import Target, targets_of
from daemon.domain.alerts import Alert, Sent
from tests.support.mail_server import MailServer, certificate, serving_mail
from tests.support.web_hook import WebHook, black_hole, dripping, listening, unreachable

# Far more than it takes, so that a busy machine changes nothing.
AMPLE_SECONDS = 60.0
SECRET = "sword-fish%40/7#?"
AT = datetime(2026, 11, 22, 2, 8, tzinfo=UTC)
ALERT = Alert(
    key="high_error_rate.1.raised.1",
    rule="high_error_rate",
    severity="error",
    phase="raised",
    day=1,
    at=AT,
    facts={
        "run": "20261122_020000",
        "total_processed": 400,
        "failed": 48,
        "rate": 0.12,
        "limit": 0.1,
        "errors": [{"filename": "<b>&<!channel>.jpg", "error": "its end is missing"}],
        "since": "2026-11-22T02:08:00+00:00",
    },
)


def settings_with(monkeypatch: pytest.MonkeyPatch, *targets: dict[str, Any]) -> Settings:
    monkeypatch.setenv("NIGHTSORT_ALERTS__TARGETS", json.dumps(targets))
    return load()


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The one target that these settings make."""

    def made(**fields: Any) -> Target:
        (only,) = targets_of(settings_with(monkeypatch, fields))
        return only

    return made


def mail_to(server: MailServer, **more: Any) -> dict[str, Any]:
    plain = {
        "type": "email",
        "host": "127.0.0.1",
        "port": server.port,
        "security": "none",
        "from": "nightsort@example.com",
        "to": ["it@example.com"],
    }
    return plain | more


# Mail


def test_a_mail_has_subject_text_html_and_headers_for_machines(target: Any) -> None:
    with serving_mail(MailServer()) as server:
        outcome = target(**mail_to(server, to=["it@example.com", "boss@example.com"])).deliver(
            ALERT, AMPLE_SECONDS
        )
    assert outcome == Sent(True)
    (mail,) = server.mails
    assert server.envelopes == [("nightsort@example.com", ["it@example.com", "boss@example.com"])]
    assert mail["Subject"] == "[nightsort error] 12 % of the photos could not be read"
    assert mail["From"] == "nightsort <nightsort@example.com>"
    assert mail["To"] == "it@example.com, boss@example.com"
    assert mail["X-Nightsort-Rule"] == "high_error_rate"
    assert mail["X-Nightsort-Severity"] == "error"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == AT
    text, page = mail.iter_parts()
    assert "<b>&<!channel>.jpg" in text.get_content()
    assert "&lt;b&gt;&amp;&lt;!channel&gt;.jpg" in page.get_content()
    assert "<!channel>" not in page.get_content()


def test_a_mail_sent_again_has_the_same_id_and_another_alert_another(target: Any) -> None:
    again = Alert("high_error_rate.1.repeated.2", *_rest("repeated", 2))
    with serving_mail(MailServer()) as server:
        only = target(**mail_to(server))
        for alert in (ALERT, ALERT, again):
            assert only.deliver(alert, AMPLE_SECONDS).is_delivered
    first, second, other = server.mails
    assert first["Message-ID"] == second["Message-ID"] != other["Message-ID"]
    assert re.fullmatch(r"<[0-9a-f]{32}@example\.com>", first["Message-ID"])
    # What tells of one condition stands together in the mailbox.
    assert first["References"] == other["References"] != first["Message-ID"]


def _rest(phase: Any, day: int) -> tuple[Any, ...]:
    return (ALERT.rule, ALERT.severity, phase, day, AT, ALERT.facts)


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_login_over_starttls_and_over_tls(target: Any, tmp_path: Path) -> None:
    context, trusted = certificate(tmp_path)
    for security in ("starttls", "tls"):
        with serving_mail(
            MailServer(login=("ns", SECRET)), context, tls=security == "tls"
        ) as server:
            only = target(
                **mail_to(server, security=security, user="ns", password=SECRET)
                | {"ca_file": str(trusted)}
            )
            assert only.deliver(ALERT, AMPLE_SECONDS) == Sent(True), security
        assert len(server.mails) == 1


def test_a_certificate_that_nobody_vouches_for_is_not_spoken_to(
    target: Any, tmp_path: Path
) -> None:
    context, _ = certificate(tmp_path)
    with serving_mail(MailServer(login=("ns", SECRET)), context) as server:
        only = target(**mail_to(server, security="starttls", user="ns", password=SECRET))
        outcome = only.deliver(ALERT, AMPLE_SECONDS)
    assert not outcome.is_delivered
    assert "its certificate is not trusted (self-signed certificate)" in outcome.error
    assert not server.mails


def test_a_wrong_password_is_told_as_the_server_says_it_but_not_shown(
    target: Any, tmp_path: Path
) -> None:
    context, trusted = certificate(tmp_path)
    with serving_mail(MailServer(login=("ns", "another")), context) as server:
        only = target(
            **mail_to(server, security="starttls", user="ns", password=SECRET)
            | {"ca_file": str(trusted)}
        )
        outcome = only.deliver(ALERT, AMPLE_SECONDS)
        assert not outcome.is_delivered
        assert f"127.0.0.1:{server.port}: login refused: 535" in outcome.error
    assert SECRET not in outcome.error


def test_a_server_without_encryption_is_not_given_the_password(target: Any) -> None:
    with serving_mail(MailServer()) as server:
        only = target(**mail_to(server, security="starttls", user="ns", password=SECRET))
        outcome = only.deliver(ALERT, AMPLE_SECONDS)
    assert not outcome.is_delivered
    assert "STARTTLS extension not supported" in outcome.error


def test_what_the_server_answers_to_a_mail_it_refuses_is_told(target: Any) -> None:
    with serving_mail(MailServer(answer="554 5.7.1 looks like spam")) as server:
        outcome = target(**mail_to(server)).deliver(ALERT, AMPLE_SECONDS)
    assert not outcome.is_delivered
    assert "554 5.7.1 looks like spam" in outcome.error


def test_one_refused_address_is_told_and_keeps_nothing_from_the_others(target: Any) -> None:
    refused = {"gone@example.com": "550 5.1.1 no such person"}
    with serving_mail(MailServer(refused=refused)) as server:
        only = target(**mail_to(server, to=["gone@example.com", "it@example.com"]))
        outcome = only.deliver(ALERT, AMPLE_SECONDS)
        nobody = target(**mail_to(server, to=["gone@example.com"])).deliver(ALERT, AMPLE_SECONDS)
    assert outcome == Sent(True, "gone@example.com refused: 550 5.1.1 no such person")
    assert [to for _, to in server.envelopes] == [["it@example.com"]]
    assert not nobody.is_delivered
    assert "550 5.1.1 no such person" in nobody.error


def test_a_slow_server_is_waited_for(target: Any) -> None:
    server = MailServer(dawdles=threading.Event())
    with serving_mail(server), ThreadPoolExecutor() as pool:
        answer = pool.submit(target(**mail_to(server)).deliver, ALERT, AMPLE_SECONDS)
        assert server.dawdles is not None
        server.dawdles.set()
        assert answer.result() == Sent(True)


def test_a_server_that_was_down_and_is_up_again(target: Any) -> None:
    server = MailServer()
    with serving_mail(server):
        only = target(**mail_to(server))
    outcome = only.deliver(ALERT, AMPLE_SECONDS)
    assert outcome == Sent(False, f"127.0.0.1:{server.port}: Connection refused")
    with serving_mail(server):
        assert only.deliver(ALERT, AMPLE_SECONDS) == Sent(True)
    assert len(server.mails) == 1


def test_mail_by_url_is_the_same_mail(target: Any) -> None:
    with serving_mail(MailServer()) as server:
        url = (
            f"mailto://127.0.0.1:{server.port}/it@example.com?from=nightsort@example.com"
            "&smtp=127.0.0.1&mode=insecure"
        )
        assert target(url=url).deliver(ALERT, AMPLE_SECONDS) == Sent(True)
    (mail,) = server.mails
    assert mail["X-Nightsort-Rule"] == "high_error_rate"
    assert mail["Message-ID"].endswith("@example.com>")


# Attachments


def attached(path: Path) -> Alert:
    return Alert(*("k", ALERT.rule, ALERT.severity, ALERT.phase, 1, AT, ALERT.facts), (path,))


def test_a_file_is_attached_to_a_mail_as_it_is(target: Any, tmp_path: Path) -> None:
    table = tmp_path / "batch_results_20261122_020000.csv"
    table.write_bytes("\ufefffilename,category\r\nä.jpg,Shirts\r\n".encode())
    with serving_mail(MailServer()) as server:
        assert target(**mail_to(server)).deliver(attached(table), AMPLE_SECONDS).is_delivered
    (file,) = server.mails[0].iter_attachments()
    assert (file.get_filename(), file.get_content_type()) == (table.name, "text/csv")
    assert file.get_payload(decode=True) == table.read_bytes()


def test_a_file_that_cannot_be_attached_stops_no_alert(
    target: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, link, large = tmp_path / "shadow", tmp_path / "link.csv", tmp_path / "large.csv"
    secret.write_text(SECRET)
    link.symlink_to(secret)
    large.write_bytes(b"x" * 1_000_001)
    monkeypatch.setenv("NIGHTSORT_ALERTS__ATTACH_MAX_MB", "1")
    with serving_mail(MailServer()) as server:
        for path in (link, large, tmp_path / "gone.csv", tmp_path):
            assert target(**mail_to(server)).deliver(attached(path), AMPLE_SECONDS) == Sent(True)
    assert [list(mail.iter_attachments()) for mail in server.mails] == [[], [], [], []]


# Slack and programs


def test_slack_is_sent_its_own_markup(target: Any) -> None:
    with listening(WebHook()) as hook:
        only = target(type="slack", webhook=f"http://127.0.0.1:{hook.port}/services/T0/B0/{SECRET}")
        assert only.deliver(ALERT, AMPLE_SECONDS) == Sent(True)
    assert hook.paths == [f"/services/T0/B0/{SECRET.partition('#')[0]}"]
    (body,) = hook.bodies
    subject = "[nightsort error] 12 % of the photos could not be read"
    assert body["text"] == f"*{subject}*"
    (part,) = body["attachments"]
    assert part["fallback"] == subject
    assert "*What to do:* Look at the reasons" in part["text"]
    assert "`&lt;b&gt;&amp;&lt;!channel&gt;.jpg`" in part["text"]
    assert "<!channel>" not in json.dumps(body)
    assert "image" not in json.dumps(body)


def test_a_server_of_the_house_is_trusted_by_its_authority(target: Any, tmp_path: Path) -> None:
    context, trusted = certificate(tmp_path)
    with listening(WebHook(), context) as hook:
        fields = {"type": "slack", "webhook": f"https://127.0.0.1:{hook.port}/hooks/x"}
        assert target(**fields, ca_file=str(trusted)).deliver(ALERT, AMPLE_SECONDS) == Sent(True)
        stranger = target(**fields).deliver(ALERT, AMPLE_SECONDS)
        nothing = target(**fields, ca_file="/nowhere.pem").deliver(ALERT, AMPLE_SECONDS)
    assert "certificate verify failed" in stranger.error
    assert "No such file or directory: '/nowhere.pem'" in nothing.error
    assert len(hook.bodies) == 1


def test_slacks_refusal_is_told_without_the_address(target: Any) -> None:
    with listening(WebHook(status=404, answer=b"no_service")) as hook:
        only = target(type="slack", webhook=f"http://127.0.0.1:{hook.port}/services/{SECRET}")
        outcome = only.deliver(ALERT, AMPLE_SECONDS)
    assert not outcome.is_delivered
    assert "404" in outcome.error
    assert "no_service" in outcome.error
    assert "sword-fish" not in outcome.error


def test_a_program_is_sent_the_rule_as_title_and_the_facts(target: Any) -> None:
    with listening(WebHook()) as hook:
        only = target(url=f"json://127.0.0.1:{hook.port}/alerts?:source=warehouse")
        assert only.deliver(ALERT, AMPLE_SECONDS) == Sent(True)
    (body,) = hook.bodies
    assert body["title"] == "high_error_rate"
    assert body["type"] == "failure"
    assert body["message"].startswith("[nightsort error] 12")
    assert (body["rule"], body["severity"], body["phase"]) == (ALERT.rule, "error", "raised")
    assert (body["day"], body["key"]) == (1, ALERT.key)
    assert body["facts"]["failed"] == 48
    assert body["source"] == "warehouse"


def test_another_service_of_apprise_gets_subject_and_text(target: Any) -> None:
    with listening(WebHook()) as hook:
        only = target(url=f"apprise://127.0.0.1:{hook.port}/{'k' * 8}/")
        assert only.deliver(ALERT, AMPLE_SECONDS) == Sent(True)
    assert "48 photos of 400 could not be read" in json.dumps(hook.bodies[0])


@pytest.mark.parametrize(
    "url",
    [
        f"nonsense://{'swordfish'}/x",
        "slack://sword-fish/x",
        f"json://u:{'swordfish'}@127.0.0.1:1/swordfish-path",
        "mailto://u:swordfish@/?to=not-an-address",
    ],
)
def test_a_url_that_leads_nowhere_is_told_without_its_secrets(target: Any, url: str) -> None:
    outcome = target(url=url).deliver(ALERT, AMPLE_SECONDS)
    assert not outcome.is_delivered
    assert outcome.error
    assert not re.search(r"\n|host=|Caused by", outcome.error)
    assert not re.search("sword-?fish", outcome.error)


# Servers that never answer


@pytest.mark.parametrize("trap", [black_hole, unreachable, dripping])
def test_a_server_that_never_answers_costs_no_more_than_the_deadline(
    target: Any, trap: Any
) -> None:
    with trap() as port:
        mail = target(**mail_to(MailServer(port=port)))
        hook = target(type="slack", webhook=f"http://127.0.0.1:{port}/services/{SECRET}")
        for only in (mail, hook):
            outcome = only.deliver(ALERT, 4.0)
            assert not outcome.is_delivered
            assert re.search(r"no answer|timed out", outcome.error), outcome.error
            assert "host=" not in outcome.error
            assert "sword-fish" not in outcome.error


def test_a_good_target_is_served_while_another_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    with black_hole() as port, listening(WebHook()) as hook, ThreadPoolExecutor() as pool:
        hanging, good = targets_of(
            settings_with(
                monkeypatch,
                {"url": f"json://127.0.0.1:{port}"},
                {"url": f"json://127.0.0.1:{hook.port}"},
            )
        )
        bad = pool.submit(hanging.deliver, ALERT, 30.0)
        assert good.deliver(ALERT, 30.0) == Sent(True)
        assert not bad.done()
        assert not bad.result().is_delivered


# Secrets


def test_a_secret_is_taken_from_its_credential_when_it_is_needed(
    target: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(WebHook()) as hook:
        only = target(type="slack", webhook_credential="slack-webhook")
        assert only.deliver(ALERT, AMPLE_SECONDS) == Sent(
            False,
            "the credential slack-webhook is only there for the service, "
            "from /etc/credstore by systemd",
        )
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
        (tmp_path / "slack-webhook").write_text(f"http://127.0.0.1:{hook.port}/services/T/B/X\n")
        assert only.deliver(ALERT, AMPLE_SECONDS) == Sent(True)


def test_no_secret_is_in_the_arguments_or_the_environment_of_the_sending_process(
    target: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/nightsort")
    with black_hole() as port, ThreadPoolExecutor() as pool:
        only = target(url=f"json://u:{'swordfish'}@127.0.0.1:{port}")
        answer = pool.submit(only.deliver, ALERT, 8.0)
        seen: list[bytes] = []
        while wait([answer], timeout=0.05).not_done:
            with suppress(OSError):  # one has just ended: look again
                for child in own_children():
                    line = (child / "cmdline").read_bytes()
                    if b"daemon.alerting.send_process" in line:
                        seen.append(line + (child / "environ").read_bytes())
        assert not answer.result().is_delivered
    assert seen
    assert not any(b"swordfish" in text for text in seen)
    assert not any(b"/run/credentials/nightsort" in text for text in seen)


def own_children() -> list[Path]:
    """The processes that this one has started: other tests start such ones beside it."""
    threads = Path("/proc/self/task").glob("*/children")
    return [Path("/proc", pid) for thread in threads for pid in thread.read_text().split()]


def test_names_of_targets_hold_no_secret_and_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    mail = {"type": "email", "host": "h", "from": "n@b.de", "to": ["it@b.de", "boss@b.de"]}
    settings = settings_with(
        monkeypatch,
        mail,
        mail,
        mail | {"name": "night shift"},
        {"type": "slack", "webhook": f"https://hooks.slack.com/services/{SECRET}"},
        {"type": "slack", "token": "xoxb-swordfish", "channel": "#warehouse"},
        {"url": "slack://swordfish/B/C"},
        {"url": "slack://swordfish/B/D"},
        {"url_credential": "pager"},
    )
    names = [one.name for one in targets_of(settings)]
    assert names == [one.name for one in targets_of(settings)]
    assert names[:5] == [
        "mail to it@b.de and 1 more",
        "mail to it@b.de and 1 more (2)",
        "night shift",
        "Slack",
        "Slack #warehouse",
    ]
    assert re.fullmatch(r"slack [0-9a-f]{6}", names[5])
    assert names[5] != names[6]
    assert names[7] == "pager"


def test_targets_are_told_what_they_want_to_hear(target: Any) -> None:
    quiet = target(url="json://x", severities=["info", "critical"])
    both = [quiet, target(url="json://y", name="any")]
    assert addressees(ALERT, both) == ["any"]
