"""How a value is computed from the columns of a block, in SQL. Blocks of earlier versions have fewer columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nagare.metrics.blocks.catalog import Block
from nagare.metrics.engine import quote_text


@dataclass(frozen=True, slots=True)
class Formula:
    """``value`` gives the value; a block says so itself."""

    value: str

    @property
    def exact(self) -> str:
        """The same, and of what is no number the bits too."""
        is_odd = "divisor IS NULL AND mantissa IS NOT NULL"
        return f"CASE WHEN {is_odd} THEN CAST(CAST(mantissa AS BIT) AS DOUBLE) ELSE {self.value} END"


EARLIER = Formula("coalesce(mantissa / divisor, raw)")
_DECIMAL = "(mantissa + base) / divisor"
# Mostly ``raw`` is null, and then there is nothing to choose from.
FORMULA = Formula(f"CASE WHEN raw IS NULL THEN {_DECIMAL} ELSE coalesce({_DECIMAL} + raw, raw) END")


def sources(blocks: Iterable[Block], directory: str) -> list[tuple[Formula, str]]:
    """Return what reads ``blocks`` in ``directory``, those of one formula together, each with its formula."""
    paths: dict[Formula, list[str]] = {}
    for block in blocks:
        formula = FORMULA if "base" in block.columns.split(",") else EARLIER
        paths.setdefault(formula, []).append(quote_text(f"{directory}/{block.path}"))
    return [(formula, f"read_parquet([{', '.join(of)}], hive_partitioning = false)") for formula, of in paths.items()]


def exact_rows(blocks: Iterable[Block], directory: str, more: Iterable[str] = (), where: str = "true") -> str:
    """Return the SELECT of series, ts and the value, bit for bit, and columns ``more`` of the rows of ``blocks`` ``where`` it holds."""
    items = "".join(f", {name}" for name in more)
    return " UNION ALL ".join(
        f"SELECT series, ts, {formula.exact} AS value{items} FROM {source} WHERE {where}"  # noqa: S608  made by us
        for formula, source in sources(blocks, directory)
    )
