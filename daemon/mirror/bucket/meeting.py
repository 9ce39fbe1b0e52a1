"""The station's name in a bucket: which box it belongs to."""

from __future__ import annotations

import json

from daemon.mirror.bucket.client import Bucket, BucketRefused, NoObject
from daemon.mirror.bucket.sources import MARKER


def require_name(bucket: Bucket, station: str, instance: str) -> bool:
    """Claim the station's name for a box where nobody has; False when it had it already.

    Raises BucketFailed; BucketRefused where it is another box's.
    """
    key = f"{station}/{MARKER}"
    there = _marker(bucket, key)
    is_new = there is None
    if is_new:  # a new bucket, or one that was emptied
        text = json.dumps({"station": station, "instance": instance}).encode()
        bucket.put(key, text, {"content-type": "application/json"}, new=True)
        there = _marker(bucket, key)
    if there != instance:
        raise BucketRefused(
            f"another box is station {station} in {bucket.address} already; give this one a name "
            "of its own ([mirror] station)"
        )
    return is_new


def _marker(bucket: Bucket, key: str) -> str | None:
    try:
        _, pieces = bucket.get(key)
        return str(json.loads(b"".join(pieces))["instance"])
    except NoObject:
        return None
    except (ValueError, KeyError, TypeError):
        return ""
