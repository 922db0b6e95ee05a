"""``nagare insights`` as a shell sees it: files alone, no server."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nagare.cli.main import main


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def _run(*words: str) -> tuple[int, str, str]:
        status = main(["--data", str(tmp_path / "data"), "insights", *words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return _run


def _file(tmp_path: Path, name: str = "cpu.csv", header: str = "timestamp,value") -> Path:
    values = np.random.default_rng(1).normal(10, 1, 300).round(2)
    values[250] = 60
    lines = [f"{1767225600 + 60 * at},{value:.2f}" for at, value in enumerate(values)]
    path = tmp_path / name
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def test_every_row_comes_out_with_a_score(run: Any, tmp_path: Path) -> None:
    path = _file(tmp_path)
    status, out, _ = run("anomalies", str(path), "-o", "csv")
    assert status == 0
    rows = list(csv.reader(out.splitlines()))
    assert rows[0] == ["timestamp", "value", "score"]
    assert [row[:2] for row in rows[1:]] == list(csv.reader(path.read_text().splitlines()))[1:]
    scores = [float(row[2]) for row in rows[1:]]
    assert [at for at, score in enumerate(scores) if score >= 0.5] == [250]


def test_json_has_numbers_and_above_narrows(run: Any, tmp_path: Path) -> None:
    status, out, err = run("anomalies", str(_file(tmp_path)), "-o", "json", "--above", "0.5")
    assert status == 0
    (row,) = json.loads(out)
    assert (row["timestamp"], row["value"]) == (1767225600 + 60 * 250, 60.0)
    assert row["score"] >= 0.5
    assert "300 rows, time timestamp, values value" in err


def test_a_column_named_score_is_left_alone(run: Any, tmp_path: Path) -> None:
    path = _file(tmp_path, header="time,score")
    _, out, err = run("anomalies", str(path), "-o", "ndjson", "--above", "0.5")
    assert json.loads(out)["score"] == 60.0
    assert json.loads(out)["anomaly_score"] >= 0.5
    assert "'anomaly_score'" in err


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["none.csv"], 5, "there is no such file"),
        (["cpu.csv", "--time", "when"], 2, "cannot use column 'when'"),
        (["cpu.csv", "--above", "2"], 2, ""),
    ],
)
def test_a_bad_call_says_what_is_wrong(run: Any, tmp_path: Path, words: list[str], status: int, said: str) -> None:
    _file(tmp_path)
    found, out, err = run("anomalies", str(tmp_path / words[0]), *words[1:])
    assert (found, out) == (status, "")
    assert said in err
