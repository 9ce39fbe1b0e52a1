"""A mail as a browser shows it, on a phone and on a desk; Slack by a bot's token."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config.sections import ReportSettings
from config.settings import load
from daemon.alerting.render import message_of
from daemon.alerting.tasks import AlertData
from tests.support.alert_samples import sample
from tests.support.browser import look_at


@pytest.mark.parametrize("width", [320, 1200])
def test_a_mail_fits_a_phone_and_a_desk(tmp_path: Path, width: int) -> None:
    long = {"filename": "return-" + "9" * 120 + ".jpg", "error": "its end is missing"}
    mail = message_of(sample("high_error_rate", "repeated", errors=[long]), load(), "box7")
    page = tmp_path / "mail.html"
    page.write_text(mail.html, encoding="utf-8")
    seen = look_at(page, width, tmp_path)
    assert seen.too_wide_px == 0
    assert (seen.scripts, seen.pictures, seen.console) == (0, 0, [])
    assert "Still failing, day 3: 12 % of the photos" in seen.text
    assert "What to do." in seen.text
    assert long["filename"] in seen.text.replace("\n", "")


@pytest.mark.parametrize("rule", ["run_finished", "weekly_summary", "share_unavailable"])
def test_a_german_mail_fits_a_phone(tmp_path: Path, rule: str) -> None:
    german = load().model_copy(update={"reports": ReportSettings(language="de")})
    page = tmp_path / "mail.html"
    page.write_text(message_of(sample(rule), german, "box7").html, encoding="utf-8")
    seen = look_at(page, 320, tmp_path)
    assert (seen.too_wide_px, seen.console) == (0, [])
    assert "nightsort auf box7" in seen.text


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # what Apprise imports
def test_with_a_bots_token_files_go_along_to_slack() -> None:
    from apprise import Apprise, NotifyFormat
    from apprise.attachment.memory import AttachMemory

    from daemon.alerting.services import Letter, Slack

    calls: list[tuple[str, Any]] = []

    class SlackOfOurs(Slack):
        """Slack's own servers, played: what they are sent, and what they answer."""

        def _send(self, url: str, payload: Any, *args: Any, **kwargs: Any) -> Any:
            calls.append((url.rpartition("/")[2], dict(payload)))
            there = {"file_id": "F1", "upload_url": "https://files.example/upload"}
            return {"ok": True, "channel": "C1", "files": [{"id": "F1"}], **there}

    service = SlackOfOurs(access_token="xoxb-1-2-abc", targets="#warehouse")
    now = datetime.now(UTC)
    data = AlertData(
        rule="test", severity="info", phase="told", day=1, key="k", at=now.isoformat(), facts={}
    )
    service.letter = Letter("Subject", "text", "", "words", "id", None, now, data)
    sender = Apprise()
    sender.add(service)
    table = AttachMemory(b"a,b\r\n", "batch_results_1.csv", "text/csv")
    assert sender.notify("text", title="t", body_format=NotifyFormat.TEXT, attach=[table])
    (first, message), *more = calls
    assert (first, message["channel"]) == ("chat.postMessage", "#warehouse")
    assert message["attachments"][0]["text"] == "words"
    assert [name for name, _ in more] == [
        "files.getUploadURLExternal",
        "upload",
        "files.completeUploadExternal",
    ]
