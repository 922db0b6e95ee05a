"""Rules that came by the API, in the records database, which several servers may share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from nagare.alerting.schema import kept_rules
from nagare.errors import ConflictError, InputError, LimitExceededError, NotFoundError, StaleVersionError
from nagare.model.alert.definition import parse_rule
from nagare.model.alert.kept import KeptRule
from nagare.model.alert.rule import RuleOrigin
from nagare.model.alert.written import written
from nagare.records.engine import Records
from nagare.records.readable import readable

_PIECE = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """The rules by name, and the revisions of those that nobody can read: a hand in the database, or a newer version."""

    rules: Mapping[str, KeptRule] = field(default_factory=dict)
    broken: Mapping[str, int] = field(default_factory=dict)


class KeptStore:
    """Reads and writes them."""

    def __init__(self, records: Records) -> None:
        """Keep the open records."""
        self._records = records

    async def load(self, known: Kept) -> Kept:
        """Return all of them; of ``known`` ones only what was changed is read again."""

        def work(connection: Connection) -> Kept:
            marks = {row.name: row.revision for row in connection.execute(select(_C.name, _C.revision))}
            old = {name: one for name, one in known.rules.items() if marks.get(name) == one.revision}
            broken = {name: mark for name, mark in known.broken.items() if marks.get(name) == mark}
            new = _read(connection, [name for name in marks if name not in old and name not in broken])
            broken |= {name: mark for name, mark in marks.items() if name not in old and name not in new}
            return Kept({**old, **new}, broken)

        return await self._records.read(work)

    async def save(self, rule: KeptRule, limit: int, *, expected: int | None = None, is_new: bool = False) -> KeptRule:
        """Keep a new one, or change all of the one that is there: with ``expected`` only as it has that revision.

        Raises LimitExceededError; StaleVersionError; ConflictError when it must be a new one and is there.
        """
        name = rule.rule.name

        def work(connection: Connection) -> KeptRule:
            known = connection.execute(_marks_of(name)).first()
            if is_new and known is not None:
                raise ConflictError(f"cannot make rule {name}: it is there already", hint=f"nagare rules show {name}")
            _check("change", name, known, expected)
            if known is None:
                if connection.execute(select(func.count()).select_from(kept_rules)).scalar_one() >= limit:
                    raise LimitExceededError(
                        f"cannot make rule {name}: there are {limit} by the API already",
                        hint="delete one, or write rules into files",
                    )
                connection.execute(insert(kept_rules).values(**_values(rule)))
            else:
                changed = {**_values(rule), "made_ms": known.made_ms, "revision": known.revision + 1}
                connection.execute(update(kept_rules).where(_C.name == name).values(**changed))
            return _kept_of(connection.execute(select(kept_rules).where(_C.name == name)).one())

        return await self._records.write(work)

    async def remove(self, name: str, *, expected: int | None = None) -> None:
        """Forget one. Raises NotFoundError, StaleVersionError."""

        def work(connection: Connection) -> None:
            known = connection.execute(_marks_of(name)).first()
            _check("delete", name, known, expected)
            if known is None:
                raise NotFoundError(f"cannot delete rule {name[:80]!r}: there is none of that name")
            connection.execute(delete(kept_rules).where(_C.name == name))

        await self._records.write(work)


_C = kept_rules.c


def _marks_of(name: str) -> Any:
    # Not what it says: one that nobody can read is changed and deleted like any other.
    return select(_C.revision, _C.made_ms).where(_C.name == name)


def _read(connection: Connection, names: list[str]) -> dict[str, KeptRule]:
    found: dict[str, KeptRule] = {}
    for start in range(0, len(names), _PIECE):
        rows = connection.execute(select(kept_rules).where(_C.name.in_(names[start : start + _PIECE])))
        found |= {one.rule.name: one for one in readable(rows, _kept_of, "rules")}
    return found


def _check(verb: str, name: str, row: Row[Any] | None, expected: int | None) -> None:
    # Inside the transaction that changes it: nobody comes between.
    if expected is None or (row is not None and row.revision == expected):
        return
    raise StaleVersionError(
        f"cannot {verb} rule {name[:80]}: it was {'deleted' if row is None else 'changed'} since it was read",
        hint="read it again (`nagare rules show` tells its revision), and decide about what it is now",
    )


def _kept_of(row: Row[Any]) -> KeptRule:
    try:
        rule = parse_rule({**row.definition, "name": row.name}, RuleOrigin.API)
    except InputError as error:
        raise ValueError(error.message) from error
    return KeptRule(rule, row.revision, row.made_ms, row.changed_ms, row.changed_by_id, row.changed_by)


def _values(rule: KeptRule) -> dict[str, Any]:
    return {
        "name": rule.rule.name,
        "definition": written(rule.rule),
        "revision": rule.revision,
        "made_ms": rule.made_ms,
        "changed_ms": rule.changed_ms,
        "changed_by_id": rule.changed_by_id,
        "changed_by": rule.changed_by,
    }
