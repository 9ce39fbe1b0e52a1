"""What an export holds: its tables, and their columns with units, as docs/explore.md shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# text · a moment, in UTC · a whole number · a number · true or false · a list of texts ·
# a number by name · [{category, confidence}] · a JSON document, as text
Kind = Literal[
    "text", "moment", "whole", "number", "truth", "texts", "counts", "candidates", "json"
]


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    kind: Kind
    about: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class ExportTable:
    """One table; it is a file of that name."""

    about: str
    columns: tuple[Column, ...]
    moment: str = ""  # the column by which a row belongs to a period; empty: it always does


_CONFIDENCE = "0..1"

_RUNS = ExportTable(
    "a run that is closed",
    (
        Column("id", "text", "such as 20251013_020000, in the box's local time"),
        Column("started", "moment", "when it was opened"),
        Column("finished", "moment", "when it was closed"),
        Column("model", "text", "what judged in it"),
        Column("total_processed", "whole", "successful + review + duplicates + failed", "photos"),
        Column("successful", "whole", "filed", "photos"),
        Column("review", "whole", "put aside for a person", "photos"),
        Column("duplicates", "whole", "of bytes that were filed before", "photos"),
        Column("failed", "whole", "in quarantine", "photos"),
        Column("deferred", "whole", "left for the next run", "photos"),
        Column("waiting_before", "whole", "waited when it began", "photos"),
        Column("arrived", "whole", "came meanwhile", "photos"),
        Column("gone", "whole", "taken away by people meanwhile", "photos"),
        Column("waiting_after", "whole", "waited when it ended", "photos"),
        Column("success_rate", "number", "of those that were no duplicates", "percent"),
        Column("processing_time_seconds", "number", "at work in it", "seconds"),
        Column("images_per_second", "number", "of that time", "photos a second"),
        Column("average_confidence", "number", "of its verdicts", _CONFIDENCE),
        Column("categories", "counts", "photos by category", "photos"),
        Column("confidence_distribution", "counts", "photos by band", "photos"),
    ),
    "started",
)
_PHOTOS = ExportTable(
    "a photo that was sorted",
    (
        Column("id", "whole", "its number on the box"),
        Column("run", "text", "that it was sorted in"),
        Column("result_number", "whole", "its line in that run's results"),
        Column("filename", "text", "as dropped"),
        Column("source_path", "text", "in incoming"),
        Column("filed_path", "text", "where it is now, in sorted; undone: in incoming"),
        Column("status", "text", "success, review, duplicate or error: how its run ended for it"),
        Column(
            "state",
            "text",
            "filed, review, retake, duplicate, quarantined, undone or removed: now",
        ),
        Column("category", "text", "the model's best guess"),
        Column("confidence", "number", "calibrated probability of that", _CONFIDENCE),
        Column("band", "text", "auto, check or review"),
        Column("reason", "text", "why a person must decide, or why it could not be read"),
        Column("reason_text", "text", "the same as a sentence"),
        Column("alternatives", "candidates", "the likeliest first", _CONFIDENCE),
        Column("model", "text", "which gave the verdict"),
        Column("decided", "text", "the category that a person said last, while that holds"),
        Column("return_id", "text", "empty where there is none"),
        Column("category_code", "text", "the warehouse's, of the category that it was filed as"),
        Column("location", "text", "likewise"),
        Column("sha256", "text", "of the file as it was filed"),
        Column("edited_sha256", "text", "of the file now, where people edited it"),
        Column("size_bytes", "whole", "of the file", "bytes"),
        Column("first_seen_at", "moment", "when it was dropped"),
        Column("recorded_at", "moment", "when it was sorted"),
        Column("removed_at", "moment", "when it was seen that people took it away"),
        Column("let_go_at", "moment", "when [retention] removed its file"),
        Column("is_example", "truth", "a person said its category, and the network saw it"),
    ),
    "recorded_at",
)
_CORRECTIONS = ExportTable(
    "a person's word on a photo",
    (
        Column("id", "whole", "the number of the word"),
        Column("photo", "whole", "that it is about"),
        Column(
            "word",
            "text",
            "corrected, dragged, undone, agreed, retake, taken_back or checked",
        ),
        Column("before", "text", "the category until then"),
        Column("category", "text", "the category from then on"),
        Column("person", "text", "who said it"),
        Column("at", "moment", "when"),
        Column("via", "text", "by which way; empty where that was not kept yet"),
        Column("source", "text", "where the photo was"),
        Column("target", "text", "where it came to"),
    ),
    "at",
)
_ALERTS = ExportTable(
    "something that people were told of",
    (
        Column("id", "whole", "as in `nightsort alerts list`"),
        Column("rule", "text", "docs/alerts.md has them all"),
        Column("subject", "text", "tells apart what holds several times at once; mostly empty"),
        Column("severity", "text", "info, warning, error or critical"),
        Column("raised_at", "moment", "when it was told first"),
        Column("told_at", "moment", "when it was told last, as long as it held"),
        Column("day", "whole", "on which day of it that was", "days"),
        Column("facts", "json", "as docs/alerts.md says"),
        Column("resolved_at", "moment", "when it was over; news is at once"),
        Column("acknowledged_at", "moment", "when somebody said that they know"),
        Column("acknowledged_by", "text", "who"),
    ),
    "raised_at",
)
_EXAMPLES = ExportTable(
    "a photo of which a person said what it shows, to be learnt from",
    (
        Column("id", "whole", "its number on the box"),
        Column("photo", "whole", "of the history; none where it was brought to be learnt from"),
        Column("label", "text", "what a person says that it shows"),
        Column("source", "text", "correction, decision, check or upload: how it came"),
        Column("person", "text", "who said it"),
        Column("at", "moment", "when"),
        Column("return_id", "text", "empty where there is none"),
        Column("name", "text", "of its file"),
        Column("sha256", "text", "of its bytes"),
        Column("is_seen", "truth", "the network has looked at it, so that lessons take it"),
        Column("problem", "text", "why the network cannot; empty where there is none"),
    ),
    "at",
)
_VERSIONS = ExportTable(
    "a version that judges, or could",
    (
        Column("version", "text", "its name; shipped: the model as it comes"),
        Column("model", "text", "the base that it was learnt over"),
        Column("learnt", "moment", "when"),
        Column("categories", "texts", "that it knows"),
        Column("examples", "whole", "that it learnt from", "photos"),
        Column("judgement", "text", "better, as good or worse than the one before"),
        Column("problem", "text", "why it cannot be used; empty where it can"),
        Column("is_in_use", "truth", "it judges now"),
    ),
)
_API_CALLS = ExportTable(
    "calls of the API in one hour, of one path, with one status",
    (
        Column("hour", "moment", "in which they came, its beginning"),
        Column("path", "text", "as the route is written: /photos/{id}"),
        Column("status", "whole", "how they were answered"),
        Column("calls", "whole", "how many", "calls"),
        Column("milliseconds", "number", "that all of them took", "milliseconds"),
        Column("slowest_milliseconds", "number", "that the slowest took", "milliseconds"),
        Column("bytes", "whole", "that came with them", "bytes"),
    ),
    "hour",
)

# What is named by another comes after it, so that it is there when that is read.
TABLES: Mapping[str, ExportTable] = {
    "corrections": _CORRECTIONS,
    "examples": _EXAMPLES,
    "photos": _PHOTOS,
    "runs": _RUNS,
    "alerts": _ALERTS,
    "versions": _VERSIONS,
    "api_calls": _API_CALLS,
}
