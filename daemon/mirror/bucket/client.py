"""Speaking with object storage: put, get, list, delete, and its errors in nightsort's words.

obstore is an extra (`nightsort[mirror]`), so it is imported here alone, when it is needed.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, BinaryIO

from config.archive import ArchiveSettings
from config.errors import TransientError
from config.mirror import MirrorSettings, is_access_key
from config.variables import credential, credentials_are_here
from daemon.folders.os_errors import printable

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta
    from obstore.store import S3Store

CONNECT_SECONDS = 10
# A part must arrive in that time: at half a megabit a second it does.
REQUEST_SECONDS = 120
# S3 takes 10,000 parts; a file of up to this size goes in one piece, through memory.
PART_BYTES = 8_000_000
_AT_ONCE = 1  # part in memory; two would share the time that each may take
LISTED_AT_ONCE = 1000

_REMEDIES = {
    "InvalidAccessKeyId": "correct the access key ([mirror] bucket_credential)",
    "SignatureDoesNotMatch": "correct the access key ([mirror] bucket_credential)",
    "AuthorizationHeaderMalformed": "correct [mirror] region",
    "PermanentRedirect": "correct [mirror] region or endpoint",
    "RequestTimeTooSkewed": "set this machine's clock",
    "NoSuchBucket": "make the bucket, or correct [mirror] bucket",
    "AccessDenied": "give the access key its rights (docs/bucket.md)",
}
_KINDS = {
    "Connect": "cannot be reached; see to the server, its certificate and the network between",
    "Timeout": "has not answered in time",
}

_PIECE = 1 << 20  # of an answer, at a time


class BucketFailed(TransientError):
    """The bucket cannot be used for now; the message says why, and never a secret."""


class BucketRefused(BucketFailed):
    """It stays so until a person does something."""


class ObjectCold(BucketRefused):
    """An object lies in storage that answers nobody before it is thawed."""


class ListingRefused(BucketRefused):
    """What lies there cannot be listed; single objects can be written and read."""


class NoObject(BucketFailed):
    """There is no object of that key."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a bucket is."""

    bucket: str
    prefix: str
    endpoint: str | None
    region: str

    @classmethod
    def of(cls, settings: MirrorSettings) -> Address:
        """What the settings say; there must be a bucket."""
        bucket, _, prefix = (settings.bucket or "").removeprefix("s3://").partition("/")
        return cls(bucket, prefix.strip("/"), settings.endpoint, settings.region)

    def __str__(self) -> str:
        inside = f"s3://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")
        return f"{inside} at {self.endpoint}" if self.endpoint else inside


def is_installed() -> bool:
    """Whether obstore is there."""
    return importlib.util.find_spec("obstore") is not None


def how_to_install() -> str:
    """What to do where it is not."""
    return f'{sys.executable} -m pip install "obstore>=0.10"'


def require_installed() -> None:
    """Raise BucketRefused, which says how to get obstore, where it is missing."""
    if not is_installed():
        raise BucketRefused(
            f"obstore, which speaks to object storage, is not installed; {how_to_install()}"
        )


def access_key(settings: MirrorSettings | ArchiveSettings) -> tuple[str, str]:
    """Id and secret. Raises ConfigError where the credential is not there, BucketRefused.

    A command that systemd hands no credentials takes the key of its environment.
    """
    key = settings.bucket_key
    if settings.bucket_credential is not None and (key is None or credentials_are_here()):
        text = credential(settings.bucket_credential)
    else:
        assert key is not None
        text = key.get_secret_value()
    if not is_access_key(text):
        raise BucketRefused(
            f"the credential {settings.bucket_credential} is no access key; write its id and its "
            "secret with a colon between: ID:SECRET"
        )
    identity, _, secret = text.partition(":")
    return identity, secret


