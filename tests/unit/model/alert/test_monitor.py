"""Tables ``[[zabbix]]`` and ``[[prometheus]]``: every fault is pointed at."""

from typing import Any

import pytest

from nagare.errors import InputError
from nagare.model.alert.definition import parse_rules
from nagare.model.alert.monitor import Monitor

ZABBIX: dict[str, Any] = {"name": "main", "url": "https://z.example/zabbix/api_jsonrpc.php", "secret_file": "/etc/z"}
PROMETHEUS: dict[str, Any] = {"name": "p", "url": "http://p.example:9090"}


def _monitors(**tables: Any) -> tuple[Monitor, ...]:
    return parse_rules({key: [fields] for key, fields in tables.items()}, "own.toml").monitors


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("name", "a b", "must be letters"),
        ("url", "ftp://z", "must be a plain http"),
        ("url", "https://user:pass@z/api", "must be a plain http"),
        ("url", "https://z/api?x=1", "must be a plain http"),
        ("url", "https://[z", "must be a plain http"),
        ("secret_env", "X", "is given beside secret_file"),
        ("secret_file", "token", "must be the whole path"),
        ("every", "5s", "0s for never, or 10s"),
        ("every", "2h", "must be within"),
        ("labels", {}, "is not known"),
        ("wites_back", True, "did you mean 'writes_back'"),
    ],
)
def test_faults_are_pointed_at(field: str, value: Any, told: str) -> None:
    with pytest.raises(InputError) as caught:
        _monitors(zabbix={**ZABBIX, field: value})
    assert told in {fault["pointer"]: fault["detail"] for fault in caught.value.errors}[f"#/zabbix/0/{field}"]


def test_what_they_say() -> None:
    zabbix, prometheus = _monitors(
        zabbix={**ZABBIX, "key": "ann.zabbix", "writes_back": True, "every": "0s"},
        prometheus={**PROMETHEUS, "labels": {"site": "a"}},
    )
    assert (zabbix.source, zabbix.every_seconds, zabbix.writes_back) == ("zabbix/ann.zabbix", 0.0, True)
    assert (prometheus.source, prometheus.every_seconds, prometheus.labels) == ("prometheus", 60.0, {"site": "a"})
    with pytest.raises(InputError, match="secret_file: is missing, and secret_env too"):
        _monitors(zabbix={"name": "x", "url": "https://z"})
    with pytest.raises(InputError, match=r"prometheus.0.writes_back: is not known"):
        _monitors(prometheus={**PROMETHEUS, "writes_back": True})
