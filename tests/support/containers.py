"""Real containers: podman with a storage of its own, over a base image made by debootstrap.

The base is the Debian that the booted machine is a copy of, less what Debian's slim image has not
either. Where there is no podman the test is skipped with the reason; in CI it fails, but where
the machine runs no container at all.
"""

from __future__ import annotations

import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from installer.build import ROOT
from tests.support.booted import CACHE, debian
from tests.support.samba import lacking, need

BASE = "localhost/nightsort-base:latest"
# Of the machine's own, as no file of ours says where packages come from.
_PIP = "[global]\nno-index = true\nfind-links = /wheels\n"
_ENGINE = """
[containers]
default_ulimits = ["nofile={most}:{most}", "nproc={most}:{most}"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
"""
# What a slim image leaves out of Debian, now and at what is installed later.
_SLIM = """
dpkg-query -W -f '${Package} ${Priority}\\n' | grep -v -e ' required$' -e '^apt ' |
    cut -d' ' -f1 | xargs apt-mark auto >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get -y -q autoremove --purge
for folder in doc man locale; do
    echo "path-exclude /usr/share/$folder/*" >>/etc/dpkg/dpkg.cfg.d/slim
    rm -rf /usr/share/$folder/*
done
apt-get clean
rm -rf /var/lib/apt/lists/* /var/log/*
"""


@dataclass(frozen=True)
class Service:
    """How a container is started, as a file for people says it."""

    image: str
    command: list[str]
    user: str
    environment: dict[str, str] = field(default_factory=dict)
    mounts: list[str] = field(default_factory=list)
    tmpfs: list[str] = field(default_factory=list)

    def options(self) -> list[str]:
        """For `podman run`. The root file system is read-only, and nothing is privileged."""
        return [
            "--read-only", "--read-only-tmpfs=false", "--cap-drop=ALL", f"--user={self.user}",
            "--security-opt=no-new-privileges", "--no-healthcheck",
            *(f"--env={name}={value}" for name, value in self.environment.items()),
            *(f"--volume={mount}" for mount in self.mounts),
            *(f"--tmpfs={path}" for path in self.tmpfs),
        ]  # fmt: skip


