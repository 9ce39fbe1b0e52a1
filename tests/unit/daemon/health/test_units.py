"""What systemd is told of the folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import Settings
from daemon.health.units import (
    credentials_named,
    drop_in,
    lookout_drop_in,
    mount_unit,
    secrets,
    web_drop_in,
    web_secrets,
    writable_folders,
)

LOCAL = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
SHARE = LOCAL + "2 1 0:44 / /srv/photos rw - cifs //nas/photos rw\n"


def settings(photos: str = "/srv/photos", **more: object) -> Settings:
    return Settings.model_validate(
        {
            "incoming_dir": f"{photos}/incoming",
            "sorted_dir": f"{photos}/sorted",
            "results_dir": f"{photos}/results",
            "state_dir": "/var/lib/nightsort",
            **more,
        }
    )


def test_local_folders_alone_may_be_written_to() -> None:
    text = drop_in(settings(), "", LOCAL)
    assert [str(path) for path in writable_folders(text)] == [
        "/srv/photos/incoming",
        "/srv/photos/sorted",
        "/srv/photos/results",
        "/var/lib/nightsort",
    ]
    assert ".mount" not in text
    assert 'RequiresMountsFor="/var/lib/nightsort"' in text


@pytest.mark.parametrize(
    ("fstab", "mountinfo"), [("", SHARE), ("//nas/photos /srv/photos cifs rw 0 0\n", LOCAL)]
)
def test_a_share_is_wanted_but_not_required_and_may_come_and_go(fstab: str, mountinfo: str) -> None:
    text = drop_in(settings(), fstab, mountinfo)
    assert "Wants=srv-photos.mount\nAfter=srv-photos.mount\n" in text
    assert "Requires=srv" not in text
    assert writable_folders(text) == [Path("/srv"), Path("/var/lib/nightsort")]


def test_backups_on_another_disk_are_wanted_and_may_be_written() -> None:
    backups = {"folder": "/mnt/usb/nightsort"}
    disk = LOCAL + "2 1 8:17 / /mnt/usb rw - ext4 /dev/sdb1 rw\n"
    text = drop_in(settings(backups=backups), "", disk)
    assert Path("/mnt") in writable_folders(text)
    assert "Wants=mnt-usb.mount\n" in text
    assert Path("/mnt/usb/nightsort") in writable_folders(
        drop_in(settings(backups=backups), "", LOCAL)
    )


def test_a_share_below_the_root_does_not_open_the_whole_disk() -> None:
    mountinfo = LOCAL + "2 1 0:44 / /photos rw - cifs //nas/photos rw\n"
    text = drop_in(settings("/photos"), "", mountinfo)
    assert writable_folders(text) == [Path("/photos"), Path("/var/lib/nightsort")]


def test_folders_at_home_and_a_group_are_let_through() -> None:
    text = drop_in(settings("/home/shop", filing={"group": "warehouse"}), "", LOCAL)
    assert "ProtectHome=no\n" in text
    assert "SupplementaryGroups=warehouse\n" in text


def test_the_lookout_may_write_where_it_notes_what_it_told() -> None:
    assert writable_folders(lookout_drop_in(Path("/var/lib/night sort"))) == [
        Path("/var/lib/night sort")
    ]
    assert "ProtectHome=no\n" in lookout_drop_in(Path("/home/shop/state"))
    assert "ProtectHome" not in lookout_drop_in(Path("/var/lib/nightsort"))


def test_names_from_hell_are_quoted_and_read_back() -> None:
    text = drop_in(settings('/srv/my "100%" photos\\x'), "", LOCAL)
    assert '"-/srv/my \\"100%%\\" photos\\\\x/incoming"' in text
    assert writable_folders(text)[0] == Path('/srv/my "100%" photos\\x/incoming')


def test_the_lookout_may_note_what_it_told_and_nothing_else() -> None:
    assert writable_folders(lookout_drop_in(Path("/var/lib/ns"))) == [Path("/var/lib/ns")]
    assert "ProtectHome" not in lookout_drop_in(Path("/var/lib/ns"))
    assert "ProtectHome=no" in lookout_drop_in(Path("/home/ns"))


def test_secrets_are_loaded_as_they_lie_there(tmp_path: Path) -> None:
    for name in (
        "plain/NIGHTSORT_ALERTS__TARGETS",
        "plain/of-others",
        "plain/slack-webhook",
        "sealed/NIGHTSORT_A",
        "sealed/mail-password",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    stores = {"LoadCredential": "plain", "LoadCredentialEncrypted": "sealed", "Other": "missing"}
    folders = {directive: tmp_path / name for directive, name in stores.items()}
    text = secrets(folders, {"mail-password", "slack-webhook", "not-there"})
    assert text.partition("[Service]\n")[2].splitlines() == [
        "LoadCredential=NIGHTSORT_ALERTS__TARGETS",
        "LoadCredential=slack-webhook",
        "LoadCredentialEncrypted=NIGHTSORT_A",
        "LoadCredentialEncrypted=mail-password",
    ]


@pytest.mark.parametrize(
    ("point", "name"),
    [
        ("/srv/photos", "srv-photos.mount"),
        ("/mnt/my-nas", r"mnt-my\x2dnas.mount"),
        ("/.nas", r"\x2enas.mount"),
        ("/mnt/.hidden place", r"mnt-.hidden\x20place.mount"),
    ],
)
def test_mount_units_are_named_as_systemd_names_them(point: str, name: str) -> None:
    assert mount_unit(Path(point)) == name


def test_the_page_may_write_to_its_own_folder_and_knows_no_secrets_but_its_own(
    tmp_path: Path,
) -> None:
    text = web_drop_in(Path("/srv/state"))
    assert writable_folders(text) == [Path("/srv/state/web")]
    assert "\nReadWritePaths=\n" in text  # not the lookout's, if systemd should merge them
    for name in ("NIGHTSORT_ALERTS__TARGETS", "NIGHTSORT_WEB__PUBLIC_URL", "mail-password"):
        (tmp_path / name).touch()
    lines = web_secrets({"LoadCredential": tmp_path}).splitlines()[2:]
    assert lines == ["LoadCredential=", "LoadCredential=NIGHTSORT_WEB__PUBLIC_URL"]
    (tmp_path / "fleet-postgres").touch()
    named = web_secrets({"LoadCredential": tmp_path}, {"fleet-postgres"}).splitlines()
    assert "LoadCredential=fleet-postgres" in named
    assert "LoadCredential=mail-password" not in named


def test_secrets_of_targets_and_mirror_are_loaded_by_their_names() -> None:
    target = {"type": "slack", "webhook_credential": "slack-webhook"}
    mirror = {
        "station": "berlin",
        "postgres_credential": "mirror-postgres",
        "bucket": "s3://returns",
        "bucket_credential": "mirror-bucket",
    }
    named = credentials_named(settings(alerts={"targets": [target]}, mirror=mirror))
    assert named == {"slack-webhook", "mirror-postgres", "mirror-bucket"}
    assert credentials_named(settings()) == set()
