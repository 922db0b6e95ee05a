"""The one thread that writes the metric log, many senders at a time: group commit.

It takes everything that waits, checks it, appends it, synchronises once, puts the rows into the head and only then
tells the senders. It alone owns the log, the names of what was stored, the schemas and the newest
generation, so none of them needs a lock, and a repeat that arrives beside its original waits for the same
synchronisation. Other threads ask it to run a function by ``call``.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from nagare.errors import NagareError, NotReadyError, OverloadedError, StorageError
from nagare.lib.segment_log import SegmentLog
from nagare.metrics.head import Generation, HeadTable
from nagare.metrics.samples.room import PreparedSamples, SampleRoom, SamplesWork
from nagare.metrics.samples.slabs import SAMPLE_BYTES
from nagare.metrics.wal.prepare import Group, Prepared, Preparer, WideWork
from nagare.metrics.wal.seen import Seen
from nagare.metrics.wal.watch import Watch
from nagare.model.event import Event
from nagare.model.samples import SamplesReply
from nagare.model.wide import WideReply
from nagare.wire.batch import Batch, BatchReply
from nagare.wire.sound_batch import SoundBatch

log = logging.getLogger(__name__)

T = TypeVar("T")
Reply = BatchReply | list[bool] | SamplesReply | WideReply
Work = Batch | SoundBatch | Sequence[Event] | SamplesWork | WideWork
# Told the answer, or what refused the work, on the loop that handed it in.
Done = Callable[[Reply | BaseException], None]
# Senders that may wait at one time; their bodies are bounded by the edge that decoded them.
QUEUE_LIMIT = 1024
# Bytes of samples that may wait; requests come whole, and a thousand large ones would be too much.
QUEUE_LIMIT_BYTES = 64 * 2**20
# Bytes of one group commit: keeps the write, and what a failed sync takes back, to a fraction of a second.
GROUP_LIMIT_BYTES = 16 * 2**20


@dataclass(slots=True)
class _Job:
    work: Work
    done: Done
    loop: asyncio.AbstractEventLoop


_Outcome = tuple[_Job, Reply | BaseException]


@dataclass(slots=True)
class _Commit:
    """Members of one group commit in the order they came."""

    jobs: list[tuple[_Job, Prepared]] = field(default_factory=list)
    sample_jobs: list[tuple[_Job, SamplesWork]] = field(default_factory=list)
    samples: PreparedSamples | None = None
    failures: list[tuple[_Job, BaseException]] = field(default_factory=list)
    size: int = 0


@dataclass(slots=True)
class Head:
    """Where durable rows go: the newest generation, and who is told when too many rows wait in a table."""

    generation: Generation
    crowded: Callable[[HeadTable], None]


class LogWriter:
    """Owns the log's thread; ``submit`` and ``hand_in`` on the event loop, ``call`` from any other thread."""

    def __init__(
        self,
        segments: SegmentLog,
        seen: Seen,
        preparer: Preparer,
        room: SampleRoom,
        head: Head,
        watch: Watch,
    ) -> None:
        """Take over what the thread owns from here on."""
        self._log = segments
        self._seen = seen
        self._preparer = preparer
        self._room = room
        self.head = head
        self._watch = watch
        self._thread = threading.Thread(target=self._run, name="nagare-log", daemon=True)
        # Jobs of a loop that go to the thread before it looks at its sockets again; of that loop's thread alone.
        self._handed: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
        # Guards _jobs, _calls, _waiting_bytes and _stopping.
        self._wake = threading.Condition()
        self._jobs: deque[_Job] = deque()
        self._calls: deque[Callable[[], None]] = deque()
        self._stopping = False
        self._waiting_bytes = 0
        # The senders of the group at work, owned by the thread.
        self._current: list[_Job] = []

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    async def submit(self, work: Work) -> Reply:
        """Return the answer for ``work`` once it is durable. Raises what refused it."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.hand_in(work, partial(_resolve, future))
        return await future

    def hand_in(self, work: Work, done: Done) -> None:
        """Return at once; ``done`` is called later, once, when ``work`` is durable or refused.

        Raises OverloadedError and NotReadyError when it is not even taken; ``done`` is not called then.
        """
        loop = asyncio.get_running_loop()
        if self._stopping:
            raise _stopping()
        handed = self._handed.setdefault(loop, [])
        if len(self._jobs) + len(handed) >= QUEUE_LIMIT:
            raise OverloadedError(f"cannot store batch: {QUEUE_LIMIT} senders wait already", retry_after_seconds=1)
        size = len(work.samples) * SAMPLE_BYTES if isinstance(work, SamplesWork) else 0
        if size:
            with self._wake:
                if self._waiting_bytes and self._waiting_bytes + size > QUEUE_LIMIT_BYTES:
                    raise OverloadedError(
                        f"cannot store samples: {self._waiting_bytes} bytes of them wait already", retry_after_seconds=1
                    )
                self._waiting_bytes += size
        handed.append(_Job(work, done, loop))
        if len(handed) == 1:
            # What the loop has read by now goes to the thread at once: woken for each of them, it would fight the loop
            # for the interpreter over every one.
            loop.call_soon(self._hand_over, loop)

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        handed = self._handed.pop(loop, [])
        with self._wake:
            if not self._stopping:
                self._jobs.extend(handed)
                self._wake.notify()
                return
        _settle([(job, _stopping()) for job in handed])

    def call(self, function: Callable[[], T]) -> Future[T]:
        """Run ``function`` on the writer's thread, between two group commits."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(function())
            except BaseException as error:  # noqa: BLE001  carried to the caller, whoever waits
                future.set_exception(error)

        with self._wake:
            if self._stopping:
                raise NotReadyError("cannot use the log: the server is stopping")
            self._calls.append(run)
            self._wake.notify()
        return future

    def stop(self) -> None:
        """Store what waits, then end the thread. Blocks until it has ended."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            while self._serve():
                pass
        finally:
            # After a clean stop nobody waits. After a bug of ours nobody may wait for ever: fail all, take no more,
            # and let the next start replay what is durable.
            self._fail_waiting()

    def _serve(self) -> bool:
        """Wait for work and do it; return False once there is none and the thread shall stop."""
        with self._wake:
            while not (self._jobs or self._calls or self._stopping):
                self._wake.wait()
            if self._stopping and not self._jobs and not self._calls:
                return False
            calls, self._calls = self._calls, deque()
        for run in calls:
            run()
        self._commit(self._gather())
        return True

    def _fail_waiting(self) -> None:
        with self._wake:
            self._stopping = True
            jobs, self._jobs = self._jobs, deque()
            calls, self._calls = self._calls, deque()
        ended = StorageError("cannot store batch: the log's writer ended", hint="restart the server")
        _complete([(job, ended) for job in (*self._current, *jobs)])
        for run in calls:
            run()

    def _gather(self) -> _Commit:
        commit = _Commit()
        group = Group()
        self._current = []
        with self._wake:
            waiting, self._jobs = self._jobs, deque()
        # Of all at once: for each small request by itself it would cost more than all else that is done for it here.
        are_defined = self._room.are_defined([job.work.samples for job in waiting if isinstance(job.work, SamplesWork)])
        taken_bytes = 0
        while waiting and commit.size < GROUP_LIMIT_BYTES:
            job = waiting.popleft()
            self._current.append(job)
            if isinstance(job.work, SamplesWork):
                taken_bytes += len(job.work.samples) * SAMPLE_BYTES
                self._take_samples(job, job.work, commit, are_defined=are_defined)
                continue
            try:
                prepared = self._prepare(job.work, group)
            except NagareError as error:
                commit.failures.append((job, error))
            except Exception as error:
                # A bug in the checks must cost its sender an error, never the thread that serves all of them.
                log.exception("batch_check_failed")
                commit.failures.append((job, error))
            else:
                commit.jobs.append((job, prepared))
                commit.size += len(prepared.payload)
        with self._wake:
            self._jobs.extendleft(reversed(waiting))
            self._waiting_bytes -= taken_bytes
        if commit.sample_jobs:
            self._prepare_samples(commit)
        return commit

    def _take_samples(self, job: _Job, work: SamplesWork, commit: _Commit, *, are_defined: bool) -> None:
        try:
            # One record holds those of all.
            commit.size += self._room.record_bytes(work.samples, are_defined=are_defined)
        except Exception as error:
            # As below: a bug must cost its sender an error, never the thread that serves all of them.
            if not isinstance(error, NagareError):
                log.exception("samples_check_failed")
            commit.failures.append((job, error))
        else:
            commit.sample_jobs.append((job, work))

    def _prepare(self, work: Batch | SoundBatch | Sequence[Event] | WideWork, group: Group) -> Prepared:
        if isinstance(work, SoundBatch):
            return self._preparer.sound(work, group)
        if isinstance(work, Batch):
            return self._preparer.batch(work, group)
        if isinstance(work, WideWork):
            return self._preparer.wide(work)
        return self._preparer.events(work, group)

    def _prepare_samples(self, commit: _Commit) -> None:
        """Check the samples of all senders at once: arrays of a hundred requests cost little more than those of one."""
        try:
            commit.samples = self._room.prepare([work for _, work in commit.sample_jobs])
        except Exception as error:
            if not isinstance(error, NagareError):
                log.exception("samples_check_failed")
            commit.failures.extend((job, error) for job, _ in commit.sample_jobs)
            commit.sample_jobs = []

    def _commit(self, commit: _Commit) -> None:
        failed = self._write(commit)
        if failed is not None:
            # Duplicates inside the group were promised what just failed, so they fail with it.
            commit.failures.extend((job, failed) for job, _ in commit.jobs)
            commit.failures.extend((job, failed) for job, _ in commit.sample_jobs)
            commit.jobs.clear()
            commit.samples = None
        if commit.jobs or commit.samples is not None:
            self._watch.observer.step("before_ack")
        outcomes: list[_Outcome] = [(job, prepared.reply) for job, prepared in commit.jobs]
        if commit.samples is not None:
            outcomes += zip((job for job, _ in commit.sample_jobs), commit.samples.replies, strict=True)
        _complete([*outcomes, *commit.failures])
        self._current = []

    def _write(self, commit: _Commit) -> NagareError | None:
        records = [prepared for _, prepared in commit.jobs if prepared.record is not None]
        payloads = [prepared.payload for prepared in records]
        samples = commit.samples
        if samples is not None and samples.record is not None:
            payloads.append(samples.payload)
        if not payloads:
            return None
        try:
            self._watch.check_room()
            last = self._log.append(payloads)
            self._watch.observer.step("log_appended")
            self._log.sync()
        except NagareError as error:
            self._watch.failed(error)
            return error
        self._watch.succeeded()
        self._watch.observer.step("log_synced")
        for index, prepared in enumerate(records, last - len(payloads) + 1):
            if prepared.record is not None:
                self._seen.add(prepared.record)
                for table in self.head.generation.add(index, prepared.record, prepared.spans):
                    self.head.crowded(table)
        if samples is not None and samples.record is not None:
            self._room.store(last, samples.record, self.head.generation, is_newer=samples.is_newer)
        return None


def _stopping() -> NotReadyError:
    return NotReadyError("cannot store batch: the server is stopping", retry_after_seconds=5)


def _complete(outcomes: Iterable[_Outcome]) -> None:
    """Tell the senders; one call for all of a loop, because each wakes it by a system call of its own."""
    of_loop: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for outcome in outcomes:
        of_loop.setdefault(outcome[0].loop, []).append(outcome)
    for loop, settled in of_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, settled)
        except RuntimeError:
            # The loop is closed: nobody waits any more, and what is stored stays stored.
            log.debug("sender_gone")


def _settle(outcomes: Iterable[_Outcome]) -> None:
    for job, outcome in outcomes:
        try:
            job.done(outcome)
        except Exception:
            # A bug of one sender's must not keep the others of the group from their answers.
            log.exception("sender_broke")


def _resolve(future: asyncio.Future[Reply], outcome: Reply | BaseException) -> None:
    if future.done():
        return
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
