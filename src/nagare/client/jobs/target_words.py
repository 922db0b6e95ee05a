"""Reads which hosts are meant: names, ``@group`` and ``label=value``, as people write them in one line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from nagare.errors import InputError
from nagare.lib.names import check_host

if TYPE_CHECKING:
    from nagare.wire.command_jobs import Targets


def parse_targets(words: Iterable[str], labels: Iterable[str], query: str, *, every: bool) -> Targets:
    """Return the hosts that are meant: names, ``@group`` and ``label=value``, each alone or joined by commas.

    Raises InputError for words that are none, for no word at all, and for ``--all`` beside others.
    """
    from nagare.wire.command_jobs import Targets  # noqa: PLC0415  messages are loaded when there is something to send

    hosts: dict[str, None] = {}
    groups: dict[str, None] = {}
    pairs = dict(_label(text) for text in labels)
    for word in [part for text in words for part in text.split(",") if part]:
        if word.startswith("@"):
            groups[_group(word)] = None
        elif "=" in word:
            key, value = _label(word)
            if pairs.setdefault(key, value) != value:
                raise InputError(f"cannot use label {word!r}: {key}={pairs[key]} is asked for too, and all must fit")
        else:
            hosts[check_host(word)] = None
    is_narrowed = bool(hosts or groups or pairs or query)
    if every and is_narrowed:
        raise InputError("cannot choose hosts: --all means every host, and others are named beside it")
    if not every and not is_narrowed:
        raise InputError(
            "cannot choose hosts: none is named", hint="give names, @group, label=value, --query SQL, or --all"
        )
    return Targets(list(hosts), list(groups), pairs, query, every)


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key or not value:
        raise InputError(f"cannot use label {text[:80]!r}: it must read KEY=VALUE", hint="for example: role=db")
    return key, value


def _group(word: str) -> str:
    name = word.removeprefix("@")
    if not name:
        raise InputError("cannot use group '@': it has no name", hint="`nagare hosts groups` lists them")
    return name