@dataclass(frozen=True)
class Engine:
    """podman, with everything that it keeps in one folder."""

    folder: Path

    def run(
        self, *words: str | Path, stdin: str = "", timeout_s: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Call it."""
        places = [f"--root={self.folder / 'root'}", f"--runroot={self.folder / 'run'}"]
        return subprocess.run(
            ["podman", *places, f"--tmpdir={self.folder / 'tmp'}", "--log-level=fatal", *words],
            input=stdin, capture_output=True, text=True, timeout=timeout_s, check=False,
            env=os.environ | {"CONTAINERS_CONF": str(self.folder / "containers.conf")},
        )  # fmt: skip

    def says(self, *words: str | Path, stdin: str = "", timeout_s: float = 120) -> str:
        """What it prints, when that must work."""
        done = self.run(*words, stdin=stdin, timeout_s=timeout_s)
        assert done.returncode == 0, (words, done.stdout[-3000:], done.stderr[-3000:])
        return done.stdout.strip()

    def start(self, name: str, service: Service, *options: str) -> None:
        """A container of that name, in the background."""
        self.says(
            "run", "--detach", f"--name={name}", *service.options(), *options,
            service.image, *service.command,
        )  # fmt: skip

    def once(self, service: Service, *options: str) -> subprocess.CompletedProcess[str]:
        """What becomes of a container without a network that ends by itself."""
        return self.run(
            "run", "--rm", "--network=none", *service.options(), *options,
            service.image, *service.command,
        )  # fmt: skip

    def place(self, volume: str) -> Path:
        """Where a volume lies on this machine."""
        return Path(self.says("volume", "inspect", "--format={{.Mountpoint}}", volume))


@contextmanager
def engine() -> Iterator[Engine]:
    """One that runs containers, with the base image; gone after the block."""
    if os.geteuid() != 0:
        lacking("running containers takes root")
    if platform.machine() != "x86_64":
        lacking("the base image is made for x86_64")
    need("podman", "runc", "debootstrap")
    source = debian()
    folder = Path(tempfile.mkdtemp(dir=CACHE, prefix="c-"))  # podman takes no long paths
    found = Engine(folder)
    try:
        (folder / "containers.conf").write_text(_settings(), encoding="utf-8")
        _import_base(found, source)
        tried = found.run("run", "--rm", "--network=none", BASE, "true")
        if tried.returncode != 0:
            # Installed, and refused by the kernel: no file of ours can change that.
            pytest.skip(f"no container runs on this machine: {tried.stderr[-500:]}")
        yield found
    finally:
        found.run("rm", "--all", "--force", "--time=0")
        found.run("umount", "--all", "--force")
        subprocess.run(["rm", "-rf", folder], check=False)


def build(engine: Engine, work: Path) -> None:
    """The image `nightsort` by the Dockerfile; what comes from an index is fetched beforehand."""
    wheels, pip = work / "wheels", work / "pip.conf"
    _fetch(wheels)
    pip.write_text(_PIP, encoding="utf-8")
    engine.says(
        "build", "--format=docker", "--layers=false", "--network=host",
        f"--build-arg=BASE={BASE}", f"--volume={wheels}:/wheels:ro",
        f"--secret=id=pip.conf,src={pip}", "--tag=nightsort", ROOT,
        timeout_s=800,
    )  # fmt: skip


def resolved(text: str, environment: Mapping[str, str]) -> str:
    """What Compose makes of `${NAME:-default}`."""
    return re.sub(
        r"\$\{(\w+):-([^}]*)\}", lambda found: environment.get(found[1]) or found[2], text
    )


def of_compose(service: Mapping[str, Any], secrets: Path) -> Service:
    """A service of compose.yaml; secrets: the folder with their files."""
    said = {name: str(value) for name, value in service.get("environment", {}).items()}
    given = [f"{secrets / name}:/run/secrets/{name}:ro" for name in service.get("secrets", [])]
    assert service["read_only"], service
    assert service["cap_drop"] == ["ALL"], service
    return Service(
        service["image"], service["command"], service["user"],
        {name: resolved(value, {}) for name, value in said.items()},
        [*service["volumes"], *given], service["tmpfs"],
    )  # fmt: skip


def of_kubernetes(
    pod: Mapping[str, Any], container: Mapping[str, Any], maps: Mapping[str, Any], secrets: Path
) -> Service:
    """A container of a pod; maps: what ConfigMaps say, secrets: the folder with the secret's files.

    Its image is the one that is here, and its volumes are named as in the pod.
    """
    rights = {**pod["securityContext"], **container["securityContext"]}
    assert rights["readOnlyRootFilesystem"], container
    assert rights["runAsNonRoot"], container
    assert not rights["allowPrivilegeEscalation"], container
    assert rights["capabilities"] == {"drop": ["ALL"]}, container
    said = {one["name"]: one["value"] for one in container.get("env", [])}
    for source in container.get("envFrom", []):
        said |= maps[source["configMapRef"]["name"]]
    places = {one["name"]: one for one in container["volumeMounts"]}
    fleeting = {one["name"] for one in pod["volumes"] if "emptyDir" in one} & {*places}
    tmpfs = [places.pop(name)["mountPath"] for name in fleeting]
    given = places.pop("secrets", None)
    mounts = [_mount(one, name) for name, one in places.items()]
    if given is not None:
        mounts.append(_mount(given, str(secrets)))
    return Service(
        "nightsort", [*container.get("command", []), *container.get("args", [])],
        f"{rights['runAsUser']}:{rights['runAsGroup']}", said, mounts, tmpfs,
    )  # fmt: skip


def _mount(said: Mapping[str, Any], source: str) -> str:
    return f"{source}:{said['mountPath']}:{'ro' if said.get('readOnly') else 'rw'}"


def _settings() -> str:
    # More than this process may have, no container of its may.
    most = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 4096)
    return _ENGINE.format(most=most)


def _import_base(engine: Engine, source: Path) -> None:
    root = engine.folder / "base"
    subprocess.run(["cp", "-a", "--reflink=auto", source, root], check=True)
    _run(["chroot", root, "sh", "-euc", _SLIM])
    tar = engine.folder / "base.tar"
    _run(["tar", "--directory", root, "--create", "--file", tar, "."])
    engine.says("import", tar, BASE)
    tar.unlink()
    shutil.rmtree(root)


def _fetch(wheels: Path) -> None:
    """Every package of the image, and what builds nightsort itself, as pinned."""
    pins = {more: ROOT / f"requirements{more}.txt" for more in ("", "-mirror", "-archive", "-dev")}
    lines = [line for file in pins.values() for line in file.read_text("utf-8").splitlines()]
    constraints = wheels.with_name("pins.txt")
    constraints.write_text("\n".join(line for line in lines if "==" in line), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:",
         f"--dest={wheels}", f"--constraint={constraints}", f"--requirement={pins['']}",
         f"--requirement={pins['-mirror']}", "hatchling"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        lacking(f"its Python packages cannot be downloaded ({done.stderr[-500:]})")


def _run(command: Sequence[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lacking(f"no base image: {done.stdout[-300:]}{done.stderr[-300:]}")
