"""Every example in docs/api.md is run, as it stands there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from tests.support.photos import photo_bytes
from tests.support.processes import clean_environment
from tests.support.review_site import with_photos
from tests.support.waiting import DEADLINE_SECONDS
from tests.support.web import Page
from web.problems import CONTENT_TYPE

DOCUMENT = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")


# Of photos by name, and what the framework might add.
NEVER_HERE = {"ambiguous", "error"}


def codes_of_the_table() -> set[str]:
    """What the table of errors names, in its second column."""
    rows = DOCUMENT.partition("\n| status | code |")[2].splitlines()
    return {code for row in rows for code in re.findall(r"`(\w+)`", "|".join(row.split("|")[2:3]))}


def examples(language: str) -> list[str]:
    """language: with what stands behind it, such as the role that an example needs."""
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)


def the_example(that_calls: str) -> str:
    """The one of Python that calls something."""
    (found,) = (one for one in examples("python") if that_calls in one)
    return found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with with_photos(tmp_path_factory.mktemp("web") / "site", 3) as page:
        yield page


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("here")
    (folder / "shirt.jpg").write_bytes(photo_bytes(seed=3))
    (folder / "notes.txt").write_text("this is no photo, only what somebody noted")
    return folder


def run(page: Page, folder: Path, *command: str, role: str = "reader") -> str:
    """What it prints, with a key of its own."""
    key = page.add_key(f"example {token_hex(4)}", role)
    ours = {"NIGHTSORT_URL": page.url, "NIGHTSORT_KEY": key}
    done = subprocess.run(
        command, cwd=folder, env=clean_environment() | ours, capture_output=True, text=True,
        timeout=DEADLINE_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def shape(value: Any) -> Any:
    """What kinds a document is made of, whatever the values are."""
    return {key: type(one).__name__ for key, one in value.items()}


def test_the_examples_of_curl_answer_as_the_document_says(page: Page, folder: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    said = []
    output = run(page, folder, "sh", "-euc", "\n".join(examples("sh")))
    decoder, at = json.JSONDecoder(), 0
    while at < len(output):
        found, at = decoder.raw_decode(output, at)
        said.append(found)
    assert not [one for one in said if "code" in one], said
    one, batch = (json.loads(shown) for shown in examples("json")[:2])
    assert set(said[0]) == set(one)
    assert shape(said[1]) == shape(batch)
    assert set(said[1]["predictions"][1]) == set(batch["predictions"][1])


@pytest.mark.parametrize(("role", "number"), [("clerk", 2), ("lead", 3)])
def test_the_examples_that_send_answer_as_the_document_says(
    page: Page, folder: Path, role: str, number: int
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (example,) = examples(f"sh {role}")
    shown = json.loads(examples("json")[number])
    said = json.loads(run(page, folder, "sh", "-euc", example, role=role))
    assert said == shown


def test_the_example_of_python_does_what_it_says(page: Page, folder: Path) -> None:
    example = examples("python")[0]
    lines = run(page, folder, sys.executable, "-Werror::SyntaxWarning", "-c", example).splitlines()
    category, band = lines[0].rsplit(" ", 1)
    assert band in ("auto", "check", "review")
    assert lines[1] == f"shirt.jpg {category}"
    assert lines[2].startswith("notes.txt not a photo")


def test_the_example_that_decides_does_what_it_says(page: Page, folder: Path) -> None:
    example = the_example("/decision")
    said = run(page, folder, sys.executable, "-c", example, role="clerk").splitlines()
    assert [line.partition("/")[0] for line in said[:3]] == ["Tops"] * 3
    assert said[3].endswith("'failed': []}")
    with page.client(headers={"x-api-key": page.add_key("looks")}) as client:
        assert client.get("/reviews").json()["total"] == 0


def test_the_example_that_learns_does_what_it_says(page: Page, folder: Path) -> None:
    said = run(page, folder, sys.executable, "-c", the_example("/retrain"), role="admin")
    first, *_, last = said.splitlines()
    assert first.startswith("refused there are ")  # nobody said enough
    assert last == "shipped"


def test_the_example_of_javascript_does_what_it_says(page: Page, folder: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.removeprefix("v").partition(".")[0]) < 20:
        pytest.skip(f"node {version.strip()} is older than the 20 that has openAsBlob")
    (example,) = examples("js")
    (folder / "example.mjs").write_text(example)
    first, second = run(page, folder, node, "--no-warnings", "example.mjs").splitlines()
    assert first.rsplit(" ", 1)[1] in ("auto", "check", "review")
    assert second.startswith("not_an_image: ")


def test_document_and_description_show_the_same_codes(page: Page) -> None:
    with page.client() as client:
        described = client.get("/openapi.json").json()
    paths = {
        name: operation for name, path in described["paths"].items() for operation in path.values()
    }
    codes = {
        code
        for operation in paths.values()
        for answer in operation["responses"].values()
        for code in answer["content"].get(CONTENT_TYPE, {}).get("examples", {})
    }
    assert [code for code in sorted(codes) if f"`{code}`" not in DOCUMENT] == []
    assert codes_of_the_table() - codes == NEVER_HERE
    assert [path for path in paths if path not in DOCUMENT] == []
