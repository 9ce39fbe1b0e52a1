"""`nightsort alerts test`, by the real command: who is told, and what went wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.mail_server import MailServer, serving_mail
from tests.support.processes import Site
from tests.support.waiting import DEADLINE_SECONDS, eventually
from tests.support.web_hook import WebHook, listening

SECRET = "swordfish"


def test_each_target_is_tried_and_what_went_wrong_is_told(tmp_path: Path) -> None:
    refused = {"gone@example.com": "550 5.1.1 no such person"}
    with serving_mail(MailServer(refused=refused)) as mail, listening(WebHook()) as hook:
        site = Site.make(
            tmp_path,
            settings=mail.as_target("it@example.com", "gone@example.com")
            + f"""
            [[alerts.targets]]
            type = "slack"
            webhook = "http://127.0.0.1:{hook.port}/services/{SECRET}"
            severities = ["critical"]
            [[alerts.targets]]
            url = "json://u:{SECRET}@127.0.0.1:1/alerts"
            name = "pager"
            """,
        )
        done = site.nightsort("alerts", "test")
        as_json = site.nightsort("alerts", "test", "--json")
    assert done.returncode == as_json.returncode == 1
    assert "Traceback" not in done.stderr
    mail_line, _, slack_line, pager_line, _ = done.stdout.splitlines()
    assert "mail to it@example.com and 1 more: delivered, but not to all: gone@" in mail_line
    assert slack_line == "ok      Slack: delivered"
    assert re.match(r"wrong   pager: .*Connection refused", pager_line)
    assert SECRET not in done.stdout + done.stderr + as_json.stdout
    answer = json.loads(as_json.stdout)["targets"]
    assert [one["delivered"] for one in answer] == [True, True, False]
    assert [bool(one["error"]) for one in answer] == [True, False, True]
    assert mail.mails[0]["Subject"] == "[nightsort] A test: alerts reach you"
    assert "A test" in hook.bodies[0]["text"]


def test_the_service_sends_as_it_alone_holds_the_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(WebHook()) as hook:
        site = Site.make(
            tmp_path / "site",
            settings='[[alerts.targets]]\ntype = "slack"\nwebhook_credential = "slack-webhook"\n',
        )
        alone = site.nightsort("alerts", "test")
        assert alone.returncode == 1
        assert "the credential slack-webhook is only there for the service" in alone.stdout
        secrets = tmp_path / "secrets"
        secrets.mkdir()
        address = f"http://127.0.0.1:{hook.port}/services/{SECRET}\n"
        (secrets / "slack-webhook").write_text(address)
        with site.daemon(CREDENTIALS_DIRECTORY=str(secrets)):
            eventually(lambda: site.nightsort("status").returncode == 0, within_s=DEADLINE_SECONDS)
            done = site.nightsort("alerts", "test")
    assert (done.returncode, done.stdout) == (0, "ok      Slack: delivered\n"), done.stderr
    assert hook.paths == [f"/services/{SECRET}"]
    log = (site.folder / "daemon.log").read_text()
    assert SECRET not in log
    assert not any(
        SECRET.encode() in path.read_bytes() for path in site.state.rglob("*") if path.is_file()
    )


def test_nobody_to_tell_is_told(tmp_path: Path) -> None:
    done = Site.make(tmp_path, settings="").nightsort("alerts", "test")
    assert done.returncode == 1
    assert "nobody would be told of trouble; set [alerts] targets" in done.stderr
