"""Which alerts and silences a line means: ids, whose first characters are enough, or matchers of labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nagare.errors import InputError, NotFoundError
from nagare.lib.plain_text import plain
from nagare.model.alert.alert import ACTIVE
from nagare.model.alert.matcher import Matcher, all_match, parse_matchers

if TYPE_CHECKING:
    from nagare.client.alerts import AlertCalls
    from nagare.wire.alerts import AlertView

# A whole id is at least as long; fewer characters than the shortest fit others too soon.
_WHOLE, _SHORTEST = 32, 4
# Who means an older one takes its whole id.
_LOOKED_AT = 1000
# What no id has, and every matcher.
_MATCHER = re.compile(r"[=~]")


def split_words(words: Iterable[str]) -> tuple[list[str], tuple[Matcher, ...]]:
    """Return the ids among ``words``, and the matchers, which are to hold together. Raises InputError."""
    ids, texts = list[str](), list[str]()
    for word in words:
        (texts if _MATCHER.search(word) else ids).append(word)
    return ids, parse_matchers(texts) if texts else ()


async def find_id(calls: AlertCalls, text: str) -> str:
    """Return the id of the only one of the newest alerts that begins with ``text``; else ``text`` itself.

    Raises InputError where several begin so: what is acknowledged must never be another one's.
    """
    if not is_begin(text):
        return text.removesuffix("…")
    return whole_id("alert", text, [alert.id for alert in await calls.alerts(_LOOKED_AT)])


def is_begin(text: str) -> bool:
    """Tell whether ``text`` may be the begin of an id."""
    return _SHORTEST <= len(text.removesuffix("…")) < _WHOLE


def whole_id(what: str, text: str, ids: Iterable[str]) -> str:
    """Return the only one of ``ids`` that begins with ``text``, else ``text`` itself. Raises InputError for several."""
    # As a narrow table writes it.
    begin = text.removesuffix("…")
    found = [one for one in ids if one.startswith(begin)] if is_begin(begin) else []
    if len(found) > 1:
        raise InputError(
            f"cannot use {what} {plain(begin)}: {len(found)} of them begin so",
            hint="give more of it, or the whole id",
        )
    return found[0] if found else begin


async def chosen_ids(calls: AlertCalls, words: Sequence[str], states: Iterable[str]) -> list[str]:
    """Return the ids that ``words`` mean; matchers mean alerts in one of ``states``.

    Raises InputError, and NotFoundError where the matchers match nothing.
    """
    ids, matchers = split_words(words)
    found = [await find_id(calls, text) for text in ids]
    if matchers:
        matched = await matching(calls, matchers, states)
        if not matched:
            told = ", ".join(map(str, matchers))
            raise NotFoundError(
                f"cannot find alerts with {plain(told)}: none that is {' or '.join(states)} matches",
                hint="nagare alerts list --all shows the others",
            )
        found += [alert.id for alert in matched]
    return list(dict.fromkeys(found))


async def matching(
    calls: AlertCalls, matchers: Sequence[Matcher], states: Iterable[str] = tuple(ACTIVE)
) -> list[AlertView]:
    """Return the alerts in one of ``states`` of which every matcher is true."""
    found = await calls.alerts(_LOOKED_AT * 10, state=",".join(sorted(states)))
    return [alert for alert in found if all_match(matchers, alert.labels)]
