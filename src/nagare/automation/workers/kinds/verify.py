"""The kind ``verify``: reads every byte that is kept, beside the server at work, and says what is damaged."""

from __future__ import annotations

from typing import Any

from nagare.automation.upkeep.verification import SCRATCH, read_everything
from nagare.automation.workers.main import Talk
from nagare.automation.workers.surroundings import places_of, query_of
from nagare.errors import StorageError
from nagare.lib.scratch import scratch
from nagare.lib.units import format_bytes

# The report is kept in the records; the others are counted.
_TOLD_LIMIT = 50


def run(_arguments: dict[str, Any], talk: Talk) -> dict[str, Any]:
    """Return how much was read, how many faults there are, and the first of them."""

    def progress(done: int, total: int) -> None:
        talk.progress(done / total if total else None, f"{format_bytes(done)} of {format_bytes(total)} of blocks")

    talk.progress(None, "reading the log and the databases")
    installation = talk.installation
    places = places_of(installation)
    try:
        with scratch(places.data, SCRATCH) as folder:
            report = read_everything(
                places, query_of(installation), progress, has_bucket=installation.has_bucket, scratch=folder
            )
    except OSError as error:
        raise StorageError(f"cannot read {places.data}: {(error.strerror or str(error)).lower()}") from error
    bad = [finding for finding in report.findings if finding.is_bad]
    told = [*bad, *(finding for finding in report.findings if not finding.is_bad)][:_TOLD_LIMIT]
    return {
        "bad": len(bad),
        "to_know": len(report.findings) - len(bad),
        "blocks": report.totals.blocks,
        "block_bytes": report.totals.block_bytes,
        "rows": report.totals.rows,
        "segments": report.totals.segments,
        "findings": [
            {"file": one.file, "place": one.place, "fault": one.fault, "lost": one.lost, "is_bad": one.is_bad}
            for one in told
        ],
    }
