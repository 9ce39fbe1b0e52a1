"""The image as the Dockerfile makes it, and the services that compose.yaml makes of it.

Built and run for real, by podman: read-only, without any privilege, as the users that the files
name. What stands around them there (Caddy, PostgreSQL) is not: their images are other people's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from installer.build import ROOT
from tests.support.containers import Engine, Service, build, engine, of_compose, of_kubernetes
from tests.support.photos import write_photo
from tests.support.waiting import DEADLINE_SECONDS, eventually

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]

LARGEST = 350_000_000
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
KUBERNETES = [*yaml.safe_load_all((ROOT / "container/kubernetes.yaml").read_text("utf-8"))]
USER, GROUP = 10001, 10001
ASK = """
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8484/health", timeout=20).read().decode())
"""


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that has the image."""
    with engine() as found:
        build(found, tmp_path_factory.mktemp("image"))
        yield found


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secrets")
    file = folder / "mirror-postgres"
    file.write_text("postgresql://nightsort:drawn@postgres/returns\n", encoding="utf-8")
    file.chmod(0o444)
    return folder


class Trial:
    """The daemon and the page, as one of the files has them, on volumes of their own."""

    def __init__(
        self, podman: Engine, name: str, services: dict[str, Service], checks: dict[str, list[str]]
    ) -> None:
        """checks: the commands by which each is found well."""
        self.podman = podman
        self._name = name
        self._services = services
        self._checks = checks

    def up(self) -> None:
        """Start both, and wait until they are found well."""
        self.podman.start(self.of("daemon"), self._services["daemon"], "--network=none")
        beside = f"--network=container:{self.of('daemon')}"
        self.podman.start(self.of("page"), self._services["page"], beside)
        for name, check in self._checks.items():
            eventually(partial(self.works, name, *check), every_s=0.5)

    def down(self) -> None:
        for name in ("page", "daemon"):  # whose network the page is in
            self.podman.says("rm", "--force", "--time=0", self.of(name))

    def of(self, name: str) -> str:
        """What the container is called."""
        return f"{self._name}-{name}"

    def works(self, name: str, *command: str) -> bool:
        return self.podman.run("exec", self.of(name), *command).returncode == 0

    def says(self, name: str, *command: str, stdin: str = "") -> str:
        """What a command prints in one of them."""
        return self.podman.says("exec", "--interactive", self.of(name), *command, stdin=stdin)

    def stop(self, name: str, seconds: str) -> int:
        """End it; its exit code."""
        self.podman.says("stop", f"--time={seconds}", self.of(name))
        return int(self.podman.says("inspect", "--format={{.State.ExitCode}}", self.of(name)))

    def health(self) -> str:
        """What the page says of the daemon."""
        said = json.loads(self.says("page", "python", "-c", ASK))
        return str(said["status"])

    def events(self) -> list[str]:
        """What the daemon logged so far."""
        lines = self.podman.says("logs", self.of("daemon")).splitlines()
        return [json.loads(line.partition(">")[2])["event"] for line in lines]

    @property
    def photos(self) -> Path:
        """What is mounted at /srv/nightsort."""
        mounts = self._services["daemon"].mounts
        volume = next(one.partition(":")[0] for one in mounts if ":/srv/nightsort" in one)
        return self.podman.place(volume)

    def sorts(self, name: str, seed: int) -> None:
        """Drop a photo, as the share's account leaves it, and wait until it is filed."""
        write_photo(self.photos / name, seed=seed)
        (self.photos / name).rename(self.photos / "incoming" / name)
        eventually(
            lambda: any((self.photos / "sorted").rglob(name)),
            within_s=2 * DEADLINE_SECONDS,
            every_s=0.5,
        )


@pytest.fixture(scope="module")
def trial(podman: Engine, secrets: Path) -> Iterator[Trial]:
    """What `docker compose up` starts, without what is other people's."""
    said = {name: COMPOSE["services"][name] for name in ("daemon", "page")}
    services = {name: of_compose(one, secrets) for name, one in said.items()}
    checks = {name: one["healthcheck"]["test"][1:] for name, one in said.items()}
    trial = Trial(podman, "trial", services, checks)
    trial.up()
    yield trial
    trial.down()


