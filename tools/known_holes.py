"""Looks the pins up in the list of known holes: python -m tools.known_holes, by `make audit`.

Exit 1 names what is known; where the list cannot be had, that is said, and it is no all-clear.
pip-audit is installed for it into an environment of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
VENV = ROOT / ".venv-audit"
PINS = ("requirements.txt", "requirements-mirror.txt", "requirements-archive.txt")
_INSTALL_SECONDS = 180.0
_ASK_SECONDS = 180.0
_OPTIONS = ("--no-deps", "--disable-pip", "--progress-spinner", "off", "--timeout", "15")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of the pins."""

    holes: list[str]
    asked: int
    unknown: int  # of which the list says nothing at all


class NotAnsweredError(Exception):
    """The list cannot be had; the message says why."""


def answer_of(said: str, complaint: str) -> Answer:
    """What pip-audit answered as JSON. Raises NotAnsweredError where that is none."""
    try:
        pins = json.loads(said)["dependencies"]
    except (ValueError, KeyError, TypeError) as exc:
        lines = [line for line in complaint.splitlines() if line.strip()]
        raise NotAnsweredError(lines[-1][:200] if lines else "it says nothing") from exc
    holes = [
        f"{pin['name']} {pin['version']}: {hole['id']}, mended in "
        f"{', '.join(hole.get('fix_versions') or ()) or 'no version yet'}"
        for pin in pins
        for hole in pin.get("vulns", ())
    ]
    return Answer(holes, len(pins), sum("skip_reason" in pin for pin in pins))


def ask(command: Sequence[str], seconds: float = _ASK_SECONDS) -> Answer:
    """Ask by pip-audit's command. Raises NotAnsweredError, also where it takes too long."""
    done = _run([*command, "--format", "json"], seconds)
    return answer_of(done.stdout, done.stderr)


def in_words(answer: Answer) -> str:
    """What that means, for whoever reads the log of a CI."""
    if answer.holes:
        return "\n".join([*answer.holes, "Take newer versions: make pins."])
    if answer.unknown:
        known = answer.asked - answer.unknown
        return (
            f"Of {answer.asked} pins only {known} are in the list that can be had here; of the "
            "others holes are not known. That is no all-clear."
        )
    return f"{answer.asked} pins have no known hole."


def main() -> int:
    """Say it; 1 where holes are known."""
    try:
        answer = ask([_installed(), *_OPTIONS, *_files()])
    except NotAnsweredError as exc:
        sys.stdout.write(f"Known holes cannot be looked up here, so nothing was: {exc}\n")
        return 0
    sys.stdout.write(f"{in_words(answer)}\n")
    return 1 if answer.holes else 0


def _files() -> list[str]:
    return [part for name in PINS for part in ("--requirement", str(ROOT / name))]


def _installed() -> str:
    """pip-audit's command, installed if need be."""
    command = VENV / "bin" / "pip-audit"
    if not command.exists():
        _run([sys.executable, "-m", "venv", "--clear", str(VENV)], _INSTALL_SECONDS)
        pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        pins = str(ROOT / "requirements-audit.txt")
        done = _run([*pip, "--disable-pip-version-check", "-r", pins], _INSTALL_SECONDS)
        if done.returncode or not command.exists():
            raise NotAnsweredError("pip-audit cannot be installed")
    return str(command)


def _run(command: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - our own command
            command,
            capture_output=True,
            text=True,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise NotAnsweredError(f"no answer within {seconds:.0f} s") from exc
    except OSError as exc:
        raise NotAnsweredError(str(exc)) from exc


if __name__ == "__main__":
    sys.exit(main())
