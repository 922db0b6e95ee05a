"""What agents send is scored by the running server, and what was unlike is read by SQL under the caller's filter."""

from typing import Any

import numpy as np

from tests.component.server.conftest import Api, Serve


async def _send(api: Api, token: str, first: int, values: list[float]) -> None:
    begin = api.now_ms() - 5000 * (first + len(values))
    for at, value in enumerate(values, start=first):
        load: dict[str, Any] = {"ts": [begin + 5000 * at], "load1": [value]}
        answer = await api.call(
            "POST", "/api/v1/metrics/batch", api.batch(seq=at + 1, tables={"load": load}), token=token
        )
        assert answer.status == 200, answer.raw


async def test_a_row_that_is_unlike_is_in_sql_and_the_numbers_tell(serve: Serve) -> None:
    values = [*np.random.default_rng(1).normal(1, 0.1, 100).round(3).tolist(), 30.0]
    async with serve() as api:
        token = await api.register()
        await _send(api, token, 0, values)
        await api.services.anomalies.tick()
        found = await api.sql("select host, table_name, column_name, series, value from anomalies where score >= 0.5")
        metrics = (await api.call("GET", "/metrics")).raw.decode()
    assert found == [["web1", "load", "load1", "", 30.0]]
    assert "nagare_anomaly_series 1.0" in metrics
    assert "nagare_diagnosis_anomaly_rows_total 1.0" in metrics
