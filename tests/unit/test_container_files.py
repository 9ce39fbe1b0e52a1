"""Dockerfile, compose.yaml and the Kubernetes example: they name what there is, and agree."""

from __future__ import annotations

import re
import shutil
import subprocess
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.settings import load
from installer.build import ROOT
from web.listening import plan

FOLDER = ROOT / "container"
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCUMENTS = [*yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text("utf-8"))]
OF_KIND = {one["kind"]: one for one in DOCUMENTS}
SET = OF_KIND["StatefulSet"]["spec"]
POD = SET["template"]["spec"]
PAIR: dict[str, dict[str, Any]] = {one["name"]: one for one in POD["containers"]}
SCRIPTS = ["start", "alive", "draw-secrets", "samba/share"]
ENVIRONMENTS = {
    "daemon of Compose": SERVICES["daemon"]["environment"],
    "page of Compose": SERVICES["page"]["environment"],
    "Kubernetes": OF_KIND["ConfigMap"]["data"],
}


def usual(text: str) -> str:
    """What Compose makes of it where nobody says otherwise."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


@pytest.fixture(params=ENVIRONMENTS)
def environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables of one of them, set."""
    said = {name: usual(str(value)) for name, value in ENVIRONMENTS[request.param].items()}
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    return said


def test_every_variable_is_a_setting_and_the_page_may_listen_there(
    environment: dict[str, str],
) -> None:
    settings = load(ROOT / "config/nightsort.example.toml")
    listening = plan(settings.web, None)
    if "NIGHTSORT_WEB__LISTEN" in environment:
        assert (listening.host, listening.only_proxies) == ("0.0.0.0", True)
        assert str(settings.web.public_url).startswith("https://")


def test_secrets_that_settings_name_are_given_under_that_name() -> None:
    name = "NIGHTSORT_MIRROR__POSTGRES_CREDENTIAL"
    assert SERVICES["daemon"]["environment"][name] in SERVICES["daemon"]["secrets"]
    assert OF_KIND["ConfigMap"]["data"][name] in OF_KIND["Secret"]["stringData"]
    assert "CREDENTIALS_DIRECTORY=/run/secrets" in DOCKERFILE
    places = {one["name"]: one["mountPath"] for one in PAIR["daemon"]["volumeMounts"]}
    assert places["secrets"] == "/run/secrets"


def test_users_are_those_of_the_image() -> None:
    said = dict(re.findall(r"(?m)^ARG (\w+)=(\d+)$", DOCKERFILE))
    user, page, group = said["USER_ID"], said["PAGE_USER_ID"], said["GROUP_ID"]
    assert SERVICES["daemon"]["user"] == f"{user}:{group}"
    assert SERVICES["page"]["user"] == f"{page}:{group}"
    rights = POD["securityContext"]
    assert (rights["runAsUser"], rights["runAsGroup"], rights["fsGroup"]) == (
        int(user), int(group), int(group),
    )  # fmt: skip
    assert PAIR["page"]["securityContext"]["runAsUser"] == int(page)
    share = dict(re.findall(r"(?m)^ARG (\w+)=(\d+)$", (FOLDER / "samba/Dockerfile").read_text()))
    assert (share["USER_ID"], share["GROUP_ID"]) == (user, group)


def test_the_page_believes_the_proxy_alone() -> None:
    address = SERVICES["proxy"]["networks"]["page"]["ipv4_address"]
    subnet = COMPOSE["networks"]["page"]["ipam"]["config"][0]["subnet"]
    assert ip_address(address) in ip_network(subnet)
    assert SERVICES["page"]["environment"]["NIGHTSORT_WEB__TRUSTED_PROXIES"] == f'["{address}"]'
    assert "ports" not in SERVICES["page"]
    port = SERVICES["page"]["environment"]["NIGHTSORT_WEB__LISTEN"].rpartition(":")[2]
    assert f"reverse_proxy page:{port}" in (FOLDER / "Caddyfile").read_text("utf-8")


