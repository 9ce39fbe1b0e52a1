"""The server's side of TLS: a certificate that changes while it serves."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

import structlog

from config.errors import ConfigError, RefusedError
from web import certificate
from web.listening import Files

log = structlog.get_logger()


class Tls:
    """What connections are encrypted with."""

    def __init__(self, files: Files, web_folder: Path) -> None:
        """Raises ConfigError when the files cannot be used."""
        self._files = files
        self._web_folder = web_folder
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._load()
        self._seen = self._stamp()

    def look(self) -> None:
        """Renew a certificate of our own in time; take a new one of anybody's. Any thread."""
        made = certificate.found(self._web_folder)
        try:
            if made is not None and made.files == self._files and made.is_due(datetime.now(UTC)):
                made = certificate.renew(made, datetime.now(UTC))
                log.info("certificate_renewed", ends=made.ends.isoformat())
            stamp = self._stamp()
            if stamp != self._seen:
                self._load()
                self._seen = stamp
                log.info("certificate_taken", file=str(self._files.certificate))
        except (OSError, ConfigError, RefusedError) as exc:
            log.error("certificate_refused", why=str(exc))  # the one before goes on serving

    def _load(self) -> None:
        try:
            self.context.load_cert_chain(self._files.certificate, self._files.key)
        except (OSError, ssl.SSLError) as exc:
            raise ConfigError(
                f"{self._files.certificate}, {self._files.key}: cannot be used as certificate and "
                f"key ({exc}); check that both are PEM files, belong together, and may be read"
            ) from exc

    def _stamp(self) -> tuple[int, int]:
        files = self._files
        return files.certificate.stat().st_mtime_ns, files.key.stat().st_mtime_ns
