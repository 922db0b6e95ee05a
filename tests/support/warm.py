"""Real processes of ours without the two seconds of imports that each begins with.

One interpreter for each test process loads what ``nagare`` needs, and forks for every program that a test starts: its own
pid, session, files, environment and end, killed like any other. What a test says of the start itself, of what is
loaded, or of an interpreter's own switches takes a plain process: ``subprocess`` as ever.
"""

import atexit
import ctypes
import gc
import importlib
import io
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import types
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Literal, overload

# What a server, an agent and commands that ask a server load at their start; the rest comes as it is needed.
_LOADED = ("nagare.cli.main", "nagare.cli.serve", "nagare.cli.agent", "nagare.server.main", "nagare.metrics.store", "nagare.agent.main",
           "nagare.client.client", "nagare.cli.console.service", "nagare.cli.hosts", "uvloop")  # fmt: skip
_REQUEST_BYTES = 200_000
# Room for the words of a process that is forked: they take the place of the interpreter's own.
_COMMAND_LINE_BYTES = 8192
# An interpreter reads these before our code runs: with other values, a fork would be another process than a fresh one.
_OF_INTERPRETERS = ("PYTHON", "LC_", "LANG", "COVERAGE", "LD_")
# It is said once, and changes nothing that a test could see.
_HARMLESS = frozenset({"PYTHONUNBUFFERED"})


class WarmPopen(subprocess.Popen[Any]):
    """A process that the warm interpreter forks: what ``subprocess.Popen`` is for one that is executed."""

    def _execute_child(
        self, args: Sequence[str], executable: None, preexec_fn: None, close_fds: bool, pass_fds: Any, cwd: Any,
        env: Mapping[str, str] | None, startupinfo: Any, creationflags: Any, shell: bool, p2cread: int, p2cwrite: int,
        c2pread: int, c2pwrite: int, errread: int, errwrite: int, restore_signals: bool, gid: Any, gids: Any, uid: Any,
        umask: int, start_new_session: bool, process_group: int,
    ) -> None:  # fmt: skip
        wanted = {
            "argv": list(args), "env": dict(os.environ if env is None else env), "cwd": os.fspath(cwd or os.getcwd()),
            "session": start_new_session,
        }  # fmt: skip
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            standard = [fd if fd >= 0 else own for fd, own in ((p2cread, 0), (c2pwrite, 1), (errwrite, 2))]
            _warm().ask(json.dumps(wanted).encode(), [*standard, theirs.fileno()])
        self._child_created = True
        self._life = ours
        self.pid = int(ours.recv(100))
        self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)  # type: ignore[attr-defined]

    def _internal_poll(self, _deadstate: Any = None, *_: Any) -> int | None:
        return self._ended_within(0)

    def _wait(self, timeout: float | None) -> int:
        status = self._ended_within(timeout)
        if status is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)
        return status

    def _ended_within(self, seconds: float | None) -> int | None:
        with self._waitpid_lock:  # type: ignore[attr-defined]
            if self.returncode is None:
                poll = select.poll()
                poll.register(self._life, select.POLLIN)
                if not poll.poll(None if seconds is None else max(0.0, seconds) * 1000):
                    return None
                said = self._life.recv(100)
                self._life.close()
                self.returncode = int(said) if said else -signal.SIGKILL
        return self.returncode


