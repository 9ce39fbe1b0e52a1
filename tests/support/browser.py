"""A headless browser that looks at a page as people would see it."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.waiting import DEADLINE_SECONDS

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--allow-file-access-from-files", "--enable-logging=stderr",
)  # fmt: skip
# The page itself may run no script: a page around it measures it.
_AROUND = """<!doctype html>
<iframe src="{url}" style="width:{width}px;height:900px;border:0"></iframe>
<pre id="seen"></pre><script>
const frame = document.querySelector("iframe");
// Before this the pictures are loaded, after it the page around them is.
frame.onload = () => {{
  const page = frame.contentDocument, root = page.documentElement;
  const pictures = [...page.images];
  const isCutOff = text => {{
    const box = text.getBBox(), shown = text.ownerSVGElement.viewBox.baseVal, rounding = 1;
    return box.x < shown.x - rounding || box.x + box.width > shown.x + shown.width + rounding;
  }};
  document.querySelector("#seen").textContent = JSON.stringify({{
    too_wide_px: root.scrollWidth - root.clientWidth,
    pictures: pictures.length,
    unseen: pictures.filter(picture => !picture.naturalWidth).length,
    without_alt: pictures.filter(picture => !picture.alt).length,
    scripts: page.scripts.length,
    cut_off: [...page.querySelectorAll("svg text")].filter(isCutOff).map(t => t.textContent),
    text: page.body.innerText,
  }});
}};
</script>"""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a browser saw of a page."""

    too_wide_px: int
    pictures: int
    unseen: int  # pictures that did not load
    without_alt: int
    scripts: int
    cut_off: list[str]  # words in drawings of which a part is not shown
    text: str
    console: list[str]


def browser() -> str | None:
    """The browser's command, where one is installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def look_at(page: Path, width: int, folder: Path) -> Sight:
    """Open `page` in a window of that width; skips the test where no browser is installed."""
    program = browser()
    if program is None:
        pytest.skip("chromium, which shows the page, is not installed")
    around = folder / f"around-{width}.html"
    around.write_text(_AROUND.format(url=page.as_uri(), width=width), encoding="utf-8")
    done = subprocess.run(
        [
            program, *FLAGS, f"--user-data-dir={folder / f'profile-{width}'}",
            f"--window-size={max(width, 600)},1000", "--dump-dom", around.as_uri(),
        ],
        capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=True,
    )  # fmt: skip
    seen = done.stdout.partition('<pre id="seen">')[2].partition("</pre>")[0]
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return Sight(**json.loads(html.unescape(seen)), console=console)


def printed_sheets(page: Path, folder: Path) -> int:
    """How many sheets of paper `page` takes; skips the test where no browser is installed."""
    program = browser()
    if program is None:
        pytest.skip("chromium, which prints the page, is not installed")
    printed = folder / "printed.pdf"
    subprocess.run(
        [
            program, *FLAGS, f"--user-data-dir={folder / 'profile-print'}",
            f"--print-to-pdf={printed}", "--no-pdf-header-footer", page.as_uri(),
        ],
        capture_output=True, timeout=DEADLINE_SECONDS, check=True,
    )  # fmt: skip
    return len(re.findall(rb"/Type\s*/Page\b", printed.read_bytes()))
