"""All settings of nightsort in one frozen tree, and how they are read.

`load` reads them, strongest first, from environment variables, systemd credentials and one TOML
file, and reports every problem at once. Nothing else in nightsort reads the environment.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import permutations
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PrivateAttr,
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
from config.alerts import AlertSettings
from config.archive import ArchiveSettings
from config.contact import ContactSettings
from config.errors import ConfigError
from config.handover import HandoverSettings
from config.learning import LearningSettings
from config.mirror import FleetSettings, MirrorSettings
from config.office import unused_folders, with_unused_folders
from config.place import DEFAULT_DATA, settings_file
from config.renamed import as_today
from config.salvage import readable, without
from config.section import Section
from config.sections import (
    BandSettings,
    BatchSettings,
    CategorySettings,
    CorrectionSettings,
    FilingSettings,
    IntakeSettings,
    LinkSettings,
    ReportSettings,
    ReturnSettings,
)
from config.sources import Sources
from config.texts import read_text
from config.timing import WindowSettings
from config.upkeep import BackupSettings, MetricsSettings, RetentionSettings
from config.value import ValueSettings
from config.variables import CONFIG_VARIABLE, Variables
from config.web import ApiSettings, WebSettings
from config.wrong_types import PROBLEMS

__all__ = [
    "FOLDER_KEYS",
    "AlertSettings",
    "ApiSettings",
    "ArchiveSettings",
    "BackupSettings",
    "BandSettings",
    "BatchSettings",
    "CategorySettings",
    "ContactSettings",
    "CorrectionSettings",
    "FilingSettings",
    "FleetSettings",
    "HandoverSettings",
    "IntakeSettings",
    "LinkSettings",
    "MetricsSettings",
    "MirrorSettings",
    "ReportSettings",
    "RetentionSettings",
    "ReturnSettings",
    "Settings",
    "ValueSettings",
    "WebSettings",
    "WindowSettings",
    "load",
    "one_in_another",
    "refusals",
    "salvage",
    "walk",
]


def _named(folder: object) -> object:
    """Refuse what names no folder: it would be the one that the command is run in."""
    if str(folder) == "" or "\0" in str(folder):
        raise ValueError("must name a folder")
    return folder


# Also cleans "..", so that comparing two folders compares places, not spellings.
Folder = Annotated[
    Path,
    BeforeValidator(_named),
    AfterValidator(lambda folder: Path(os.path.abspath(folder))),  # noqa: PTH100
]


class Settings(BaseSettings):
    """All settings. The four folders are mandatory in a file, but for a head office's."""

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
    returns: ReturnSettings = ReturnSettings()
    reports: ReportSettings = ReportSettings()
    value: ValueSettings = ValueSettings()
    corrections: CorrectionSettings = CorrectionSettings()
    alerts: AlertSettings = AlertSettings()
    categories: dict[str, CategorySettings] = Field(
        {},
        description="What the warehouse knows of each category, by its name.",
        examples=[{"Tshirts": {"code": "TS", "location": "Section A, Aisle 3"}}],
    )
    links: LinkSettings = LinkSettings()
    metrics: MetricsSettings = MetricsSettings()
    backups: BackupSettings = BackupSettings()
    retention: RetentionSettings = RetentionSettings()
    handover: HandoverSettings = HandoverSettings()
    learning: LearningSettings = LearningSettings()
    mirror: MirrorSettings = MirrorSettings()
    archive: ArchiveSettings = ArchiveSettings()
    fleet: FleetSettings = FleetSettings()
    web: WebSettings = WebSettings()
    api: ApiSettings = ApiSettings()
    contact: ContactSettings = ContactSettings()
    _renamed: tuple[str, ...] = PrivateAttr(())
    _sources: Sources = PrivateAttr(default_factory=Sources)

    @property
    def renamed(self) -> tuple[str, ...]:
        """A warning for each key that was given by a name of before."""
        return self._renamed

    @property
    def sources(self) -> Sources:
        """Who said what."""
        return self._sources

    @property
    def codes(self) -> dict[str, tuple[str, str]]:
        """Code and location of each category, as the warehouse has them."""
        return {name: (one.code, one.location) for name, one in self.categories.items()}

    @property
    def is_office(self) -> bool:
        """Whether they are a head office's, which sorts nothing."""
        return unused_folders(self.state_dir)["incoming_dir"] == self.incoming_dir

    @model_validator(mode="before")
    @classmethod
    def _office_needs_no_folders(cls, values: Any) -> Any:
        return with_unused_folders(values) if isinstance(values, Mapping) else values

    @model_validator(mode="after")
    def _folders_stay_apart(self) -> Settings:
        folders: dict[str, Path] = {key: getattr(self, key) for key in FOLDER_KEYS}
        if not self.is_office and (inside := one_in_another(folders)):
            key, other = inside
            raise ValueError(
                f"{key} ({folders[key]}) lies in {other} ({folders[other]}); give each a folder "
                "of its own"
            )
        return self

    @model_validator(mode="after")
    def _results_outlast_backups(self) -> Settings:
        results, backups = self.retention.results_days, self.backups.keep_days
        if 0 < results < backups:
            raise ValueError(
                f"retention.results_days ({results:g}) is less than backups.keep_days "
                f"({backups:g}): what was sorted since a backup is known from the results; "
                "raise the one, or lower the other"
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


def one_in_another(folders: Mapping[str, Path]) -> tuple[str, str] | None:
    """The keys of a folder and of the one in which it must not lie; None when all stay apart."""
    for key, other in permutations(folders, 2):
        folder, parent = folders[key], folders[other]
        if folder == parent or ({key, other} & _TAKES_ALL and folder.is_relative_to(parent)):
            return key, other
    return None


def load(file: Path | None = None) -> Settings:
    """Read all settings, from `file`, `$NIGHTSORT_CONFIG` or /etc/nightsort/nightsort.toml.

    Raises ConfigError that names every problem at once: the key, the value and the remedy.
    """
    path = settings_file(file)
    values = _defaults_without_file() if path is None else _read_toml(path)
    values, renamed = as_today(values)
    secrets, problems = variables.credentials(os.environ)
    layers = [variables.read(Settings, os.environ), variables.read(Settings, secrets)]
    problems += [problem for layer in layers for problem in layer.problems]
    try:
        settings = Settings(**values)
    except ValidationError as exc:
        file_name = "environment" if path is None else str(path)
        problems += [_explain(error, layers, file_name) for error in _refused(exc)]
    if problems:
        raise ConfigError("\n".join(problems))
    of_file = [f"{path}: {warning}" for warning in renamed]
    settings._renamed = (*of_file, *(one for layer in layers for one in layer.renamed))
    settings._sources = Sources.of(path, values, layers, (key for key, _ in walk(Settings)))
    return settings


def refusals(values: dict[str, Any]) -> list[tuple[str, str]]:
    """What is wrong with settings that stand in no file yet: each dotted key, and words for it."""
    try:
        Settings(**values)
    except ValidationError as exc:
        return [
            (".".join(map(str, error["loc"])), _explain(error, [], "answer"))
            for error in _refused(exc)
        ]
    return []


def salvage(file: Path | None = None) -> Settings:
    """What can be used of settings that `load` refuses, for who must tell people that it did.

    What is wrong is left out, and what stands beside it kept: a table's other keys, a list's other
    elements; a table that is no TOML is left out whole. Raises ConfigError when that does not help,
    as where something in the environment is wrong.
    """
    path = settings_file(file)
    values, _ = as_today({} if path is None else _salvaged_toml(path))
    while True:
        try:
            return Settings(**_defaults_without_file() | values)
        except ValidationError as exc:
            values = _without(exc.errors()[0]["loc"], values)


def _salvaged_toml(path: Path) -> dict[str, Any]:
    try:
        return _read_toml(path)
    except ConfigError:
        with suppress(OSError):
            return _beside(path, readable(read_text(path, errors="replace")))
        return {}


def _without(location: tuple[int | str, ...], values: dict[str, Any]) -> dict[str, Any]:
    less: dict[str, Any] | None = without(values, location)
    if less is None or less == values:  # folders that do not go together; or it stands elsewhere
        less = {key: value for key, value in values.items() if key not in FOLDER_KEYS}
    if less == values:
        raise ConfigError("what is left of the settings cannot be used either") from None
    return less


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
        values = tomllib.loads(read_text(path))
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
    return _beside(path, values)


def _beside(path: Path, values: dict[str, Any]) -> dict[str, Any]:
    """The settings, with folders where the file says that they are."""
    for key in _PATH_KEYS:
        # A relative folder in a file belongs to the file, wherever the command is called from.
        if isinstance(values.get(key), str) and values[key]:
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
            near = "" if any(isinstance(part, int) for part in location) else _near(key)
            return f"{where}: no such setting{near}; correct the name or remove it"
        case _:
            message = cast(str, error["msg"]).removeprefix("Value error, ")
            message = PROBLEMS.get(error["type"], message.replace("Input should", "must", 1))
            value = variables.shown(location, error["input"])
            return f"{where}{value}: {message}"


def _refused(error: ValidationError) -> list[dict[str, Any]]:
    """What was refused; not that a list is empty because each of its items was."""
    every = map(dict, error.errors())
    return [one for one in every if not (one["type"] == "too_short" and one["input"])]


def _near(key: str) -> str:
    """A hint at the setting or table that was probably meant."""
    import difflib

    known = {*Settings.model_fields, *(name for name, _ in walk(Settings))}
    alike = [name for name in known if name.count(".") == key.count(".")]
    near = difflib.get_close_matches(key, sorted(alike), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def walk(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every key with its pydantic field, dotted, in the order of the tree."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Section):
            yield from walk(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field
