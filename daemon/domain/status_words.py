"""What keeps it from working, in the language that people read: told in English, known again.

What is rare, and what was quoted, stays as it is.
"""

from __future__ import annotations

from daemon.domain.again import said_again
from daemon.domain.speech import Speech


def problem_again(problem: str, say: Speech) -> str:
    """The same problem of the status in the language of `say`."""
    return said_again(problem, say, "status.problem")
