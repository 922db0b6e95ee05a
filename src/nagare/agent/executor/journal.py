"""What this host began, kept durably before it begins: a command runs once at the most, also across crashes.

A file for each command, named by its id, which is all that counts against running it again: a file whose content is damaged
still says that its command was here. In it stands a record for each step, the last one counts, and what is left of its first
bytes is blank: so a step costs one write into a place that is there already. Blocking; used by one thread.
"""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from nagare.agent.executor.verify import LIFE_LIMIT_MS, SKEW_MS
from nagare.errors import InputError, OverloadedError
from nagare.keys.files import make_private_directory, write_private
from nagare.lib.counters import Counters
from nagare.model.command.result import CommandResult, Reason, StreamKept
from nagare.model.command.states import CommandState
from nagare.wire.codec import decode, encode

log = logging.getLogger(__name__)
_SUFFIX = ".command"
_FORGOTTEN = "forgotten"
# Room for all steps of a command that writes little. A file that is shorter has lost some, and may have lost that it began.
_PLACE_BYTES = 2048
# What is hashed before a record that others may follow, so that it is never taken for one that stands alone.
_PURPOSE = b"nagare command step 2\n"
# Results that nobody fetched are worth as long as the server keeps its own.
_RESULT_LIFE_MS = 30 * 86_400_000
# Beyond it new commands are refused: to forget one that may still be replayed would be worse.
_ENTRY_LIMIT = 10_000


class Step(StrEnum):
    """How far a command has come here."""

    RECEIVED = "received"
    BEGUN = "begun"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Entry:
    """One command. Times are Unix milliseconds."""

    id: str
    step: Step
    changed_ms: int
    expires_ms: int
    nonce: str = ""
    action: str = ""
    begun_ms: int | None = None
    is_acknowledged: bool = False
    result: CommandResult | None = None
    # Why it was refused, and in which words; empty for what was not. A refusal needs no acknowledgement: it is told again.
    refused: str = ""
    refused_text: str = ""


