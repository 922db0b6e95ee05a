"""Containers and units by the names of their cgroups."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.collect.reading.cgroup_path import find_container, find_unit, parse_cgroup, unescape_unit

HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("path", "runtime", "name"),
    [
        (f"/system.slice/docker-{HEX}.scope", "docker", HEX[:12]),
        (f"/docker/{HEX}", "docker", HEX[:12]),
        (f"/docker/{HEX}/init.scope", "docker", HEX[:12]),
        (f"/machine.slice/libpod-{HEX}.scope/container", "podman", HEX[:12]),
        (f"/libpod_parent/{HEX}", "podman", HEX[:12]),
        (f"/kubepods.slice/kubepods-pod1.slice/cri-containerd-{HEX}.scope", "containerd", HEX[:12]),
        (f"/kubepods.slice/kubepods-pod1.slice/crio-{HEX}.scope", "cri-o", HEX[:12]),
        (f"/kubepods/besteffort/pod12/{HEX}", "kubepods", HEX[:12]),
        (f"/default/{HEX}", "containerd", HEX[:12]),
        ("/lxc.payload.web01", "lxc", "web01"),
        ("/lxc.payload-web01/system.slice/x.service", "lxc", "web01"),
        ("/lxc/db", "lxc", "db"),
        ("/machine.slice/systemd-nspawn@build\\x2dbox.service/payload", "systemd-nspawn", "build-box"),
    ],
)
def test_container(path: str, runtime: str, name: str) -> None:
    found = find_container(path)
    assert found is not None
    assert (found.runtime, found.name) == (runtime, name)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/init.scope",
        "/system.slice/docker.service",
        "/user.slice/user-1000.slice/session-2.scope",
        "/lxc.monitor.web01",
        f"/machine.slice/libpod-conmon-{HEX}.scope",
        f"/kubepods.slice/crio-conmon-{HEX}.scope",
        f"/docker/{HEX[:-1]}",
        "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope",
    ],
)
def test_no_container(path: str) -> None:
    assert find_container(path) is None


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        ("/system.slice/ssh.service", "ssh.service"),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/firefox.scope", "firefox.scope"),
        ("/system.slice/ssh.service/nested", "ssh.service"),
        ("/", None),
        ("", None),
    ],
)
def test_unit(path: str, unit: str | None) -> None:
    assert find_unit(path) == unit


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (b"0::/system.slice/a.service\n", "/system.slice/a.service"),
        (b"9:name=systemd:/a\n3:cpu:/b\n0::/\n", "/a"),
        (b"2:cpu,cpuacct:/x\n", ""),
        (b"", ""),
    ],
)
def test_cgroup_file(text: bytes, path: str) -> None:
    assert parse_cgroup(text) == path


@given(st.text())
def test_any_path(path: str) -> None:
    find_container(path)
    find_unit(path)
    unescape_unit(path)


@given(st.binary())
def test_any_bytes(text: bytes) -> None:
    assert isinstance(parse_cgroup(text), str)
