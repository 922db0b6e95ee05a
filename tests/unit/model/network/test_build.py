"""What becomes of labels and probes: nodes, links, layers, and what explains what."""

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from nagare.model.network.build import USUAL_LABELS, HostSeen, ProbeSeen, build_network
from nagare.model.network.graph import Network, NodeKind

GATEWAY = HostSeen("gw-1", "up")
SWITCH = HostSeen("sw-1", "up", {"gateway": "gw-1"})


def _web(number: int, state: str = "up") -> HostSeen:
    return HostSeen(f"web-{number}", state, {"switch": "sw-1", "rack": "r7"})


def _network(*hosts: HostSeen, probes: tuple[ProbeSeen, ...] = ()) -> Network:
    return build_network(hosts, probes, USUAL_LABELS)


def test_labels_and_probes_become_layers() -> None:
    probe = ProbeSeen("gw-1", "1.1.1.1", "icmp", success=True, latency_seconds=0.012, loss_ratio=0.0)
    network = _network(GATEWAY, SWITCH, _web(1), _web(2), probes=(probe,))
    assert {node.name: (node.kind.value, node.layer, node.behind) for node in network.nodes.values()} == {
        "1.1.1.1": ("target", 0, 4),
        "gw-1": ("host", 1, 3),
        "sw-1": ("host", 2, 2),
        "r7": ("thing", 0, 2),
        "web-1": ("host", 3, 0),
        "web-2": ("host", 3, 0),
    }
    assert network.above("host/web-1") == {"host/sw-1", "host/gw-1", "target/1.1.1.1", "thing/r7"}
    assert network.below("host/sw-1") == {"host/web-1", "host/web-2"}
    assert [(link.upper, link.relation, link.state) for link in network.links_of("host/gw-1")] == [
        ("target/1.1.1.1", "icmp", "up"),
        ("host/gw-1", "gateway", "up"),
    ]
    assert network.nodes["thing/r7"].roles == ("rack",)


def test_a_switch_that_falls_explains_those_behind_it_and_no_rack_is_blamed() -> None:
    network = _network(GATEWAY, replace(SWITCH, state="down"), *(_web(number, "down") for number in range(8)))
    assert [(node.name, node.behind) for node in network.roots()] == [("sw-1", 8)]
    assert {network.nodes[f"host/web-{number}"].cause for number in range(8)} == {"host/sw-1"}
    assert network.nodes["thing/r7"].state == "unknown"
    assert network.nodes["host/gw-1"].cause == ""


def test_a_thing_is_down_when_everything_on_it_fell_and_up_while_one_is_heard() -> None:
    down = _network(_web(1, "down"), _web(2, "down"))
    assert (down.nodes["thing/sw-1"].state, down.nodes["thing/sw-1"].reason) == ("down", "all 2 hosts on it are down")
    assert _network(_web(1, "down"), _web(2, "down"), _web(3)).nodes["thing/sw-1"].state == "warn"
    assert _network(_web(1, "down"), _web(2), _web(3)).nodes["thing/sw-1"].state == "up"
    assert _network(_web(1, "down")).nodes["thing/sw-1"].state == "unknown"


def test_probes_lead_to_hosts_to_things_to_targets_and_to_oneself() -> None:
    probes = tuple(
        ProbeSeen("web-1", target, kind, success=True)
        for target, kind in (
            ("http://gw-1:8080/health", "http"),
            ("r7:22", "tcp"),
            ("[2001:db8::1]:53", "tcp"),
            ("127.0.0.1:5432", "tcp"),
            ("example.org.", "dns"),
        )
    )
    network = _network(GATEWAY, _web(1), probes=probes)
    found = {link.target: link.upper for link in network.links if link.is_probe}
    assert found == {
        "http://gw-1:8080/health": "host/gw-1",
        "r7:22": "thing/r7",
        "[2001:db8::1]:53": "target/2001:db8::1",
        "127.0.0.1:5432": "host/web-1",
        "example.org.": "target/example.org",
    }
    assert "host/web-1" not in network.above("host/web-1")