class Journal:
    """The commands of this host. ``open`` reads what an earlier run left."""

    def __init__(self, directory: Path, kept_bytes: int) -> None:
        """Describe the journal; nothing is read yet."""
        self._directory = directory
        self._kept_bytes = kept_bytes
        # By id, without results: their output stays on the disk.
        self._entries: dict[str, Entry] = {}
        self._sizes: dict[str, int] = {}
        # By id: behind what its next record goes; zero where the file must be written anew.
        self._ends: dict[str, int] = {}
        # What expires no later may have been here and be forgotten.
        self._forgotten_ms = 0
        self.counters = Counters()

    def open(self, now_ms: int) -> list[Entry]:
        """Read the journal and end what an earlier run left open; return what it ended so. Raises OSError."""
        make_private_directory(self._directory)
        self._forgotten_ms = self._load_forgotten()
        for unfinished in self._directory.glob(f".*{_SUFFIX}.*"):
            unfinished.unlink(missing_ok=True)
        ended = []
        for path in sorted(self._directory.glob(f"*{_SUFFIX}")):
            entry, end = self._load(path, now_ms)
            self._remember(entry, path.stat().st_size, end)
            if entry.step is not Step.ENDED:
                ended.append(self.end(entry.id, _left_open(entry, now_ms), now_ms))
        self.prune(now_ms)
        return ended

    def __contains__(self, command_id: str) -> bool:
        """Tell whether the command was here."""
        return command_id in self._entries

    def find(self, command_id: str) -> Entry | None:
        """Return the command without its result, None when it was never here."""
        return self._entries.get(command_id)

    def has_nonce(self, nonce: str) -> bool:
        """Tell whether some command here had that nonce."""
        return any(entry.nonce == nonce for entry in self._entries.values())

    def may_be_forgotten(self, expires_ms: int) -> bool:
        """Tell whether a command that expires then may have run and be forgotten since: the clock was set back."""
        return expires_ms <= self._forgotten_ms

    def receive(self, entry: Entry) -> None:
        """Keep a new command, durably. Raises OSError, OverloadedError."""
        if len(self._entries) >= _ENTRY_LIMIT:
            raise OverloadedError(f"cannot take command: {_ENTRY_LIMIT} are remembered already")
        self._save(entry)

    def begin(self, command_id: str, now_ms: int) -> None:
        """Keep, durably, that the command begins now: from here on it is never run again. Raises OSError."""
        entry = self._entries[command_id]
        self._add(replace(entry, step=Step.BEGUN, changed_ms=now_ms, begun_ms=now_ms))

    def end(self, command_id: str, result: CommandResult, now_ms: int) -> Entry:
        """Keep the result, durably, and return the command with it. Raises OSError."""
        entry = replace(self._entries[command_id], step=Step.ENDED, changed_ms=now_ms, result=result)
        self._add(entry)
        return entry

    def acknowledge(self, command_id: str, now_ms: int) -> None:
        """Let go of the result; that the command was here is kept until it could not run any more. Raises OSError."""
        entry = self._entries.get(command_id)
        if entry is not None and entry.step is Step.ENDED and not entry.is_acknowledged:
            self._save(replace(entry, is_acknowledged=True, changed_ms=now_ms))
            self.prune(now_ms)

    def unacknowledged(self) -> list[str]:
        """Return the ids of commands that ended and whose result the server does not have, the oldest first."""
        waiting = [entry for entry in self._entries.values() if _is_waiting(entry)]
        return [entry.id for entry in sorted(waiting, key=lambda entry: entry.changed_ms)]

    def load_result(self, command_id: str) -> CommandResult:
        """Return the result of a command that ended; one that does not read back is told as lost."""
        entry, _ = self._load(self._path(command_id), self._entries[command_id].changed_ms)
        return entry.result or _left_open(entry, entry.changed_ms)

    def open_entries(self) -> list[Entry]:
        """Return the commands that have not ended."""
        return [entry for entry in self._entries.values() if entry.step is not Step.ENDED]

    def prune(self, now_ms: int) -> None:
        """Forget what could not run any more, and hold results to their bound: the oldest lose their output."""
        spent = [entry for entry in self._entries.values() if _is_spent(entry, now_ms)]
        if spent:
            # First the word, then the files: a crash between them must not forget that something was forgotten.
            self._save_forgotten(max(entry.expires_ms for entry in spent))
        for entry in spent:
            if _is_waiting(entry):
                self.counters.add("results_dropped")
            self._path(entry.id).unlink(missing_ok=True)
            del self._entries[entry.id], self._sizes[entry.id], self._ends[entry.id]
        self._bound_results()

    def _bound_results(self) -> None:
        total = sum(self._sizes.values())
        for command_id in self.unacknowledged():
            if total <= self._kept_bytes:
                return
            result = self.load_result(command_id)
            dropped = replace(result, stdout=_without(result.stdout), stderr=_without(result.stderr))
            before = self._sizes[command_id]
            self._save(replace(self._entries[command_id], result=dropped))
            total -= before - self._sizes[command_id]
            self.counters.add("outputs_dropped")

    def _save(self, entry: Entry) -> None:
        """Write the file anew, with this record alone."""
        if entry.is_acknowledged:
            entry = replace(entry, result=None)
        if entry.step is Step.ENDED:
            # Nothing follows but the next file. In this form stood every step in earlier versions, one of which may come back.
            content = encode(entry)
            whole, end = _digest(content) + b"\n" + content, 0
        else:
            record = _record(entry)
            whole, end = record.ljust(_PLACE_BYTES), len(record)
        write_private(self._path(entry.id), whole)
        self._remember(entry, len(whole), end)

    def _add(self, entry: Entry) -> None:
        """Write a record behind the others."""
        end = self._ends[entry.id]
        if not end:
            self._save(entry)
            return
        record = _record(entry)
        # Where it cannot be written whole, what stands there counts as damage, and the next one takes its place.
        _write_at(self._path(entry.id), end, record)
        end += len(record)
        self._remember(entry, max(end, _PLACE_BYTES), end)

    def _remember(self, entry: Entry, size: int, end: int) -> None:
        self._entries[entry.id] = replace(entry, result=None)
        self._sizes[entry.id] = size
        self._ends[entry.id] = end

    def _load(self, path: Path, now_ms: int) -> tuple[Entry, int]:
        """Return a command, and where its next record goes."""
        try:
            entry, end = _read(path.read_bytes())
            if self._path(entry.id) == path:
                return entry, end
        except (OSError, InputError) as error:
            log.warning("command_entry_unreadable file=%s reason=%s", path, type(error).__name__)
        self.counters.add("damaged")
        log.warning("command_entry_damaged file=%s: its command counts as one that began", path)
        # As long as anything that is signed can hold.
        expires_ms = max(now_ms, _modified_ms(path)) + LIFE_LIMIT_MS
        return Entry(path.name.removesuffix(_SUFFIX), Step.BEGUN, now_ms, expires_ms), 0

    def _path(self, command_id: str) -> Path:
        # The id has the form of a UUID: the envelope's type says so.
        return self._directory / f"{command_id}{_SUFFIX}"

    def _load_forgotten(self) -> int:
        try:
            return int((self._directory / _FORGOTTEN).read_bytes())
        except (OSError, ValueError):
            return 0

    def _save_forgotten(self, expires_ms: int) -> None:
        if expires_ms > self._forgotten_ms:
            write_private(self._directory / _FORGOTTEN, str(expires_ms).encode())
            self._forgotten_ms = expires_ms


