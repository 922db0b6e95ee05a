"""The table of collectors and what settings may say about it."""

import subprocess
import sys
from contextlib import suppress
from dataclasses import replace

import pytest

from nagare.collect.collector import AbsentError, Collector, Root
from nagare.collect.registry import FACTORIES, PORTABLE_FACTORIES, build_collectors
from nagare.config.settings import AgentSettings
from nagare.errors import ConfigError
from nagare.model.tables import TABLES
from tests.unit.collect.trees import at, captured_host, check

SETTINGS = AgentSettings()


def test_every_collector_has_its_own_name_and_table() -> None:
    collectors = build_collectors(SETTINGS, Root(), platform="linux")
    assert [collector.name for collector in collectors] == list(FACTORIES)
    assert set(FACTORIES) <= set(TABLES)
    assert [collector.name for collector in build_collectors(SETTINGS, Root(), platform="darwin")] == list(
        PORTABLE_FACTORIES
    )
    for collector in collectors:
        collector.close()


def test_disabled_collectors_are_left_out() -> None:
    built = build_collectors(replace(SETTINGS, disabled=("gpu", "smart")), Root(), platform="linux")
    assert {"gpu", "smart"}.isdisjoint(collector.name for collector in built)
    for collector in built:
        collector.close()


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        (replace(SETTINGS, disabled=("memroy",)), "disabled"),
        (replace(SETTINGS, intervals={"memroy": 5.0}), "intervals"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(settings: AgentSettings, key: str) -> None:
    with pytest.raises(ConfigError, match=rf"'memroy' in agent\.{key}") as caught:
        build_collectors(settings, Root())
    assert caught.value.hint == "did you mean 'memory'?"


def test_a_name_with_no_neighbour_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        build_collectors(replace(SETTINGS, disabled=("xyzzy",)), Root())
    assert "cpu, load, memory" in caught.value.hint


@pytest.mark.parametrize("host", ["vm", "metal", "old", "node", "v1"])
def test_whole_captured_machines(host: str) -> None:
    def attempt(collector: Collector, seconds: float) -> None:
        with suppress(AbsentError):
            check(collector.collect(at(seconds)))

    quick = [
        collector
        for collector in build_collectors(SETTINGS, captured_host(host), platform="linux")
        if collector.name != "smart"
    ]
    for seconds in (0, 5, 40):
        for collector in quick:
            attempt(collector, seconds)
    for collector in quick:
        collector.close()


def test_foreign_libraries_are_loaded_late() -> None:
    code = "import sys, nagare.collect.registry; print([m for m in ('psutil', 'pynvml') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
