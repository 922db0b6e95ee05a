"""Reads every byte that an installation keeps; behind ``nagare doctor --verify`` and the task ``verify``."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from nagare.config.places import Places
from nagare.config.settings import QuerySettings
from nagare.lib.database_copy import copied, find_database_fault
from nagare.metrics.survey import Finding, Survey, Totals

# Of the task: what is killed leaves copies of databases in it.
SCRATCH = "verify"


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, and how much was read."""

    findings: list[Finding]
    totals: Totals


def read_everything(
    places: Places,
    query: QuerySettings,
    progress: Callable[[int, int], None],
    *,
    has_bucket: bool,
    owner: AbstractContextManager[int | None] | None = None,
    scratch: Path | None = None,
) -> Report:
    """Return every fault and what it costs. ``owner`` gives the pid of the server that runs, None: nobody serves.

    Without it a server is known to run. Copies of databases stand in ``scratch``, or where the system keeps what is temporary.
    """
    with owner or nullcontext(0) as pid:
        survey = Survey(places, query, pid is not None, progress, has_bucket, scratch)
        findings = [*survey.read_log_and_catalog(), *_read_databases(places, scratch, is_live=survey.is_live)]
    # Without the lock: it takes long, and nothing in a block ever changes.
    findings += [*survey.read_series(), *survey.read_blocks()]
    return Report(findings, survey.totals)


def _read_databases(places: Places, scratch: Path | None, *, is_live: bool) -> Iterator[Finding]:
    for file, lost in (
        (places.records, "hosts, tokens and labels, as far as they do not read back"),
        (places.bus, "messages on their way; what waits to be done stands in the records"),
    ):
        if file.exists() and (fault := _find_fault(file, scratch, is_live=is_live)):
            yield Finding(file.name, "", fault, lost)


def _find_fault(file: Path, scratch: Path | None, *, is_live: bool) -> str:
    try:
        with copied(file, is_live=is_live, scratch=scratch) as copy:
            return find_database_fault(copy)
    except (OSError, sqlite3.Error) as error:
        return str(error)
