"""What the model card shows: history, confusion, categories, reliability, confidences, as SVG.

No photo appears in any of them. Needs matplotlib.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier.training import calibrate
from classifier.training.measures import Choice, Scored, confusion, per_category

FloatArray = npt.NDArray[np.float32]


def draw_all(
    folder: Path,
    history: Sequence[dict[str, float]],
    scored: Scored,
    names: list[str],
    choice: Choice,
) -> list[str]:
    """Draw every picture from the hold-out's scores; returns their file names."""
    import matplotlib  # type: ignore[import-not-found]

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "nightsort"
    judged = calibrate.judge(scored.logits, len(names), choice.temperature)
    right = judged.right(scored.truth)
    drawn = {
        "history.svg": lambda axes: _history(axes, history),
        "confusion.svg": lambda axes: _confusion(
            axes, confusion(scored, len(names), choice), names
        ),
        "categories.svg": lambda axes: _bars(axes, per_category(scored, names, choice)),
        "reliability.svg": lambda axes: _reliability(axes, judged.confidence, right),
        "confidence.svg": lambda axes: _confidence(axes, judged.confidence, right),
    }
    if not history:
        del drawn["history.svg"]
    for name, draw in drawn.items():
        _draw(folder / name, draw)
    return list(drawn)


def _draw(path: Path, draw: Any) -> None:
    import matplotlib.pyplot as plt  # type: ignore[import-not-found]

    figure, axes = plt.subplots(figsize=(7, 5), layout="constrained")
    draw(axes)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _history(axes: Any, history: Sequence[dict[str, float]]) -> None:
    epochs = [row["epoch"] for row in history]
    axes.plot(epochs, [row["loss"] for row in history], "o-", color="grey")
    axes.set(xlabel="epoch", ylabel="training loss", title="Training")
    other = axes.twinx()
    for key, label in (("validation", "validation"), ("validation_60x80", "at 60x80")):
        points = [(row["epoch"], row[key]) for row in history if row.get(key)]
        other.plot([p[0] for p in points], [p[1] for p in points], "o-", label=label)
    other.set_ylabel("accuracy")
    other.legend(loc="center right")


def _confusion(axes: Any, matrix: npt.NDArray[np.int64], names: Sequence[str]) -> None:
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour)
    axes.set(xlabel="classified as", ylabel="is", title="Hold-out photos")


def _bars(axes: Any, found: dict[str, dict[str, float]]) -> None:
    places = np.arange(len(found))
    for offset, key in ((-0.2, "precision"), (0.2, "recall")):
        axes.barh(places + offset, [row[key] for row in found.values()], 0.38, label=key)
    axes.set_yticks(places, list(found))
    axes.invert_yaxis()
    axes.set(xlim=(0.5, 1), title="By category")
    axes.legend(loc="lower left")


def _reliability(axes: Any, confidence: FloatArray, right: npt.NDArray[np.bool_]) -> None:
    place = np.minimum((confidence * 15).astype(int), 14)
    for b in range(15):
        if (place == b).any():
            mean, share = confidence[place == b].mean(), right[place == b].mean()
            axes.scatter(mean, share, s=20 + 2 * (place == b).sum() ** 0.8, color="tab:blue")
    axes.plot([0, 1], [0, 1], "--", color="grey")
    error = calibrate.expected_calibration_error(confidence, right)
    axes.set(xlabel="confidence", ylabel="share right", title=f"Reliability, ECE {error:.3f}")


def _confidence(axes: Any, confidence: FloatArray, right: npt.NDArray[np.bool_]) -> None:
    bins = np.linspace(0, 1, 31)
    axes.hist([confidence[right], confidence[~right]], bins, stacked=True, label=["right", "wrong"])
    axes.set(xlabel="confidence", ylabel="photos", yscale="log", title="Confidence")
    axes.legend()
