"""A version: a learnt head with its calibration over a base model, in one small file.

The file is an .npz without pickles: the head's numbers, the version's card as JSON, and a digest
over both. It is loaded as a stranger's would be: whatever does not agree, in itself or with the
base that it is used with, is refused with what is wrong, where, and what to do.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from classifier.arrays import LARGEST_BYTES, Arrays, packed, unpacked
from classifier.bundle import Bands, Bundle
from classifier.bundle import Card as BundleCard
from classifier.features import Features, FeatureSpec
from classifier.head import Gate, LearntHead, Rows
from classifier.novelty import novelty_of
from classifier.verdict import FloatArray
from config.errors import ModelError

ID_BYTES = 8  # of an example's id: enough to tell whether a version learnt from it
# Nats, root mean square of what the rows say of a picture, apart from what they all say. Other
# kernels make 0.5 at most (the shares then differ by 0.03); another version's head makes many.
TOLERANCE = 1.0
_DIGEST = "sha256"
_PHOTOS = {"became_right", "became_wrong", "doubtful"}
_NAMES = {
    "card", "weights", "bias", "own_weights", "own_bias", "usual", "specimens", "learnt_from",
}  # fmt: skip


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class BaseName(_Part):
    """The bundle that a version was learnt over."""

    name: str
    version: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")  # of its model file


class GateSpec(_Part):
    """When a photo is none of the categories: see `classifier.head.Gate`."""

    spread: float = Field(gt=0)
    weight: float = Field(ge=0)
    threshold: float = Field(ge=0, le=1)


class VersionCard(_Part):
    """What a version says of itself."""

    format: Literal[1]
    name: str = Field(min_length=1, max_length=100)
    learnt: str  # when, ISO 8601
    base: BaseName
    only: bool  # these categories alone, without the base's
    features: FeatureSpec
    categories: tuple[str, ...] = Field(min_length=2)
    rows: tuple[str, ...] = Field(min_length=2)  # the label whose photos each row was learnt from
    owners: tuple[int, ...]  # each row's category by place; -1: something else
    removed: tuple[str, ...] = ()  # labels that were categories and are none any longer
    opinion: tuple[int, ...]  # the category of each row of the network's own that has a say
    temperature: float = Field(gt=0)
    opinion_temperature: float = Field(gt=0)
    # How much less sure verdicts are that each category has part in; versions of before have none.
    doubts: tuple[Annotated[float, Field(ge=1)], ...] = ()
    gate: GateSpec
    bands: Bands
    examples: dict[str, int]  # photos by label
    sources: dict[str, int] = {}  # photos by who said what they are
    figures: dict[str, Any] = {}  # how it was compared, as `learn --json` has it; no photos

    @property
    def merged(self) -> dict[str, str]:
        """Labels that are part of another category."""
        owned = zip(self.rows, self.owners, strict=True)
        named = {label: self.categories[at] for label, at in owned if at >= 0}
        return {label: category for label, category in named.items() if label != category}

    @property
    def given_up(self) -> frozenset[str]:
        """Labels that were categories and are none any longer, or part of another."""
        return frozenset((*self.removed, *self.merged))

    @model_validator(mode="after")
    def _places_agree(self) -> Self:
        if len(set(self.categories)) != len(self.categories):
            raise ValueError("a category stands twice")
        if len(self.owners) != len(self.rows):
            raise ValueError(f"{len(self.owners)} owners for {len(self.rows)} rows")
        owned = {owner for owner in self.owners if owner >= 0}
        if min(self.owners) < -1 or owned != set(range(len(self.categories))):
            raise ValueError("rows and categories disagree")
        if self.doubts and len(self.doubts) != len(self.categories):
            raise ValueError(f"{len(self.doubts)} doubts for {len(self.categories)} categories")
        if not {*self.opinion} <= owned:
            raise ValueError("the network's own rows and the categories disagree")
        return self


@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """A card with its numbers. `digest` tells versions apart, whatever they are called."""

    card: VersionCard
    head: LearntHead
    specimens: FloatArray  # (pictures, rows): what the rows say of the base's own pictures, in nats
    learnt_from: NDArray[np.uint8]  # (examples, ID_BYTES): the beginnings of their ids, sorted

    @property
    def title(self) -> str:
        """How verdicts, rows and summaries name it."""
        return f"{self.card.base.name} {self.card.name}"

    @property
    def digest(self) -> str:
        """Over all that the file holds."""
        return _digest_of(self._arrays())

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all. Raises OSError."""
        _write(path, self._arrays())

    def _arrays(self) -> Arrays:
        return {
            "card": _as_array(self.card),
            "weights": self.head.rows.weights,
            "bias": self.head.rows.bias,
            "own_weights": _own(self.head).weights,
            "own_bias": _own(self.head).bias,
            "usual": self.head.gate.usual,
            "specimens": self.specimens,
            "learnt_from": self.learnt_from,
        }


