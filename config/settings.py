"""Every setting of nightsort: what each key means, its default and its bounds, in one frozen tree.

`load` reads them, strongest first, from environment variables, systemd credentials and one TOML
file, and reports every problem at once. Nothing else in nightsort reads the environment.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Iterator
from datetime import time
from itertools import permutations
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from config import variables
from config.errors import ConfigError
from config.variables import CONFIG_VARIABLE, Variables

DEFAULT_FILE = Path("/etc/nightsort/nightsort.toml")
DEFAULT_DATA = Path("nightsort-data")

Mode = Literal["window", "continuous", "manual"]
Observer = Literal["auto", "native", "polling"]
Severity = Literal["info", "warning", "error", "critical"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ALL_DAYS: tuple[Day, ...] = get_args(Day)

# Written by file managers, by programs still copying, and by network storage: never photos.
JUNK = (
    ".*", "~$*", "Thumbs.db", "desktop.ini",
    "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information",
    "*.part", "*.partial", "*.tmp", "*.temp", "*.crdownload", "*.filepart", "*.!ut",
)  # fmt: skip


def _known_timezone(name: str | None) -> str | None:
    try:
        return None if name is None else ZoneInfo(name).key
    except (OSError, ValueError, LookupError) as exc:  # a folder, a bad name, an unknown one
        raise ValueError(
            "is no known time zone; write one such as Europe/Berlin, or leave it out"
        ) from exc


def _clock_time(value: object) -> object:
    """Times are written as people say them; pydantic alone would read 2 as two seconds past 0."""
    if isinstance(value, time) and value.tzinfo is None:
        return value
    if isinstance(value, str) and re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", value):
        return time.fromisoformat(value.zfill(5))
    raise ValueError('must be a local time in quotes, such as "02:00"')


def _octal_mode(value: object) -> object:
    """File modes are written as people say them ("0640"), because TOML's 640 would mean another."""
    if isinstance(value, str) and re.fullmatch(r"0?[0-7]{3,4}", value):
        return int(value, 8)
    raise ValueError('must be an octal mode in quotes, such as "0640"')


def _usable_layout(layout: str) -> str:
    unknown = set(re.findall(r"{([^}]*)}", layout)) - {"category", "year", "month", "day"}
    if unknown or "{category}" not in layout:
        raise ValueError("must hold {category}, and may hold {year}, {month} and {day}")
    if layout.startswith("/") or any(p in ("", ".", "..") for p in layout.split("/")):
        raise ValueError("must be a relative folder such as {category}/{year}-{month}-{day}")
    return layout


FileMode = Annotated[int, BeforeValidator(_octal_mode)]
ClockTime = Annotated[time, BeforeValidator(_clock_time)]
# Also cleans "..", so that comparing two folders compares places, not spellings.
Folder = Annotated[Path, AfterValidator(lambda folder: Path(os.path.abspath(folder)))]  # noqa: PTH100


class Section(BaseModel):
    """A table of the settings file: frozen, and an unknown key in it is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WindowSettings(Section):
    """When the queue is drained."""

    mode: Mode = Field(
        "window",
        description="When the queue is drained: in the nightly window, continuous "
        "(as photos come), or manual (only when somebody asks).",
    )
    start: ClockTime = Field(time(2, 0), description="Local time at which the window opens.")
    end: ClockTime = Field(
        time(6, 0),
        description="Local time at which it closes; before start means the next morning.",
    )
    timezone: Annotated[str | None, AfterValidator(_known_timezone)] = Field(
        None,
        description="Time zone of start and end. Default: the system's.",
        examples=["Europe/Berlin"],
    )
    quiet_minutes: float = Field(
        15.0,
        gt=0,
        le=1440,
        description="In continuous mode, minutes without a photo after which a run is closed.",
    )
    days: tuple[Day, ...] = Field(
        ALL_DAYS, min_length=1, description="Days on which a window opens (the day of its start)."
    )

    @model_validator(mode="after")
    def _is_a_window(self) -> WindowSettings:
        if self.start == self.end:
            raise ValueError("start and end are the same time; set them apart")
        return self

    def zone(self) -> ZoneInfo | None:
        """The time zone of the window; None means the system's."""
        return None if self.timezone is None else ZoneInfo(self.timezone)


class IntakeSettings(Section):
    """How photos are taken from the incoming folder."""

    settle_seconds: float = Field(
        5.0, ge=0.1, le=3600, description="Seconds a file must stay unchanged before it is taken."
    )
    rescan_seconds: float = Field(
        300.0, ge=1, le=86400, description="Seconds between two looks at the whole incoming folder."
    )
    observer: Observer = Field(
        "auto",
        description="How arrivals are noticed: native events, polling, or auto (by the mount).",
    )
    ignore: tuple[str, ...] = Field(
        JUNK, description="Name patterns that are never photos, upper and lower case alike."
    )
    max_file_mb: float = Field(
        40.0, gt=0, le=4096, description="Largest file that is taken for a photo, in MB."
    )
    max_megapixels: float = Field(
        100.0, gt=0, le=1000, description="Largest picture that is decoded, in millions of pixels."
    )
    truncated_minutes: float = Field(
        10.0,
        ge=0,
        le=1440,
        description="Minutes that a photo cut off in the middle may wait unchanged for its rest, "
        "before it goes to quarantine.",
    )


