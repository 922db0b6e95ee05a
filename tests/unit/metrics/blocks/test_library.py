"""Snapshots and pins: nothing is freed while somebody may read it."""

from nagare.metrics.blocks.catalog import Block
from nagare.metrics.blocks.library import Library
from nagare.metrics.head import Generation


def block(path: str, table: str = "cpu", rows: int = 10, day: str = "2025-01-01", min_ms: int = 0) -> Block:
    return Block(path, table, day, min_ms, min_ms + 9, rows, 100, "ts,host", 1, 2)


def test_a_flush_moves_rows_from_the_head_to_blocks_in_one_step() -> None:
    library, old, new = Library(), Generation(1), Generation(2)
    library.start(old, [block("a")])
    library.add_generation(new)
    assert [each.number for each in library.current.generations] == [1, 2]
    library.flushed(old, [block("b"), block("c", "load")], lambda: None)
    assert [each.number for each in library.current.generations] == [2]
    assert {table: [each.path for each in group] for table, group in library.current.blocks.items()} == {
        "cpu": ["a", "b"],
        "load": ["c"],
    }


def test_what_was_replaced_is_freed_after_its_last_reader() -> None:
    library, freed = Library(), list[str]()
    library.start(Generation(1), [block("a")])
    with library.pinned() as first:
        library.replaced([block("a")], [block("b")], lambda: freed.append("a"))
        with library.pinned() as second:
            assert [each.path for each in first.blocks["cpu"]] == ["a"]
            assert [each.path for each in second.blocks["cpu"]] == ["b"]
            library.replaced([block("b")], [], lambda: freed.append("b"))
            assert freed == []
        assert freed == [], "the first reader is older than both"
    assert freed == ["a", "b"]


def test_what_nobody_reads_is_freed_at_once() -> None:
    library, freed = Library(), list[str]()
    library.start(Generation(1), [block("a")])
    with library.pinned():
        pass
    library.replaced([block("a")], [], lambda: freed.append("a"))
    assert freed == ["a"]
    with library.pinned():
        assert freed == ["a"]


def test_a_reader_keeps_no_generation_that_began_after_it() -> None:
    library, freed = Library(), list[int]()
    first, second, third = Generation(1), Generation(2), Generation(3)
    library.start(first, [])
    with library.pinned():
        library.add_generation(second)
        library.flushed(first, [], lambda: freed.append(1))
        with library.pinned():
            library.add_generation(third)
            library.flushed(second, [], lambda: freed.append(2))
            assert freed == []
        assert freed == [2]
    assert freed == [2, 1]
