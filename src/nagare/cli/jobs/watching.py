"""Watches a job in this terminal or pipe until it has ended, and tells how it ended."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from nagare.cli.console.diagnostics import ProgressLine, note
from nagare.cli.console.invocation import Invocation, OutputFormat, is_terminal
from nagare.cli.console.output import Rows, write_document, write_rows
from nagare.cli.jobs.live import LiveLines
from nagare.cli.jobs.outcome import exit_status, faults, left_out, summary
from nagare.client.jobs.grouping import format_groups, group_outputs
from nagare.client.jobs.results import cause_of, in_order, is_ended
from nagare.errors import NagareError

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.client.following import Event
    from nagare.wire.command_jobs import JobView, StateLine

UNKNOWN = "it may have begun, or not: `nagare commands list` tells"
COLUMNS = ("host", "state", "reason", "exit_code", "signal", "started_at", "ended_at", "text")


class Watch:
    """What a person or a program sees of a job while it goes."""

    def __init__(self, invocation: Invocation, job: JobView) -> None:
        """Show nothing yet."""
        self.job = job
        self._invocation = invocation
        self._progress = ProgressLine(is_quiet=invocation.is_quiet)
        self._states = {command.host: command.state for command in job.commands}
        # Kept as they change: counting many hosts at each of their steps would take longer than the steps.
        self._counts = Counter(self._states.values())
        self._is_cut = False
        # Told once, in the answer to who asked.
        self._unable = dict(job.unable)
        self.lines = LiveLines(list(self._states), self._write, has_color=invocation.has_color)

    async def until_end(self, client: Client) -> JobView:
        """Follow the job to its end and return it whole. Raises errors of ``nagare.errors``."""
        from nagare.client.commands import Commands

        calls = Commands(client)
        try:
            async with contextlib.aclosing(calls.follow(self.job.id)) as events:
                async for event in events:
                    self._take(event)
            self.lines.close()
            self.job = await calls.job(self.job.id)
        except NagareError as error:
            error.hint = error.hint or way_on(self.job.id)
            raise
        finally:
            self._progress.close()
        return self.job

    def tell_end(self, unable: Mapping[str, str] | None = None) -> int:
        """Write the ended job in the format that was asked for, tell how it ended, and return the exit status."""
        unable = left_out(self.job, {**(unable or {}), **self._unable})
        match self._invocation.format:
            case OutputFormat.JSON:
                write_job(self.job)
            case OutputFormat.CSV:
                write_rows(self._invocation, Rows(COLUMNS, command_rows(self.job)))
            case OutputFormat.TABLE:
                self._write_groups()
            case OutputFormat.NDJSON:
                pass
        if not self._invocation.is_quiet:
            note(f"nagare: {summary(self.job, unable)}")
            for line in faults(self.job, unable):
                note(line)
        return exit_status(self.job, unable)

    def _take(self, event: Event) -> None:
        from nagare.client.following import Cut, Resumed
        from nagare.wire.command_jobs import JobLine, OutputLine

        match event:
            case Cut():
                self._tell_cut(event.reason)
            case Resumed():
                self._is_cut = False
                self._say("the connection holds again")
            case OutputLine() if self._invocation.format is OutputFormat.TABLE:
                self.lines.take(event)
            case _:
                if not isinstance(event, OutputLine | JobLine):
                    self._take_state(event)
                if self._invocation.format is OutputFormat.NDJSON:
                    self._write(_line(event))

    def _take_state(self, line: StateLine) -> None:
        host, state = line.command.host, line.command.state
        if host in self._states:
            self._counts[self._states[host]] -= 1
        self._states[host] = state
        self._counts[state] += 1
        if is_ended(state):
            self.lines.end(host)
        self._progress.show(f"{self.job.action}: {in_order(self._counts)}")

    def _tell_cut(self, reason: str) -> None:
        # Once for each time, however often it is tried again.
        if not self._is_cut:
            self._is_cut = True
            self._say(f"the connection is lost ({reason}); the job goes on, and so does watching it")

    def _say(self, text: str) -> None:
        self._progress.close()
        if not self._invocation.is_quiet:
            note(f"nagare: {text}")

    def _write(self, text: str) -> None:
        self._progress.close()
        sys.stdout.write(text)
        sys.stdout.flush()

    def _write_groups(self) -> None:
        commands = self.job.commands
        # One host's output stands there already, unless some of it came too fast to be followed.
        if len(commands) == 1 and self.lines.has_shown(commands[0]):
            return
        self._write("".join(f"{line}\n" for line in format_groups(group_outputs(commands))))


def command_rows(job: JobView) -> Iterable[list[Any]]:
    """Return a row for each host."""
    return [[getattr(command, name) for name in COLUMNS] for command in job.commands]


def shown_rows(job: JobView) -> Iterable[tuple[Any, ...]]:
    """Return a row for each host, for a person."""
    return [(one.host, one.state, cause_of(one), one.started_at, one.ended_at, one.text) for one in job.commands]


def write_job(job: JobView) -> None:
    """Write a job as one JSON document."""
    from nagare.wire.codec import decode_any, encode

    write_document(decode_any(encode(job)))


@contextlib.contextmanager
def telling_way_on(job_id: Callable[[], str]) -> Iterator[None]:
    """Tell how to go on with the job when the watching ends before it; ``job_id`` returns "" while it is not known."""
    try:
        yield
    except (KeyboardInterrupt, BrokenPipeError) as end:
        # The terminal wrote ^C at the begin of the line.
        begin = "\n" if isinstance(end, KeyboardInterrupt) and is_terminal() else ""
        found = job_id()
        note(f"{begin}nagare: {way_on(found) if found else UNKNOWN}")
        raise


def way_on(job_id: str) -> str:
    """Return how to go on with a job that is not watched any more."""
    return f"it goes on without you: `nagare commands follow {job_id}` watches it, `nagare commands cancel {job_id}` ends it"


def _line(event: Any) -> str:
    from nagare.wire.codec import encode

    return encode(event).decode() + "\n"