def popen(argv: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
    """Start ``argv`` as ``subprocess.Popen`` would, warm where that is the same process."""
    kind = WarmPopen if _can_be_warm(argv, options) else subprocess.Popen
    return kind(argv, **options)


@overload
def run(argv: Sequence[str], *, text: Literal[True], **options: Any) -> subprocess.CompletedProcess[str]: ...
@overload
def run(argv: Sequence[str], *, text: Literal[False] = False, **options: Any) -> subprocess.CompletedProcess[bytes]: ...
def run(argv: Sequence[str], *, text: bool = False, **options: Any) -> subprocess.CompletedProcess[Any]:
    """Run ``argv`` to its end as ``subprocess.run`` would, warm where that is the same process."""
    given, seconds = options.pop("input", None), options.pop("timeout", None)
    must_be_fine = options.pop("check", False)
    if given is not None:
        options["stdin"] = subprocess.PIPE
    if options.pop("capture_output", False):
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with popen(argv, text=text, **options) as process:
        try:
            out, err = process.communicate(given, seconds)
        except BaseException:
            process.kill()
            process.wait()
            raise
    ended = subprocess.CompletedProcess(argv, process.returncode, out, err)
    if must_be_fine:
        ended.check_returncode()
    return ended


def _can_be_warm(argv: Sequence[str], options: Mapping[str, Any]) -> bool:
    env = options.get("env") or os.environ
    return (
        sys.platform == "linux"
        and argv[0] == sys.executable
        and (argv[1] in ("-m", "-c") or argv[1].endswith(".py"))
        and not {"preexec_fn", "pass_fds", "user", "group", "process_group"} & options.keys()
        and _switches(env) == _switches(os.environ)
        and not any(name.startswith("COVERAGE") for name in env)
    )


def _switches(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(_OF_INTERPRETERS) and name not in _HARMLESS
    }


class _Warm:
    """The warm interpreter, as the process sees it whose tests it works for."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Room for the largest environment: a request is one message.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * _REQUEST_BYTES)
        with theirs:
            argv = [sys.executable, "-m", __name__, str(theirs.fileno()), " " * _COMMAND_LINE_BYTES]
            root = str(Path(__file__).resolve().parents[2])
            path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
            environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": path}
            self._process = subprocess.Popen(
                argv, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL, cwd=root
            )
        self._asking = threading.Lock()
        atexit.register(self._close)

    def ask(self, request: bytes, fds: list[int]) -> None:
        """Have it start a process with these files: standard ones, and the one by which it tells of its life."""
        with self._asking:
            socket.send_fds(self._socket, [request], fds)

    def _close(self) -> None:
        self._socket.close()
        self._process.wait()


@cache
def _warm() -> _Warm:
    return _Warm()


# From here on: what runs in the warm interpreter.


def _serve(fd: int) -> None:
    """Fork as asked until nobody asks any more, and tell how each ended."""
    asked = socket.socket(fileno=fd)
    poll = select.poll()
    poll.register(asked, select.POLLIN)
    lives: dict[int, tuple[int, socket.socket]] = {}
    while True:
        for ready, _ in poll.poll():
            if ready != fd:
                poll.unregister(ready)
                _tell_end(ready, *lives.pop(ready))
                continue
            request, fds, _, _ = socket.recv_fds(asked, _REQUEST_BYTES, 4)
            if not request:
                return
            pid = os.fork()
            if pid == 0:
                asked.close()
                for watched, (_, life) in lives.items():
                    os.close(watched)
                    life.close()
                _become(json.loads(request), fds)
            for each in fds[:3]:
                os.close(each)
            watched = os.pidfd_open(pid)
            lives[watched] = pid, socket.socket(fileno=fds[3])
            poll.register(watched, select.POLLIN)


def _tell_end(watched: int, pid: int, life: socket.socket) -> None:
    _, status = os.waitpid(pid, 0)
    os.close(watched)
    with life, suppress(OSError):
        life.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(wanted: dict[str, Any], fds: list[int]) -> None:
    """Be the process that was asked for, to its end."""
    if wanted["session"]:
        os.setsid()
    for number, fd in enumerate(fds[:3]):
        os.dup2(fd, number)
        os.close(fd)
    with socket.socket(fileno=fds[3]) as life:
        life.send(str(os.getpid()).encode())
    os.chdir(wanted["cwd"])
    os.environ.clear()
    os.environ.update(wanted["env"])
    time.tzset()
    _open_streams("PYTHONUNBUFFERED" in os.environ)
    _stand_on_command_line(wanted["argv"])
    sys.orig_argv[:] = wanted["argv"]
    _, kind, *words = wanted["argv"]
    sys.argv[:] = [kind, *words] if kind.endswith(".py") else [kind, *words[1:]]
    sys.path[0] = {"-m": wanted["cwd"], "-c": ""}.get(kind, os.path.dirname(kind))
    status = _run(kind, words[0] if words else "")
    # What an interpreter does at its end, but for taking down what it loaded.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    with suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def _stand_on_command_line(argv: list[str]) -> None:
    # Where the kernel shows the words of a process from: what tests say of secrets there, and whom they find by a word.
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, length = int(fields[45]), int(fields[46]) - int(fields[45])
    words = b"\0".join(map(os.fsencode, argv))[: length - 1]
    ctypes.memmove(start, words.ljust(length, b"\0"), length)


def _open_streams(is_unbuffered: bool) -> None:
    # The three that an interpreter opens at its start: those that were copied are of other files.
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  theirs for life
    for name, fd, errors in (("stdout", 1, "strict"), ("stderr", 2, "backslashreplace")):
        raw = open(fd, "wb", 0, closefd=False)  # noqa: SIM115  the same
        stream = io.TextIOWrapper(
            raw if is_unbuffered else io.BufferedWriter(raw),
            sys.stdout.encoding, errors, line_buffering=fd == 2 or raw.isatty(), write_through=is_unbuffered,
        )  # fmt: skip
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _run(kind: str, what: str) -> int:
    try:
        if kind == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        elif kind.endswith(".py"):
            runpy.run_path(kind, run_name="__main__")
        else:
            sys.modules["__main__"] = types.ModuleType("__main__")
            exec(compile(what, "<string>", "exec"), vars(sys.modules["__main__"]))
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        traceback.print_exc()
        return 128 + signal.SIGINT
    except BaseException:  # noqa: BLE001  an interpreter says it, and ends
        traceback.print_exc()
        return 1
    return 0


def _main(fd: int) -> None:
    for name in _LOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    _serve(fd)
    # What it loaded was set aside for good: taken down now, it would count as leaked.
    os._exit(0)


if __name__ == "__main__":
    _main(int(sys.argv[1]))
