"""An S3 server of the test's own: moto in a process, on a free port, which checks signatures.

with storage() as s3:
    shop_bucket = s3.new_bucket()       settings of [mirror] for a bucket of the test's own
    s3.objects(shop_bucket)             what lies there, by key
    with s3.gate() as gate:             a way to it that can be closed, or answer by itself
        gate.trouble = "away"
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import boto3

from config.mirror import MirrorSettings
from daemon.mirror.bucket.client import Bucket, connect
from tests.support.waiting import DEADLINE_SECONDS, eventually

_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}
_REGION = "us-east-1"


@dataclass
class Storage:
    """The server."""

    address: str
    key: str = ""  # ID:SECRET
    _numbers: Iterator[int] = field(default_factory=count)

    def new_bucket(self) -> str:
        """The address of a bucket that is empty."""
        name = f"returns-{next(self._numbers)}"
        self._raw().create_bucket(Bucket=name)
        return f"s3://{name}/boxes"

    def put_as_others(self, bucket: str, key: str, content: bytes = b"") -> None:
        """Put an object as other tools do, whose key may be one that nightsort would never make."""
        self._raw().put_object(**self._place(bucket, key), Body=content)

    def is_in_parts(self, bucket: str, key: str) -> bool:
        """Whether an object was sent so: storage says in its ETag of how many it is."""
        return "-" in self._raw().head_object(**self._place(bucket, key))["ETag"]

    def delete_as_others(self, bucket: str, key: str) -> None:
        """Delete an object of any key."""
        self._raw().delete_object(**self._place(bucket, key))

    def _raw(self) -> Any:
        identity, _, secret = self.key.partition(":")
        return _client("s3", self.address, identity, secret)

    @staticmethod
    def _place(bucket: str, key: str) -> dict[str, str]:
        name, _, prefix = bucket.removeprefix("s3://").partition("/")
        return {"Bucket": name, "Key": f"{prefix}/{key}"}

    def settings(self, bucket: str, **more: Any) -> dict[str, Any]:
        """The table [mirror] of a box."""
        return {
            "station": "berlin",
            "bucket": bucket,
            "endpoint": self.address,
            "bucket_key": self.key,
            "strip_metadata": False,  # tiny photos of tests differ by a note alone
            **more,
        }

    def opened(self, bucket: str) -> Bucket:
        """The bucket, to look into."""
        return connect(MirrorSettings.model_validate(self.settings(bucket)))

    def objects(self, bucket: str, station: str = "berlin") -> dict[str, bytes]:
        """What lies there, by its key below the station's."""
        opened = self.opened(bucket)
        keys = [key for piece in opened.listed(station) for key in piece]
        return {
            key.removeprefix(f"{station}/"): b"".join(opened.get(key)[1])
            for key in keys
            if not key.endswith("/nightsort.json")
        }

    @contextmanager
    def gate(self) -> Iterator[Gate]:
        """A way to the server that a test can close."""
        host, _, port = self.address.rpartition("/")[2].partition(":")
        gate = Gate((host, int(port)))
        gate.start()
        try:
            yield gate
        finally:
            gate.stop()


class Gate:
    """Hands on what comes, unless it is to make trouble.

    trouble: "" none; "away" ends every call; "silent" takes it and says nothing; an HTTP status
    with its text is the answer to all that comes.
    most_bytes: of what the server says as many are handed back, then the call ends.
    """

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._trouble = ""
        self.most_bytes: float = float("inf")
        self.calls = 0  # since the trouble was set last

    @property
    def address(self) -> str:
        """As an endpoint."""
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    @property
    def trouble(self) -> str:
        """What it does instead of handing on."""
        return self._trouble

    @trouble.setter
    def trouble(self, trouble: str) -> None:
        self._trouble, self.calls = trouble, 0
        self._end_all()

    def start(self) -> None:
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._listening.close()
        self._end_all()

    def _end_all(self) -> None:
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):  # it is over
            while True:
                caller, _ = self._listening.accept()
                self._open.add(caller)
                threading.Thread(target=self._serve, args=(caller,), daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        self.calls += 1
        with caller, suppress(OSError):
            if self.trouble == "silent":
                while caller.recv(65_536):
                    pass
            elif self.trouble == "away":
                pass
            elif self.trouble:
                caller.recv(65_536)
                lines = f"HTTP/1.1 {self.trouble}", "Content-Length: 0", "Connection: close", "", ""
                caller.sendall("\r\n".join(lines).encode())
            else:
                with socket.create_connection(self._server) as server:
                    self._open.add(server)
                    handed = (server, caller, self.most_bytes)
                    back = threading.Thread(target=_pump, args=handed, daemon=True)
                    back.start()
                    _pump(caller, server)
                    back.join(DEADLINE_SECONDS)
                    self._open.discard(server)
        self._open.discard(caller)


def _pump(source: socket.socket, target: socket.socket, most: float = float("inf")) -> None:
    with suppress(OSError):
        while most > 0 and (piece := source.recv(65_536)):
            most -= len(piece)
            target.sendall(piece)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def storage() -> Iterator[Storage]:
    """A server that runs until the end of the `with` block."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as written:
            process = subprocess.Popen(
                [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )
        try:
            address = eventually(lambda: _address(log, process))
            yield Storage(address, _require_signatures(address))
        finally:
            process.kill()
            process.wait(DEADLINE_SECONDS)


def _address(log: Path, process: subprocess.Popen[bytes]) -> str:
    text = log.read_text(errors="replace")
    assert process.poll() is None, f"the server ended: {text}"
    found = re.search(r"Running on (http://127\.0\.0\.1:\d+)", text)
    return found[1] if found else ""


def _require_signatures(address: str) -> str:
    """From now on the server lets in who has a key of its; returns one as ID:SECRET."""
    iam = _client("iam", address, "nobody", "nothing")
    iam.create_user(UserName="box")
    iam.put_user_policy(UserName="box", PolicyName="all", PolicyDocument=json.dumps(_POLICY))
    key = iam.create_access_key(UserName="box")["AccessKey"]
    asked = urllib.request.Request(
        f"{address}/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"}
    )
    urllib.request.urlopen(asked).close()
    return f"{key['AccessKeyId']}:{key['SecretAccessKey']}"


def _client(service: str, address: str, identity: str, secret: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=address,
        region_name=_REGION,
        aws_access_key_id=identity,
        aws_secret_access_key=secret,
    )
