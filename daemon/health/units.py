"""The drop-ins of the systemd units: which folders may be written to, and which secrets there are.

The unit forbids the service to write anywhere; folders are settings, so this part is made from
them, by `nightsort unit`. So are credentials: systemd decrypts what it is told is encrypted, and
says nothing of what it was not told of. Source: systemd.unit(5), systemd.exec(5).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from config.settings import FOLDER_KEYS, Settings
from daemon.folders.mounts import mount_point_for, read_mountinfo
from daemon.folders.presence import FSTAB

_UNITS = Path("/etc/systemd/system")
DROP_IN = _UNITS / "nightsort.service.d/folders.conf"
# What lies in "nightsort-.service.d" holds for all units whose names begin so: the lookout's.
LOOKOUT_DROP_IN = _UNITS / "nightsort-.service.d/folders.conf"
SECRETS = (
    _UNITS / "nightsort.service.d/secrets.conf",
    _UNITS / "nightsort-.service.d/secrets.conf",
)
# The same names as in "nightsort-.service.d", in a folder that is more specific: so they stand in
# the place of those, and the page gets neither the lookout's folders nor its secrets.
WEB_DROP_IN = _UNITS / "nightsort-web.service.d/folders.conf"
WEB_SECRETS = _UNITS / "nightsort-web.service.d/secrets.conf"
# Settings that the page needs and that may be kept as credentials.
_WEB_PREFIXES = ("NIGHTSORT_WEB__", "NIGHTSORT_API__", "NIGHTSORT_FLEET__")
STORES = {
    "LoadCredential": Path("/etc/credstore"),
    "LoadCredentialEncrypted": Path("/etc/credstore.encrypted"),
}
_FOLDERS_HEAD = (
    "# Written by `nightsort unit` from the settings; write it again when folders change."
)
_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))
_ROOT = Path("/")


def drop_in(settings: Settings, fstab: str, mountinfo: str) -> str:
    """The text of the drop-in for these settings, on a machine with these mounts."""
    folders = {key: getattr(settings, key) for key in FOLDER_KEYS}
    if settings.backups.folder is not None:
        folders["backups.folder"] = settings.backups.folder
    points = {key: mount_point_for(path, fstab, mountinfo) for key, path in folders.items()}
    shares = sorted({points[key] for key in folders if key != "state_dir"} - {_ROOT})
    lines = [
        _FOLDERS_HEAD,
        "[Unit]",
        f"RequiresMountsFor={_quoted(settings.state_dir)}",
    ]
    # Wanted, not required: without its share the service starts all the same, and says so.
    for unit in map(mount_unit, shares):
        lines += [f"Wants={unit}", f"After={unit}"]
    lines.append("[Service]")
    writable = dict.fromkeys(_writable(folders[key], points[key]) for key in folders)
    if settings.metrics.textfile_dir is not None:
        writable[settings.metrics.textfile_dir] = None
    lines += _opened(writable)
    if settings.filing.group is not None:
        lines.append(f"SupplementaryGroups={settings.filing.group}")
    return "\n".join(lines) + "\n"


def lookout_drop_in(state_dir: Path) -> str:
    """The text of the drop-in for the lookout, which notes what it told with the rest.

    It starts whatever is mounted, for else nobody would be told.
    """
    return "\n".join([_FOLDERS_HEAD, "[Service]", *_opened([state_dir])]) + "\n"


def web_drop_in(state_dir: Path) -> str:
    """The text of the drop-in for the page: it writes to its own folder in the state folder."""
    lines = [
        _FOLDERS_HEAD,
        "[Unit]",
        f"RequiresMountsFor={_quoted(state_dir)}",
        "[Service]",
        "ReadWritePaths=",
        *_opened([state_dir / "web"]),
    ]
    return "\n".join(lines) + "\n"


def web_secrets(stores: Mapping[str, Path], named: Collection[str] = ()) -> str:
    """The text of the drop-in for the page's credentials: its own settings alone.

    named: those to which settings of its own refer.
    """
    lines = secrets(stores, named).splitlines()
    head, found = lines[:2], [line for line in lines[2:] if _is_for_web(line, named)]
    return "\n".join([*head, *(f"{directive}=" for directive in stores), *found]) + "\n"


def _is_for_web(line: str, named: Collection[str]) -> bool:
    name = line.partition("=")[2]
    return name.startswith(_WEB_PREFIXES) or name in named


def secrets(stores: Mapping[str, Path], named: Collection[str] = ()) -> str:
    """The text of the drop-in for the credentials that lie in these folders, by how to load them.

    named: those that settings refer to, beside the ones that are settings themselves. Only root
    can look into the folders; for anybody else there are none.
    """
    lines = ["# Written by `nightsort unit`; write it again when secrets come or go.", "[Service]"]
    for directive, folder in stores.items():
        with suppress(OSError):
            names = sorted(file.name for file in folder.iterdir())
            ours = [name for name in names if name.startswith("NIGHTSORT_") or name in named]
            lines += [f"{directive}={name}" for name in ours]
    return "\n".join(lines) + "\n"


def writable_folders(text: str) -> list[Path]:
    """Which folders a drop-in allows to write to."""
    values = re.findall(r'^ReadWritePaths="-?(.*)"$', text, re.MULTILINE)
    return [Path(_unquoted(value)) for value in values]


def mount_unit(point: Path) -> str:
    """The name of the unit that mounts `point`."""
    name = "-".join(_escaped(r"[^A-Za-z0-9:_.]", part) for part in point.parts[1:])
    return f"{_escaped(r'^[.]', name)}.mount"


def _writable(folder: Path, point: Path) -> Path:
    """What to open for writing, so that `folder` stays writable when its share comes and goes.

    A bind mount of the share, or of a folder in it, would go on showing the share that was mounted
    when the service started; one of the folder above follows what is mounted there.
    """
    if point == _ROOT:
        return folder
    return point if point.parent == _ROOT else point.parent


def _opened(folders: Iterable[Path]) -> Iterator[str]:
    """Lines that open folders for writing."""
    is_hidden = False
    for folder in folders:
        yield f"ReadWritePaths={_quoted(folder, '-')}"
        is_hidden |= any(folder.is_relative_to(home) for home in _HOMES)
    if is_hidden:
        yield "ProtectHome=no"


def _escaped(pattern: str, text: str) -> str:
    def escape(match: re.Match[str]) -> str:
        return "".join(f"\\x{byte:02x}" for byte in match[0].encode("utf-8", "surrogateescape"))

    return re.sub(pattern, escape, text)


def _quoted(path: Path, mark: str = "") -> str:
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{mark}{text}"'


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text).replace("%%", "%")


def on_this_machine(settings: Settings) -> str:
    """The drop-in for this machine's mounts."""
    try:
        fstab = FSTAB.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        fstab = ""
    return drop_in(settings, fstab, read_mountinfo())


def credentials_named(settings: Settings) -> set[str]:
    """The credentials to which settings refer by a name of their own."""
    named = {name for target in settings.alerts.targets for name in target.credentials}
    mirror = settings.mirror
    return named | {*filter(None, (mirror.postgres_credential, mirror.bucket_credential))}


def drop_ins(settings: Settings) -> dict[Path, str]:
    """Every drop-in for this machine, by where it belongs."""
    text = secrets(STORES, credentials_named(settings))
    folders = {
        DROP_IN: on_this_machine(settings),
        LOOKOUT_DROP_IN: lookout_drop_in(settings.state_dir),
        WEB_DROP_IN: web_drop_in(settings.state_dir),
        WEB_SECRETS: web_secrets(STORES, {*filter(None, (settings.fleet.postgres_credential,))}),
    }
    return folders | dict.fromkeys(SECRETS, text)
