"""Targets as they follow from the configuration."""

import pytest

from nagare.config.settings import ScrapeJob
from nagare.scrape.targets import make_filter, targets_of


def _labels(url: str, **job: object) -> dict[str, str]:
    (target,) = targets_of([ScrapeJob(**{"job": "node", "urls": (url,), **job})])  # type: ignore[arg-type]
    return dict(target.labels)


@pytest.mark.parametrize(
    ("url", "instance"),
    [
        ("http://web1:9100/metrics", "web1:9100"),
        ("http://web1/metrics", "web1:80"),
        ("https://web1/metrics?target=a", "web1:443"),
        ("http://[2001:db8::1]:9100/metrics", "[2001:db8::1]:9100"),
    ],
)
def test_instance_is_the_address_with_its_port(url: str, instance: str) -> None:
    assert _labels(url) == {"job": "node", "instance": instance}


def test_labels_of_the_job_are_added_and_win() -> None:
    assert _labels("http://a:1/", labels={"instance": "web1", "env": "prod"}) == {
        "job": "node", "instance": "web1", "env": "prod",
    }  # fmt: skip


def test_the_host_is_the_instance_without_its_port_unless_a_label_names_it() -> None:
    first, second = targets_of([ScrapeJob(job="a", urls=("http://web1:9100/m", "http://[::1]:9100/m"))])
    assert (first.host, second.host) == ("web1", "::1")
    (named,) = targets_of([ScrapeJob(job="a", urls=("http://web1:9100/m",), labels={"host": "db7"})])
    assert named.host == "db7"


def test_a_neighbour_in_the_job_changes_nothing_for_a_target() -> None:
    alone = next(targets_of([ScrapeJob(job="a", urls=("http://a:1/m",))]))
    beside = next(targets_of([ScrapeJob(job="a", urls=("http://a:1/m", "http://b:1/m"))]))
    assert alone == beside


def test_targets_spread_over_the_interval() -> None:
    job = ScrapeJob(job="node", urls=tuple(f"http://web{number}:9100/metrics" for number in range(1000)))
    offsets = [target.offset_ratio() for target in targets_of([job])]
    tenths = [sum(tenth / 10 <= offset < (tenth + 1) / 10 for offset in offsets) for tenth in range(10)]
    assert sum(tenths) == 1000
    assert min(tenths) > 60, tenths


@pytest.mark.parametrize(
    ("keep", "drop", "taken"),
    [
        ((), (), {"node_load1", "go_gc", "go_gc_more"}),
        (("node_.*",), (), {"node_load1"}),
        ((), ("go_gc",), {"node_load1", "go_gc_more"}),
        (("node_.*", "go_.*"), (".*_more",), {"node_load1", "go_gc"}),
        # Alternatives stay inside their pattern.
        (("a|node_load1",), (), {"node_load1"}),
    ],
)
def test_the_filter_matches_whole_names(keep: tuple[str, ...], drop: tuple[str, ...], taken: set[str]) -> None:
    filter_ = make_filter(ScrapeJob(keep=keep, drop=drop))
    assert {name for name in ("node_load1", "go_gc", "go_gc_more") if filter_.takes(name)} == taken
