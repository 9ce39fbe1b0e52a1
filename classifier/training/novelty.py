"""Learn what the embeddings of known photos span, for `classifier.novelty`. Numpy only."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt

from classifier.novelty import Novelty, shares_outside

FloatArray = npt.NDArray[np.float32]
HalfArray = npt.NDArray[np.float16]

AXES = 128
WEIGHT = 1.5  # nats for being as far outside as one known photo in twenty is, not as the median


@dataclass(frozen=True, slots=True)
class Learned:
    """The bundle's file (mean, then axes; half precision) and what its card says of it."""

    space: HalfArray
    usual: float
    weight: float

    def scores(self, embeddings: FloatArray) -> FloatArray:
        """What each photo adds to the last label's logit. embeddings: (n, embedding)."""
        return Novelty(self.space.astype(np.float32), self.usual, self.weight).scores(embeddings)

    def file(self) -> bytes:
        """The space as an .npy file."""
        content = BytesIO()
        np.save(content, self.space, allow_pickle=False)
        return content.getvalue()


def learn(shown: FloatArray, held_back: FloatArray, temperature: float) -> Learned:
    """Learn the space from training photos, and from others what is usual.

    shown, held_back: embeddings of known photos, (n, embedding). temperature: logits a nat.
    """
    mean = shown.mean(axis=0)
    centred = shown - mean
    _, axes = np.linalg.eigh(centred.T @ centred)  # the most telling last
    space = np.vstack([mean, axes.T[: -AXES - 1 : -1]]).astype(np.float16)
    exact = space.astype(np.float32)
    shares = shares_outside(held_back, exact[0], exact[1:].T)
    usual, far = np.quantile(shares, [0.5, 0.95])
    weight = WEIGHT * temperature / max(float(far - usual), 1e-6)
    return Learned(space, round(float(usual), 6), round(weight, 4))