def test_what_is_probed_is_as_its_probes_are() -> None:
    def state(*probes: ProbeSeen) -> tuple[str, str]:
        node = _network(_web(1), _web(2), HostSeen("web-3", "down"), probes=probes).nodes["target/db"]
        return node.state, node.reason

    good, bad = ProbeSeen("web-1", "db", "icmp", success=True), ProbeSeen("web-2", "db", "icmp", success=False)
    assert state(good) == ("up", "")
    assert state(good, bad) == ("warn", "1 of 2 probes get no answer")
    assert state(bad) == ("down", "no answer to the only probe")
    assert state(replace(good, latency_seconds=0.7)) == ("warn", "slow, or loses tries, for 1 of 1")
    assert state(replace(good, loss_ratio=0.1))[0] == "warn"
    assert state(replace(bad, host="web-3")) == ("unknown", "no host tells of it")
    assert state(replace(bad, success=None))[0] == "unknown"


def test_those_who_hang_on_each_other_stand_somewhere_all_the_same() -> None:
    ring = [HostSeen(f"h{at}", "up", {"depends_on": f"h{(at + 1) % 4}"}) for at in range(4)]
    network = _network(*ring)
    assert sorted(node.layer for node in network.nodes.values()) == [0, 1, 2, 3]
    assert network.above("host/h0") == {"host/h1", "host/h2", "host/h3"}
    fallen = _network(*(replace(host, state="down") for host in ring))
    assert [node.name for node in fallen.roots()] == ["h0"]


def test_several_names_stand_in_one_label_and_oneself_is_none() -> None:
    network = _network(HostSeen("app", "up", {"depends_on": "db-1, db-2 app", "upstream": ""}))
    assert network.uppers == {"host/app": ("thing/db-1", "thing/db-2")}


def test_a_thing_above_the_one_that_fell_is_not_blamed_while_others_on_it_are_heard() -> None:
    both = {"gateway": "gw", "switch": "sw-a"}
    fallen = [HostSeen(f"a{at}", "down", both) for at in range(3)]
    network = _network(*fallen, HostSeen("b1", "up", {"gateway": "gw", "switch": "sw-b"}))
    states = {node.name: node.state for node in network.nodes.values() if node.kind is NodeKind.THING}
    assert states == {"gw": "up", "sw-a": "down", "sw-b": "up"}


_NAMES = st.sampled_from([f"h{number}" for number in range(9)])
_LABELS = st.dictionaries(st.sampled_from(USUAL_LABELS[:3]), st.lists(_NAMES, max_size=3).map(" ".join), max_size=2)
HOSTS = st.lists(
    st.builds(HostSeen, _NAMES, st.sampled_from(("up", "warn", "stale", "down", "unknown")), _LABELS),
    unique_by=lambda host: host.name,
)
PROBES = st.lists(
    st.builds(
        ProbeSeen, _NAMES, st.sampled_from(("h1", "10.0.0.1", "h20")), st.just("icmp"), st.none() | st.booleans()
    ),
    max_size=8,
    unique_by=lambda probe: (probe.host, probe.target),
)


@given(HOSTS, PROBES, st.randoms())
@settings(max_examples=30)
def test_the_order_in_which_things_are_told_changes_nothing(
    hosts: list[HostSeen], probes: list[ProbeSeen], random: Random
) -> None:  # fmt: skip
    network = build_network(hosts, probes, USUAL_LABELS)
    random.shuffle(hosts)
    random.shuffle(probes)
    assert build_network(hosts, probes, USUAL_LABELS) == network
    assert len([node for node in network.nodes.values() if node.kind is NodeKind.HOST]) == len(hosts)


@given(HOSTS, PROBES)
@settings(max_examples=30)
def test_what_explains_others_is_fallen_and_is_explained_by_nothing(
    hosts: list[HostSeen], probes: list[ProbeSeen]
) -> None:
    network = build_network(hosts, probes, USUAL_LABELS)
    for node in network.nodes.values():
        assert node.cause in ("", *network.above(node.id))
        if node.cause:
            assert network.nodes[node.cause].state == "down"
            assert network.nodes[node.cause].cause == ""
