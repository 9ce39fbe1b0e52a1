"""The tables of what goes on beside the photos: being watched, backups, what is kept how long."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from config.section import AbsolutePath, Section


def web_address(url: SecretStr | None) -> SecretStr | None:
    """`url`, if it is an address that can be called."""
    if url is not None and not re.match(r"https?://\S+$", url.get_secret_value()):
        raise ValueError("must be an http:// or https:// address")
    return url


class MetricsSettings(Section):
    """For whoever watches this machine from outside."""

    textfile_dir: AbsolutePath = Field(
        None,
        description="Where the textfile collector of Prometheus' node exporter looks; a file "
        "nightsort.prom is kept there.",
        examples=["/var/lib/prometheus/node-exporter"],
    )
    heartbeat_url: Annotated[SecretStr | None, AfterValidator(web_address)] = Field(
        None,
        description="Called after each window that ended well (in other modes, after each run).",
        examples=["https://hc.example.com/ping/..."],
    )


class BackupSettings(Section):
    """Copies of nightsort's own memory: queue and history."""

    nightly: bool = Field(
        True, description="Make one by itself every day, after the run, when it is quiet."
    )
    folder: AbsolutePath = Field(
        None,
        description="Where they are kept; best on another disk than state_dir. Default: backups/ "
        "in state_dir.",
        examples=["/mnt/backup/nightsort"],
    )
    keep_days: float = Field(
        14.0, ge=0, le=36_500, description="Days that one is kept; 0 keeps them for ever."
    )


class RetentionSettings(Section):
    """How long files and what is known of them are kept. Nothing goes unless it is said here."""

    compress_results_days: float = Field(
        30.0,
        ge=0,
        le=36_500,
        description="Days after which the CSV of a run is compressed (.csv.gz); 0 never does.",
    )
    results_days: float = Field(
        0.0,
        ge=0,
        le=36_500,
        description="Days that results for programs are kept: CSV, summary, inventory, "
        "returns, corrections; 0 keeps them for ever.",
    )
    reports_days: float = Field(
        0.0,
        ge=0,
        le=36_500,
        description="Days that reports, workbooks and pick lists are kept; 0 keeps them for ever. "
        "`nightsort report` can write them again.",
    )
    filed_days: float = Field(
        0.0,
        ge=0,
        le=36_500,
        description="Days that filed photos are kept; 0 keeps them for ever. Photos in review are "
        "always kept.",
    )
    duplicates_days: float = Field(
        0.0,
        ge=0,
        le=36_500,
        description="Days that photos in _duplicates are kept; 0 keeps them for ever.",
    )
    quarantine_days: float = Field(
        0.0,
        ge=0,
        le=36_500,
        description="Days that files in _quarantine are kept; 0 keeps them for ever.",
    )
    history_days: float = Field(
        0.0,
        ge=0,
        le=36_500,
        description="Days that it is kept what became of each photo, after it was sorted; 0 keeps "
        "it for ever. Photos that wait for a decision are always known; the counts of runs stay.",
    )
    people_days: float = Field(
        0.0,
        ge=0,
        le=36_500,
        description="Days after which the names of those who decided, adopted or signed in become "
        '"a person"; 0 keeps them for ever.',
    )
    api_days: float = Field(
        30.0,
        ge=0,
        le=36_500,
        description="Days that it is kept which key called what of the API, and when; 0 keeps it "
        "for ever. The newest ten million calls are kept at most.",
    )