def test_compose_names_only_what_it_has() -> None:
    for service in SERVICES.values():
        assert {*service.get("depends_on", {})} <= {*SERVICES}
        assert {*service["networks"]} <= {*COMPOSE["networks"]}
        assert {*service.get("secrets", [])} <= {*COMPOSE["secrets"]}
        for mount in service["volumes"]:
            source = mount.partition(":")[0]
            assert source in COMPOSE["volumes"] or (ROOT / source).is_file(), mount
        assert "build" in service or service["image"] == "nightsort" or ":" in service["image"]
        assert not service["image"].endswith(":latest")


def test_no_service_waits_for_the_health_of_one_that_says_nothing_of_it() -> None:
    for service in SERVICES.values():
        for name, how in service.get("depends_on", {}).items():
            assert how["condition"] != "service_healthy" or "healthcheck" in SERVICES[name]


def test_the_secrets_of_the_trial_are_drawn_once(tmp_path: Path) -> None:
    (tmp_path / "container").mkdir()
    script = shutil.copy(FOLDER / "draw-secrets", tmp_path / "container")
    subprocess.run([script], check=True)
    drawn = {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()}
    assert {*drawn} == {*COMPOSE["secrets"]}
    assert drawn["postgres-password"].strip() in drawn["mirror-postgres"]
    subprocess.run([script], check=True)
    assert {f.name: f.read_text() for f in (tmp_path / "secrets").iterdir()} == drawn
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700


def test_drawing_secrets_again_finishes_what_was_interrupted(tmp_path: Path) -> None:
    (tmp_path / "container").mkdir()
    script = shutil.copy(FOLDER / "draw-secrets", tmp_path / "container")
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "postgres-password").write_text("0123456789abcdef\n")  # and no more
    (secrets / ".mirror-postgres.part").write_text("postgresql://night")
    (secrets / "station-password").touch()  # as versions before left it
    subprocess.run([script], check=True)
    assert (secrets / "postgres-password").read_text() == "0123456789abcdef\n"
    assert ":0123456789abcdef@" in (secrets / "mirror-postgres").read_text()
    assert len((secrets / "station-password").read_text().strip()) == 36
    assert {file.name for file in secrets.iterdir()} == {*COMPOSE["secrets"]}


def test_a_password_that_is_drawn_anew_is_the_connection_string_s(tmp_path: Path) -> None:
    (tmp_path / "container").mkdir()
    script = shutil.copy(FOLDER / "draw-secrets", tmp_path / "container")
    subprocess.run([script], check=True)
    password = tmp_path / "secrets" / "postgres-password"
    before = password.read_text()
    password.unlink()
    subprocess.run([script], check=True)
    assert before != password.read_text()
    connection = (tmp_path / "secrets" / "mirror-postgres").read_text()
    assert f":{password.read_text().strip()}@" in connection


def test_drawing_secrets_that_is_killed_anywhere_is_finished_the_next_time(tmp_path: Path) -> None:
    (tmp_path / "container").mkdir()
    script = Path(shutil.copy(FOLDER / "draw-secrets", tmp_path / "container"))
    lines, kills = script.read_text().splitlines(keepends=True), 0
    for number in range(lines.index("drawn() {\n"), len(lines)):
        if lines[number].startswith(("    printf", "    mv", "[", "chmod")):
            kills += 1
            shutil.rmtree(tmp_path / "secrets", ignore_errors=True)
            broken = script.with_name("broken")
            broken.write_text("".join([*lines[:number], "kill -KILL $$\n", *lines[number:]]))
            subprocess.run(["/bin/sh", broken], check=False)
            subprocess.run([script], check=True)
            drawn = {f.name: f.read_text() for f in (tmp_path / "secrets").iterdir()}
            assert {*drawn} == {*COMPOSE["secrets"]}
            assert f":{drawn['postgres-password'].strip()}@" in drawn["mirror-postgres"]
    assert kills == 6


def test_the_connection_string_of_the_trial_is_one(tmp_path: Path) -> None:
    (tmp_path / "container").mkdir()
    subprocess.run([shutil.copy(FOLDER / "draw-secrets", tmp_path / "container")], check=True)
    found = re.fullmatch(
        r"postgresql://(\w+):\w+@(\w+)/(\w+)\n", (tmp_path / "secrets/mirror-postgres").read_text()
    )
    assert found is not None
    of_database = SERVICES[found[2]]["environment"]
    assert (of_database["POSTGRES_USER"], of_database["POSTGRES_DB"]) == (found[1], found[3])


