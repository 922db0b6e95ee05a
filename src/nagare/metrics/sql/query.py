"""One query from the text to JSON-safe rows, on a thread of its own: checked, given its views, run, bounded.

It always runs in a transaction that may not write and that is rolled back, on a cursor that is closed afterwards, so
that nothing of one query is left for the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import duckdb

from nagare.config.settings import QuerySettings
from nagare.errors import QuerySyntaxError
from nagare.metrics.blocks.catalog import Block
from nagare.metrics.blocks.library import Library, Snapshot
from nagare.metrics.blocks.sources import Sources
from nagare.metrics.blocks.verify import FIRST_LOOK_BYTES, BlockCheck, block_error
from nagare.metrics.blocks.views import Tables, View, Window
from nagare.metrics.engine import Engine, quote_name, storage_error
from nagare.metrics.record_rows import put_rows
from nagare.metrics.rollups.hours import TIERS, split_table
from nagare.metrics.rollups.plan import schema_of, sql_columns
from nagare.metrics.rollups.tiers import RAW, Caller, TierChooser
from nagare.metrics.rollups.views import Asked, RollupViews
from nagare.metrics.samples.views import COLUMNS as SAMPLE_COLUMNS
from nagare.metrics.samples.views import SampleViews
from nagare.metrics.schema import Schema
from nagare.metrics.sql.columnar import UnfitError, bounded, fitting_rows, rows_of, take
from nagare.metrics.sql.exported import copy_statement
from nagare.metrics.sql.messages import may_be_block, memory_error, query_error
from nagare.metrics.sql.prune import Times, prune
from nagare.metrics.sql.reading import reading, reading_last
from nagare.metrics.sql.reads import READS, explain_reads
from nagare.metrics.sql.rows import Allowance, Fetch, guarded
from nagare.metrics.sql.sandbox import Checked
from nagare.metrics.sql.statements import Statements
from nagare.metrics.sql.stop import Stop
from nagare.metrics.sql.texts import find_texts
from nagare.metrics.sql.types import AnswerTypes
from nagare.model.columns import Columns, RecordTable
from nagare.model.export import ExportTarget
from nagare.model.history import HISTORY_TABLES, ROW_ID
from nagare.model.tables import SAMPLES
from nagare.wire.sql import SqlColumn, SqlReply, SqlRequest

# Of every table: the window and the callers' hosts are told by them.
_ALWAYS = frozenset({"ts", "host"})
PARAMETERS_LIMIT = 1000
PARAMETER_LENGTH = 4096


@dataclass(slots=True)
class Job(Stop):
    """One query as it stands."""

    request: SqlRequest
    hosts: frozenset[str] | None
    records: dict[str, Columns] = field(default_factory=dict)
    # What its costs are counted by, once the sandbox let the statement pass.
    shape: str = ""
    # See ``View.texts``, by table.
    texts: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)

    @property
    def window(self) -> Window:
        """The times that the request asks for."""
        return Window(self.request.since_ms, self.request.until_ms)


class QueryRunner:
    """Runs queries over what a library holds; every method blocks and belongs on a query thread."""

    def __init__(
        self, engine: Engine, library: Library, blocks: BlockCheck, samples: SampleViews, settings: QuerySettings
    ) -> None:
        """Read what ``library`` holds; ``blocks`` looks at its files when one seems not to read back."""
        self._samples = samples
        self._engine = engine
        self._library = library
        self._blocks = blocks
        self._sources = Sources(engine, str(blocks.directory), samples, blocks.cache)
        self._rollups = RollupViews(self._sources)
        self._settings = settings
        self._statements = Statements()
        self._types = AnswerTypes()
        self._tiers = TierChooser(self._sources, self._types)

    def check(self, request: SqlRequest, known: Sequence[str]) -> Checked:
        """Return the checked statement. Raises QuerySyntaxError."""
        check_request(request)
        if (found := self._statements.find(request.sql, known, request.params)) is not None:
            return found
        with self._engine.cursor() as cursor:
            return self._statements.check(cursor, request.sql, known, request.params)

    def run(
        self, job: Job, checked: Checked, schemas: Mapping[str, Schema], records: Mapping[str, RecordTable]
    ) -> SqlReply:
        """Return the rows of ``checked``. Raises QuerySyntaxError, DeadlineExceededError, ResultTooLargeError, StorageError."""
        return self._run(job, checked, schemas, records, self._answer)

    def export(
        self,
        target: ExportTarget,
        job: Job,
        checked: Checked,
        schemas: Mapping[str, Schema],
        records: Mapping[str, RecordTable],
    ) -> SqlReply:
        """Write the rows of ``checked`` to a file; the answer's one row is their number. Raises as ``run`` does; then no file is left."""
        if checked.is_explain:
            raise QuerySyntaxError("cannot export EXPLAIN: its answer has no rows to keep", hint="ask it as a query")
        return self._run(job, checked, schemas, records, partial(self._copy, target))

    def _run(
        self,
        job: Job,
        checked: Checked,
        schemas: Mapping[str, Schema],
        records: Mapping[str, RecordTable],
        answer: Callable[[duckdb.DuckDBPyConnection, Job, Checked, Tables, Mapping[str, Schema] | None], SqlReply],
    ) -> SqlReply:
        job.check_stopped()
        # The cursor first: while it is lent the engine cannot rest and drop what the snapshot names.
        with self._engine.cursor() as cursor, self._library.pinned() as whole:
            snapshot = whole
            job.use(cursor)
            try:
                times = Times(cursor, checked, job.request.params)
                snapshot = prune(checked, times, whole)
                with self._blocks.reading(_asked(job, checked, snapshot), FIRST_LOOK_BYTES, job.check_stopped):
                    job.texts = _told_texts(job, checked)
                    told = None if records else schemas
                    caller = Caller(job.hosts, job.window, job.request.params, job.texts, told, times.of)
                    choice = self._tiers.choose(cursor, checked, caller, snapshot, schemas)
                    tables = self._tables(cursor, job, choice.checked, snapshot, schemas, records)
                    job.check_stopped()
                    tables.bodies.update(choice.bodies)
                    reply = answer(cursor, job, choice.checked, tables, told)
                    # Blocks and rows are counted for all hosts together.
                    if checked.is_explain and job.hosts is None:
                        reply.rows.insert(0, [READS, explain_reads(cursor, checked, choice, whole)])
                return SqlReply(reply.columns, reply.rows, reply.truncated, choice.tier, 0.0, list(choice.notes))
            except duckdb.Error as error:
                names = _column_names(checked, schemas, records)
                found = query_error(error, names, tells_values=job.hosts is None)
                self._check_blocks(cursor, job, checked, snapshot, schemas, error)
                raise found from error
            except MemoryError as error:
                raise memory_error() from error
            finally:
                job.use(None)

    def _check_blocks(
        self,
        cursor: duckdb.DuckDBPyConnection,
        job: Job,
        checked: Checked,
        snapshot: Snapshot,
        schemas: Mapping[str, Schema],
        error: duckdb.Error,
    ) -> None:
        """Raise CorruptBlockError when a block is what failed the query; it is left out from then on."""
        blocks = _asked(job, checked, snapshot)
        if not blocks or not may_be_block(error) or self._binds_not_without(cursor, job, checked, schemas, error):
            return
        try:
            faults = self._blocks.take_out(cursor, blocks)
        except (duckdb.InterruptException, duckdb.OutOfMemoryException, MemoryError):
            # Out of time or room: the next query that stumbles over it looks again.
            return
        if faults:
            raise block_error(faults) from error

    def _binds_not_without(
        self,
        cursor: duckdb.DuckDBPyConnection,
        job: Job,
        checked: Checked,
        schemas: Mapping[str, Schema],
        error: duckdb.Error,
    ) -> bool:
        """Tell whether what could not be bound is the caller's fault: it is, if it does not bind over no blocks either."""
        if not isinstance(error, duckdb.BinderException) or checked.is_explain:
            return False
        try:
            for name in checked.tables:
                if name not in SAMPLE_COLUMNS and split_table(name)[0] in (*schemas, SAMPLES.name):
                    cursor.execute(View(name, sql_columns(name, schemas), job.hosts, job.window).sql([]))
            for name in checked.tables & SAMPLE_COLUMNS.keys():
                cursor.execute(View(name, SAMPLE_COLUMNS[name], job.hosts, job.window).sql([]))
            self._describe(cursor, checked, job)
        except duckdb.Error:
            return True
        return False

    def _tables(
        self,
        cursor: duckdb.DuckDBPyConnection,
        job: Job,
        checked: Checked,
        snapshot: Snapshot,
        schemas: Mapping[str, Schema],
        records: Mapping[str, RecordTable],
    ) -> Tables:
        named, tables = checked.named, Tables(job.hosts)
        for name in sorted(checked.tables):
            if name in records:
                tables.bodies[name] = self._record_body(cursor, job, records[name], snapshot)
                continue
            if name in SAMPLE_COLUMNS:
                columns = _asked_columns(SAMPLE_COLUMNS[name], named)
                view = View(name, columns, job.hosts, job.window, texts=job.texts.get(name, {}))
                with_labels = checked.may_read("labels")
                tables.bodies[name] = self._samples.body(cursor, view, snapshot, with_labels=with_labels)
                continue
            base, tier = split_table(name)
            if tier is not None:
                with_labels = checked.may_read("labels")
                asked = Asked(schema_of(base, schemas), tier, job.hosts, job.window, with_labels)
                tables.bodies[name] = self._rollups.body(cursor, asked, snapshot)
                continue
            columns = _asked_columns(schemas[name].shown_columns(), named)
            view = View(name, columns, job.hosts, job.window)
            tables.bodies[name] = view.body(self._sources.raw(cursor, view, snapshot, schemas[name]))
        return tables

    def _record_body(self, cursor: duckdb.DuckDBPyConnection, job: Job, record: RecordTable, snapshot: Snapshot) -> str:
        name = record.table.name
        source = f"records_{name}"
        columns = put_rows(cursor, source, record.table, job.records[name])
        view = View(name, columns, job.hosts, job.window)
        sources = [view.table_source(quote_name(source), columns)]
        if name in HISTORY_TABLES:
            # Rows leave the records only once they are in blocks: between the two they are in both.
            moved = replace(view, condition=f"{ROW_ID} NOT IN (SELECT {ROW_ID} FROM {quote_name(source)})")  # noqa: S608  made by us
            sources += self._sources.blocks(moved, snapshot, name)
        return view.body(sources)

    def _answer(
        self,
        cursor: duckdb.DuckDBPyConnection,
        job: Job,
        checked: Checked,
        tables: Tables,
        schemas: Mapping[str, Schema] | None,
    ) -> SqlReply:
        known = self._types.find(checked, job.request.params, schemas)
        is_led = checked.is_flat and known is not None
        if not is_led:
            tables.make(cursor)
        if known is None:
            with reading(cursor):
                known = self._describe(cursor, checked, job)
            self._types.note(checked, job.request.params, schemas, known)
        lead = tables.before if is_led else str
        rows, columns = self._taken(cursor, job, lead, checked, known), known
        if rows is None:
            allowance = Allowance(self._settings.row_limit, job.request.limit)
            with reading(cursor):
                cursor.execute(lead(guarded(checked.sql, known) if known else checked.sql), _parameters(job.request))
                columns = known or [(str(item[0]), str(item[1])) for item in cursor.description]
                rows = allowance.cut(Fetch(cursor, columns, allowance, job.check_stopped).rows())
        named = [SqlColumn(checked.written.column(name), type_) for name, type_ in columns]
        return SqlReply(named, *rows, RAW, 0.0)

    def _taken(
        self,
        cursor: duckdb.DuckDBPyConnection,
        job: Job,
        lead: Callable[[str], str],
        checked: Checked,
        columns: Sequence[tuple[str, str]],
    ) -> tuple[list[list[Any]], bool] | None:
        """Return the rows of an answer that may be taken as arrays, and whether some were cut off; None of any other."""
        allowance = Allowance(self._settings.row_limit, job.request.limit)
        if not (fitting := fitting_rows(columns)):
            return None
        # One more than may be taken tells that there are too many, whichever limit is the lower one.
        sql = lead(bounded(checked.sql, columns, min(allowance.most, fitting) + 1))
        try:
            with reading_last(cursor):
                arrays = take(cursor, sql, _parameters(job.request), fitting)
        except UnfitError:
            return None
        return allowance.cut(rows_of(arrays, columns, allowance, job.check_stopped))

    def _copy(
        self,
        target: ExportTarget,
        cursor: duckdb.DuckDBPyConnection,
        job: Job,
        checked: Checked,
        tables: Tables,
        _schemas: Mapping[str, Schema] | None,
    ) -> SqlReply:
        tables.make(cursor)
        with reading(cursor):
            try:
                columns = self._describe(cursor, checked, job)
                named = [SqlColumn(checked.written.column(name), type_) for name, type_ in columns]
                names = [column.name for column in named]
                statement = copy_statement(checked.sql, columns, names, target.form, target.file)
                job.check_stopped()
                found = cursor.execute(statement, _parameters(job.request)).fetchone()
            except BaseException as error:
                target.file.unlink(missing_ok=True)
                if isinstance(error, duckdb.IOException) and str(target.file) in str(error):
                    raise storage_error("write", f"export {target.file.name}", error) from error
                raise
        return SqlReply(named, [[0 if found is None else int(found[0])]], truncated=False, tier=RAW, elapsed_ms=0.0)

    def _describe(self, cursor: duckdb.DuckDBPyConnection, checked: Checked, job: Job) -> list[tuple[str, str]]:
        if checked.is_explain:
            return []
        found = cursor.execute(f"DESCRIBE {checked.sql}", _parameters(job.request)).fetchall()
        return [(str(row[0]), str(row[1])) for row in found]


