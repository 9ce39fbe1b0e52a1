"""A browser that a test types into: Debian's Chromium, told by its own protocol through pipes.

    with chromium(folder) as browser:
        tab = browser.tab(width=390)
        tab.open(page.url, cookies)
        tab.press("Enter")
        eventually(lambda: tab.evaluate("document.title") == "...")

Needs nothing installed beside the browser. Source: chromedevtools.github.io/devtools-protocol
"""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.browser import FLAGS, browser
from tests.support.waiting import eventually

_ANSWER_SECONDS = 60.0
# It hears on descriptor 3 and speaks on 4.
_START = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4);"
    " os.execv(sys.argv[3], sys.argv[3:])"
)
_NAMED = {"Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowRight": 39, "ArrowDown": 40, "Tab": 9}


class Tab:
    """One page in the browser."""

    def __init__(self, chromium: Chromium, session: str) -> None:
        self._chromium = chromium
        self._session = session

    def do(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call the protocol for this page."""
        return self._chromium.call(method, parameters, self._session)

    def show_as(self, width: int, height: int, *, dark: bool = False) -> None:
        """The window's size, and whether its user likes it dark."""
        self.do(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, mobile=width < 600,
            deviceScaleFactor=1,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        calm = {"name": "prefers-reduced-motion", "value": "reduce"}  # nothing is half-way
        self.do("Emulation.setEmulatedMedia", features=[scheme, calm])

    def carry(self, client: httpx.Client) -> None:
        """Take over the cookies of a client that has signed in."""
        for cookie in client.cookies.jar:
            self.do(
                "Network.setCookie", name=cookie.name, value=cookie.value or "", httpOnly=True,
                url=str(client.base_url),
            )  # fmt: skip

    def open(self, url: str) -> None:
        """Open an address, and wait until all of it is there."""
        self.do("Page.navigate", url=url)
        eventually(lambda: self.evaluate("document.readyState") == "complete")

    def evaluate(self, code: str) -> Any:
        """What the page's own script would get for this expression."""
        answer = self.do("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key and let it go."""
        code = _NAMED.get(key, ord(key[0].upper()))
        text = "\r" if key == "Enter" else key if len(key) == 1 else ""
        about = {"key": key, "windowsVirtualKeyCode": code}
        self.do("Input.dispatchKeyEvent", type="keyDown", text=text, **about)
        self.do("Input.dispatchKeyEvent", type="keyUp", **about)

    def picture(self, file: Path) -> None:
        """What it looks like, as a PNG."""
        shot = self.do("Page.captureScreenshot", format="png")
        file.write_bytes(base64.b64decode(shot["data"]))

    @property
    def too_wide_px(self) -> int:
        """By how much one would have to scroll sideways."""
        root = "document.documentElement"
        return int(self.evaluate(f"{root}.scrollWidth - {root}.clientWidth"))

    @property
    def complaints(self) -> list[str]:
        """What it wrote to its console as an error, violations of its policy among them."""
        return self._chromium.complaints.get(self._session, [])


class Chromium:
    """A browser's process."""

    def __init__(self, process: subprocess.Popen[bytes], to: int, come: int) -> None:
        self._process = process
        self._to = to
        self._come = come
        self._received = b""
        self._number = 0
        self.complaints: dict[str, list[str]] = {}

    def tab(self, width: int = 1280, height: int = 800, *, dark: bool = False) -> Tab:
        """A new page, with cookies of its own."""
        context = self.call("Target.createBrowserContext", {})["browserContextId"]
        target = self.call(
            "Target.createTarget", {"url": "about:blank", "browserContextId": context}
        )["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})
        tab = Tab(self, session["sessionId"])
        for domain in ("Page", "Runtime", "Network", "Log"):
            tab.do(f"{domain}.enable")
        tab.show_as(width, height, dark=dark)
        return tab

    def call(self, method: str, parameters: dict[str, Any], session: str = "") -> dict[str, Any]:
        """Ask, and wait for the answer; what is told meanwhile is noted."""
        self._number += 1
        asked: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session:
            asked["sessionId"] = session
        os.write(self._to, json.dumps(asked).encode() + b"\0")
        while True:
            said = self._next()
            if said.get("id") == self._number:
                assert "error" not in said, (method, said["error"])
                result: dict[str, Any] = said["result"]
                return result
            self._note(said)

    def _next(self) -> dict[str, Any]:
        ends = time.monotonic() + _ANSWER_SECONDS
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._come], [], [], max(0.0, ends - time.monotonic()))
            assert ready, "the browser does not answer"
            piece = os.read(self._come, 1 << 20)
            assert piece, "the browser has ended"
            self._received += piece
        one, _, self._received = self._received.partition(b"\0")
        said: dict[str, Any] = json.loads(one)
        return said

    def _note(self, said: dict[str, Any]) -> None:
        parameters, session = said.get("params", {}), said.get("sessionId", "")
        noted = self.complaints.setdefault(session, [])
        match said.get("method"):
            case "Runtime.exceptionThrown":
                noted.append(json.dumps(parameters["exceptionDetails"]))
            case "Log.entryAdded" if parameters["entry"]["level"] == "error":
                noted.append(parameters["entry"]["text"])
            case "Runtime.consoleAPICalled" if parameters["type"] in ("error", "assert"):
                noted.append(json.dumps(parameters["args"]))


@contextmanager
def chromium(folder: Path) -> Iterator[Chromium]:
    """A browser until the end of the `with` block; skips the test where none is installed.

    folder: for what it keeps.
    """
    program = browser()
    if program is None:
        pytest.skip("chromium, which shows the page, is not installed")
    (its_in, to), (come, its_out) = os.pipe(), os.pipe()
    arguments = [program, *FLAGS, "--remote-debugging-pipe", f"--user-data-dir={folder}"]
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _START, str(its_in), str(its_out), *arguments],
        pass_fds=(its_in, its_out), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(its_in)
    os.close(its_out)
    try:
        yield Chromium(process, to, come)
    finally:
        os.close(to)
        with suppress(OSError):
            os.close(come)
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
