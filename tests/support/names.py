"""Names of files from hell: what anybody may drop on a share, and every output must bear."""

from __future__ import annotations

import os

HOSTILE = (
    "=cmd|' calc'!A0 4711.png",
    "<script>alert(1)<script> 4712.png",
    '"><img src=x onerror=alert(1)> 4713.png',
    "line\nbreak {{ 7*7 }} 4714.png",
    "gpj.\N{RIGHT-TO-LEFT OVERRIDE}exe 4715.png",
    "\N{DRESS} dress 4716.png",
    os.fsdecode(b"\xff\xfe 4717.png"),
    "very" * 45 + ".png",
    "@SUM(1+1)*cmd, 'x';\t4718.png",
    "+4719-1.png",
    "\N{FULLWIDTH EQUALS SIGN}1+1 4720.png",
    "\N{HEBREW LETTER ALEF}\N{HEBREW LETTER BET} 4721.png",
)