def _told_texts(job: Job, checked: Checked) -> dict[str, Mapping[str, frozenset[str]]]:
    """Return which names and hosts the statement may want of each table of samples that it names."""
    tables = checked.tables & SAMPLE_COLUMNS.keys()
    if not tables:
        return {}
    found = find_texts(checked.tree, ("name", "host"), job.request.params)
    return {name: found[name].allowed for name in tables if name in found}


def _asked_columns(columns: Mapping[str, str], named: frozenset[str] | None) -> dict[str, str]:
    """Return those of ``columns`` that a statement may read: binding the others costs more than reading these."""
    return {name: type_ for name, type_ in columns.items() if named is None or name.lower() in named or name in _ALWAYS}


def _column_names(checked: Checked, schemas: Mapping[str, Schema], records: Mapping[str, RecordTable]) -> set[str]:
    """Return the columns of all tables that ``checked`` names."""
    names: set[str] = set()
    for table in checked.tables:
        if table in records:
            names |= {column.name for column in records[table].table.columns}
        else:
            names |= set(SAMPLE_COLUMNS[table] if table in SAMPLE_COLUMNS else sql_columns(table, schemas))
    return names


def _asked(job: Job, checked: Checked, snapshot: Snapshot) -> list[Block]:
    """Return the blocks that the query reads, newest first: those are what most people look at."""
    blocks = [
        block
        for name in {each for table in checked.tables for each in _family(table)}
        for block in snapshot.blocks.get(name, ())
        if job.window.meets(block.min_ms, block.max_ms)
    ]
    return sorted(blocks, key=lambda block: block.max_ms, reverse=True)


def _family(table: str) -> list[str]:
    """Return the tables whose blocks a statement about ``table`` may read."""
    base, tier = split_table(table)
    return [base, table] if tier is not None else [table, *(each.table(table) for each in TIERS)]


def _parameters(request: SqlRequest) -> Any:
    return request.params or None


def check_request(request: SqlRequest) -> None:
    """Raise QuerySyntaxError for a limit or parameters that no statement can have."""
    if request.limit is not None and request.limit < 1:
        raise QuerySyntaxError(f"cannot run SQL: limit {request.limit} is less than 1")
    params = request.params or ()
    values = params.values() if isinstance(params, Mapping) else params
    if len(params) > PARAMETERS_LIMIT:
        raise QuerySyntaxError(f"cannot run SQL: it has more than {PARAMETERS_LIMIT} parameters")
    for value in values:
        if value is not None and not isinstance(value, (str, int, float)):
            raise QuerySyntaxError(
                "cannot run SQL: a parameter must be a text, a number, true, false or null",
                hint="give each value of a list its own parameter",
            )
        if isinstance(value, str) and len(value) > PARAMETER_LENGTH:
            raise QuerySyntaxError(f"cannot run SQL: a parameter exceeds {PARAMETER_LENGTH} characters")
