"""Commands of nightsort in processes of their own, for which nothing is imported anew.

    start(["status", "--json"], stdout=PIPE, text=True)      a Popen, as of `python -m daemon.cli`
    run(["status", "--json"])                                to its end

Importing takes most of what most commands cost, and the tests start more than a thousand. So each
process of tests that asks for one has a stem: a Python in which all of nightsort is imported and
nothing has run, nor any thread. Each command is a fork of it, with the arguments, environment,
folder, umask and files that it would have had. What depends on how a Python starts is for
`subprocess` itself, and so are commands that bring a cluster of their own, and those of a thread
that has given up some of its rights.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
_NUMBER = struct.Struct("=i")
_LONGEST = 1 << 17
# What a Python, its libraries and the linker look at before the first line of a program.
_EARLY = ("PYTHON", "LANG", "LC_", "LD_", "MALLOC_", "GLIBC_")
_one_stem = threading.Lock()
_EARLY_HERE = {name: value for name, value in os.environ.items() if name.startswith(_EARLY)}
# Else imported by a command when it needs them. Not Dask nor pyarrow, which bring threads.
_LATE = (
    "ai_edge_litert.interpreter", "apprise", "argon2", "daemon.service.app", "numpy", "openpyxl",
    "pi_heif", "psycopg", "uvicorn", "web.app", "web.serving", "xlsxwriter", "zxingcpp",
)  # fmt: skip


class Fork(subprocess.Popen[Any]):
    """A fork of the stem: waited for, asked and signalled as any other process."""

    def _execute_child(self, args: Sequence[str], *rest: Any) -> None:
        # As `Popen` calls it: executable, preexec_fn, close_fds, pass_fds, cwd, env, startupinfo,
        # creationflags, shell, then both ends of each of the three pipes.
        cwd, env, ends = rest[4], rest[5], rest[9:15]
        files = [own if end == -1 else end for own, end in enumerate((ends[0], ends[3], ends[5]))]
        asked = {
            "arguments": [os.fsdecode(argument) for argument in args],
            "environment": dict(env),
            "folder": os.fsdecode(cwd or Path.cwd()),
            "umask": int(_status()["Umask"], 8),  # as it is, for threads may be at work
        }
        self._told, its = os.pipe()
        socket.send_fds(_stem(), [json.dumps(asked).encode()], [*files, its])
        os.close(its)
        self.pid = _number_from(self._told)
        self._child_created = True
        self._close_pipe_fds(*ends)  # type: ignore[attr-defined]

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        end = select.poll()
        end.register(self._told, select.POLLIN)
        if not end.poll(0 if wait_flags & os.WNOHANG else None):
            return 0, 0
        status = _number_from(self._told)
        os.close(self._told)
        return self.pid, status

    def _internal_poll(self, _deadstate: int | None = None) -> int | None:
        asked: Any = super()
        code: int | None = asked._internal_poll(_deadstate, lambda _, flags: self._try_wait(flags))
        return code


def start(
    arguments: Sequence[str], env: Mapping[str, str], **options: Any
) -> subprocess.Popen[Any]:
    """Start nightsort with these arguments; options: of `Popen`, for its pipes and its folder."""
    if _early(env) != _EARLY_HERE or _rights() != _rights_here or "archive" in arguments:
        program = [sys.executable, "-m", "daemon.cli"]
        return subprocess.Popen([*program, *arguments], env=env, **options)
    return Fork(arguments, env=env, **options)


def run(
    arguments: Sequence[str], env: Mapping[str, str], within_s: float, told: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run nightsort with these arguments to its end; told: on its standard input."""
    pipe = subprocess.PIPE
    given = {"stdin": pipe} if told else {}
    with start(arguments, env, stdout=pipe, stderr=pipe, text=True, **given) as process:
        try:
            said, complained = process.communicate(told or None, within_s)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(arguments, process.returncode, said, complained)


def _stem() -> socket.socket:
    """Where this process asks its stem, which ends with it."""
    with _one_stem:
        return _started_stem()


