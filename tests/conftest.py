"""What holds for every test: no far network, no real home, no held event loop, repeatable examples."""

import gc
import inspect
import ipaddress
import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from nagare.config.places import Places
from nagare.config.settings import Settings
from tests.support.loop_guard import LoopGuard

# Derandomized: the same examples everywhere, so that a red build is red for everybody. `make soak` looks further.
hypothesis.settings.register_profile(
    "ci", derandomize=True, deadline=None, database=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile("soak", deadline=None, database=None, max_examples=5_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# Things made and not yet ended by which the collector looks at the youngest; by default 700.
_GARBAGE = 10_000
_OF_NETWORKS = {"socket.connect", "socket.sendto", "socket.getaddrinfo"}
_LOCAL_NAMES = {"localhost", "localhost.localdomain", "ip6-localhost", "", None}


def _is_near(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode(errors="replace")
    if host in _LOCAL_NAMES:
        return True
    try:
        address = ipaddress.ip_address(str(host).split("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified or address.is_multicast


def _refuse_far_network(event: str, arguments: tuple[Any, ...]) -> None:
    # Every id() is an event, too, some 60,000 a second: one look must do for what is none of these.
    if event in _OF_NETWORKS:
        _look_where(event, arguments)


def _look_where(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "socket.getaddrinfo":
        address = arguments[1]
        if isinstance(address, tuple) and address and not _is_near(address[0]):
            raise PermissionError(f"a test must not reach {address[0]}: loopback only")
    elif not _is_near(arguments[0]) and not _is_reserved(arguments[0]):
        raise PermissionError(f"a test must not look up {arguments[0]}: loopback only")


def _is_reserved(host: object) -> bool:
    # RFC 6761: names that no resolver answers; tests of lookup faults use them.
    return str(host).rstrip(".").endswith((".invalid", ".test", ".localhost"))


def pytest_configure(config: pytest.Config) -> None:
    """Close the far network; an audit hook sees every socket, whoever opens it."""
    sys.addaudithook(_refuse_far_network)
    # After pytest has looked for garbage, five times over: the interpreter is to take down what was kept, as it ends.
    config.add_cleanup(gc.unfreeze)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect no garbage where there is none: all that is imported and named here stays until the end.

    Nor as often as by default where there is some: the collector went through all that is kept after every few tests, a
    fifth of the time of those of screens.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(_GARBAGE, 10, 10)
        gc.enable()


# Real processes, sockets and time: a busy machine may be late for them. All others give the same answer each time, or are wrong.
_WITH_PROCESSES = {"component", "peer", "system", "tui"}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests of whole systems: at the end no worker has a long one left while the others are done."""
    items.sort(key=lambda item: "system" not in item.path.parts)
    for item in items:
        if _WITH_PROCESSES & set(item.path.relative_to(item.config.rootpath).parts):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how the tests failed that were run a second time: whichever way that went, the first time is a fault to mend."""
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"failed at first: {report.nodeid}")
        terminalreporter.write_line(report.longreprtext)


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Homes not yet lived in. Counted here: to number a folder, pytest looks through all that there are, for each test."""
    street = tmp_path_factory.mktemp("homes")
    return (street / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def no_real_home(homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test and its child processes an empty home and none of the user's settings."""
    home = next(homes)
    home.mkdir(mode=0o700)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(home if name == "HOME" else home / name.lower()))
    for name in [name for name in os.environ if name.startswith("NAGARE_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return home


@pytest.fixture(autouse=True)
def no_held_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a coroutine test in which code of ours held the event loop."""
    function = getattr(request.node, "obj", None)
    if not inspect.iscoroutinefunction(function) or request.node.get_closest_marker("may_block"):
        yield
        return
    with LoopGuard() as guard:
        yield
    if guard.blocks:
        pytest.fail("\n".join(guard.blocks), pytrace=False)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """The places of a fresh installation."""
    return Places(tmp_path / "data")


@pytest.fixture
def settings(places: Places) -> Settings:
    """The defaults, on a fresh installation."""
    return Settings(data=places.data)
