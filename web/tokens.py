"""Tokens that nobody keeps: made of a secret that only this installation knows (HMAC-SHA-256)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tokens:
    """Makes and checks them."""

    secret: bytes

    def of_session(self, session: str) -> str:
        """What a form of a person who is signed in carries."""
        return self._sealed("session", session)

    def of_form(self, cookie: str) -> str:
        """What a form carries before there is a session: it fits one browser's cookie."""
        return self._sealed("form", cookie)

    def new_device(self, name: str) -> str:
        """A cookie that says: in this browser, `name` has signed in before."""
        nonce = secrets.token_urlsafe(16)
        return f"{nonce}.{self._sealed('device', f'{nonce} {name}')}"

    def device(self, cookie: str, name: str) -> str | None:
        """What tells this browser from others, if its cookie is of that name."""
        nonce, _, seal = cookie.partition(".")
        return nonce if same(seal, self._sealed("device", f"{nonce} {name}")) else None

    def _sealed(self, purpose: str, text: str) -> str:
        message = f"{purpose} {text}".encode("utf-8", "surrogatepass")
        return hmac.new(self.secret, message, hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether both are the same, in a time that does not say where they differ."""
    return hmac.compare_digest(
        one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass")
    )