@cache
def _started_stem() -> socket.socket:
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        stem = subprocess.Popen(
            [sys.executable, "-m", __name__, str(its.fileno())],
            cwd=_ROOT,
            env=_EARLY_HERE | {"PATH": os.environ["PATH"]},
            pass_fds=[its.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def end() -> None:
        ours.close()
        stem.wait()

    atexit.register(end)
    return ours


def _status() -> dict[str, str]:
    """What the kernel says of this thread."""
    lines = Path("/proc/thread-self/status").read_text(encoding="utf-8").splitlines()
    return dict(line.split(":", maxsplit=1) for line in lines)


def _rights() -> list[str]:
    """This thread's, of which one that it starts gets no more."""
    status = _status()
    return [status[name] for name in ("Uid", "Gid", "Groups", "CapEff", "CapBnd")]


_rights_here = _rights()


def _number_from(pipe: int) -> int:
    content = os.read(pipe, _NUMBER.size)
    assert content, "the stem of all commands has ended"
    (number,) = _NUMBER.unpack(content)
    return int(number)


def _early(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_EARLY)}


def _main() -> None:
    """Be the stem, and then, in each fork, the command that was asked for."""
    asked = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _import_all()
    command = _next_fork(asked)
    if command is not None:
        _become(**command)
        _run_and_end()


def _import_all() -> None:
    from classifier.threads import ask_for_one_thread

    ask_for_one_thread()
    from daemon.cli.main import COMMANDS

    for place in [*_LATE, *COMMANDS.values()]:
        importlib.import_module(place.partition(":")[0])
    assert len([*Path("/proc/self/task").iterdir()]) == 1, "a fork would lack its threads"
    gc.collect()
    gc.freeze()


def _next_fork(asked: socket.socket) -> dict[str, Any] | None:
    """In a fork, what it is to be; in the stem, None when nobody will ask any more."""
    told_of: dict[int, tuple[int, int]] = {}  # by its handle: process, and whom to tell its end
    turn = select.poll()
    turn.register(asked, select.POLLIN)
    while True:
        for ready, _ in turn.poll():
            if ready != asked.fileno():
                turn.unregister(ready)
                _tell_end(ready, *told_of.pop(ready))
                continue
            content, files, _, _ = socket.recv_fds(asked, _LONGEST, 4)
            if not content:
                return None
            process = os.fork()
            if not process:
                asked.detach()
                _take(files[:3])
                return dict(json.loads(content))
            os.write(files[3], _NUMBER.pack(process))
            handle = os.pidfd_open(process)
            told_of[handle] = process, files[3]
            turn.register(handle, select.POLLIN)
            for file in files[:3]:
                os.close(file)


def _tell_end(handle: int, process: int, whom: int) -> None:
    _, status = os.waitpid(process, 0)
    with suppress(BrokenPipeError):  # nobody waits for it any more
        os.write(whom, _NUMBER.pack(status))
    os.close(whom)
    os.close(handle)


def _take(files: Sequence[int]) -> None:
    """Have these as standard input, output and error, and no others."""
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    # What Python made for the stem's still takes them for what those were.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        was = getattr(sys, name)
        how = {"encoding": was.encoding, "errors": was.errors, "closefd": False}
        lines = 1 if name == "stderr" else -1
        new = open(was.fileno(), mode, lines, **how)  # noqa: PTH123, SIM115 - until the end
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)


def _become(
    arguments: Sequence[str], environment: Mapping[str, str], folder: str, umask: int
) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    os.umask(umask)
    tempfile.tempdir = None  # is asked for anew
    random.seed()
    sys.argv = ["nightsort", *arguments]


def _run_and_end() -> None:
    """Do what the command does, and end as a Python ends that does not tidy up what it imported.

    To tidy up would touch, and so copy, all memory of the stem: three times the price of the rest.
    """
    from daemon.cli.entry import main

    try:
        main()
    except SystemExit as exc:
        code = exc.code
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    _main()
