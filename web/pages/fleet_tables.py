"""The tables of the fleet that no single station has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from markupsafe import Markup

from config.catalogue import Texts
from web.fleet_view import StationLine
from web.pages.figures import VOLUME
from web.pages.tables import Column, Kind, Table, Value
from web.reading import charts
from web.reading.fleet import KnownVersion, PromotedStatus, Run, moment
from web.reading.learning import why_in

_HOUR_SECONDS = 3600
_STATIONS: tuple[tuple[str, Kind], ...] = (
    ("station", "text"), ("health", "text"), ("seen", "moment"), ("waiting", "count"),
    ("to_decide", "count"), ("oldest", "moment"), ("photos", "count"),
    ("review_share", "percent"), ("share_right", "percent"), ("at_least", "percent"),
    ("at_most", "percent"), ("last_run", "moment"), ("version", "text"),
    ("hours_saved", "rate"), ("behind", "count"), ("copied", "moment"), ("nightsort", "text"),
)  # fmt: skip
_RUNS: tuple[tuple[str, Kind], ...] = (
    ("run", "text"), ("began", "moment"), ("photos", "count"), ("filed", "count"),
    ("to_decide", "count"), ("to_retake", "count"), ("duplicates", "count"),
    ("success", "percent"), ("at_work", "span"), ("version", "text"),
)  # fmt: skip
_VERSIONS: tuple[tuple[str, Kind], ...] = (
    ("station", "text"), ("version", "text"), ("learnt", "moment"), ("base", "text"),
    ("categories", "count"), ("examples", "count"), ("judgement", "text"), ("in_use", "text"),
)  # fmt: skip
_OUTCOMES: tuple[tuple[str, Kind], ...] = (
    ("station", "text"), ("version", "text"), ("outcome", "text"), ("reason", "text"),
)  # fmt: skip


class FleetTables:
    """Makes them in one language, by the clocks of one zone."""

    def __init__(self, t: Texts, zone: tzinfo) -> None:
        self._t = t
        self._zone = zone

    def stations(self, lines: Sequence[StationLine]) -> Table:
        """All stations side by side."""
        return Table("stations", self._columns(_STATIONS), [self._station(one) for one in lines])

    def runs(self, runs: Sequence[Run]) -> Table:
        """The last runs of one."""
        return Table("runs", self._columns(_RUNS), [self._run(one) for one in runs])

    def versions(self, versions: Sequence[KnownVersion]) -> Table:
        """What all stations learnt."""
        rows = [
            (
                one.station, one.name, self._local(moment(one.learnt)), one.base, one.categories,
                one.examples, "" if one.judgement is None else self._judged(one.judgement),
                self._t("fleet.in_use") if one.is_in_use else "",
            )
            for one in versions
        ]  # fmt: skip
        return Table("versions", self._columns(_VERSIONS), rows)

    def outcomes(self, lines: Sequence[StationLine], versions: Sequence[KnownVersion]) -> Table:
        """What came of the newest version that was promoted, at each station that knows of it."""
        judging = {(one.station, one.name) for one in versions if one.is_in_use}
        rows = []
        for one in lines:
            promoted = one.station.status.get("promoted") if one.station.status else None
            if promoted is not None:
                judges = (one.name, promoted["name"]) in judging
                word = self._t(f"promoted.{outcome_of(promoted, judges=judges)}")
                why = why_in(self._t.language, promoted["why"])
                rows.append((one.name, promoted["name"], word, why))
        return Table("promoted", self._columns(_OUTCOMES), rows)

    def _judged(self, judgement: str) -> str:
        return self._t.or_else(f"judged.{judgement.replace(' ', '_')}", judgement)

    def bars(self, lines: Sequence[StationLine]) -> list[Markup]:
        """A bar for each station's photos."""
        most = max((one.counts.photos for one in lines), default=0) or 1
        return [charts.bar(one.counts.photos / most, "auto") for one in lines]

    def by_station(self, lines: Sequence[StationLine]) -> Markup:
        """What became of each station's photos, beside the others'."""
        columns = [
            (one.name, {kind: getattr(one.counts, field) for kind, field, _ in VOLUME})
            for one in lines
        ]
        hints = [f"{one.name}: {one.counts.photos}" for one in lines]
        return charts.column_chart(self._t("chart.by_station"), columns, hints)

    def _station(self, one: StationLine) -> Sequence[Value]:
        status, rate, run = one.station.status, one.rate, one.last_run
        low, high = (100 * end if rate.checked else None for end in rate.interval)
        return (
            one.name, self._t(f"fleet_health.{one.health}"), self._local(one.station.seen_at),
            status["queue"]["waiting"] if status else None,
            one.undecided, self._local(one.oldest), one.counts.photos, one.counts.review_share,
            None if rate.share is None else 100 * rate.share, low, high,
            self._local(run.finished if run else None), status["model"] if status else None,
            one.saved_seconds / _HOUR_SECONDS, status["waiting"] if status else None,
            self._local(one.station.copied_at), one.station.nightsort,
        )  # fmt: skip

    def _run(self, one: Run) -> Sequence[Value]:
        counts = one.counts
        return (
            one.id, self._local(one.started), counts.photos, counts.successful, counts.review,
            counts.failed, counts.duplicates, counts.success_rate, counts.busy_seconds, one.model,
        )  # fmt: skip

    def _local(self, at: datetime | None) -> datetime | None:
        return None if at is None else at.astimezone(self._zone)

    def _columns(self, columns: Sequence[tuple[str, Kind]]) -> list[Column]:
        return [Column(key, self._t(f"column.{key}"), kind) for key, kind in columns]


def outcome_of(promoted: PromotedStatus, *, judges: bool) -> str:
    """What came of it, by its key. judges: it is in use there now, whoever adopted it."""
    if judges:
        return "judges"
    if promoted["adopted"]:
        return "adopted"
    if promoted["state"] != "over":
        return "own" if promoted["state"] == "own" else "came"
    known = {"better": "better", "as good": "as_good", "worse": "worse", "refused": "refused"}
    return known.get(promoted["judgement"], "withdrawn")
