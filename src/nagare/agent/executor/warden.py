"""Watches over one program, in a process of its own: starts it held, reaps all that comes of it, and leaves nothing behind.

It is run by its code (``python -I -S -c``, see ``wardens``) and imports nothing of ours. As the subreaper of everything that
the program starts it keeps even those that changed their session. Its standard input is its tether: first it says what to
run, ``T`` and ``K`` ask it to end the program, and the end of input, by whatever hand the agent died, is a ``K``. It
answers on the descriptor that its argument names, a line of JSON for the start and one for the end.

One starts for every program, so it imports only what the interpreter has built in or loads at once: ``json``, ``contextlib``,
``typing`` and the enumerations of ``signal`` would take twice as long as the interpreter itself.
"""

from __future__ import annotations

import ctypes
import errno
import marshal
import os
import resource
import select
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator
    from typing import Any
else:
    import _signal as signal

_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38
# Of the program, not of the agent, when memory runs out.
_OOM_SCORE = b"600"
_KILL_SECONDS = 10.0
# How long a program may take to stop.
_STOP_SECONDS = 1.0
# The last that the child says before it becomes the program: who died without it was never the program.
_ABOUT_TO = b"+"
_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Run what the first words of input say: a length of eight hex digits, and so many bytes that ``marshal`` reads.

    The first argument is the descriptor to tell by, the others are the control groups of the program. To join them takes longer than
    all else: so the child that becomes the program is in them, and waits, before anybody says what it becomes.
    """
    status, groups = int(sys.argv[1]), sys.argv[2:]
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # A program of the same user must not look into these two, or speak in their place; they may wait for long.
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    child = _Child(groups)
    spec = _read_spec()
    if not spec:
        child.dismiss()
        _remove(groups)
        return
    news, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(news, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    try:
        child.start(spec, status)
    except OSError as error:
        _tell(status, {"failed": error.strerror or str(error), "unbegun": isinstance(error, ChildProcessError)})
        return
    null = os.open(os.devnull, os.O_RDWR)
    # Only the program holds its output now: its end is the end of the pipes.
    os.dup2(null, 1)
    os.dup2(null, 2)
    _tell(status, {"started": child.pid})
    watch = _Watch(child.pid, groups, news)
    watch.run()
    _remove(groups)
    _tell(status, watch.ending())


def _read_spec() -> bytes:
    """Return what is said of the program, nothing when there will be none."""
    length = _read(8)
    return _read(int(length, 16)) if length else b""


def _read(length: int) -> bytes:
    content = b""
    # Not by a buffered file: what comes after it is for whoever waits.
    while len(content) < length:
        piece = os.read(0, length - len(content))
        if not piece:
            return b""
        content += piece
    return content


def _remove(groups: list[str]) -> None:
    for folder in groups:
        with _ignoring(OSError):
            os.rmdir(folder)


class _Child:
    """The process that becomes the program, once it was told which."""

    def __init__(self, groups: list[str]) -> None:
        failed, fail = os.pipe()
        orders, give = os.pipe()
        self._failed, self._give = failed, give
        self.pid = os.fork()
        if self.pid == 0:
            os.close(give)
            _wait_for_orders(groups, orders, fail)
        os.close(fail)
        os.close(orders)

    def dismiss(self) -> None:
        """Let it end without ever having been anything."""
        os.close(self._give)
        with _ignoring(ChildProcessError):
            os.waitpid(self.pid, 0)

    def start(self, spec: bytes, status: int) -> None:
        """Let it become the program, and return once it has. Raises OSError, ChildProcessError when it died before.

        It waits until its pid was told: where nothing was told, nothing ran.
        """
        if os.waitpid(self.pid, os.WNOHANG)[0]:
            # It ended while it waited: it could not join, or somebody ended it.
            told = os.read(self._failed, 16)
            raise OSError(*_fault(told or str(errno.ECHILD).encode()))
        _tell(status, {"starting": self.pid})
        with _ignoring(BrokenPipeError):
            while spec:
                spec = spec[os.write(self._give, spec) :]
        os.close(self._give)
        told = b""
        while piece := os.read(self._failed, 16):
            told += piece
        fault = told.removeprefix(_ABOUT_TO)
        if not told or fault:
            os.waitpid(self.pid, 0)
            raise OSError(*_fault(fault or str(errno.ECHILD).encode()))


def _fault(told: bytes) -> tuple[int, str]:
    return int(told), os.strerror(int(told))


def _wait_for_orders(groups: list[str], orders: int, fail: int) -> None:
    try:
        _join(groups)
        content = b""
        while piece := os.read(orders, 65536):
            content += piece
        if content:
            # Its own files in /proc are its own again.
            _prctl(_PR_SET_DUMPABLE, 1)
            _become(marshal.loads(content), fail)  # noqa: S302  only the agent can write there
    except OSError as error:
        os.write(fail, str(error.errno or errno.EIO).encode())
    finally:
        os._exit(127)


class _Watch:
    def __init__(self, child: int, cgroups: list[str], news: int) -> None:
        self._child = child
        self._cgroups = cgroups
        self._news = news
        self._status: int | None = None
        self._cpu_seconds = 0.0
        self._max_rss_bytes = 0
        self._left = 0
        # Whether it was asked to end, or ended, while it still ran; and whether it may have ended by itself because of it.
        self._is_asked = False
        self._may_obey = False

    def run(self) -> None:
        sources = [0, self._news]
        while self._status is None:
            ready, _, _ = select.select(sources, [], [])
            if self._news in ready:
                self._drain()
            self._reap()
            if 0 in ready and self._status is None:
                word = os.read(0, 16)
                self._is_asked = True
                if not word or b"K" in word:
                    break
                if self._stop():
                    self._may_obey = self._may_obey or _minds(self._child)
                    self._signal_all(signal.SIGTERM)
                # Whose end was told meanwhile is not told again.
                self._reap()
        self._kill_all()

    def ending(self) -> dict[str, Any]:
        status = self._status
        exit_code = os.waitstatus_to_exitcode(status) if status is not None else None
        # One that neither catches nor ignores the signal dies of it, or had ended when it came.
        has_ended_itself = exit_code is not None and exit_code >= 0 and not self._may_obey
        return {
            "exit": exit_code if exit_code is not None and exit_code >= 0 else None,
            "signal": -exit_code if exit_code is not None and exit_code < 0 else None,
            "cpu_seconds": self._cpu_seconds,
            "max_rss_bytes": self._max_rss_bytes,
            "left": self._left,
            "asked": self._is_asked and not has_ended_itself,
        }

    def _stop(self) -> bool:
        """Stop the program, so that it cannot end between a look at it and its signal; tell whether it had not ended before."""
        _send(self._child, _stat_of(str(self._child))[1], signal.SIGSTOP)
        deadline = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < deadline:
            found = os.waitid(os.P_PID, self._child, os.WEXITED | os.WSTOPPED | os.WNOWAIT | os.WNOHANG)
            if found is not None:
                return bool(found.si_code == os.CLD_STOPPED)
            select.select([self._news], [], [], _STOP_SECONDS / 100)
            self._drain()
        # It waits for a disk, say: it gets its signal all the same.
        return True

    def _drain(self) -> None:
        with _ignoring(BlockingIOError):
            while os.read(self._news, 512):
                pass

    def _reap(self) -> bool:
        """Take note of who ended; tell whether no child is left."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG | 0x40000000)  # __WALL: whatever signal tells of its end
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            self._cpu_seconds += usage.ru_utime + usage.ru_stime
            self._max_rss_bytes = max(self._max_rss_bytes, usage.ru_maxrss * 1024)
            if pid == self._child:
                self._status = status

    def _signal_all(self, number: int) -> None:
        # The program first: it must not go on to an end of its own because what it started ended.
        for pid, begun in sorted(self._family().items(), key=lambda entry: entry[0] != self._child):
            _send(pid, begun, number)
            _send(pid, begun, signal.SIGCONT)

    def _kill_all(self) -> None:
        deadline = time.monotonic() + _KILL_SECONDS
        while True:
            # Who outlives its parent becomes a child of this process: mostly nobody need be looked for in all of the host.
            is_childless = self._reap()
            family = {} if is_childless and not any(self._members()) else self._family()
            # A child that was not seen alive was just ending, and may have started another while others were looked at.
            if (is_childless and not family) or time.monotonic() > deadline:
                self._left = len(family)
                return
            self._stop_all(family, deadline)
            for pid, begun in self._family().items():
                _send(pid, begun, signal.SIGKILL)
            select.select([self._news], [], [], 0.05)
            self._drain()

    def _stop_all(self, family: dict[int, int], deadline: float) -> None:
        # Stopped ones start no others and still count against the limit of processes: a bomb cannot outrun this.
        stopped = dict[int, int]()
        while family.keys() - stopped.keys() and time.monotonic() < deadline:
            for pid, begun in family.items():
                if pid not in stopped:
                    _send(pid, begun, signal.SIGSTOP)
            stopped.update(family)
            family = self._family()

    def _family(self) -> dict[int, int]:
        """Return all that came of the program and lives: pid to the moment when it began."""
        parents, begins = dict[int, int](), dict[int, int]()
        for name in filter(str.isdigit, os.listdir("/proc")):
            with _ignoring(OSError, ValueError, IndexError):
                parent, begun, is_alive = _stat_of(name)
                parents[int(name)] = parent
                if is_alive:
                    begins[int(name)] = begun
        me = os.getpid()
        family = {pid: begun for pid, begun in begins.items() if _comes_of(pid, me, parents)}
        for pid in self._members():
            if pid in begins and pid != me:
                family[pid] = begins[pid]
        return family

    def _members(self) -> Iterator[int]:
        for folder in self._cgroups:
            with _ignoring(OSError, ValueError), open(os.path.join(folder, "cgroup.procs")) as file:
                yield from map(int, file.read().split())


