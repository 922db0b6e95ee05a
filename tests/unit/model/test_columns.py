from nagare.model.columns import row_count


def test_rows_are_counted_by_any_column() -> None:
    assert row_count({}) == 0
    assert row_count({"ts": []}) == 0
    assert row_count({"ts": [1, 2, 3], "load1": [0.1, None, 0.3]}) == 3
