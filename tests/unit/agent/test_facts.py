from pathlib import Path

import pytest

from nagare.agent.facts import read_facts
from nagare.collect.collector import Root


def _root(tmp_path: Path, files: dict[str, str]) -> Root:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Root(tmp_path / "proc", tmp_path / "sys", tmp_path / "etc", tmp_path / "run")


def test_facts_of_a_virtual_machine(tmp_path: Path) -> None:
    root = _root(
        tmp_path,
        {
            "etc/os-release": 'NAME=Debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
            "proc/meminfo": "MemTotal:       16384 kB\nMemFree: 1 kB\n",
            "proc/cpuinfo": "processor\t: 0\nmodel name\t: AMD EPYC 9654\x1b[31m\nflags\t\t: fpu vme hypervisor sse\n",
            "sys/class/dmi/id/sys_vendor": "QEMU\n",
            "sys/class/dmi/id/product_name": "Standard PC\n",
        },
    )
    facts = read_facts(root)
    assert facts["os"] == "Debian GNU/Linux 12 (bookworm)"
    assert facts["memory_bytes"] == str(16384 * 1024)
    assert facts["cpu"] == "AMD EPYC 9654␛[31m"
    assert facts["virtualization"] == "QEMU Standard PC"
    assert "container" not in facts
    assert {"kernel", "arch", "cores", "python"} <= facts.keys()


@pytest.mark.parametrize(
    ("files", "container"),
    [
        ({"run/systemd/container": "systemd-nspawn\n"}, "systemd-nspawn"),
        ({"run/.containerenv": ""}, "podman"),
        ({"proc/self/cgroup": "0::/system.slice/docker-0123.scope\n"}, "docker"),
        ({"proc/1/cgroup": "0::/kubepods/besteffort/pod1\n"}, "kubepods"),
    ],
)
def test_containers_are_recognised(tmp_path: Path, files: dict[str, str], container: str) -> None:
    assert read_facts(_root(tmp_path, files))["container"] == container


def test_a_machine_that_tells_nothing_leaves_facts_out(tmp_path: Path) -> None:
    facts = read_facts(_root(tmp_path, {}))
    assert facts.keys() & {"memory_bytes", "cpu", "virtualization", "container"} == set()
    assert all(facts.values())
