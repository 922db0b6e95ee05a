import pytest

from nagare.errors import InputError, LimitExceededError
from nagare.server.live.subscriptions import Subscriptions
from nagare.wire.live import Subscribe


def test_nothing_is_selected_before_anything_is_wanted() -> None:
    wanted = Subscriptions()
    assert wanted.select("web1", ["cpu"]) == ()
    assert not wanted.wants_host("web1")


@pytest.mark.parametrize(
    ("tables", "hosts", "host", "selected"),
    [
        (("*",), ("*",), "web1", ("cpu", "memory")),
        (("cpu",), ("*",), "web1", ("cpu",)),
        (("*",), ("web1",), "web1", ("cpu", "memory")),
        (("*",), ("web2",), "web1", ()),
        (("disk",), ("*",), "web1", ()),
        ((), ("*",), "web1", ()),
        (("cpu",), (), "web1", ()),
    ],
)
def test_selection(tables: tuple[str, ...], hosts: tuple[str, ...], host: str, selected: tuple[str, ...]) -> None:
    wanted = Subscriptions()
    wanted.put(Subscribe("a", tables, hosts))
    assert wanted.select(host, ["cpu", "memory"]) == selected


def test_subscriptions_add_up_replace_and_end() -> None:
    wanted = Subscriptions()
    wanted.put(Subscribe("a", ("cpu",), ("web1",)))
    wanted.put(Subscribe("b", ("memory",), ("*",)))
    assert wanted.select("web1", ["memory", "cpu"]) == ("memory", "cpu")
    wanted.put(Subscribe("a", ("disk",), ("web1",)))
    assert wanted.select("web1", ["memory", "cpu"]) == ("memory",)
    wanted.remove("b")
    wanted.remove("never was")
    assert wanted.select("web1", ["memory", "cpu"]) == ()
    assert wanted.wants_host("web1")
    assert not wanted.wants_host("web2")


def test_limits() -> None:
    wanted = Subscriptions()
    with pytest.raises(LimitExceededError):
        wanted.put(Subscribe("x" * 129))
    with pytest.raises(LimitExceededError):
        wanted.put(Subscribe("a", tuple(map(str, range(1025)))))
    for number in range(64):
        wanted.put(Subscribe(str(number)))
    with pytest.raises(LimitExceededError):
        wanted.put(Subscribe("65th"))
    wanted.put(Subscribe("7", ("cpu",)))
    assert len(wanted) == 64


def test_series_are_followed_of_the_hosts_that_were_named() -> None:
    wanted = Subscriptions()
    wanted.put(Subscribe("a", (), ("web1",), ("cpu.busy", "net.in", "cpu.busy")))
    wanted.put(Subscribe("b", (), ("web2",), ("memory.used", "net.in")))
    assert wanted.series == ("cpu.busy", "net.in", "memory.used")
    assert (wanted.follows("web1"), wanted.follows("web3")) == (True, False)
    wanted.put(Subscribe("b", ("cpu",)))
    wanted.remove("a")
    assert not wanted.follows("web1")
    assert list(wanted.series) == []


def test_an_unknown_series_is_named_and_nothing_changes() -> None:
    wanted = Subscriptions()
    with pytest.raises(InputError, match=r"no series 'cpu\.busi'"):
        wanted.put(Subscribe("a", series=("cpu.busy", "cpu.busi")))
    assert len(wanted) == 0
