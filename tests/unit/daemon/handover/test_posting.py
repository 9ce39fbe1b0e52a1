"""One call to another system: signed, never redirected, never waited for too long."""

from __future__ import annotations

import hashlib
import hmac
import json
import time

from daemon.handover.posting import Answer, post, signature
from tests.support.web_hook import WebHook, black_hole, dripping, listening

SECRET = "0123456789abcdef-secret"
BODY = json.dumps({"id": "run-1", "text": "ä ☃"}, ensure_ascii=False)


def test_a_call_carries_its_id_and_a_signature_of_its_bytes() -> None:
    with listening(WebHook()) as hook:
        answer = post(f"http://127.0.0.1:{hook.port}/in?x=1", SECRET, "run-1", BODY, 10.0)
    assert answer == Answer(200, "")
    assert hook.paths == ["/in?x=1"]
    assert hook.bodies == [json.loads(BODY)]
    (headers,) = hook.headers
    digest = hmac.new(SECRET.encode(), BODY.encode(), hashlib.sha256).hexdigest()
    assert (
        headers["X-Nightsort-Signature"] == f"sha256={digest}" == signature(SECRET, BODY.encode())
    )
    assert headers["X-Nightsort-Id"] == "run-1"
    assert headers["Content-Type"] == "application/json"


def test_a_refusal_is_told_and_whether_it_is_about_this_call() -> None:
    for status, is_about_this_call in ((302, False), (422, True), (429, False), (502, False)):
        with listening(WebHook(status=status)) as hook:
            answer = post(f"http://127.0.0.1:{hook.port}/", SECRET, "a", "{}", 10.0)
        assert answer.error.startswith(f"it answered {status}")
        assert (answer.status, answer.is_about_this_call) == (status, is_about_this_call)


def test_nobody_who_answers_is_waited_for_only_so_long() -> None:
    closed = post("http://127.0.0.1:9/token-4711", SECRET, "a", "{}", 10.0)
    assert closed.status == 0
    assert "refused" in closed.error
    assert "4711" not in closed.error
    for server in (black_hole, dripping):
        with server() as port:
            begun = time.monotonic()
            answer = post(f"http://127.0.0.1:{port}/", SECRET, "a", "{}", 2.0)
            assert time.monotonic() - begun < 6
        assert answer.status == 0
        assert answer.error
