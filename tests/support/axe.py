"""What axe-core finds wrong with a page for people who see, hear or move otherwise: WCAG 2.2 AA.

Its script comes in a package that tests install for it alone (docs/decisions/0004-dependencies.md).
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.support.chromium import Tab

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice")
# Not looked at: Swagger UI, as its makers made it; what it draws stands in /openapi.json, too.
# Of these rules axe leaves one out unless it is asked for.
_ALSO = {"target-size": {"enabled": True}}
_RUN = """
axe.run({exclude: [".swagger-ui"]}, {
  runOnly: {type: "tag", values: TAGS}, rules: ALSO, resultTypes: ["violations"],
})
  .then(found => found.violations.map(one => ({
    rule: one.id, help: one.help,
    at: one.nodes.map(node => node.target.join(" ") + ": " + node.failureSummary),
  })))
"""


@lru_cache(maxsize=1)
def script() -> str:
    """axe-core itself. The package around it is not imported: it would want Playwright."""
    spec = find_spec("axe_playwright_python")
    assert spec is not None, "axe is missing: make install"
    assert spec.origin is not None
    return (Path(spec.origin).parent / "axe.min.js").read_text(encoding="utf-8")


def violations(tab: Tab) -> list[str]:
    """What is wrong with the page that the tab shows, a line for each rule and place."""
    tab.evaluate(f"{script()}; undefined")
    code = _RUN.replace("TAGS", json.dumps(TAGS)).replace("ALSO", json.dumps(_ALSO))
    found: list[dict[str, Any]] = tab.evaluate(code)
    return [f"{one['rule']} ({one['help']}) {at}" for one in found for at in one["at"]]