def _stat_of(pid: str) -> tuple[int, int, bool]:
    with open("/proc/" + pid + "/stat", "rb") as file:
        # The name stands in brackets and may hold anything, brackets too.
        fields = file.read().rpartition(b")")[2].split()
    # One whose first thread ended looks like a zombie, and its other threads live.
    is_alive = fields[0] != b"Z" or int(fields[17]) > 1
    return int(fields[1]), int(fields[19]), is_alive


def _minds(pid: int) -> bool:
    """Tell whether a process does anything else on SIGTERM than to die of it; true where that is not known."""
    bit, masks = 1 << (signal.SIGTERM - 1), dict[bytes, bytes]()
    with _ignoring(OSError, ValueError, KeyError), open(f"/proc/{pid}/status", "rb") as file:
        masks = dict(line.split(b":", 1) for line in file)
        return any(int(masks[name], 16) & bit for name in (b"SigCgt", b"SigIgn", b"SigBlk"))
    return True


def _comes_of(pid: int, ancestor: int, parents: dict[int, int]) -> bool:
    above = parents.get(pid, 0)
    for _ in range(len(parents)):
        if above == ancestor or above == 0:
            break
        above = parents.get(above, 0)
    return above == ancestor


def _send(pid: int, begun: int, number: int) -> None:
    """Signal that process and no other that got its number meanwhile."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return
    try:
        with _ignoring(OSError, ValueError, IndexError):
            if _stat_of(str(pid))[1] == begun:
                signal.pidfd_send_signal(handle, number)
    finally:
        os.close(handle)


def _stdin_of(spec: dict[str, Any]) -> int:
    if not spec.get("stdin"):
        return os.open(os.devnull, os.O_RDONLY)
    # The longest secret fits into a pipe, so nobody need stay to write it.
    read, write = os.pipe()
    os.write(write, spec["stdin"].encode())
    os.close(write)
    return read


def _become(spec: dict[str, Any], fail: int) -> None:
    os.setsid()
    os.dup2(_stdin_of(spec), 0)
    with _ignoring(OSError), open("/proc/self/oom_score_adj", "wb") as file:
        file.write(_OOM_SCORE)
    _set_limits(spec)
    os.umask(0o077)
    if spec.get("user"):
        uid, gid, *groups = spec["user"]
        os.setgroups(groups)
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    # What the agent was given for its collectors (to look at others' processes, say) is not for programs.
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    # After the change of user, which clears it.
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.chdir(spec["folder"])
    _reset_signals()
    _close_others(fail)
    os.write(fail, _ABOUT_TO)
    os.execve(spec["argv"][0], spec["argv"], spec["environment"])  # noqa: S606  no shell is the point


def _join(cgroups: list[str]) -> None:
    for folder in cgroups:
        with open(os.path.join(folder, "cgroup.procs"), "w") as file:
            file.write(str(os.getpid()))


def _set_limits(spec: dict[str, Any]) -> None:
    for name, value in spec["limits"].items():
        kind = getattr(resource, "RLIMIT_" + name)
        hard = resource.getrlimit(kind)[1]
        if name == "NPROC":
            value += _task_count(spec["user"][0] if spec.get("user") else os.getuid())
        wanted = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (wanted, wanted))


def _task_count(uid: int) -> int:
    """Return how many tasks a user has: the limit counts all of them, whoever started them."""
    count = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            with _ignoring(OSError):
                if os.stat("/proc/" + name).st_uid == uid:
                    count += len(os.listdir("/proc/" + name + "/task"))
    return count


def _reset_signals() -> None:
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with _ignoring(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())


def _close_others(kept: int) -> None:
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        if descriptor > 2 and descriptor != kept:
            with _ignoring(OSError):
                os.close(descriptor)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _tell(status: int, word: dict[str, Any]) -> None:
    line = "{" + ", ".join(f'"{name}": {_json(value)}' for name, value in word.items()) + "}\n"
    with _ignoring(OSError):
        os.write(status, line.encode())


def _json(value: object) -> str:
    if isinstance(value, str):
        # A message of the system: what would have to be escaped says nothing in it.
        return '"' + "".join(letter if " " <= letter <= "~" and letter not in '"\\' else "?" for letter in value) + '"'
    if value is None:
        return "null"
    return repr(value).lower() if isinstance(value, bool) else repr(value)


class _ignoring:  # noqa: N801  reads as the function that it stands for
    """What ``contextlib.suppress`` does."""

    def __init__(self, *kinds: type[Exception]) -> None:
        self._kinds = kinds

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is not None and issubclass(kind, self._kinds)


if __name__ == "__main__":
    main()
    # Nothing is left to do, and an interpreter takes its time to end.
    os._exit(0)
