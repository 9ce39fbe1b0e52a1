"""The hand-over worker: a thread of its own, so that no other system ever holds up the sorting.

With a connection of its own to the store, where each call is kept until it was taken.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta

import structlog

from config.settings import Settings
from daemon.domain.clock import Clock
from daemon.domain.failures import LONGEST_WAIT, wait_after
from daemon.domain.status_words import NO_PROBLEM, Problem, problem
from daemon.domain.survivor import Survivor
from daemon.handover.calls import Calls
from daemon.handover.posting import Answer, post
from daemon.store import Store
from daemon.store.handovers import FOLLOWER, Call

log = structlog.get_logger()

Post = Callable[[str, str, str, str, float], Answer]

TURN_SECONDS = 2.0
DEADLINE_SECONDS = 30.0
# How long the process waits at its end for what is on its way.
_PATIENCE_SECONDS = 8.0
_STORE_PATIENCE_SECONDS = 2.0
_OPEN_AGAIN_SECONDS = 5.0
_GIVE_UP = timedelta(days=7)
_AT_ONCE = 50
_KEPT = timedelta(days=30)
_TIDY_SECONDS = 86_400.0


class HandoverSession:
    """An open store, in the thread that opened it: collects calls, and sends them."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Clock,
        send: Post = post,
        *,
        is_service: bool = True,
    ) -> None:
        """is_service: its settings are all there are; a command may lack the service's secrets."""
        self._store = store
        self._clock = clock
        self._send = send
        self._is_service = is_service
        self._url = self._secret = ""
        self._pause_until: datetime | None = None  # while the other system does not answer
        self._tidy_at = float("-inf")
        self.use(settings)

    def use(self, settings: Settings) -> None:
        """From now on these settings hold; what waits is tried at once."""
        webhook, secret = settings.handover.webhook, settings.handover.secret
        self._url = webhook.get_secret_value() if webhook else ""
        self._secret = secret.get_secret_value() if secret else ""
        self._calls = Calls(self._store, settings.codes, self._clock)
        self._pause_until = None
        if self._url:
            self._store.changes.follow(FOLLOWER)
            self._store.handovers.try_all_now(self._clock.now())
        elif self._is_service:
            self._store.changes.unfollow(FOLLOWER)

    def turn(self, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        """Collect what happened, send what is due. Raises TransientError as the store does."""
        if not self._url:
            return
        while self._calls.collect():
            pass
        if self._secret:
            self._send_due(deadline_seconds)
        self._tidy()

    def problem(self) -> Problem:
        """What people should see in the status; empty when all is well."""
        if not self._url:
            return NO_PROBLEM
        if not self._secret:
            return problem("unsigned")
        seen = self._store.handovers.unreached()
        if seen is None:
            return NO_PROBLEM
        since = seen.since.astimezone(self._clock.now().tzinfo)
        return problem("webhook_away", since=f"{since:%a %H:%M}", problem=seen.error)

    # --- inside ----------------------------------------------------------------------------------

    def _send_due(self, deadline_seconds: float) -> None:
        now = self._clock.now()
        if self._pause_until is not None and now < self._pause_until <= now + LONGEST_WAIT:
            return
        for call in self._store.handovers.due(now, _AT_ONCE):
            answer = self._send(self._url, self._secret, call.key, call.body, deadline_seconds)
            self._note(call, answer)
            if answer.error and not answer.is_about_this_call:
                return  # the others would fare alike

    def _note(self, call: Call, answer: Answer) -> None:
        now = self._clock.now()
        if not answer.error:
            self._pause_until = None
            self._store.handovers.arrived(call.key, now)
            log.info("handover_delivered", key=call.key)
            return
        attempts = call.attempts + 1
        wait = wait_after(attempts, now - call.made_at, _GIVE_UP)
        self._store.handovers.failed(call.key, now, answer.error, now + wait if wait else None)
        if not answer.is_about_this_call:
            self._pause_until = now + (LONGEST_WAIT if wait is None else wait)
        if wait is None:
            log.error("handover_given_up", key=call.key, why=answer.error, attempts=attempts)
        else:
            again = round(wait.total_seconds())
            log.warning("handover_not_delivered", key=call.key, why=answer.error, next_try_s=again)

    def _tidy(self) -> None:
        if self._clock.steady() >= self._tidy_at:
            self._tidy_at = self._clock.steady() + _TIDY_SECONDS
            self._store.handovers.forget(self._clock.now() - _KEPT)


class HandoverWorker:
    """The hand-over of one process."""

    def __init__(self, settings: Settings, clock: Clock, *, is_service: bool) -> None:
        """is_service: else the process ends with its run, and what is due is sent before."""
        self._settings = settings
        self._clock = clock
        self._is_service = is_service
        self._is_reloaded = False
        self._is_over = threading.Event()
        self._survivor = Survivor(lambda why: log.error("handover_interrupted", why=why))
        self.problem = NO_PROBLEM

    def take(self, settings: Settings) -> None:
        """From now on these settings hold; from any thread."""
        self._settings = settings
        self._is_reloaded = True

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Hand over until the end of the `with` block."""
        thread = threading.Thread(target=self._work, name="handover", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            thread.join(_STORE_PATIENCE_SECONDS if self._is_service else _PATIENCE_SECONDS)

    # --- the thread ------------------------------------------------------------------------------

    def _work(self) -> None:
        while not self._survivor.take(self._open_and_serve):
            if self._is_over.wait(_OPEN_AGAIN_SECONDS):
                return

    def _open_and_serve(self) -> None:
        state_dir = self._settings.state_dir
        with closing(Store(state_dir, patience_seconds=_STORE_PATIENCE_SECONDS)) as store:
            session = HandoverSession(
                store, self._settings, self._clock, is_service=self._is_service
            )
            while not self._is_over.is_set():
                self._survivor.take(lambda: self._turn(session))
                self._is_over.wait(TURN_SECONDS)
            if not self._is_service:
                self._survivor.take(lambda: session.turn(_PATIENCE_SECONDS - 1.0))

    def _turn(self, session: HandoverSession) -> None:
        if self._is_reloaded:
            self._is_reloaded = False
            session.use(self._settings)
        session.turn()
        self.problem = session.problem()