def ids_of(examples: list[str]) -> NDArray[np.uint8]:
    """The beginnings of ids, for `Version.learnt_from`."""
    digests = sorted(hashlib.sha256(one.encode()).digest()[:ID_BYTES] for one in examples)
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, ID_BYTES)


def base_name(card: BundleCard) -> BaseName:
    """What a version calls the bundle that it is learnt over."""
    return BaseName(name=card.name, version=card.version, sha256=card.sha256)


def read_card(path: Path) -> VersionCard:
    """What the version of that file says of itself, over whatever base. Raises ModelError."""
    return _card_of(path, _read(path))


def knows_any(path: Path, examples: Collection[str]) -> bool:
    """Whether the version of that file learnt from one of these examples. Raises ModelError."""
    learnt = {row.tobytes() for row in _read(path)["learnt_from"]}
    return any(row.tobytes() in learnt for row in ids_of([*examples]))


def strip_photos(path: Path) -> bool:
    """Take the ids of photos out of the card of a version; False where it has none.

    Cards of before had those of which the verdict changed. Raises ModelError, OSError.
    """
    arrays = _read(path)
    card = _card_of(path, arrays)
    kept = {key: value for key, value in card.figures.items() if key not in _PHOTOS}
    if len(kept) == len(card.figures):
        return False
    mode = path.stat().st_mode
    _write(path, arrays | {"card": _as_array(card.model_copy(update={"figures": kept}))})
    path.chmod(mode & 0o777)
    return True


def load_version(path: Path, bundle: Bundle) -> Version:
    """Read a version for use over a bundle.

    Raises ModelError when it is damaged, disagrees with itself, or was learnt over another base.
    """
    arrays = _read(path)
    card = _card_of(path, arrays)
    _check_shapes(path, card, arrays)
    _check_base(path, card, bundle)
    return Version(card, _head_of(card, arrays, bundle), arrays["specimens"], arrays["learnt_from"])


def specimen_scores(head: LearntHead, specimens: Features) -> FloatArray:
    """What the rows say of the self-test's pictures, in nats from their mean: (pictures, rows)."""
    scores = head.rows.scores(head.spec.inputs(specimens))
    nats: FloatArray = (scores - scores.mean(axis=1, keepdims=True)) / np.float32(head.temperature)
    return nats


def _head_of(card: VersionCard, arrays: Arrays, bundle: Bundle) -> LearntHead:
    owners, opinion = np.array(card.owners, np.int64), np.array(card.opinion, np.int64)
    return LearntHead(
        spec=card.features,
        rows=Rows(arrays["weights"], arrays["bias"], owners),
        opinion=Rows(arrays["own_weights"], arrays["own_bias"], opinion) if card.opinion else None,
        gate=Gate(arrays["usual"], card.gate.spread, card.gate.weight),
        novelty=novelty_of(bundle),
        categories=card.categories,
        temperature=card.temperature,
        opinion_temperature=card.opinion_temperature,
        doubts=np.array(card.doubts) if card.doubts else None,
    )


