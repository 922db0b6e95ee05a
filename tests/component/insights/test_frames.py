"""Files of series: what is found out about their columns, and what is refused."""

import gzip
import os
from pathlib import Path

import pytest

from nagare.errors import InputError, NagareError, NotFoundError
from nagare.insights.frames import Frame, Wish, read_frame
from nagare.metrics.sheets import Sheet

WIDE = "Time,cpu,ram,note\n2026-01-01 00:00:00,1,NA,a\n2026-01-01T00:00:05Z,2.5,7,b\n2026-01-01 01:00:10+01:00,,8,c\n"
LONG = "ts,host,core,busy\n1767225600,a,0,1\n1767225600,b,0,2\n1767225605,a,0,3\n1767225605,b,0,4\n1767225610,a,0,5\n1767225610,b,0,6\n"
BEGIN_MS = 1_767_225_600_000


def _write(tmp_path: Path, text: str, name: str = "a[1].csv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def _frame(path: Path, wish: Wish | None = None) -> Frame:
    with Sheet(path) as sheet:
        return read_frame(sheet, wish or Wish())


def test_a_wide_file_has_a_series_a_column(tmp_path: Path) -> None:
    frame = _frame(_write(tmp_path, WIDE))
    assert (frame.time, list(frame.values), frame.by) == ("Time", ["cpu", "ram"], ())
    assert frame.ts_ms.tolist() == [BEGIN_MS, BEGIN_MS + 5000, BEGIN_MS + 10_000]
    assert [repr(value) for value in frame.values["ram"].tolist()] == ["nan", "7.0", "8.0"]


def test_a_long_file_is_taken_apart_by_its_texts(tmp_path: Path) -> None:
    frame = _frame(_write(tmp_path, LONG))
    assert (frame.time, frame.by, frame.labels) == ("ts", ("host",), [("a",), ("b",)])
    assert [(label, column, rows.tolist()) for label, column, rows in frame.series()] == [
        (("a",), "core", [0, 2, 4]),
        (("a",), "busy", [0, 2, 4]),
        (("b",), "core", [1, 3, 5]),
        (("b",), "busy", [1, 3, 5]),
    ]
    named = _frame(_write(tmp_path, LONG), Wish("TS", ["busy"], ["host", "core"]))
    assert (list(named.values), named.labels) == (["busy"], [("a", "0"), ("b", "0")])


@pytest.mark.parametrize("factor", [1, 1000, 10**6, 10**9])
def test_numbers_are_moments_by_their_size(tmp_path: Path, factor: int) -> None:
    frame = _frame(_write(tmp_path, f"time,x\n{1767225600 * factor},1\n{1767225660 * factor},2\n"))
    assert frame.ts_ms.tolist() == [BEGIN_MS, BEGIN_MS + 60_000]


def test_parquet_and_gzip_are_read_as_csv_is(tmp_path: Path) -> None:
    import duckdb

    path = tmp_path / "a.parquet"
    duckdb.execute(f"COPY (SELECT TIMESTAMP '2026-01-01' AS t, 1.5::DECIMAL(4,1) AS x, 'a' AS k) TO '{path}'")
    with Sheet(path) as sheet:
        assert list(sheet.rows(is_typed=True)) == [("2026-01-01T00:00:00.000Z", 1.5, "a")]
        assert read_frame(sheet, Wish()).ts_ms.tolist() == [BEGIN_MS]
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(WIDE.encode()))
    assert list(_frame(packed).values) == ["cpu", "ram"]


def test_a_pipe_is_refused_before_its_first_rows_are_lost() -> None:
    reading, writing = os.pipe()
    os.write(writing, WIDE.encode())
    os.close(writing)
    with pytest.raises(InputError, match="it is no file") as caught:
        _frame(Path(f"/dev/fd/{reading}"))
    os.close(reading)
    assert "write it to a file first" in (caught.value.hint or "")


def test_rows_come_out_as_they_were_or_as_numbers(tmp_path: Path) -> None:
    with Sheet(_write(tmp_path, "time,n,x\n2026-01-01,01,1.50\n2026-01-02,2,\n")) as sheet:
        assert list(sheet.rows(is_typed=False)) == [("2026-01-01", "01", "1.50"), ("2026-01-02", "2", None)]
        assert list(sheet.rows(is_typed=True)) == [("2026-01-01", 1, 1.5), ("2026-01-02", 2, None)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        ("time,x\n", "it has no rows"),
        ("1,2\n3,4\n", "its first line is no line of names"),
        ("a,b\nx,1\ny,2\n", "no column holds moments"),
        ("time,x\n2026-01-01,a\n", "it has no column of numbers"),
        ("time,x\n2026-01-01,1\n,2\n", "cannot read the time of row 2"),
        ("time,x\0\n1,2\n", "neither CSV nor Parquet"),
    ],
)
def test_what_is_no_file_of_series_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        _frame(_write(tmp_path, text))
    assert said in caught.value.message


def test_what_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        _frame(tmp_path / "none.csv")
    with pytest.raises(InputError, match="directory"):
        _frame(tmp_path)
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1" + bytes(40))
    with pytest.raises(NagareError):
        _frame(broken)


@pytest.mark.parametrize("wish", [Wish(time="cpu2"), Wish(values=["nope"]), Wish(by=["nope"]), Wish(values=["note"])])
def test_a_column_that_is_not_there_is_named(tmp_path: Path, wish: Wish) -> None:
    with pytest.raises(InputError):
        _frame(_write(tmp_path, WIDE), wish)
