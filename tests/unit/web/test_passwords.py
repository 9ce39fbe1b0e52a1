"""Passwords: whoever guesses learns nothing, not even from how long the answer takes."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from web import passwords


class CountingHasher:
    """Does what the real one does, and counts how often."""

    def __init__(self) -> None:
        self.verified = 0
        self._real = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)

    def verify(self, kept: str, password: bytes) -> bool:
        self.verified += 1
        return self._real.verify(kept, password)


def test_a_name_that_nobody_has_costs_as_much_work_as_a_wrong_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = passwords.hashed("the right one, of many words")
    hasher = CountingHasher()
    monkeypatch.setattr(passwords, "_HASHER", hasher)
    assert not passwords.fits("wrong", kept)
    assert hasher.verified == 1
    assert not passwords.fits("wrong", None)
    assert hasher.verified == 2
