"""``nagare insights rank`` over files, as a shell sees it."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nagare.cli.main import main

_BEGIN = 1_767_225_600
_ONSET = 200
_SERVICES = ("cart_service", "front_end", "user", "payment", "user_db")


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def _run(*words: str) -> tuple[int, str, str]:
        status = main(["--data", str(tmp_path / "data"), "insights", "rank", *words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return _run


def _series() -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    series = {f"{name}_{metric}": random.normal(50, 2, 300) for name in _SERVICES for metric in ("cpu", "latency_p90")}
    series["payment_cpu"][_ONSET:] += 40
    series["payment_latency_p90"][_ONSET + 1 :] += 20
    for caller, late in (("cart_service", 4), ("front_end", 6)):
        series[f"{caller}_latency_p90"][_ONSET + late :] += 30
    return series


def _write(path: Path, begin: int = 0, end: int = 300, factor: float = 1, form: str = "") -> Path:
    series = _series()
    lines = [",".join(["time", *series])]
    for at in range(begin, end):
        moment = (_BEGIN + 5 * at) * factor
        time = f"{np.datetime64(_BEGIN + 5 * at, 's')}Z" if form == "iso" else f"{moment:.0f}"
        lines.append(",".join([time, *(f"{values[at]:.3f}" for values in series.values())]))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(("factor", "form"), [(1, ""), (1000, ""), (1, "iso")])
def test_the_onset_is_found_whatever_the_form_of_time(run: Any, tmp_path: Path, factor: float, form: str) -> None:
    path = _write(tmp_path / "all.csv", factor=factor, form=form)
    status, out, err = run("--file", str(path), "-o", "json", "-k", "2")
    assert (status, err.count("300 rows")) == (0, 1)
    found = json.loads(out)
    assert found["onset_ms"] == (_BEGIN + 5 * _ONSET) * 1000
    assert found["onset"] == "2026-01-01T00:16:40.000Z"
    assert [one["name"] for one in found["components"]][:1] == ["payment"]
    assert len(found["components"]) == len(found["metrics"]) == 2
    worst = found["metrics"][0]
    assert {key: worst[key] for key in ("name", "component", "measure", "direction", "onset")} == {
        "name": "payment_cpu",
        "component": "payment",
        "measure": "cpu",
        "direction": "up",
        "onset": "2026-01-01T00:16:40.000Z",
    }
    assert found["events"] == []


@pytest.mark.parametrize("onset", ["2026-01-01T00:18:00Z", "2026-01-01T00:15:00", str(_BEGIN + 5 * _ONSET)])
def test_a_named_onset_is_a_hint(run: Any, tmp_path: Path, onset: str) -> None:
    _, out, _ = run("--file", str(_write(tmp_path / "all.csv")), "--onset", onset, "-o", "json")
    assert json.loads(out)["components"][0]["name"] == "payment"


def test_two_files_are_compared(run: Any, tmp_path: Path) -> None:
    before, during = _write(tmp_path / "a.csv", 0, 180), _write(tmp_path / "b.csv", 180, 300)
    status, out, _ = run("--baseline", str(before), "--incident", str(during), "-o", "csv", "-k", "1")
    assert status == 0
    component, metric = csv.DictReader(out.splitlines())
    assert (component["what"], component["name"]) == ("component", "payment")
    assert (metric["what"], metric["name"], metric["component"]) == ("metric", "payment_cpu", "payment")
    assert (metric["direction"], metric["onset"]) == ("up", "2026-01-01T00:16:40.000Z")


@pytest.mark.parametrize(
    "text",
    [
        "caller,callee\nfront_end,cart_service\ncart_service,payment\n",
        "front_end,cart_service\ncart_service,payment\n",
        '[["front_end", "cart_service"], ["cart_service", "payment"]]',
        '{"front_end": ["cart_service"], "cart_service": ["payment"]}',
        '{"nodes": [], "links": [{"source": "front_end", "target": "cart_service"}, {"source": "cart_service", "target": "payment"}]}',
        "effect,cause\nfront_end,cart_service\ncart_service,payment\n",
    ],
)
def test_a_graph_says_what_explains_what(run: Any, tmp_path: Path, text: str) -> None:
    graph = tmp_path / "graph"
    graph.write_text(text)
    _, out, _ = run("--file", str(_write(tmp_path / "all.csv")), "--graph", str(graph), "-o", "json")
    first, *others = json.loads(out)["components"]
    assert (first["name"], first["explains"]) == ("payment", ["cart_service", "front_end"])
    assert {one["name"]: one["explained_by"] for one in others if one["explained_by"]} == {
        "cart_service": "payment",
        "front_end": "payment",
    }


def test_a_long_file_is_taken_apart_by_its_labels(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    rows = [f"{_BEGIN + 5 * at},{name.partition('_lat')[0].removesuffix('_cpu')},{name[-3:]},{values[at]:.3f}" for name, values in _series().items() for at in range(300)]  # fmt: skip
    path.write_text("ts,service,metric,value\n" + "\n".join(rows) + "\n")
    _, out, _ = run("--file", str(path), "-o", "json")
    found = json.loads(out)
    assert (found["series"], found["components"][0]["name"]) == (10, "payment")
    assert found["metrics"][0]["measure"] == "cpu"


def test_people_get_tables(run: Any, tmp_path: Path) -> None:
    _, out, err = run("--file", str(_write(tmp_path / "all.csv")), "-o", "table", "-k", "1")
    assert out.split()[:2] == ["rank", "component"]
    assert "payment_cpu" in out
    assert "the incident began at 2026-01-01T00:16:40.000Z" in err


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 2, "give either --file"),
        (("--file", "a", "--baseline", "b"), 2, "give either --file"),
        (("--baseline", "b"), 2, "give either --file"),
        (("--baseline", "b", "--incident", "c", "--onset", "1h"), 2, "cannot use --onset with two files"),
        (("--file", "{all}", "--graph", "{none}"), 5, "no such file"),
        (("--file", "{all}", "--graph", "{all}.one"), 2, "less than two columns"),
        (("--file", "{all}", "--component-pattern", "{{component}}#x"), 2, "no series is named so"),
        (("--file", "{all}", "--onset", "2020-01-01T00:00Z"), 2, "too few"),
    ],
)
def test_what_cannot_be_ranked_is_told(
    run: Any, tmp_path: Path, words: tuple[str, ...], status: int, said: str
) -> None:
    path = _write(tmp_path / "all.csv")
    Path(f"{path}.one").write_text("a\nb\n")
    places = {"all": path, "none": tmp_path / "none"}
    found, out, err = run(*(word.format(**places) for word in words))
    assert (found, out) == (status, "")
    assert said in err
