"""Keeps both ends of an output stream in bounded memory, masks it, and says what may be sent as it comes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nagare.agent.executor.masking import Masker
from nagare.model.command.result import KEPT_BYTES, StreamKept

_STEP_BYTES = 2**15


class KeptOutput:
    """One stream of one command.

    Up to ``limit_bytes`` the stream is masked as it comes and all of it may be sent. What is beyond is counted, and only the
    end is masked and kept: to mask a gigabyte of nothing would cost the host more than the program that wrote it.
    """

    def __init__(self, limit_bytes: int, secrets: Sequence[bytes] = ()) -> None:
        """Begin empty."""
        self._limit = limit_bytes
        self._end_bytes = min(KEPT_BYTES, limit_bytes // 2)
        self._secrets = secrets
        self._masker = Masker(secrets)
        self._head = bytearray()
        self._tail = bytearray()
        # The end of the stream as it came, with what leads a mask into its middle.
        self._raw = bytearray()
        self._raw_bytes = self._end_bytes + self._masker.margin
        self._told_bytes = 0
        self._is_finished = False
        self._rest = b""
        self.total_bytes = 0

    @property
    def is_over(self) -> bool:
        """Whether the program wrote more than its limit."""
        return self.total_bytes > self._limit

    def take(self, piece: bytes) -> bytes:
        """Keep ``piece`` and return what may be sent, masked; what is beyond the limit is not.

        What the mask holds back at the limit is never told: it may be the begin of a secret whose rest is beyond.
        """
        within = max(0, self._limit - self.total_bytes)
        self.total_bytes += len(piece)
        self._keep_raw(piece)
        told = self._masker.feed(piece[:within]) if within else b""
        self._keep(told)
        return told

    def finish(self) -> bytes:
        """Return the last of what may be sent; nothing may be taken afterwards. A second time there is nothing more."""
        for _ in self.finishing():
            pass
        rest, self._rest = self._rest, b""
        return rest

    def finishing(self) -> Iterator[None]:
        """Do the work of ``finish`` step by step, for a caller who has others to think of."""
        if self._is_finished:
            return
        self._is_finished = True
        if self.is_over:
            yield from self._mask_end()
        else:
            self._rest = self._masker.finish()
            self._keep(self._rest)

    def kept(self) -> StreamKept:
        """Return both ends. How many bytes were dropped is told by what was written, and so not to the byte where some were masked."""
        is_cut = self.is_over or len(self._head) + len(self._tail) < self._told_bytes
        dropped = max(0, self.total_bytes - len(self._head) - len(self._tail)) if is_cut else 0
        return StreamKept(bytes(self._head), bytes(self._tail), self.total_bytes, dropped)

    def _keep(self, content: bytes) -> None:
        self._told_bytes += len(content)
        room = self._end_bytes - len(self._head)
        self._head += content[: max(0, room)]
        self._tail += content[max(0, room) :]
        surplus = len(self._tail) - self._end_bytes
        if surplus > 0:
            del self._tail[:surplus]

    def _keep_raw(self, piece: bytes) -> None:
        self._raw += piece
        # Twice as much before it is cut: moving the end for each piece would cost as much as the stream is long.
        if len(self._raw) > 2 * self._raw_bytes:
            del self._raw[: len(self._raw) - self._raw_bytes]

    def _mask_end(self) -> Iterator[None]:
        masker, told = Masker(self._secrets), bytearray()
        is_whole = len(self._raw) == self.total_bytes
        if not is_whole:
            del self._raw[: max(0, len(self._raw) - self._raw_bytes)]
        # What lies before the margin may be the rest of a secret that was cut: it leads the mask in and is not told.
        lead = 0 if is_whole else masker.margin
        masker.feed(bytes(self._raw[:lead]))
        for start in range(lead, len(self._raw), _STEP_BYTES):
            yield
            told += masker.feed(bytes(self._raw[start : start + _STEP_BYTES]))
        told += masker.finish()
        # Where all of it is here the head is what it begins with.
        self._tail = told[len(self._head) if is_whole else 0 :][-self._end_bytes :]