def _record(entry: Entry) -> bytes:
    content = encode(entry)
    return _digest(_PURPOSE + content) + b"\n" + content + b"\n"


def _read(whole: bytes) -> tuple[Entry, int]:
    """Return the last record of a file, and where it ends. Raises InputError for any damage."""
    digest, _, only = whole.partition(b"\n")
    if _digest(only) == digest:
        return decode(only, Entry), 0
    records = whole.rstrip(b" ")
    lines = records.split(b"\n")
    is_whole = len(whole) >= _PLACE_BYTES and len(lines) > 2 and not lines.pop()
    for digest, content in zip(lines[::2], lines[1::2], strict=False):
        is_whole = is_whole and _digest(_PURPOSE + content) == digest
    if not is_whole or len(lines) % 2:
        raise InputError("cannot read entry: it is damaged")
    return decode(lines[-1], Entry), len(records)


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _write_at(path: Path, offset: int, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        while content:
            written = os.pwrite(descriptor, content, offset)
            offset, content = offset + written, content[written:]
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def _is_waiting(entry: Entry) -> bool:
    return entry.step is Step.ENDED and not entry.is_acknowledged


def _is_spent(entry: Entry, now_ms: int) -> bool:
    if entry.step is not Step.ENDED or now_ms <= entry.expires_ms + 2 * SKEW_MS:
        return False
    return entry.is_acknowledged or now_ms - entry.changed_ms > _RESULT_LIFE_MS


def _left_open(entry: Entry, now_ms: int) -> CommandResult:
    """Return what is true of a command that an earlier run of the agent left open."""
    if entry.step is Step.RECEIVED:
        text = "the agent ended before the command began; it did not run"
        return CommandResult(CommandState.FAILED, Reason.NOT_STARTED, text, ended_ms=now_ms)
    text = "the agent stopped while it ran; how far it came is not known, and it is not run again"
    return CommandResult(CommandState.LOST, Reason.AGENT_DIED, text, started_ms=entry.begun_ms, ended_ms=now_ms)


def _without(stream: StreamKept) -> StreamKept:
    return StreamKept(total_bytes=stream.total_bytes, dropped_bytes=stream.total_bytes)


def _modified_ms(path: Path) -> int:
    try:
        return int(path.stat().st_mtime * 1000)
    except OSError:
        return 0
