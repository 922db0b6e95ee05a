"""Log records back into the head: after a start, and for who reads an installation whose server is down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from nagare.metrics.head import Generation, HeadTable
from nagare.metrics.samples.room import SampleRoom
from nagare.metrics.schema import Schemas
from nagare.metrics.wal.ingest import clear_misfits, infer_columns
from nagare.metrics.wide.again import NewestPoints
from nagare.metrics.wide.replay import replay_wide
from nagare.wire.metric_log import LogRecord, decode_record
from nagare.wire.samples_log import decode_samples, is_samples
from nagare.wire.wide_log import decode_wide, is_wide_record


def replay(  # noqa: PLR0913  where the records of each kind go
    records: Iterable[tuple[int, bytes]],
    generation: Generation,
    schemas: Schemas,
    damages: list[str],
    is_known: Callable[[LogRecord], bool] | None = None,
    *,
    room: SampleRoom,
    newest: NewestPoints | None = None,
) -> Iterator[tuple[LogRecord, list[HeadTable]]]:
    """Put the rows of ``records`` into ``generation``; yield each record and the tables in which too many rows wait.

    Records were checked before they were logged; only a lost neighbour or an upgrade can make a value misfit, which
    then becomes null and is told in ``damages``. Samples go through ``room``, ``newest`` hears of foreign rows. A record that ``is_known`` holds nothing new is left out: a disk
    that failed twice can bring back what was refused and sent again.
    """
    for index, payload in records:
        if is_samples(payload):
            lost = room.replay(index, decode_samples(payload), generation)
            if lost:
                damages.append(f"log record {index}: the names of {lost} series are lost, they are nameless now")
            continue
        if is_wide_record(payload):
            record, misfits = replay_wide(decode_wide(payload), schemas, newest)
            if misfits:
                damages.append(f"log record {index}: {misfits} values of foreign rows no longer fit their columns")
            yield record, generation.add(index, record)
            continue
        record = decode_record(payload)
        if is_known is not None and is_known(record):
            continue
        for table, cells in record.tables.items():
            schemas.add(table, infer_columns(cells, schemas.find(table)))
            misfits = clear_misfits(cells, schemas.current[table])
            if misfits:
                damages.append(f"log record {index}: {misfits} values of {table} no longer fit their columns")
        yield record, generation.add(index, record)
