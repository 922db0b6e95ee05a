"""Takes secrets out of output as it flows: exact values whatever their borders, and what looks like a secret by its line.

What comes out depends on the whole stream alone, never on how it was cut into pieces.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote_from_bytes

MASK = b"[masked]"
# A line that is longer is looked at in pieces of this length: what straddles two of them is seen as a value, not as a pattern.
LINE_LIMIT = 8192
# A key of 16384 bits is half of it; a block without end hides no more than this.
_BLOCK_LIMIT = 16_384
_SHORTEST = 4
_LINE_END = re.compile(rb"[\r\n]")
_BLOCK = re.compile(rb"-----(BEGIN|END) [A-Z0-9 ]*PRIVATE KEY-----")
# What must stand in a text before a pattern is tried, which costs a hundred times as much; the pattern; what stands instead.
# No part of a pattern may match a line end: lines are looked at many at a time.
_PATTERNS: tuple[tuple[tuple[bytes, ...], re.Pattern[bytes], bytes], ...] = (
    # key=value, "key": "value", Authorization: Bearer value
    (
        (b"=", b":"),
        re.compile(
            rb"((?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|authorization)"
            rb"[\"']?[ \t]*[=:][ \t]*[\"']?(?:(?:bearer|basic|digest)[ \t]+)?)[^\s\"',;&]+",
            re.IGNORECASE,
        ),
        rb"\1" + MASK,
    ),
    # scheme://user:password@host
    ((b"://",), re.compile(rb"(://[^/\s:@]{1,256}:)[^/\s@]{1,256}(?=@)"), rb"\1" + MASK),
    # AWS, GitHub, Slack, JSON web tokens
    ((b"AKIA", b"ASIA"), re.compile(rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), MASK),
    ((b"gh",), re.compile(rb"\bgh[pousr]_[A-Za-z0-9]{36,255}\b"), MASK),
    ((b"xox",), re.compile(rb"\bxox[abprs]-[A-Za-z0-9-]{10,255}"), MASK),
    # It begins where no such sign stands before it: else output made for it would be looked through once for each letter.
    (
        (b"eyJ",),
        re.compile(rb"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{8,1024}"),
        MASK,
    ),
)


class Masker:
    """The mask of one stream. Holds back at the most a line and a secret."""

    def __init__(self, secrets: Iterable[bytes] = ()) -> None:
        """Take out ``secrets`` in every form in which programs are wont to show them."""
        self._values = _Values(secrets)
        self._lines = _Lines()

    @property
    def margin(self) -> int:
        """After so many bytes of a stream that was entered in its middle, no part of a cut secret can follow."""
        return 2 * LINE_LIMIT + self._values.longest + _BLOCK_LIMIT

    def feed(self, piece: bytes) -> bytes:
        """Return what can be told after ``piece``."""
        return self._lines.feed(self._values.feed(piece))

    def finish(self) -> bytes:
        """Return what was held back."""
        return self._lines.feed(self._values.finish()) + self._lines.finish()


class _Values:
    """Replaces exact values: the leftmost, and of two that begin together the longer one."""

    def __init__(self, secrets: Iterable[bytes]) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        self._forms = sorted(forms, key=len, reverse=True)
        self.longest = len(self._forms[0]) if forms else 0
        self._firsts = {form[0] for form in forms}
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        return self._replace(self._held + piece, is_end=False) if self._forms else piece

    def finish(self) -> bytes:
        return self._replace(self._held, is_end=True) if self._forms else b""

    def _replace(self, content: bytes, *, is_end: bool) -> bytes:
        out, at = [], 0
        # Where a secret may have begun whose rest is still to come: nothing from there on can be told yet.
        open_at = len(content) if is_end else self._open_at(content, 0)
        # By search of bytes, and each only where it was not looked yet: that is linear, whatever a program writes. A pattern
        # of alternatives is not.
        standing = {form: content.find(form) for form in self._forms}
        while True:
            # Of two that begin together the longer one.
            start, shorter = min(
                ((place, -len(form)) for form, place in standing.items() if place >= 0), default=(len(content), 0)
            )
            if start >= open_at:
                break
            out += [content[at:start], MASK]
            at = start - shorter
            if at > open_at:
                open_at = self._open_at(content, at)
            standing = {
                form: place if place < 0 or place >= at else content.find(form, at) for form, place in standing.items()
            }
        out.append(content[at:open_at])
        self._held = content[open_at:]
        return b"".join(out)

    def _open_at(self, content: bytes, at: int) -> int:
        for start in range(max(at, len(content) - self.longest + 1), len(content)):
            if content[start] not in self._firsts:
                continue
            rest = content[start:]
            if any(form.startswith(rest) and len(form) > len(rest) for form in self._forms):
                return start
        return len(content)


class _Lines:
    """Replaces what looks like a secret, line by line, and every line of a private key."""

    def __init__(self) -> None:
        self._held = b""
        self._block_bytes = 0

    def feed(self, piece: bytes) -> bytes:
        content = self._held + piece
        # Whole pieces only: up to the last line end, or a piece of a line that has none for too long.
        cut = self._cut(content)
        self._held = content[cut:]
        return self._mask(content[:cut])

    def finish(self) -> bytes:
        held, self._held = self._held, b""
        return self._mask(held)

    @staticmethod
    def _cut(content: bytes) -> int:
        last = max(content.rfind(b"\n"), content.rfind(b"\r")) + 1
        return last + (len(content) - last) // LINE_LIMIT * LINE_LIMIT

    def _mask(self, content: bytes) -> bytes:
        if (
            not self._block_bytes
            and not (b"PRIVATE KEY" in content and _BLOCK.search(content))
            and not _is_long(content)
        ):
            return _masked(content)
        return b"".join(self._mask_line(line) for line in _pieces(content))

    def _mask_line(self, line: bytes) -> bytes:
        borders = list(_BLOCK.finditer(line))
        if not self._block_bytes and not any(border[1] == b"BEGIN" for border in borders):
            return _masked(line)
        before = b"" if self._block_bytes else _masked(line[: borders[0].start()])
        self._block_bytes += len(line)
        # One that ends on the line on which it began, as in JSON, hides nothing after it.
        if (borders and borders[-1][1] == b"END") or self._block_bytes > _BLOCK_LIMIT:
            self._block_bytes = 0
        return before + MASK + _end_of(line)


def _masked(content: bytes) -> bytes:
    for needles, pattern, instead in _PATTERNS:
        if any(needle in content for needle in needles):
            content = pattern.sub(instead, content)
    return content


def _is_long(content: bytes) -> bool:
    """Tell whether a line in ``content`` may be longer than the limit."""
    return len(content) > LINE_LIMIT and any(len(line) > LINE_LIMIT for line in _LINE_END.split(content))


def _pieces(content: bytes) -> Iterable[bytes]:
    for line in re.findall(rb"[^\r\n]*[\r\n]|[^\r\n]+", content):
        for start in range(0, len(line), LINE_LIMIT):
            yield line[start : start + LINE_LIMIT]


def _end_of(line: bytes) -> bytes:
    return line[-1:] if line.endswith((b"\n", b"\r")) else b""


def _forms(secret: bytes) -> Iterable[bytes]:
    shown = [secret, secret.strip(), base64.b64encode(secret), quote_from_bytes(secret, safe="").encode()]
    shown += [line for line in secret.splitlines() if len(line) > _SHORTEST * 2]
    return (form for form in shown if len(form) >= _SHORTEST)
