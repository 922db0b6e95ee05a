"""Pages of lists of which a caller may see a part."""

from collections.abc import Sequence

from nagare.lib.pages import PIECE_LIMIT, PIECES_LIMIT, Place, read_page


class Table:
    """Rows that are numbers, the highest first; it counts how often it is read."""

    def __init__(self, rows: int, modulus: int) -> None:
        self._rows = rows
        self._modulus = modulus
        self.reads = 0

    async def page(self, page: str, limit: int) -> tuple[list[int], str]:
        before = (int(page.partition(".")[0]), "") if page else None
        return await read_page(before, limit, self._read, self._seen, lambda row: (row, "x"))

    async def _read(self, before: Place | None) -> list[int]:
        self.reads += 1
        first = self._rows if before is None else before[0]
        return list(range(first - 1, max(-1, first - 1 - PIECE_LIMIT), -1))

    async def _seen(self, rows: Sequence[int]) -> list[int]:
        return [row for row in rows if row % self._modulus == 0]


async def test_who_sees_little_does_not_have_the_whole_table_read() -> None:
    table = Table(PIECE_LIMIT * PIECES_LIMIT * 3, PIECE_LIMIT * PIECES_LIMIT)
    pages, page = list[list[int]](), ""
    while not pages or page:
        before = table.reads
        found, page = await table.page(page, 10)
        assert table.reads - before <= PIECES_LIMIT
        pages.append(found)
    assert pages[:3] == [[20_000], [10_000], [0]]
    assert [row for found in pages for row in found] == [20_000, 10_000, 0]


async def test_a_page_ends_where_it_is_full() -> None:
    table = Table(1000, 100)
    assert await table.page("", 3) == ([900, 800, 700], "700.x")
    assert await table.page("700.x", 100) == ([600, 500, 400, 300, 200, 100, 0], "")
    assert await Table(0, 1).page("", 3) == ([], "")