class BatchSettings(Section):
    """How photos go through the model."""

    size: int = Field(16, ge=1, le=256, description="Photos in one micro-batch.")
    workers: int | None = Field(
        None,
        ge=1,
        le=64,
        description="Threads that decode and classify. Default: one per core.",
        examples=[2],
    )


class BandSettings(Section):
    """Confidences from which a verdict counts as sure."""

    auto: float | None = Field(
        None,
        gt=0,
        le=1,
        description="From this confidence on nobody looks. Default: what the model's card "
        "promises, else 0.85.",
        examples=[0.85],
    )
    review: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Below this confidence a person decides. Default: what the model's card "
        "promises, else 0.70.",
        examples=[0.70],
    )

    @model_validator(mode="after")
    def _in_order(self) -> BandSettings:
        if self.auto is not None and self.review is not None and self.review > self.auto:
            raise ValueError("review must not be above auto")
        return self


class FilingSettings(Section):
    """Where and how photos are filed."""

    layout: Annotated[str, AfterValidator(_usable_layout)] = Field(
        "{category}",
        description="Folder of a filed photo in sorted_dir; {year}, {month} and {day} add dates.",
    )
    review_folder: bool = Field(
        True,
        description="Put photos that a person must decide under _review/; false files them all.",
    )
    group: str | None = Field(
        None,
        description="Group that owns filed photos. Default: as the operating system decides.",
        examples=["warehouse"],
    )
    file_mode: FileMode | None = Field(
        None, description="Mode of filed photos. Default: as they came.", examples=["0640"]
    )
    folder_mode: FileMode | None = Field(
        None,
        description="Mode of folders that are made. Default: by the umask.",
        examples=["2770"],
    )
    min_free_mb: int = Field(
        512, ge=0, description="Free space, in MB, below which nothing is written to a disk."
    )


