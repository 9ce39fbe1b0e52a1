"""A certificate for a box without internet: an authority of its own, which people trust once.

The authority may certify nothing but the names and addresses that it was made for: whoever steals
its key can pretend to be this box, and no other. The certificate is renewed by the page itself, in
time; the authority lasts ten years. Source: RFC 5280; CA/Browser Forum, on 398 days.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING

from config.errors import RefusedError
from web.listening import Files

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

AUTHORITY_DAYS, CERTIFICATE_DAYS, RENEW_DAYS = 3650, 397, 30
_ALWAYS = ("localhost", "127.0.0.1", "::1")
_NOTE = "made.json"


@dataclass(frozen=True, slots=True)
class Made:
    """A certificate of ours: where it lies, for what, and for how long."""

    folder: Path
    names: tuple[str, ...]  # names and addresses
    ends: datetime
    authority_ends: datetime

    @property
    def files(self) -> Files:
        """What the server needs."""
        return Files(self.folder / "server.crt", self.folder / "server.key")

    @property
    def authority(self) -> Path:
        """What people must trust."""
        return self.folder / "authority.crt"

    def is_due(self, now: datetime) -> bool:
        """Whether it is time for a new one."""
        return self.ends - now < timedelta(days=RENEW_DAYS)


def found(web_folder: Path) -> Made | None:
    """The one that was made here; known without reading certificates, which takes a library."""
    folder = web_folder / "tls"
    try:
        note = json.loads((folder / _NOTE).read_text(encoding="utf-8"))
        return Made(
            folder,
            tuple(note["names"]),
            datetime.fromisoformat(note["ends"]),
            datetime.fromisoformat(note["authority_ends"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def of_this_machine(more: Iterable[str] = ()) -> tuple[str, ...]:
    """Names and addresses of this machine, and `more`."""
    names = [*_ALWAYS, socket.gethostname(), socket.getfqdn(), *more]
    for target in (
        "192.0.2.1",
        "2001:db8::1",
    ):  # asks the routes which address is ours; sends nothing
        kind = socket.AF_INET6 if ":" in target else socket.AF_INET
        with suppress(OSError), socket.socket(kind, socket.SOCK_DGRAM) as asking:
            asking.connect((target, 9))
            names.append(asking.getsockname()[0])
    return tuple(dict.fromkeys(name.lower() for name in names if name))


def make(web_folder: Path, names: tuple[str, ...], now: datetime) -> tuple[Made, bool]:
    """Make a certificate for these names; and whether the authority is new, too.

    The authority stays where it may certify all of them. Raises RefusedError when the disk refuses.
    """
    folder = web_folder / "tls"
    before = found(web_folder)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        is_new = before is None or not _suffices(before, names, now)
        if is_new:
            _make_authority(folder, names, now)
            ends = now + timedelta(days=AUTHORITY_DAYS)
        else:
            assert before is not None
            ends = before.authority_ends
        return _make_certificate(folder, names, now, ends), is_new
    except OSError as exc:
        raise RefusedError(f"{folder}: cannot be written ({exc.strerror}); check the disk") from exc


def renew(made: Made, now: datetime) -> Made:
    """A new certificate by the same authority, for the same names."""
    return _make_certificate(made.folder, made.names, now, made.authority_ends)


def _suffices(made: Made, names: tuple[str, ...], now: datetime) -> bool:
    note = json.loads((made.folder / _NOTE).read_text(encoding="utf-8"))
    lasts = made.authority_ends - now > timedelta(days=CERTIFICATE_DAYS)
    return lasts and set(names) <= set(note["permitted"])


def _make_authority(folder: Path, names: tuple[str, ...], now: datetime) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(f"nightsort on {socket.gethostname()} ({now:%Y-%m-%d})")
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        _begun(subject, subject, key, now, timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.NameConstraints(_subtrees(names), None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    _write_pair(folder / "authority", key, _signed(certificate, key))
    (folder / "permitted.json").write_text(json.dumps(names), encoding="utf-8")


def _make_certificate(
    folder: Path, names: tuple[str, ...], now: datetime, authority_ends: datetime
) -> Made:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    by = x509.load_pem_x509_certificate((folder / "authority.crt").read_bytes())
    by_key = serialization.load_pem_private_key((folder / "authority.key").read_bytes(), None)
    assert isinstance(by_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    lasting = min(timedelta(days=CERTIFICATE_DAYS), authority_ends - now)
    certificate = (
        _begun(_subject(names[0]), by.subject, key, now, lasting)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(_general_names(names)), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(by_key.public_key()), critical=False
        )
    )
    _write_pair(folder / "server", key, _signed(certificate, by_key), chain=by)
    made = Made(folder, names, now + lasting, authority_ends)
    _note(made)
    return made


def _note(made: Made) -> None:
    permitted = json.loads((made.folder / "permitted.json").read_text(encoding="utf-8"))
    note = {
        "names": made.names, "permitted": permitted, "ends": made.ends.isoformat(),
        "authority_ends": made.authority_ends.isoformat(),
    }  # fmt: skip
    _write(made.folder / _NOTE, json.dumps(note, indent=2).encode())


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: EllipticCurvePrivateKey,
    now: datetime,
    lasting: timedelta,
) -> x509.CertificateBuilder:
    from cryptography import x509

    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now.astimezone(UTC)
        - timedelta(hours=1),  # of a tablet whose clock is late
        not_valid_after=now.astimezone(UTC) + lasting,
    )


def _signed(certificate: x509.CertificateBuilder, key: EllipticCurvePrivateKey) -> x509.Certificate:
    from cryptography.hazmat.primitives import hashes

    return certificate.sign(key, hashes.SHA256())


def _subject(name: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _general_names(names: Iterable[str]) -> list[x509.GeneralName]:
    from cryptography import x509

    return [
        x509.DNSName(name) if (address := _address(name)) is None else x509.IPAddress(address)
        for name in names
    ]


def _subtrees(names: Iterable[str]) -> list[x509.GeneralName]:
    from cryptography import x509

    return [
        x509.DNSName(name)
        if (address := _address(name)) is None
        else x509.IPAddress(ip_network(address))
        for name in names
    ]


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name.strip("[]"))
    except ValueError:
        return None


def _write_pair(
    place: Path,
    key: EllipticCurvePrivateKey,
    certificate: x509.Certificate,
    chain: x509.Certificate | None = None,
) -> None:
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    text = certificate.public_bytes(Encoding.PEM)
    if chain is not None:
        text += chain.public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write(place.with_suffix(".key"), secret)
    _write(place.with_suffix(".crt"), text)


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all, and for nobody else's eyes."""
    partial = file.with_suffix(".part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as written:
        written.write(content)
        written.flush()
        os.fsync(written.fileno())
    partial.replace(file)