class Bucket:
    """One bucket below its prefix. Every method raises BucketFailed when it refuses or is away."""

    def __init__(self, address: Address, store: S3Store) -> None:
        self.address = address
        self._store = store

    def put(
        self, key: str, content: bytes | BinaryIO, about: Mapping[str, str], *, new: bool = False
    ) -> bool:
        """Write an object whole or not at all; a large file in parts, few of them in memory.

        about: what is kept beside it, in ASCII. new: only where there is none; False when there is.
        """
        import obstore
        from obstore.exceptions import AlreadyExistsError

        is_small = isinstance(content, bytes) and len(content) <= PART_BYTES
        try:
            with self._telling():
                obstore.put(
                    self._store,
                    key,
                    content,
                    attributes=dict(about),
                    mode="create" if new else "overwrite",
                    use_multipart=False if is_small else None,
                    chunk_size=PART_BYTES,
                    max_concurrency=_AT_ONCE,
                )
        except AlreadyExistsError:
            return False
        return True

    def about(self, key: str) -> Mapping[str, str]:
        """What is kept beside an object. Raises NoObject."""
        import obstore

        with self._telling():
            return _about(obstore.get(self._store, key, options={"head": True}).attributes)

    def get(self, key: str) -> tuple[Mapping[str, str], Iterator[bytes]]:
        """What is kept beside an object, and its bytes piece by piece. Raises NoObject."""
        import obstore

        with self._telling():
            found = obstore.get(self._store, key)
            return _about(found.attributes), self._pieces(key, found.meta, found.stream(_PIECE))

    def _pieces(self, key: str, meta: ObjectMeta, stream: Iterator[object]) -> Iterator[bytes]:
        """The first part of an answer, then part by part: a whole one may outlast its time."""
        at = 0
        with self._telling():
            for piece in stream:
                content = bytes(piece)  # type: ignore[call-overload]
                at += len(content)
                yield content
                if at >= PART_BYTES:
                    break
            del stream
            while at < meta["size"]:
                content = self._part(key, meta, at)
                at += len(content)
                yield content

    def _part(self, key: str, meta: ObjectMeta, begin: int) -> bytes:
        """A part of the very object that it was at first."""
        import obstore

        end = min(begin + PART_BYTES, meta["size"])
        options: GetOptions = {"range": (begin, end), "if_match": meta["e_tag"]}
        return bytes(obstore.get(self._store, key, options=options).bytes())

    def delete(self, keys: Collection[str]) -> None:
        """Delete objects; those that are not there are none."""
        import obstore

        with self._telling():
            for key in keys:
                try:
                    obstore.delete(self._store, key)
                except FileNotFoundError as exc:
                    if "NoSuchBucket" in str(exc):
                        raise

    def listed(self, below: str, after: str | None = None) -> Iterator[dict[str, int]]:
        """The objects below a folder by key, with their sizes, in the keys' order, in pieces.

        after: only those that follow this key.
        """
        import obstore

        with self._telling():
            for piece in obstore.list(
                self._store, below or None, offset=after, chunk_size=LISTED_AT_ONCE
            ):
                yield {one["path"]: one["size"] for one in piece}

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Say what storage refuses in nightsort's words."""
        from obstore.exceptions import AlreadyExistsError, BaseError, InvalidPathError

        try:
            yield
        except AlreadyExistsError:
            raise
        except InvalidPathError as exc:
            text = _line(str(exc).partition("\n\nDebug source:")[0]).rpartition("invalid path: ")[2]
            raise ListingRefused(
                f"{self.address} holds an object whose key cannot be used: {printable(text)}; "
                "delete it there, then run: nightsort mirror fill"
            ) from exc
        except (BaseError, FileNotFoundError, ValueError) as exc:
            raise self._told(exc) from exc

    def _told(self, error: Exception) -> BucketFailed:
        text, _, debug = str(error).partition("\n\nDebug source:")
        code = _first(r"<Code>(\w{1,60})</Code>", text)
        if isinstance(error, FileNotFoundError) and code != "NoSuchBucket":
            return NoObject(f"{self.address}: there is no such object")
        if code == "InvalidObjectState":
            return ObjectCold(f"{self.address} refuses ({code}); have it thawed there")
        if remedy := _REMEDIES.get(code):
            return BucketRefused(f"{self.address} refuses ({code}); {remedy}")
        status = _first(r"status code: (\d{3}[ \w]*)", text)
        if status.startswith(("401", "403")):
            return BucketRefused(f"{self.address} refuses ({status}); {_REMEDIES['AccessDenied']}")
        if status:
            return BucketFailed(f"{self.address} answers {' '.join(filter(None, (status, code)))}")
        kind = _first(r"kind: (\w+)", debug)
        return BucketFailed(f"{self.address} {_KINDS.get(kind) or f'fails: {_line(text)}'}")


def connect(settings: MirrorSettings) -> Bucket:
    """The bucket that the settings name; nothing is sent yet.

    Raises BucketRefused where obstore is missing, ConfigError where the credential is.
    """
    require_installed()
    return opened(Address.of(settings), access_key(settings))


def opened(address: Address, key: tuple[str, str]) -> Bucket:
    """A bucket by its address, and an access key's id and secret; nothing is sent yet."""
    from obstore.store import S3Store

    identity, secret = key
    store = S3Store(
        address.bucket,
        prefix=address.prefix or None,
        endpoint=address.endpoint or f"https://s3.{address.region}.amazonaws.com",
        region=address.region,
        access_key_id=identity,
        secret_access_key=secret,
        virtual_hosted_style_request=False,
        disable_bulk_delete=True,  # Google's storage knows no such call
        client_options={
            "allow_http": (address.endpoint or "").startswith("http:"),
            "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
            "timeout": timedelta(seconds=REQUEST_SECONDS),
        },
        # Whoever calls tries again by itself, and says meanwhile what fails.
        retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=REQUEST_SECONDS)},
    )
    return Bucket(address, store)


def _about(attributes: Mapping[str, str]) -> dict[str, str]:
    """Names as we wrote them: headers have no case."""
    return {name.lower(): value for name, value in attributes.items()}


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1].strip() if found else ""


def _line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()[:200]
