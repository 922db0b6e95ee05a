"""Which blocks merge."""

from hypothesis import given
from hypothesis import strategies as st

from nagare.metrics.blocks.catalog import Block
from nagare.metrics.blocks.compact import LARGE_COUNT, SAMPLES_POLICY, TABLE_POLICY, Policy, find_merges

OPEN, CLOSED = "2025-01-09", "2025-01-01"


def _blocks(rows: list[int], day: str) -> list[Block]:
    return [Block(f"{day}/{n}", "cpu", day, n, n, count, 1, "ts", n, n) for n, count in enumerate(rows)]


def test_an_open_day_waits_for_enough_of_one_size() -> None:
    assert list(find_merges(_blocks([100] * (TABLE_POLICY.count - 1), OPEN), CLOSED)) == []
    (group,) = find_merges(_blocks([100] * TABLE_POLICY.count, OPEN), CLOSED)
    assert len(group) == TABLE_POLICY.count
    assert list(find_merges(_blocks([1, 10, 100, 1000, 10_000, 100_000, 3, 30], OPEN), CLOSED)) == []


def test_blocks_that_make_a_whole_one_do_not_wait_for_their_count() -> None:
    # A flush each five minutes of 12 000 series at 5 s.
    blocks = _blocks([720_000] * 12, OPEN)
    groups = list(find_merges(blocks, CLOSED, SAMPLES_POLICY))
    assert groups == [blocks[:5], blocks[5:10]]
    merged = [Block(f"m{n}", "samples", OPEN, n, n, 3_600_000, 1, "ts", n, n) for n in range(2)]
    assert list(find_merges([*merged, *blocks[10:]], CLOSED, SAMPLES_POLICY)) == []


def test_few_large_blocks_of_a_table_are_enough() -> None:
    blocks = _blocks([126_000, 182_000, 222_000], OPEN)
    assert list(find_merges(blocks, CLOSED)) == [blocks]
    assert list(find_merges(blocks[: LARGE_COUNT - 1], CLOSED)) == []
    assert list(find_merges(_blocks([800_000, 126_000, 182_000], OPEN), CLOSED)) == []
    assert list(find_merges(_blocks([300_000] * 8, OPEN), CLOSED, SAMPLES_POLICY)) == []


def test_large_blocks_of_a_day_become_few_and_a_row_is_rewritten_a_few_times() -> None:
    blocks: list[Block] = []
    rewritten = 0
    for number in range(40):
        blocks.append(Block(f"b{number}", "cpu", OPEN, number, number, 100_000, 1, "ts", number, number))
        for group in list(find_merges(blocks, CLOSED)):
            count = sum(block.rows for block in group)
            rewritten += count
            blocks = [block for block in blocks if block not in group]
            blocks.append(Block(f"m{number}", "cpu", OPEN, group[0].min_ms, number, count, 1, "ts", 0, 0))
    assert len(blocks) <= 6
    assert rewritten <= 3 * 40 * 100_000


def test_a_closed_day_becomes_one_block() -> None:
    (group,) = find_merges(_blocks([1, 10, 100], CLOSED), CLOSED)
    assert len(group) == 3
    assert list(find_merges(_blocks([5], CLOSED), CLOSED)) == []


@given(
    st.lists(st.integers(1, 2 * SAMPLES_POLICY.rows), max_size=40),
    st.sampled_from([OPEN, CLOSED]),
    st.sampled_from([TABLE_POLICY, SAMPLES_POLICY]),
)
def test_merges_share_no_block_and_stay_within_their_rows(rows: list[int], day: str, policy: Policy) -> None:
    groups = list(find_merges(_blocks(rows, day), CLOSED, policy))
    paths = [block.path for group in groups for block in group]
    assert len(paths) == len(set(paths))
    assert all(sum(block.rows for block in group) <= policy.rows and len(group) > 1 for group in groups)


def test_a_month_of_flushes_stays_few_blocks_and_every_row_is_rewritten_a_few_times() -> None:
    blocks: list[Block] = []
    rewritten = 0
    for number in range(288):
        blocks.append(Block(f"b{number}", "cpu", OPEN, number, number, 180, 1, "ts", number, number))
        for group in list(find_merges(blocks, CLOSED)):
            count = sum(block.rows for block in group)
            rewritten += count
            blocks = [block for block in blocks if block not in group]
            blocks.append(Block(f"m{number}{len(blocks)}", "cpu", OPEN, group[0].min_ms, number, count, 1, "ts", 0, 0))
    assert len(blocks) < 24
    assert rewritten <= 3 * 288 * 180