def test_there_is_one_replica_and_nothing_is_allowed_that_need_not_be() -> None:
    assert SET["replicas"] == 1
    assert POD["automountServiceAccountToken"] is False
    assert POD["securityContext"]["runAsNonRoot"]
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in (*POD["initContainers"], *POD["containers"]):
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"], container["name"]
        assert rights["allowPrivilegeEscalation"] is False
        assert rights["capabilities"] == {"drop": ["ALL"]}
    for container in PAIR.values():
        assert container["resources"]["limits"]["memory"]
        for probe in ("startupProbe", "livenessProbe"):
            assert container[probe]["exec"]["command"] == ["alive"]
    assert PAIR["page"]["readinessProbe"]["exec"]["command"] == ["alive"]


def test_daemon_and_page_of_a_pod_share_nothing_but_state_and_photos() -> None:
    daemon, page = (
        {one["name"] for one in PAIR[name]["volumeMounts"]} for name in ("daemon", "page")
    )
    assert daemon & page == {"state", "photos"}


def test_kubernetes_names_only_what_it_has() -> None:
    claims = {one["metadata"]["name"] for one in SET["volumeClaimTemplates"]}
    volumes = {one["name"] for one in POD["volumes"]} | claims
    for container in (*POD["initContainers"], *POD["containers"]):
        assert {one["name"] for one in container["volumeMounts"]} <= volumes
    assert SET["selector"]["matchLabels"] == SET["template"]["metadata"]["labels"]
    assert OF_KIND["Service"]["spec"]["selector"] == SET["selector"]["matchLabels"]
    listen = OF_KIND["ConfigMap"]["data"]["NIGHTSORT_WEB__LISTEN"]
    port = PAIR["page"]["ports"][0]
    assert listen.endswith(f":{port['containerPort']}")
    assert OF_KIND["Service"]["spec"]["ports"][0]["targetPort"] == port["name"]
    allowed = OF_KIND["NetworkPolicy"]["spec"]
    assert allowed["podSelector"]["matchLabels"] == SET["selector"]["matchLabels"]
    assert allowed["ingress"][0]["ports"] == [{"port": port["containerPort"]}]


def test_what_is_copied_into_the_image_is_there_and_not_ignored() -> None:
    taken = {
        line.removeprefix("!").split("/")[0]
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }
    named = re.findall(r"(?m)^COPY (?:--chmod=\d+ )?([^-.].*) \S+$", DOCKERFILE)
    for source in " ".join(named).split():
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] in taken, source
    assert "secrets" not in taken


@pytest.mark.parametrize(
    ("variables", "port"),
    [({}, "8484"), ({"NIGHTSORT_WEB__LISTEN": "0.0.0.0:9000"}, "9000")],
)
def test_the_page_is_asked_at_its_port_or_the_usual_one(
    tmp_path: Path, variables: dict[str, str], port: str
) -> None:
    (tmp_path / "cmdline").write_bytes(b"tini\0--\0start\0nightsort\0web\0")
    (tmp_path / "python").write_text('#!/bin/sh\nprintf %s "$3"\n')
    (tmp_path / "python").chmod(0o755)
    script = (FOLDER / "alive").read_text().replace("/proc/1/cmdline", f"{tmp_path}/cmdline")
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", **variables}
    said = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, check=True, env=environment
    )
    assert said.stdout == port


@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck_finds_nothing_wrong(script: str) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    said = subprocess.run(
        ["shellcheck", FOLDER / script], capture_output=True, text=True, check=False
    )
    assert said.stdout == ""


def test_samba_understands_its_settings() -> None:
    if shutil.which("testparm") is None:
        pytest.skip("Samba is not installed")
    said = subprocess.run(
        ["testparm", "--suppress-prompt", FOLDER / "samba/smb.conf"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    assert "Unknown parameter" not in said.stderr
    assert {"[incoming]", "[sorted]", "[results]"} <= {*said.stdout.splitlines()}
