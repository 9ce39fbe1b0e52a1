"""What the doctor says of the copies elsewhere: in PostgreSQL, and in a bucket."""

from __future__ import annotations

from config.errors import NightsortError
from config.mirror import MirrorSettings
from config.settings import Settings
from config.variables import credentials_are_here
from daemon.health.doctor.findings import Findings, ok, wrong
from daemon.health.doctor.fleets import of_fleet
from daemon.health.status_file import read
from daemon.mirror import postgres
from daemon.mirror.bucket import client


def of_mirror(settings: Settings) -> Findings:
    """Whether copies can be made, and read, and how that goes."""
    if settings.mirror.has_postgres:
        yield from _of_postgres(settings)
    if settings.mirror.has_bucket:
        yield from _of_bucket(settings)
    yield from of_fleet(settings.fleet)


def _of_postgres(settings: Settings) -> Findings:
    if not postgres.is_installed():
        yield wrong("mirror", "psycopg is not installed", postgres.how_to_install())
    elif (said := read(settings.state_dir)[0]["mirror"]) and said["why"]:
        yield wrong("mirror", said["why"], "docs/mirror.md says more; sorting goes on")
    else:
        yield ok("mirror", f"the history is copied as station {settings.mirror.station}")


def _of_bucket(settings: Settings) -> Findings:
    mirror = settings.mirror
    if not client.is_installed():
        yield wrong("bucket", "obstore is not installed", client.how_to_install())
    elif (said := read(settings.state_dir)[0]["bucket"]) and said["why"]:
        yield wrong("bucket", said["why"], "docs/bucket.md says more; sorting goes on")
    elif mirror.bucket_key is None and not credentials_are_here():
        yield ok("bucket", f"{mirror.bucket} is used with the service's key: nightsort status")
    elif problem := _problem(mirror):
        yield wrong("bucket", problem, "docs/bucket.md says more; sorting goes on")
    else:
        yield ok("bucket", f"{mirror.bucket} answers, for station {mirror.station}")


def _problem(mirror: MirrorSettings) -> str:
    """Why the bucket cannot be listed; nothing is written."""
    try:
        next(client.connect(mirror).listed(str(mirror.station)), None)
    except NightsortError as exc:
        return str(exc)
    return ""
