"""What weighs on the store, over HTTP."""

import pytest

from nagare.wire.cardinality import CardinalityReply
from nagare.wire.codec import decode
from nagare.wire.queries import QueryCosts
from tests.component.server.conftest import Api


async def test_series_are_counted(api: Api) -> None:
    token = await api.register()
    await api.call("POST", "/api/v1/metrics/batch", api.batch(), token=token)
    answer = await api.call("GET", "/api/v1/cardinality")
    reply = decode(answer.raw, CardinalityReply)
    assert reply.series == sum(row.series for row in reply.rows if row.by == "table") > 0
    assert {row.by for row in reply.rows} == {"table", "host"}


async def test_statements_are_listed_by_cost(api: Api) -> None:
    await api.sql("select 'secret' from range(3)")
    answer = await api.call("GET", "/api/v1/queries?limit=1")
    (cost,) = decode(answer.raw, QueryCosts).queries
    assert (cost.statement, cost.count, cost.rows) == ("select ? from range ( ? )", 1, 3)


@pytest.mark.parametrize("limit", ["0", "x", "-1", "10001", ""])
@pytest.mark.parametrize("path", ["/api/v1/cardinality", "/api/v1/queries"])
async def test_a_bad_limit_is_refused(api: Api, path: str, limit: str) -> None:
    answer = await api.call("GET", f"{path}?limit={limit}")
    assert answer.status == 400
    assert answer.json["errors"][0]["parameter"] == "limit"


async def test_a_host_token_may_not_ask(api: Api) -> None:
    token = await api.register()
    for path in ("/api/v1/cardinality", "/api/v1/queries"):
        assert (await api.call("GET", path, token=token)).status == 403
