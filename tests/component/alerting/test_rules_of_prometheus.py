"""What docs/how-to/alerts.md says of rules of Prometheus: their form is refused, and the statements beside them say the same."""

import re
from pathlib import Path

import pytest

from nagare.errors import InputError
from nagare.lib.clock import ManualClock
from nagare.model.alert.definition import parse_rule
from nagare.wire.sql import SqlRequest
from tests.support.metric_store import make_store
from tests.support.samples import make_samples

_PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "alerts.md").read_text()
_ROWS = re.findall(r"^\| `([^`]+)` \| `sql = \"([^\"]+)\"`.*$", _PAGE, re.MULTILINE)
_CODE, _OTHER = {"code": "500", "path": "/a"}, {"code": "500", "path": "/b"}


async def test_the_statements_say_what_the_expressions_said(tmp_path: Path) -> None:
    clock = ManualClock()
    now_ms = clock.now_ms()
    async with make_store(tmp_path, clock=clock) as store:
        for instance, labels, growth in (("a:80", _CODE, 600), ("a:80", _OTHER, 300), ("b:80", _CODE, 60)):
            key = store.series.intern("http_requests_total", {"instance": instance, **labels})
            times = [now_ms - 120_000, now_ms - 60_000, now_ms]
            await store.append_samples(make_samples([key] * 3, times, [0.0, growth * 1.0, growth * 2.0]))
        for instance, job, value in (("a:80", "web", 1.0), ("b:80", "web", 1.0), ("c:80", "db", 0.0)):
            key = store.series.intern("up", {"instance": instance, "job": job})
            await store.append_samples(make_samples([key, key], [now_ms - 60_000, now_ms], [1.0, value]))
        found = []
        for expression, sql in _ROWS:
            with pytest.raises(InputError, match="is PromQL"):
                parse_rule({"name": "Was", "sql": expression, "severity": "high"}, "x.toml")
            rule = parse_rule({"name": "Is", "sql": sql, "severity": "high"}, "x.toml")
            reply = await store.query(SqlRequest(rule.sql, since_ms=now_ms - 300_000))
            found.append(sorted(map(tuple, reply.rows)))
    assert found == [[("a:80", 15.0), ("b:80", 1.0)], [("db", 0.0), ("web", 2.0)]]
