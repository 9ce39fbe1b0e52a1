"""Pictures of mails for the docs, as a browser shows them at the width of a phone.

python -m tests.support.alert_screens docs/pictures
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageChops

from config.settings import LinkSettings, Settings
from config.timing import WindowSettings
from daemon.alerting.render import message_of
from tests.support.alert_samples import sample
from tests.support.waiting import DEADLINE_SECONDS

_WIDTH = 430
_TALLEST = 1400
_SHOWN = {
    "mail-share-unavailable": ("share_unavailable", "raised", "light"),
    "mail-high-error-rate": ("high_error_rate", "repeated", "dark"),
    "mail-run-finished": ("run_finished", "told", "light"),
}


def main(folder: Path) -> None:
    """Write all pictures into `folder`."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        sys.exit("chromium, which takes the pictures, is not installed")
    photos = Path("/srv/photos")
    settings = Settings(
        incoming_dir=photos / "incoming",
        sorted_dir=photos / "sorted",
        results_dir=photos / "results",
        state_dir=Path("/var/lib/nightsort"),
        window=WindowSettings(timezone="UTC"),
        links=LinkSettings(sorted=r"\\box7\photos", results=r"\\box7\results"),
    )
    folder.mkdir(parents=True, exist_ok=True)
    for name, (rule, phase, scheme) in _SHOWN.items():
        with tempfile.TemporaryDirectory() as scratch:
            page, shot = Path(scratch, "mail.html"), Path(scratch, "shot.png")
            mail = message_of(sample(rule, phase), settings, host="box7")  # type: ignore[arg-type]
            page.write_text(mail.html, encoding="utf-8")
            subprocess.run(
                [
                    browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                    f"--user-data-dir={scratch}/profile", f"--screenshot={shot}",
                    f"--window-size={_WIDTH},{_TALLEST}",
                    f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}",
                    page.as_uri(),
                ],
                check=True, capture_output=True, timeout=DEADLINE_SECONDS,
            )  # fmt: skip
            _cropped(shot).save(folder / f"{name}.png", optimize=True)


def _cropped(shot: Path) -> Image.Image:
    """Without the empty page below, and in few colours: text needs no more."""
    picture = Image.open(shot).convert("RGB")
    paper = Image.new("RGB", picture.size, picture.getpixel((1, 1)))
    _, _, _, bottom = ImageChops.difference(picture, paper).getbbox() or (0, 0, 0, picture.height)
    return picture.crop((0, 0, picture.width, min(bottom + 16, picture.height))).quantize(32)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