def _as_array(card: VersionCard) -> NDArray[np.uint8]:
    text = json.dumps(card.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
    return np.frombuffer(text.encode(), np.uint8)


def _write(path: Path, arrays: Arrays) -> None:
    digest = np.frombuffer(bytes.fromhex(_digest_of(arrays)), np.uint8)
    content = packed(arrays | {_DIGEST: digest})
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".version-", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except OSError:
            Path(file.name).unlink(missing_ok=True)
            raise
    _sync_folder(path.parent)


def _own(head: LearntHead) -> Rows:
    """The network's own rows; none of them where they have no say."""
    if head.opinion is not None:
        return head.opinion
    size = head.spec.embedding
    return Rows(np.zeros((size, 0), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))


def _read(path: Path) -> Arrays:
    try:
        with path.open("rb") as file:
            arrays = unpacked(file.read(LARGEST_BYTES))
    except FileNotFoundError:
        raise _refuse(path, "is missing") from None
    except OSError as exc:
        raise _refuse(path, f"cannot be read ({exc.strerror})") from exc
    except ValueError as exc:
        raise _refuse(path, f"is damaged or no version: {exc}") from exc
    digest = arrays.pop(_DIGEST, None)
    if digest is None or set(arrays) != _NAMES:
        raise _refuse(path, "is no version of nightsort's")
    if digest.tobytes().hex() != _digest_of(arrays):
        raise _refuse(path, "is damaged: its digest is not that of what it holds")
    return arrays


def _card_of(path: Path, arrays: Arrays) -> VersionCard:
    try:
        # On what a newer nightsort says beside, verdicts may depend: it is not passed over.
        return VersionCard.model_validate(json.loads(arrays["card"].tobytes()), extra="forbid")
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise _refuse(path, f"its card does not fit: {where}: {first['msg']}") from exc
    except (ValueError, RecursionError) as exc:
        raise _refuse(path, f"its card is not valid JSON ({exc})") from exc


def _check_shapes(path: Path, card: VersionCard, arrays: Arrays) -> None:
    rows, own = len(card.rows), len(card.opinion)
    shapes = {
        "weights": (card.features.size, rows),
        "bias": (rows,),
        "own_weights": (card.features.embedding, own),
        "own_bias": (own,),
        "usual": (len(card.categories),),
        "specimens": (*arrays["specimens"].shape[:1], rows),
    }
    for name, shape in shapes.items():
        array = arrays[name]
        if array.shape != shape or array.dtype != np.float32:
            raise _refuse(path, f"{name} is {array.dtype} {array.shape}, not float32 {shape}")
        if not np.isfinite(array).all():
            raise _refuse(path, f"{name} holds values that are no numbers")
    ids = arrays["learnt_from"]
    if ids.dtype != np.uint8 or ids.ndim != 2 or ids.shape[1] != ID_BYTES:
        raise _refuse(path, f"learnt_from is {ids.dtype} {ids.shape}")


def _check_base(path: Path, card: VersionCard, bundle: Bundle) -> None:
    if card.base.sha256 != bundle.card.sha256:
        raise ModelError(
            f"version {path}: was learnt over {card.base.name} {card.base.version}, and model_dir "
            f"holds {bundle.card.title} with another network; learn again, or put that model back"
        )
    outputs = bundle.card.outputs
    channels = outputs.layer.channels if outputs.layer else 0
    if (card.features.embedding, card.features.channels) != (outputs.embedding, channels):
        raise _refuse(path, "takes other features than its base gives")


def _digest_of(arrays: Arrays) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse(path: Path, what: str) -> ModelError:
    return ModelError(
        f"version {path}: {what}; go back to another version, or learn it again from the examples"
    )
