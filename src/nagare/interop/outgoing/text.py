"""A notice in plain words: a title and a line for each alert, within the bounds of whoever brings it. Pure.

Labels and annotations are foreign: they are on one line each, without controls, and what a provider takes for markup its own
codec escapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from nagare.interop.outgoing.bounds import Size, cut
from nagare.interop.outgoing.moments import for_people
from nagare.lib.plain_text import plain
from nagare.lib.units import format_seconds
from nagare.model.event import Severity
from nagare.model.notify.incident import Reason
from nagare.model.notify.notice import Delivery, Line, Notice

NAME_LIMIT = 128
# For whoever sets no bound of its own, or cuts to one.
TITLE_LIMIT = 250
BODY_LIMIT = 4000
_SUMMARY_LIMIT = 400
# [words](address), [words][name], and [name]: address, which makes a link of each [name].
_LINK = re.compile(r"\](?=[(\[:])")
# These say nothing that the title does not.
_UNSAID = frozenset({Reason.FIRST, Reason.ALL_RESOLVED, Reason.TEST})
# Those that people must not overlook; the others change what they know already.
_LOUD = frozenset({Reason.FIRST, Reason.NEW, Reason.REPEAT, Reason.ESCALATED, Reason.AGAIN, Reason.TEST})


def uncalled(text: str) -> str:
    """Return ``text`` with a word joiner behind each ``@``: the same to the eye, and a mention of nobody."""
    return text.replace("@", "@\u2060")


def unlinked(text: str) -> str:
    """Return ``text`` with a word joiner behind each bracket that would end the words of a link or an image of Markdown."""
    return _LINK.sub("]\u2060", text)


def severity_word(severity: int) -> str:
    """Return the word for a severity of 0 to 3; beyond is the nearest."""
    return Severity(max(0, min(severity, 3))).name.lower()


def is_loud(notice: Notice) -> bool:
    """Whether somebody has to hear of it now; what changes for the better is told without a sound where a channel can."""
    return notice.reason in _LOUD


def ends(notice: Notice) -> bool:
    """Whether it tells that all is over; a test tells of nothing that could be."""
    return notice.is_over and notice.reason != Reason.TEST


def title(notice: Notice) -> str:
    """Return the title: ``[FIRING:3] DiskFull on web1 (critical)``, ``[RESOLVED] DiskFull on web1``.

    Where the rest still fires and is held back, ``[SOME RESOLVED] DiskFull on web1``.
    """
    lines = notice.firing or notice.resolved
    if notice.reason == Reason.TEST:
        return f"[TEST] {_subject(lines)}" if lines else "[TEST] this channel works"
    if notice.reason == Reason.MOVED:
        return f"[MOVED] {_subject(lines)}" if lines else "[MOVED] alerts told elsewhere"
    if notice.is_over:
        return f"[RESOLVED] {_subject(lines)}"
    if not notice.firing_count:
        return f"[SOME RESOLVED] {_subject(lines)}"
    return f"[FIRING:{notice.firing_count}] {_subject(lines)} ({severity_word(notice.severity)})"


def body(notice: Notice, limit: int, size: Size = len) -> str:
    """Return a line for each alert, as many as ``limit`` holds, and how many there are beyond."""
    names = {line.name for line in (*notice.firing, *notice.resolved)}
    rows = [_firing(line, notice, is_mixed=len(names) > 1) for line in notice.firing]
    rows += [_resolved(line, is_mixed=len(names) > 1) for line in notice.resolved]
    count = max(notice.firing_count + notice.resolved_count, len(rows))
    head = _head(notice)
    if not rows:
        return cut(head or "nothing fires", limit, size)
    # The longest that the last line can be.
    room = limit - size(f"\nand {count} more") - size(head)
    shown = [head] if head else []
    for row in rows:
        room -= size("\n" + row)
        if room < 0:
            break
        shown.append(row)
    hidden = count - (len(shown) - bool(head))
    if hidden:
        shown.append(f"and {hidden} more" if hidden < count else f"{count} alerts")
    return cut("\n".join(shown), limit, size)


def render(delivery: Delivery, ack_url: str) -> tuple[str, str]:
    """Return title and body for whoever takes nothing but text, and passes it on; the page that acknowledges is its last line."""
    notice = delivery.notice
    foot = f"\n\nAcknowledge: {ack_url}" if ack_url and not ends(notice) else ""
    return _unheard(cut(title(notice), TITLE_LIMIT)), _unheard(body(notice, BODY_LIMIT)) + foot


def _unheard(text: str) -> str:
    # Where it goes nobody knows: Discord hears @everyone, Slack <!channel> and <https://x|words>, others read Markdown or HTML.
    return unlinked(uncalled(text)).replace("<", "<\u2060")


def _head(notice: Notice) -> str:
    if notice.reason == Reason.TEST:
        return "a test: nobody has to do anything"
    return "" if notice.reason in _UNSAID else plain(notice.reason, NAME_LIMIT)


def _subject(lines: Sequence[Line]) -> str:
    name, host = _one(line.name for line in lines), _one(line.host for line in lines)
    return f"{name or 'alerts'} on {host}" if host else name or "alerts"


def _one(words: Iterable[str]) -> str:
    """Return the word, the first with a remark where there are others."""
    known = list(dict.fromkeys(filter(None, words)))
    if not known:
        return ""
    first = plain(known[0], NAME_LIMIT)
    return first if len(known) == 1 else f"{first} and others"


def _firing(line: Line, notice: Notice, *, is_mixed: bool) -> str:
    facts = [
        severity_word(line.severity) if line.severity != notice.severity else "",
        "" if line.value is None else f"value {line.value:.6g}",
        f"since {for_people(line.starts_ms)}",
        f"{plain(line.owner, NAME_LIMIT)} has it" if line.owner else "",
    ]
    return f"{_what(line, is_mixed=is_mixed)} ({', '.join(filter(None, facts))})"


def _resolved(line: Line, *, is_mixed: bool) -> str:
    lasted = (
        "" if line.ended_ms is None else f" (after {format_seconds(max(0, line.ended_ms - line.starts_ms) / 1000)})"
    )
    return f"resolved: {_what(line, is_mixed=is_mixed)}{lasted}"


def _what(line: Line, *, is_mixed: bool) -> str:
    name, host = plain(line.name, NAME_LIMIT), plain(line.host, NAME_LIMIT)
    who = f"{name} on {host}" if is_mixed and host else host or name
    summary = plain(line.summary, _SUMMARY_LIMIT)
    return f"{who}: {summary}" if summary else who
