"""Columns of network."""

from pathlib import Path

import pytest

from nagare.collect.collector import AbsentError
from nagare.collect.network.collector import INTERFACE_LIMIT, NetworkCollector
from nagare.collect.network.link import Link, is_cable, read_link
from tests.unit.collect.trees import at, captured_host, copied_host, root_at, rows_of

ZEROS = " 0" * 15


def test_virtual_machine() -> None:
    collector = NetworkCollector(captured_host("vm"))
    rows = {row["interface"]: row for row in rows_of(collector.collect(at(0)), "network")}
    collector.close()
    link = rows["ens3"]
    assert (link["speed_bits_per_second"], link["duplex"], link["state"]) == (None, None, "up")
    assert (link["mtu_bytes"], link["kind"], link["primary"]) == (1450, "physical", True)
    assert link["received_bytes_per_second"] is None
    assert (rows["lo"]["kind"], rows["lo"]["primary"]) == ("loopback", False)


def test_server_with_a_bond_and_containers() -> None:
    collector = NetworkCollector(captured_host("metal"))
    rows = {row["interface"]: row for row in rows_of(collector.collect(at(0)), "network")}
    collector.close()
    assert set(rows) == {"lo", "eno1", "eno2", "bond0", "docker0", "lxcbr0", "eth0:1"}
    assert (rows["bond0"]["speed_bits_per_second"], rows["bond0"]["kind"]) == (50_000_000_000, "bond")
    assert rows["bond0"]["primary"]
    assert (rows["docker0"]["kind"], rows["docker0"]["primary"]) == ("bridge", False)
    assert (rows["eno2"]["speed_bits_per_second"], rows["eno2"]["duplex"]) == (None, "half")
    assert rows["lxcbr0"]["kind"] is None


def test_rates_and_an_interface_made_anew(tmp_path: Path) -> None:
    root = copied_host("vm", tmp_path)
    collector = NetworkCollector(root)
    (root.proc / "net/dev").write_text(f"a: 1000 10 1 0 0 0 0 0 500 5 0 2 0 0 0 0\nb: 9{ZEROS}\n")
    collector.collect(at(0))
    (root.proc / "net/dev").write_text(f"a: 2000 20 2 5 0 0 0 0 500 5 0 2 0 0 0 0\nb: 8{ZEROS}\nc: 1{ZEROS}\n")
    a, b, c = rows_of(collector.collect(at(5)), "network")
    collector.close()
    assert (a["received_bytes_per_second"], a["sent_bytes_per_second"]) == (200.0, 0.0)
    assert (a["errors_per_second"], a["drops_per_second"]) == (0.2, 1.0)
    assert b["received_bytes_per_second"] is None
    assert c["received_bytes_per_second"] is None


def test_links_are_read_seldom(tmp_path: Path) -> None:
    root = copied_host("vm", tmp_path)
    collector = NetworkCollector(root)
    collector.collect(at(0))
    (root.sys / "class/net/ens3/operstate").write_text("down\n")
    states = [rows_of(collector.collect(at(after)), "network")[1]["state"] for after in (5, 20)]
    collector.close()
    assert states == ["up", "down"]


def test_many_interfaces_are_bounded_and_odd_names_stay_inside(tmp_path: Path) -> None:
    root = copied_host("vm", tmp_path)
    names = ["..", "a/b", *(f"vlan{number}" for number in range(INTERFACE_LIMIT + 9))]
    (root.proc / "net/dev").write_text("".join(f"{name}: 1{ZEROS}\n" for name in names))
    collector = NetworkCollector(root)
    rows = rows_of(collector.collect(at(0)), "network")
    collector.close()
    assert len(rows) == INTERFACE_LIMIT
    assert (rows[0]["kind"], rows[1]["kind"]) == (None, None)


def test_cable_with_the_default_route_stays(tmp_path: Path) -> None:
    root = copied_host("vm", tmp_path)
    for name in ("dev", "route"):
        path = root.proc / "net" / name
        path.write_text(path.read_text().replace("ens3", "veth0"))
    collector = NetworkCollector(root)
    assert [row["interface"] for row in rows_of(collector.collect(at(0)), "network")] == ["lo", "veth0"]
    collector.close()


@pytest.mark.parametrize(
    ("name", "expected"), [("vethab1", True), ("cali123", True), ("lxc1234", True), ("lxcbr0", False), ("eth0", False)]
)
def test_cables(name: str, expected: bool) -> None:
    assert is_cable(name) is expected


def test_unknown_interface(tmp_path: Path) -> None:
    assert read_link(tmp_path / "none") == Link()


def test_machine_without_proc(tmp_path: Path) -> None:
    with pytest.raises(AbsentError):
        NetworkCollector(root_at(tmp_path)).collect(at(0))
