"""From a run to the mailbox, with the real command and real servers."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from daemon.cli.samples import draw_item
from tests.support.mail_server import MailServer, serving_mail
from tests.support.processes import Site
from tests.support.waiting import DEADLINE_SECONDS, eventually
from tests.support.web_hook import WebHook, black_hole, listening

SECRET = "swordfish"


def test_forty_bad_photos_are_one_alert_to_each_who_wants_it_whoever_else_hangs(
    tmp_path: Path,
) -> None:
    with serving_mail(MailServer()) as mail, listening(WebHook()) as hook, black_hole() as hole:
        site = Site.make(
            tmp_path / "site",
            settings=f"""
            [[alerts.targets]]
            url = "json://u:{SECRET}@127.0.0.1:{hole}"
            severities = ["info", "error"]
            {mail.as_target("it@example.com")}
            [[alerts.targets]]
            type = "slack"
            webhook = "http://127.0.0.1:{hook.port}/services/{SECRET}"
            severities = ["info"]
            """,
        )
        for number in range(40):
            photo = site.incoming / f"return-{number:05}.jpg"
            photo.write_text(f"no photo {number}\n" * 400)
        good = site.incoming / "return-99999.jpg"
        draw_item("tshirt", random.Random(0), (480, 640)).save(good, "JPEG")
        done = site.nightsort("now", "--json")
    assert done.returncode == 0, done.stderr
    (letter,) = mail.mails
    assert letter["X-Nightsort-Rule"] == "high_error_rate"
    assert letter["Subject"].endswith("% of the photos could not be read")
    assert len([*letter.iter_attachments()]) == 2  # report and table
    (told,) = hook.bodies
    assert told["text"] == "*[nightsort] 41 photos sorted, 40 to retake*"
    assert SECRET not in done.stdout + done.stderr
    kept = b"".join(path.read_bytes() for path in site.state.rglob("*") if path.is_file())
    assert SECRET.encode() not in kept


def test_the_report_goes_along_with_the_mail_about_a_run(tmp_path: Path) -> None:
    with serving_mail(MailServer()) as mail:
        site = Site.make(
            tmp_path / "site",
            settings=f"""
            [[alerts.targets]]
            url = "mailto://127.0.0.1:{mail.port}/?from=n@example.com&to=boss@example.com&smtp=127.0.0.1&mode=insecure"
            severities = ["info"]
            """,
        )
        draw_item("tshirt", random.Random(0), (480, 640)).save(site.incoming / "a.jpg", "JPEG")
        assert site.nightsort("now").returncode == 0
    (letter,) = mail.mails
    assert letter["X-Nightsort-Rule"] == "run_finished"
    files = {file.get_filename(): file for file in letter.iter_attachments()}
    (page,) = (name for name in files if str(name).endswith(".html"))
    (table,) = (name for name in files if str(name).endswith(".csv"))
    assert files[page].get_payload(decode=True) == (site.results / str(page)).read_bytes()
    assert files[table].get_payload(decode=True) == (site.results / str(table)).read_bytes()


def test_a_target_that_cannot_work_is_said_when_the_service_starts(tmp_path: Path) -> None:
    site = Site.make(
        tmp_path / "site",
        settings=f"""
        [[alerts.targets]]
        url = "nonsense://{SECRET}"
        name = "the old pager"
        [[alerts.targets]]
        type = "slack"
        webhook_credential = "slack-webhook"
        [[alerts.targets]]
        url = "json://127.0.0.1:1"
        """,
    )
    with site.daemon():
        said = eventually(
            lambda: (
                [e for e in site.events() if e["event"] == "alert_target_unusable"][1:]
                and [e for e in site.events() if e["event"] == "alert_target_unusable"]
            ),
            within_s=DEADLINE_SECONDS,
        )
    assert [(event["level"], event["target"]) for event in said] == [
        ("error", "the old pager"),
        ("error", "Slack"),
    ]
    assert "Apprise does not understand its URL" in said[0]["why"]
    assert "the credential slack-webhook" in said[1]["why"]
    assert SECRET not in (site.folder / "daemon.log").read_text()


def test_a_mail_server_that_was_down_gets_the_alert_once_it_is_up(tmp_path: Path) -> None:
    server = MailServer()
    with serving_mail(server):
        pass  # its port is known now, and nobody listens there
    site = Site.make(
        tmp_path / "site",
        settings=server.as_target("it@example.com"),
    )
    for number in range(40):
        (site.incoming / f"return-{number:05}.jpg").write_text(f"no photo {number}\n" * 400)

    def seen(event: str) -> list[dict[str, Any]]:
        return [one for one in site.events() if one["event"] == event]

    with site.daemon():
        eventually(lambda: site.nightsort("status").returncode == 0, within_s=DEADLINE_SECONDS)
        assert site.nightsort("now").returncode == 0
        eventually(lambda: seen("alert_not_delivered"), within_s=DEADLINE_SECONDS)
        with serving_mail(server):
            eventually(lambda: seen("alert_delivered"), within_s=2 * DEADLINE_SECONDS)
    assert [mail["X-Nightsort-Rule"] for mail in server.mails] == ["high_error_rate"]
    (why, *_) = (one["why"] for one in seen("alert_not_delivered"))
    assert why == f"127.0.0.1:{server.port}: Connection refused"
