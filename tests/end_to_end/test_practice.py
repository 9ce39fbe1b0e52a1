"""A new clerk practises: the real command, its page, and the five tasks as they are done."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.processes import clean_environment, command
from tests.support.waiting import DEADLINE_SECONDS
from tests.support.web import hidden_fields, sign_in


@contextmanager
def practising(folder: Path, *options: str) -> Iterator[dict[str, Any]]:
    """The practice in `folder`, ended by Ctrl-C; what it says of itself."""
    errors = folder.with_name(f"{folder.name}.err")  # a pipe that nobody reads would fill up
    with errors.open("wb") as written:
        process = subprocess.Popen(
            command("practice", "--folder", str(folder), "--json", *options),
            stdout=subprocess.PIPE, stderr=written, text=True, env=clean_environment(),
        )  # fmt: skip
    assert process.stdout is not None
    try:
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("}"):
                break
        assert said, errors.read_text("utf-8")
        yield json.loads(said)
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(DEADLINE_SECONDS)
        process.communicate()
    assert code == 0


class Clerk:
    """Somebody who practises, in a browser."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        page = client.get("/").text
        found = re.search(r'"X-CSRF-Token": "([^"]+)"', page)
        assert found is not None
        self.token = found[1]

    def photo(self, name: str) -> dict[str, Any]:
        photos: list[dict[str, Any]] = self.client.get("/reviews?limit=500").json()["photos"]
        return next(one for one in photos if one["filename"] == name)

    def say(self, photo: dict[str, Any], what: str, **word: str) -> None:
        said = self.client.post(
            f"/photos/{photo['id']}/{what}", json=word, headers={"x-csrf-token": self.token}
        )
        assert said.status_code == 200, said.text

    def left(self) -> list[str]:
        """The tasks that are not done."""
        page = self.client.get("/page/practice").text
        return re.findall(r'<li id="(\w+)">', page)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with practising(tmp_path_factory.mktemp("practice") / "here") as said:
        yield said


def test_the_five_tasks_are_seen_to_be_done_one_after_the_other(said: dict[str, Any]) -> None:
    with httpx.Client(base_url=said["url"], timeout=DEADLINE_SECONDS) as client:
        assert sign_in(client, said["name"], said["password"]).status_code == 303
        clerk = Clerk(client)
        assert clerk.left() == ["right", "wrong", "dark", "undo", "broken"]
        right = clerk.photo("return-70101_front.jpg")
        clerk.say(right, "decision", decision="agree")
        assert clerk.left() == ["wrong", "dark", "undo", "broken"]
        clerk.say(right, "undo")
        assert clerk.left() == ["right", "wrong", "dark", "broken"]
        clerk.say(right, "decision", decision="agree")
        wrong = clerk.photo("return-70102_front.jpg")
        clerk.say(wrong, "decision", decision="category", category="Dresses")
        clerk.say(clerk.photo("return-70103_front.jpg"), "decision", decision="retake")
        assert clerk.left() == ["broken"]
        assert "4 of 5" in client.get("/page/practice/bar").text
        fields = hidden_fields(client.get("/page/practice").text)
        for number, left in (("70101", ["broken"]), ("return 70104", [])):
            answer = client.post("/page/practice/answer", data={**fields, "number": number})
            assert answer.status_code == 303
            assert clerk.left() == left
        assert "Well done!" in client.get("/page/practice").text
        assert (
            "Gut gemacht!" in client.get("/page/practice", headers={"accept-language": "de"}).text
        )


def test_each_kind_of_photo_is_there(said: dict[str, Any]) -> None:
    folder = Path(said["folder"])
    summary = json.loads((folder / "results" / "summary_latest.json").read_text("utf-8"))
    assert (summary["failed"], summary["duplicates"]) == (1, 1)
    assert summary["review"] >= 4
    assert summary["successful"] >= 4


def test_its_port_is_whichever_is_free_when_the_page_takes_it(said: dict[str, Any]) -> None:
    settings = (Path(said["folder"]) / "nightsort.toml").read_text("utf-8")
    assert 'listen = "127.0.0.1:0"' in settings
    assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d+/", said["url"])


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = subprocess.run(
        command("practice", "--folder", str(tmp_path)),
        capture_output=True, text=True, check=False, env=clean_environment(),
    )  # fmt: skip
    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
