"""Predictions: photos that programs send, judged as the daemon would, filed nowhere.

`Predictor` takes them in and shares them out to its threads; `judging` decodes and judges, and is
imported at the first prediction: a page that predicts nothing stays small.
"""

from __future__ import annotations

from web.predictions.alone import IDLE_SECONDS
from web.predictions.answers import Judged, ModelFacts
from web.predictions.predictor import Predictor

__all__ = ["IDLE_SECONDS", "Judged", "ModelFacts", "Predictor"]
