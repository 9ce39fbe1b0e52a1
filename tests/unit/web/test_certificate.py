"""A certificate of the box's own: for its names alone, renewed in time, by the same authority."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from cryptography import x509

from config.errors import ConfigError
from web import certificate
from web.listening import Files
from web.tls import Tls

NAMES = ("box.lan", "localhost", "127.0.0.1", "::1")
TODAY = datetime.now(UTC)


def handshake(server: ssl.SSLContext, authority: Path, name: str) -> bytes:
    """The certificate that a client who trusts `authority` is shown; raises ssl.SSLError."""
    client = ssl.create_default_context(cafile=authority)
    one, other = socket.socketpair()

    def serve() -> None:
        try:
            with server.wrap_socket(one, server_side=True) as wrapped:
                wrapped.recv(1)
        except OSError:
            one.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(other, server_hostname=name) as wrapped:
            return wrapped.getpeercert(binary_form=True) or b""
    finally:
        other.close()
        thread.join()


def test_clients_who_trust_the_authority_trust_the_box_by_each_of_its_names(tmp_path: Path) -> None:
    made, is_new = certificate.make(tmp_path, NAMES, TODAY)
    assert is_new
    tls = Tls(made.files, tmp_path)
    for name in NAMES:
        assert handshake(tls.context, made.authority, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(tls.context, made.authority, "bank.example.com")


def test_the_authority_can_certify_nothing_else(tmp_path: Path) -> None:
    """Not even for whoever steals its key: clients refuse it."""
    made, _ = certificate.make(tmp_path, NAMES, TODAY)
    stolen = certificate.renew(
        certificate.Made(made.folder, ("bank.example.com",), made.ends, made.authority_ends), TODAY
    )
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted"):
        handshake(Tls(stolen.files, tmp_path).context, stolen.authority, "bank.example.com")


def test_keys_are_for_nobody_elses_eyes(tmp_path: Path) -> None:
    made, _ = certificate.make(tmp_path, NAMES, TODAY)
    assert made.folder.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in made.folder.glob("*.key"))


def test_it_is_renewed_in_time_by_the_authority_that_is_trusted_already(tmp_path: Path) -> None:
    year_ago = TODAY - timedelta(days=380)
    made, _ = certificate.make(tmp_path, NAMES, year_ago)
    authority = made.authority.read_bytes()
    tls = Tls(made.files, tmp_path)
    before = handshake(tls.context, made.authority, "box.lan")
    with structlog.testing.capture_logs() as said:
        tls.look()
        tls.look()
    assert [one["event"] for one in said] == ["certificate_renewed", "certificate_taken"]
    after = handshake(tls.context, made.authority, "box.lan")
    assert before != after
    assert made.authority.read_bytes() == authority
    found = certificate.found(tmp_path)
    assert found is not None
    assert found.ends - TODAY > timedelta(days=390)


def test_a_certificate_never_outlasts_its_authority(tmp_path: Path) -> None:
    made, _ = certificate.make(tmp_path, NAMES, TODAY - timedelta(days=3500))
    renewed = certificate.renew(made, TODAY)
    loaded = x509.load_pem_x509_certificate(renewed.files.certificate.read_bytes())
    assert loaded.not_valid_after_utc <= made.authority_ends
    assert renewed.ends <= made.authority_ends


def test_made_again_for_the_same_names_devices_need_not_trust_anew(tmp_path: Path) -> None:
    certificate.make(tmp_path, NAMES, TODAY)
    assert not certificate.make(tmp_path, NAMES[:2], TODAY)[1]
    assert certificate.make(tmp_path, (*NAMES, "box.other"), TODAY)[1]


def test_a_certificate_of_somebody_elses_is_taken_when_its_file_changes(tmp_path: Path) -> None:
    other, _ = certificate.make(tmp_path, NAMES, TODAY)
    files = Files(tmp_path / "box.crt", tmp_path / "box.key")

    def put() -> None:
        files.certificate.write_bytes(other.files.certificate.read_bytes())
        files.key.write_bytes(other.files.key.read_bytes())

    put()
    tls = Tls(files, tmp_path / "nothing")
    before = handshake(tls.context, other.authority, "box.lan")
    certificate.renew(other, TODAY)
    put()
    tls.look()
    assert handshake(tls.context, other.authority, "box.lan") != before
    files.key.write_text("half a key", "utf-8")
    with structlog.testing.capture_logs() as said:
        tls.look()
    assert [one["event"] for one in said] == ["certificate_refused"]
    assert handshake(tls.context, other.authority, "box.lan")  # the one before goes on serving


def test_files_that_are_no_certificate_are_refused_in_a_line(tmp_path: Path) -> None:
    files = Files(tmp_path / "box.crt", tmp_path / "box.key")
    with pytest.raises(ConfigError, match="cannot be used as certificate and key"):
        Tls(files, tmp_path)
    for file in (files.certificate, files.key):
        file.write_text("no", "utf-8")
    with pytest.raises(ConfigError, match="cannot be used as certificate and key"):
        Tls(files, tmp_path)
