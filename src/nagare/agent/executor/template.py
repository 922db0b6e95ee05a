"""Forks wardens: to start an interpreter takes longer than most programs run, and this one has started, and has read a warden's code.

It is run by its code, as a warden is (see ``warden_start``), and imports nothing of ours. It has one thread, so a fork of it is whole. Who
holds the other end of its socket sends what a warden is given when it starts: the descriptors that become its input and output
and by which it tells, and its arguments. The answer is its process, as a descriptor too. It knows of no program, and ends with its socket;
what it forked goes on.
"""

from __future__ import annotations

import os
import select
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    import socket
    from collections.abc import Callable
else:
    import _signal as signal
    import _socket as socket

# Longer than the names of all groups of a warden.
_REQUEST_BYTES = 2**16
# Input, output, complaints, and where it tells.
_DESCRIPTORS = 4
_INT_BYTES = 4
_PR_SET_DUMPABLE = 4


def main(run: Callable[[], None], prctl: Callable[[int, int], None]) -> None:
    """Fork until the socket ends that the first argument names. ``run`` is what a warden does, ``prctl`` how it asks the kernel."""
    control = socket.socket(fileno=int(sys.argv[1]))
    # It waits for long, as they do: no program of the same user looks into it, or speaks in its place.
    prctl(_PR_SET_DUMPABLE, 0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    news, wake = os.pipe()
    os.set_blocking(news, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = select.select([control.fileno(), news], [], [])
        if news in ready:
            _reap(news)
        if control.fileno() in ready:
            request, descriptors = _receive(control)
            if not request:
                return
            pid = os.fork()
            if pid == 0:
                control.close()
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.close(news)
                os.close(wake)
                _become(request, descriptors, run)
            for descriptor in descriptors:
                os.close(descriptor)
            _answer(control, pid)


def _receive(control: socket.socket) -> tuple[bytes, list[int]]:
    space = socket.CMSG_SPACE(_DESCRIPTORS * _INT_BYTES)
    request, ancillary, _, _ = control.recvmsg(_REQUEST_BYTES, space)
    content = b"".join(piece for _, _, piece in ancillary)
    numbers = [content[start : start + _INT_BYTES] for start in range(0, len(content), _INT_BYTES)]
    return request, [int.from_bytes(number, sys.byteorder) for number in numbers]


def _become(request: bytes, descriptors: list[int], run: Callable[[], None]) -> None:
    """Be a warden, as if it had been started with these descriptors and arguments."""
    os.setsid()
    *standard, status = descriptors
    for number, descriptor in enumerate(standard):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.argv[1:] = [str(status), *map(os.fsdecode, request.split(b"\0")[1:])]
    run()
    # Nothing is left to do, and an interpreter takes its time to end.
    os._exit(0)


def _answer(control: socket.socket, pid: int) -> None:
    # Its number may be another's as soon as it was reaped: what holds it is opened before.
    handle = os.pidfd_open(pid)
    right = (socket.SOL_SOCKET, socket.SCM_RIGHTS, handle.to_bytes(_INT_BYTES, sys.byteorder))
    control.sendmsg([str(pid).encode()], [right])
    os.close(handle)


def _reap(news: int) -> None:
    try:
        while os.read(news, 512):
            pass
    except BlockingIOError:
        pass
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