def _usable_pattern(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except re.error as exc:
        raise ValueError(f"is not a regular expression ({exc})") from exc
    if groups < 1:
        raise ValueError("must hold a group, such as ([0-9]{4,}), that is the return id")
    return pattern


class ResultSettings(Section):
    """What is written beside the photos."""

    return_id: Annotated[str, AfterValidator(_usable_pattern)] = Field(
        "([0-9]{4,})",
        description="Regular expression whose first group is the return id in a file's name.",
    )


class AlertTarget(Section):
    """Somebody to be told."""

    url: SecretStr = Field(description="An Apprise URL, such as mailto:// or slack://.")
    severities: tuple[Severity, ...] = Field(
        ("error", "critical"), min_length=1, description="What this target wants to hear."
    )


class AlertSettings(Section):
    """Whom to tell, and from when on."""

    targets: tuple[AlertTarget, ...] = Field(
        (),
        description="Whom to tell, by Apprise URLs. A URL holds a password: better give the whole "
        "list as the systemd credential NIGHTSORT_ALERTS__TARGETS, as JSON.",
        examples=[[{"url": "mailto://...", "severities": ["error", "critical"]}]],
    )
    error_rate: float = Field(
        0.10, gt=0, le=1, description="Share of unreadable photos in a run that is an error."
    )
    low_confidence: int = Field(
        50, ge=1, description="Photos in review from which a run deserves a warning."
    )


class CategorySettings(Section):
    """What the warehouse knows of a category."""

    code: str = Field("", description="The warehouse's code for it.")
    location: str = Field("", description="Where it is stored.")


class LinkSettings(Section):
    """How people reach the folders, for links in results and reports."""

    sorted: str | None = Field(
        None, description="How people reach sorted_dir.", examples=[r"\\box\photos"]
    )
    results: str | None = Field(
        None, description="How people reach results_dir.", examples=[r"\\box\results"]
    )


class Settings(BaseSettings):
    """All settings. The four folders are mandatory in a file; without one `load` fills them in."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    incoming_dir: Folder = Field(
        description="The watched folder into which staff drop photos.",
        examples=["/srv/nightsort/incoming"],
    )
    sorted_dir: Folder = Field(
        description="Where filed photos go, a folder for each category.",
        examples=["/srv/nightsort/sorted"],
    )
    results_dir: Folder = Field(
        description="Where results, summaries and reports are written.",
        examples=["/srv/nightsort/results"],
    )
    state_dir: Folder = Field(
        description="nightsort's own memory; on a local disk, never on the share.",
        examples=["/var/lib/nightsort"],
    )
    model_dir: Folder | None = Field(
        None,
        description="Folder of the model bundle. Default: the one that comes with nightsort.",
        examples=["/srv/nightsort/models/own"],
    )
    window: WindowSettings = WindowSettings()
    intake: IntakeSettings = IntakeSettings()
    batch: BatchSettings = BatchSettings()
    bands: BandSettings = BandSettings()
    filing: FilingSettings = FilingSettings()
    results: ResultSettings = ResultSettings()
    alerts: AlertSettings = AlertSettings()
    categories: dict[str, CategorySettings] = Field(
        {},
        description="What the warehouse knows of each category, by its name.",
        examples=[{"Tshirts": {"code": "TS", "location": "Section A, Aisle 3"}}],
    )
    links: LinkSettings = LinkSettings()

    @model_validator(mode="after")
    def _folders_stay_apart(self) -> Settings:
        folders: dict[str, Path] = {key: getattr(self, key) for key in FOLDER_KEYS}
        for key, other in permutations(FOLDER_KEYS, 2):
            folder, parent = folders[key], folders[other]
            if folder == parent or ({key, other} & _TAKES_ALL and folder.is_relative_to(parent)):
                raise ValueError(
                    f"{key} ({folder}) lies in {other} ({parent}); give each a folder of its own"
                )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_others: PydanticBaseSettingsSource,
        **_more: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment, then credentials, then what `load` read from the file."""
        environment = variables.read(cls, os.environ)
        secrets = variables.read(cls, variables.credentials(os.environ)[0])
        return (
            InitSettingsSource(settings_cls, environment.values),
            InitSettingsSource(settings_cls, secrets.values),
            init_settings,
        )


FOLDER_KEYS = ("incoming_dir", "sorted_dir", "results_dir", "state_dir")
_PATH_KEYS = (*FOLDER_KEYS, "model_dir")
# What lies in incoming would be sorted again, and the state is nobody's business on a share.
_TAKES_ALL = {"incoming_dir", "state_dir"}


def load(file: Path | None = None) -> Settings:
    """Read all settings, from `file`, `$NIGHTSORT_CONFIG` or /etc/nightsort/nightsort.toml.

    Raises ConfigError that names every problem at once: the key, the value and the remedy.
    """
    path = _settings_file(file)
    values = _defaults_without_file() if path is None else _read_toml(path)
    secrets, problems = variables.credentials(os.environ)
    layers = [variables.read(Settings, os.environ), variables.read(Settings, secrets)]
    problems += [problem for layer in layers for problem in layer.problems]
    try:
        settings = Settings(**values)
    except ValidationError as exc:
        file_name = "environment" if path is None else str(path)
        problems += [_explain(dict(error), layers, file_name) for error in exc.errors()]
    if problems:
        raise ConfigError("\n".join(problems))
    return settings


def _settings_file(file: Path | None) -> Path | None:
    named = os.environ.get(CONFIG_VARIABLE)
    if file is not None or named:
        return file or Path(cast(str, named))
    try:
        DEFAULT_FILE.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        # It is there, but not for us: reading it says so, and defaults do not hide it.
        return DEFAULT_FILE
    return DEFAULT_FILE


def _defaults_without_file() -> dict[str, Any]:
    data = DEFAULT_DATA.absolute()
    return {
        "incoming_dir": data / "incoming",
        "sorted_dir": data / "sorted",
        "results_dir": data / "results",
        "state_dir": data / "state",
        "window": {"mode": "continuous"},
    }


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: no such settings file; check --config or {CONFIG_VARIABLE}"
        ) from None
    except OSError as exc:
        raise ConfigError(
            f"{path}: cannot be read ({exc.strerror}); check the file and its rights"
        ) from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{path}: is not UTF-8 text; save it as UTF-8") from exc
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(f"{path}: is not valid TOML: {exc}; correct it there") from exc
    for key in _PATH_KEYS:
        # A relative folder in a file belongs to the file, wherever the command is called from.
        if isinstance(values.get(key), str):
            values[key] = path.absolute().parent / values[key]
    return values


def _explain(error: dict[str, Any], layers: Iterable[Variables], file_name: str) -> str:
    """One problem in one line: key, value, what is wrong, what to do."""
    location = error["loc"]
    key = ".".join(str(part) for part in location)
    origin = next(filter(None, (layer.origin(location) for layer in layers)), file_name)
    where = f"{key} ({origin})" if key else origin
    match error["type"]:
        case "missing":
            return f"{where}: is missing; set it"
        case "extra_forbidden":
            return f"{where}: no such setting{_near(key)}; correct the name or remove it"
        case _:
            message = cast(str, error["msg"]).removeprefix("Value error, ")
            value = variables.shown(location, error["input"])
            return f"{where}{value}: {message.replace('Input should', 'must', 1)}"


def _near(key: str) -> str:
    """A hint at the setting that was probably meant."""
    import difflib

    known = [name for name, _ in walk(Settings)]
    near = difflib.get_close_matches(key, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def walk(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every key with its pydantic field, dotted, in the order of the tree."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Section):
            yield from walk(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field
