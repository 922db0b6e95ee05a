"""Records in PostgreSQL: does it answer, are its tables ours, does the audit chain hold. Beside a server too; only read."""

from __future__ import annotations

from collections.abc import Iterator

from nagare.cli.offline.checks.verdict import Check, bad, ok, warn
from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.errors import NagareError

_NAME = "records"


def check_database(settings: Settings) -> Iterator[Check]:
    """Look into the database of ``records.url``, if one is named."""
    if not settings.records.url:
        return
    from nagare.records.dump import opened
    from nagare.records.engine import read_revision

    try:
        with opened(Places(settings.data).records, settings.records) as connection:
            revision = read_revision(connection)
        yield from _check_revision(revision)
        if revision is not None:
            yield from _check_chain(settings)
    except NagareError as error:
        yield bad(_NAME, error.message, error.hint)


def _check_revision(revision: str | None) -> Iterator[Check]:
    from nagare.records.schema import HEAD_REVISION

    if revision is None:
        yield warn(_NAME, "PostgreSQL answers, and holds no records yet", "start the server, or restore a backup")
    elif revision == HEAD_REVISION:
        yield ok(_NAME, f"PostgreSQL answers, records are of revision {revision}")
    elif revision < HEAD_REVISION:
        yield warn(_NAME, f"records are of the older revision {revision}", "start the server: it upgrades them")
    else:
        yield bad(_NAME, f"records are of the newer revision {revision}", "install the version that wrote them")


def _check_chain(settings: Settings) -> Iterator[Check]:
    from nagare.audit.verify import verify
    from nagare.cli.offline.audit_files import opened_installation

    with opened_installation(settings) as (entries, heads):
        report = verify(entries, heads)
    if report.faults:
        first = report.faults[0]
        yield bad("audit log", f"entry {first.seq}: {first.cause}", "see `nagare audit verify`")
    else:
        yield ok("audit log", f"the chain of {report.entries} entries holds")
