"""An alert of every rule, with facts such as a night brings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from daemon.domain.alerts import RULES, Alert, Phase

AT = datetime(2025, 10, 13, 2, 8, tzinfo=UTC)

_ASSUMED = {
    "seconds_by_hand": 30.0, "review_seconds": 46.0, "check_seconds": 10.0, "measure": True,
    "wage_per_hour": 18.5, "currency": "EUR", "monthly_cost": 46.5,
}  # fmt: skip
_MEASURED = {"review": {"seconds": 31.2, "photos": 412, "weeks": 12}}

_PERIOD: dict[str, Any] = {
    "first_day": "2025-10-13",
    "last_day": "2025-10-19",
    "runs": 7,
    "total_processed": 2904,
    "total_processed_before": 2811,
    "successful": 2731,
    "review": 131,
    "duplicates": 22,
    "failed": 20,
    "success_rate": 99.3,
    "average_confidence": 0.9274,
    "categories": {"Tshirts": 1010, "Shirts": 655, "Watches": 400},
    "corrected": 12,
    "value": {
        "saved_seconds": 77922.8, "saved_hours": 21.65, "saved_money": 389.94, "judged": 2862,
        "reviews": 131, "looks": 385, "cost": 10.5, "months": 0.2258,
        "seconds": {"by_hand": 30.0, "review": 31.2, "check": 10.0},
        "measured": _MEASURED, "assumed": _ASSUMED,
    },
    "accuracy": {
        "from": "2025-07-28", "to": "2025-10-19",
        "filed": {
            "right": 309, "checked": 312, "shown": 340, "share": 0.9904, "low": 0.9721,
            "high": 0.9967,
        },
        "decided": {
            "right": 80, "checked": 120, "shown": 131, "share": 0.6667, "low": 0.5783,
            "high": 0.7447,
        },
    },
    "report": "report_2025-W42.html",
}  # fmt: skip

FACTS: Mapping[str, Mapping[str, Any]] = {
    "run_failed": {
        "why": "/srv/photos/sorted: may not be written to; give nightsort's user the right",
        "failures": 4,
        "waiting": 412,
    },
    "model_failed": {"why": "model.tflite is missing", "waiting": 412},
    "service_silent": {
        "state": "not running",
        "why": "the daemon has not spoken since 02:08",
        "result": "exit-code",
        "exit_status": "78",
    },
    "share_unavailable": {
        "folders": {"incoming": "/srv/photos/incoming: is on another mount than it was adopted on"},
        "waiting": 412,
    },
    "high_error_rate": {
        "run": "20251013_020000",
        "total_processed": 400,
        "failed": 48,
        "rate": 0.12,
        "limit": 0.1,
        "errors": [
            {"filename": "return-60521_front.jpg", "error": "its end is missing"},
            {"filename": "return-60522_front.jpg", "error": "its end is missing"},
        ],
    },
    "low_disk": {"disks": {"sorted": 3210, "state": 940}, "limit_mb": 5000},
    "disk_too_small": {"free_mb": 1800, "needed_mb": 2400, "waiting": 812},
    "many_in_review": {
        "run": "20251013_020000",
        "total_processed": 400,
        "review": 73,
        "limit": 50,
    },
    "slow_run": {
        "run": "20251013_020000",
        "minutes": 16.2,
        "limit_minutes": 15.0,
        "total_processed": 9200,
        "waiting": 4100,
        "has_ended": False,
    },
    "forecast_misses_window": {
        "waiting": 64000,
        "will_not_fit": 900,
        "opens": "2025-10-14T02:00:00+00:00",
        "closes": "2025-10-14T06:00:00+00:00",
        "done_by": "2025-10-14T06:04:00+00:00",
    },
    "window_missed": {"opened": "2025-10-11T14:00:00+00:00", "hours": 36, "waiting": 412},
    "model_refused": {
        "why": "fashion 2026.11.4 judges instead of the version adopted: 2026-11-26.1.npz: "
        "is damaged",
        "model": "fashion 2026.11.4",
    },
    "lesson_learnt": {
        "version": "2025-10-13.1",
        "judgement": "better",
        "why": "of 1,278 photos 19 become right and 3 wrong; 30 of these photos were "
        "corrected by people, as what judged them then had them wrong",
        "new": 46,
        "examples": 212,
        "new_labels": ["Sandals"],
        "adopted": False,
    },
    "promotion_compared": {
        "version": "2025-10-13.1@hamburg",
        "station": "hamburg",
        "person": "anna",
        "judgement": "better",
        "why": "promoted by anna, learnt at hamburg; of 48 photos 30 become right and 1 wrong",
        "adopted": False,
    },
    "backup_failed": {"why": "there is no new backup: /mnt/usb is not mounted; mount it"},
    "watch_degraded": {
        "mode": "polling",
        "why": "the kernel lets a user watch 8192 folders only",
    },
    "photos_held": {
        "held": [
            {"name": "table-1/return-1.jpg", "seconds": 7380.0},
            {"name": "return-2.jpg", "seconds": 4200.0, "why": "Permission denied"},
        ],
        "minutes": 60.0,
    },
    "undecided_too_long": {
        "photos": 12,
        "oldest": "2025-10-10T02:03:00+00:00",
        "days": 3.0,
    },
    "accuracy_below_promise": {
        "right": 288, "checked": 301, "shown": 340, "share": 0.9568, "low": 0.9275, "high": 0.9746,
        "promise": 0.99, "days": 28, "model": "fashion 2026.11.4",
    },
    "unusual_night": {
        "night": "2025-10-13", "photos": 412, "more": 0, "mix_index": 0.081, "compared": 48,
        "model": "fashion 2026.11.4", "model_since": "2025-10-02",
        "changes": [
            {"what": "mix", "name": "Handbags", "now": 0.124, "usual": 0.061, "low": 0.031,
             "high": 0.099, "nights": 1},
            {"what": "reason", "name": "too_blurred", "now": 0.08, "usual": 0.006, "low": 0.0,
             "high": 0.03, "nights": 1},
            {"what": "volume", "name": "", "now": 206.0, "usual": 431.0, "low": 240.0,
             "high": 760.0, "nights": 4},
        ],
    },
    "many_removed": {"photos": 212, "gone_since": "2025-10-13T02:08:00+00:00"},
    "target_undeliverable": {
        "target": "mail to it@example.com",
        "error": "mail.example.com:587: login refused: 535 5.7.8 authentication failed",
        "undelivered": 3,
    },
    "mirror_behind": {
        "station": "berlin",
        "why": "PostgreSQL: connection to server at \"10.0.0.7\", port 5432 failed",
        "waiting": 1240,
    },
    "handover_undeliverable": {"error": "it answered 502 Bad Gateway", "waiting": 3},
    "imbalance": {
        "run": "20251013_020000",
        "waiting_before": 400,
        "arrived": 12,
        "total_processed": 409,
        "gone": 1,
        "waiting_after": 0,
        "missing": 2,
    },
    "database_restored": {
        "why": "database disk image is malformed",
        "backup": "nightsort-20251012.db",
        "backup_taken": "2025-10-12T23:00:00+00:00",
        "set_aside": "/var/lib/nightsort/damaged-20251013",
    },
    "run_finished": {
        "run": "20251013_020000",
        "runs": 1,
        "started": "2025-10-13T02:00:00+00:00",
        "finished": "2025-10-13T02:08:00+00:00",
        "total_processed": 412,
        "successful": 388,
        "review": 17,
        "duplicates": 4,
        "failed": 3,
        "deferred": 0,
        "waiting_after": 0,
        "undecided": 14,
        "undecided_since": "2025-10-12T02:03:00+00:00",
        "success_rate": 99.3,
        "processing_time_seconds": 488.2,
        "average_confidence": 0.9312,
        "categories": {
            "Tshirts": 140, "Shirts": 91, "Casual Shoes": 60, "Watches": 44, "Handbags": 31,
            "Jeans": 22, "Tops": 17,
        },
        "value": {
            "saved_seconds": 11089.6, "saved_hours": 3.08, "saved_money": 56.99, "judged": 405,
            "reviews": 17, "looks": 53, "cost": 0.0, "months": 0.0,
            "seconds": {"by_hand": 30.0, "review": 31.2, "check": 10.0},
            "measured": _MEASURED, "assumed": _ASSUMED,
        },
        "report": "batch_report_20251013_020000.html",
        "results": "batch_results_20251013_020000.csv",
    },
    "weekly_summary": {"week": "2025-W42", **_PERIOD},
    "monthly_summary": {"month": "2025-10", **_PERIOD},
}  # fmt: skip


def phases_of(rule: str) -> tuple[Phase, ...]:
    """Those in which a rule can be told."""
    return ("told",) if RULES[rule].is_news else ("raised", "repeated", "resolved")


def sample(rule: str, phase: Phase | None = None, **facts: Any) -> Alert:
    """An alert of that rule, told for the first time unless `phase` says otherwise."""
    is_news = RULES[rule].is_news
    since = {} if is_news else {"since": "2025-10-11T02:08:00+00:00"}
    phase = phase or phases_of(rule)[0]
    return Alert(
        key=f"{rule}.{phase}",
        rule=rule,
        severity=RULES[rule].severity,
        phase=phase,
        day=3 if phase in ("repeated", "resolved") else 1,
        at=AT,
        facts={**FACTS[rule], **since, **facts},
    )