def pod_of(documents: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The pod of the StatefulSet, and what each ConfigMap says."""
    maps = {one["metadata"]["name"]: one["data"] for one in documents if one["kind"] == "ConfigMap"}
    pod = next(one["spec"]["template"]["spec"] for one in documents if one["kind"] == "StatefulSet")
    return pod, maps


def inside(podman: Engine, script: str) -> str:
    """What a script prints in a container of the image that has nothing else."""
    return podman.says(
        "run", "--rm", "--network=none", "--read-only", "nightsort", "sh", "-euc", script
    )


def test_the_image_is_small_and_holds_nothing_that_builds(podman: Engine) -> None:
    size = int(podman.says("image", "inspect", "--format={{.Size}}", "nightsort"))
    assert size < LARGEST
    assert inside(podman, "command -v pip pip3 gcc || true") == ""
    assert (
        inside(podman, "ls /var/lib/apt/lists /var/cache/apt")
        == "/var/cache/apt:\n\n/var/lib/apt/lists:"
    )


def test_the_image_runs_as_nobody_special_and_the_daemon_is_its_command(podman: Engine) -> None:
    said = json.loads(podman.says("image", "inspect", "nightsort"))[0]
    entry, command = said["Config"]["Entrypoint"], said["Config"]["Cmd"]
    assert (entry, command) == (["tini", "--", "start"], ["nightsort", "run"])
    assert said["Healthcheck"]["Test"] == ["CMD", "alive"]
    assert inside(podman, "id -u; id -g; umask") == f"{USER}\n{GROUP}\n0007"


def test_what_both_services_load_is_compiled(podman: Engine) -> None:
    # Read-only as it is, each start would compile it anew.
    told = "python -v -c 'import daemon.service.app, web.serving' 2>&1"
    assert int(inside(podman, f"{told} | grep -c 'matches /opt/nightsort/'")) > 200
    assert inside(podman, f"{told} | grep 'code object from ./opt/.*py.$' || true") == ""


def test_a_photo_on_the_share_is_filed_and_the_page_knows(trial: Trial) -> None:
    trial.sorts("return-1.jpg", 1)
    assert trial.health() == "healthy"
    zone = "from daemon.domain.clock import local_zone; print(local_zone())"
    assert trial.says("daemon", "python", "-c", zone) == "Europe/Berlin"


def test_the_first_person_is_let_in_by_a_command_in_the_container(trial: Trial) -> None:
    add = ("nightsort", "web", "user", "add", "anna", "--role=admin", "--password-stdin")
    trial.says("page", *add, stdin="correct horse battery\n")
    said = json.loads(trial.says("page", "nightsort", "web", "user", "list", "--json"))
    assert [one["name"] for one in said["users"]] == ["anna"]


def test_nothing_but_its_own_folders_can_be_written_to(trial: Trial) -> None:
    places = {
        "daemon": ("/etc/nightsort", "/opt/nightsort", "/var/lib/nightsort/web"),
        "page": ("/etc/nightsort", "/var/lib/nightsort", "/srv/nightsort/incoming"),
    }
    assert trial.works("page", "touch", "/var/lib/nightsort/web/mine")
    for name, folders in places.items():
        for folder in folders:
            assert not trial.works(name, "touch", f"{folder}/mine"), (name, folder)


def test_the_secret_is_read_by_the_daemon_alone_and_is_in_no_variable(trial: Trial) -> None:
    code = "from config.variables import credential; print(credential('mirror-postgres'))"
    assert "drawn" in trial.says("daemon", "python", "-c", code)
    assert "drawn" not in trial.says("daemon", "env")
    assert not trial.works("page", "python", "-c", code)


def test_both_end_in_order_and_new_containers_go_on_where_they_were(trial: Trial) -> None:
    trial.sorts("return-2.jpg", 2)
    for name in ("page", "daemon"):
        grace = COMPOSE["services"][name]["stop_grace_period"]
        assert trial.stop(name, grace.removesuffix("s")) == 0
    assert trial.events()[-1] == "service_stopped"
    trial.down()
    trial.up()
    assert "return-2.jpg" in trial.says("daemon", "nightsort", "find", "2", "--json")
    trial.sorts("return-3.jpg", 3)
    assert not {"folder_adopted", "share_unavailable"} & {*trial.events()}


def test_the_pod_of_the_kubernetes_example_sorts(podman: Engine, secrets: Path) -> None:
    pod, maps = pod_of(KUBERNETES)
    for volume in ("state", "photos"):
        podman.says("volume", "create", f"pod-{volume}")
        # As fsGroup leaves a volume.
        os.chown(podman.place(f"pod-{volume}"), 0, pod["securityContext"]["fsGroup"])
        podman.place(f"pod-{volume}").chmod(0o2775)

    def service(container: dict[str, Any]) -> Service:
        found = of_kubernetes(pod, container, maps, secrets)
        mounts = [one if one.startswith("/") else f"pod-{one}" for one in found.mounts]
        return replace(
            found,
            mounts=mounts,
            environment=found.environment | {"NIGHTSORT_WINDOW__MODE": "continuous"},
        )

    for container in pod["initContainers"]:
        done = podman.once(service(container), "--entrypoint=")
        assert done.returncode == 0, done.stderr
    pair = {one["name"]: one for one in pod["containers"]}
    checks = {name: one["livenessProbe"]["exec"]["command"] for name, one in pair.items()}
    trial = Trial(podman, "pod", {name: service(one) for name, one in pair.items()}, checks)
    trial.up()
    trial.sorts("return-4.jpg", 4)
    assert trial.health() == "healthy"
    assert not trial.works("page", "touch", "/var/lib/nightsort/state/mine")
    trial.down()


@pytest.mark.parametrize("words", ["", "# nightsort web "])
def test_the_health_check_fails_where_nothing_lives(podman: Engine, words: str) -> None:
    dead = Service("nightsort", ["sh", "-c", f"alive {words}"], str(USER), {}, [], ["/tmp"])
    assert podman.once(dead).returncode != 0


def test_another_user_id_serves_where_folders_are_its_own(podman: Engine, tmp_path: Path) -> None:
    mounts = {"photos": "/srv/nightsort", "state": "/var/lib/nightsort"}
    for name in ("photos/incoming", "photos/sorted", "photos/results", "state"):
        (tmp_path / name).mkdir(parents=True)
    write_photo(tmp_path / "photos/incoming/return-3.jpg", seed=3)
    for path in (tmp_path, *tmp_path.rglob("*")):
        path.chmod(0o770 if path.is_dir() else 0o660)
        os.chown(path, 4321, 4321)
    one = Service(
        "nightsort", ["nightsort", "now", "--json"], "4321:4321",
        {}, [f"{tmp_path / name}:{place}" for name, place in mounts.items()], ["/tmp"],
    )  # fmt: skip
    done = podman.once(one)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["total_processed"] == 1
    assert {path.stat().st_uid for path in (tmp_path / "photos/sorted").rglob("*.jpg")} == {4321}
