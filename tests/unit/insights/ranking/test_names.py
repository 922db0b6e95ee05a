import pytest

from nagare.errors import InputError
from nagare.insights.ranking.names import MetricKind, kind_of, parse_names

_METRICS = ("cpu", "mem", "cpu_usage", "latency_p99", "error_rate", "lat_50", "disk_io_read")


def _split(*names: str, pattern: str = "") -> list[tuple[str, str]]:
    return [(one.component, one.metric) for one in parse_names(names, pattern)]


@pytest.mark.parametrize("border", ["_", ".", "/", ":"])
@pytest.mark.parametrize(
    "components",
    [
        ("cart", "user-db", "front-end"),
        ("cart_service", "front_end", "user", "user_db", "payment_gateway"),
        ("service_0", "service_1", "service_12", "service_3"),
        ("ts-auth-service", "ts-order-service"),
    ],
)
def test_the_border_is_where_the_names_repeat(border: str, components: tuple[str, ...]) -> None:
    pairs = [(component, metric) for component in components for metric in _METRICS]
    assert _split(*(f"{component}{border}{metric}" for component, metric in pairs)) == pairs


def test_labels_say_whose_a_series_is() -> None:
    assert _split('up{job="a",instance="b"}', 'rps{service="cart", code="500"}', "plain") == [
        ("a", "up{instance=b}"),
        ("cart", "rps{code=500}"),
        ("", "plain"),
    ]


def test_a_pattern_overrules() -> None:
    assert _split("a_b_c", "xy", pattern="{component}_c") == [("a_b", "a_b_c"), ("", "xy")]
    assert _split("cpu@web", pattern="(?P<metric>[^@]+)@(?P<component>.+)") == [("web", "cpu")]
    for pattern in ("(", "no group", "{component}#{metric}"):
        with pytest.raises(InputError, match="cannot use component pattern"):
            parse_names(["a_b"], pattern)


@pytest.mark.parametrize(
    ("metric", "kind"),
    [
        ("cpu", MetricKind.RESOURCE),
        ("disk_await_seconds", MetricKind.RESOURCE),
        ("latency-90", MetricKind.SYMPTOM),
        ("requestDurationP99", MetricKind.SYMPTOM),
        ("errors_per_second", MetricKind.SYMPTOM),
        ("workload", MetricKind.TRAFFIC),
        ("what_nobody_knows", MetricKind.RESOURCE),
    ],
)
def test_the_kind_of_a_metric(metric: str, kind: MetricKind) -> None:
    assert kind_of(metric) is kind
