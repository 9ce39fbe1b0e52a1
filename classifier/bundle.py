"""A model bundle: the folder that holds a model, its labels and its card, checked as a whole.

A bundle is only used when its parts agree: the card's hashes are those of the files that it names,
the labels are the card's, and (in `classifier.model`) the model's shapes are the card's. Whether
the model answers as it should is `classifier.self_test`'s business.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from config.errors import ModelError

CARD = "card.json"
LABELS = "labels.txt"
_HERE = Path(__file__).parent
# Beside the packages in the repository, inside this one in an installed wheel.
DEFAULT_BUNDLES = (_HERE / "bundles" / "fashion", _HERE.parent / "models" / "fashion")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class InputSpec(_Part):
    """What the model wants to see."""

    width: int = Field(ge=1)
    height: int = Field(ge=1)
    dtype: Literal["uint8"]
    colour: Literal["RGB"]
    resize: Literal["stretch"]


class LayerSpec(_Part):
    """An earlier layer that the model shows, too: richer, for heads that are learnt."""

    channels: int = Field(ge=1)
    weights: tuple[float, float]  # of its means and deviations beside the embedding


class OutputSpec(_Part):
    """Lengths of the model's two outputs, and what else it shows."""

    logits: int = Field(ge=1)
    embedding: int = Field(ge=1)
    layer: LayerSpec | None = None


class Calibration(_Part):
    """How logits become probabilities."""

    method: Literal["temperature"]
    temperature: float = Field(gt=0)


class UnknownGate(_Part):
    """How a photo of something else is told: by the share of the labels that are no category."""

    method: Literal["other_labels"]
    threshold: float = Field(ge=0, le=1)


class NoveltySpec(_Part):
    """What a photo adds to the last label's logit: weight * (its share outside - usual)."""

    file: str = Field(pattern=r"^[A-Za-z0-9_.-]+\.npy$")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    usual: float = Field(ge=0, le=1)
    weight: float = Field(ge=0)


class LearningSpec(_Part):
    """The file that says what the categories looked like (`classifier.learning.base`)."""

    file: str = Field(pattern=r"^[A-Za-z0-9_.-]+\.npz$")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


# Cards of before do not say it: band auto was set for that.
BEFORE_PROMISES = 0.99


class Bands(_Part):
    """Thresholds that keep the card's promise."""

    auto: float = Field(gt=0, le=1)
    review: float = Field(gt=0, le=1)
    promise: float = Field(BEFORE_PROMISES, gt=0, lt=1)  # the share that is right of band auto


class Specimen(_Part):
    """A drawn picture of the bundle, and what the model said of it when the bundle was made."""

    file: str = Field(pattern=r"^[A-Za-z0-9_.-]+\.png$")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    logits: tuple[float, ...]


class SelfTest(_Part):
    """What the model must say of the specimens, before it may sort anything."""

    tolerance: float = Field(gt=0)  # root mean square difference of a specimen's logits
    specimens: tuple[Specimen, ...] = Field(min_length=1)


class Card(_Part):
    """The card of a bundle; what it says beside these fields is for people."""

    format: Literal[1]
    name: str
    version: str
    file: str = Field(pattern=r"^[A-Za-z0-9_.-]+\.tflite$")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    input: InputSpec
    outputs: OutputSpec
    labels: tuple[str, ...]
    categories: tuple[str, ...] = Field(min_length=2)
    calibration: Calibration | None = None
    unknown: UnknownGate | None = None
    novelty: NoveltySpec | None = None
    bands: Bands | None = None
    self_test: SelfTest | None = None
    learning: LearningSpec | None = None
    metrics: dict[str, Any] = {}

    @model_validator(mode="after")
    def _labels_agree(self) -> Self:
        if len(self.labels) != self.outputs.logits:
            raise ValueError(f"{len(self.labels)} labels for {self.outputs.logits} logits")
        if self.labels[: len(self.categories)] != self.categories:
            raise ValueError("the categories are not the first labels")
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("a label stands twice")
        return self

    @model_validator(mode="after")
    def _novelty_has_a_label(self) -> Self:
        if self.novelty and len(self.labels) == len(self.categories):
            raise ValueError("novelty needs a label that is no category")
        return self

    @model_validator(mode="after")
    def _self_test_agrees(self) -> Self:
        for specimen in self.self_test.specimens if self.self_test else ():
            if len(specimen.logits) != self.outputs.logits:
                raise ValueError(f"{len(specimen.logits)} logits for {specimen.file}")
        return self

    @property
    def title(self) -> str:
        """Name and version, as results and status show them."""
        return f"{self.name} {self.version}"


class Bundle(_Part):
    """A bundle whose files agree with its card."""

    folder: Path
    card: Card
    model: bytes = Field(repr=False)
    novelty: bytes = Field(b"", repr=False)
    specimens: tuple[bytes, ...] = Field((), repr=False)  # in the order of the card's self-test


def load_bundle(folder: Path | None = None) -> Bundle:
    """Read a bundle and check it; `None` is the one that comes with nightsort.

    Raises ModelError when a part is missing, damaged, or disagrees with the card.
    """
    folder = folder or _default_folder()
    card = _read_card(folder)
    labels = tuple(_read(folder / LABELS).decode("utf-8", "replace").splitlines())
    if labels != card.labels:
        raise _refuse(folder, f"{LABELS} does not hold the labels of {CARD}")
    model = _read_the_same(folder, card.file, card.sha256)
    spec = card.novelty
    novelty = _read_the_same(folder, spec.file, spec.sha256) if spec else b""
    listed = card.self_test.specimens if card.self_test else ()
    specimens = tuple(_read_the_same(folder, one.file, one.sha256) for one in listed)
    return Bundle(folder=folder, card=card, model=model, novelty=novelty, specimens=specimens)


def _default_folder() -> Path:
    return next((folder for folder in DEFAULT_BUNDLES if folder.is_dir()), DEFAULT_BUNDLES[-1])


def _read_card(folder: Path) -> Card:
    try:
        return Card.model_validate(json.loads(_read(folder / CARD)))
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ": ".join([CARD, *([".".join(map(str, first["loc"]))] if first["loc"] else [])])
        raise _refuse(folder, f"{where}: {first['msg']}") from exc
    except (ValueError, RecursionError) as exc:
        raise _refuse(folder, f"{CARD} is not valid JSON ({exc})") from exc


def _read_the_same(folder: Path, name: str, sha256: str) -> bytes:
    content = _read(folder / name)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise _refuse(folder, f"{name} is not the one that {CARD} was written for")
    return content


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise _refuse(path.parent, f"{path.name} is missing") from None
    except OSError as exc:
        raise _refuse(path.parent, f"{path.name} cannot be read ({exc.strerror})") from exc


def _refuse(folder: Path, what: str) -> ModelError:
    return ModelError(f"model bundle {folder}: {what}; restore the bundle or set model_dir")
