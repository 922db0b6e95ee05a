"""Which mounts a person watches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.collect.disk.mounts import choose_mounts, parse_mounts, unescape
from tests.unit.collect.trees import captured


def chosen(name: str) -> dict[bytes, bytes]:
    return {mount.point: mount.fstype for mount in choose_mounts(parse_mounts(captured(f"mountinfo/{name}.txt")))}


def test_docker_host() -> None:
    assert chosen("docker_host") == {
        b"/": b"ext4",
        b"/boot/efi": b"vfat",
        b"/data": b"xfs",
        b"/home": b"nfs4",
        b"/mnt/ntfs": b"fuseblk",
        b"/mnt/s3": b"fuse.s3fs",
        b"/tmp": b"tmpfs",
        b"/windows": b"cifs",
    }


def test_network_mounts_are_known_as_such() -> None:
    mounts = parse_mounts(captured("mountinfo/docker_host.txt"))
    assert [m.point for m in mounts if m.is_network and m.fstype != b"fuse.lxcfs"] == [
        b"/home",
        b"/mnt/s3",
        b"/windows",
    ]


def test_read_only_by_mount_or_by_file_system() -> None:
    mounts = {mount.point: mount for mount in parse_mounts(captured("mountinfo/docker_host.txt"))}
    assert mounts[b"/data"].is_read_only
    assert not mounts[b"/"].is_read_only


def test_container_shows_its_root_and_volumes() -> None:
    assert chosen("container") == {b"/": b"overlay", b"/var/lib/postgresql": b"xfs"}


def test_weird_names_subvolumes_and_covered_mounts() -> None:
    mounts = {mount.point: mount for mount in choose_mounts(parse_mounts(captured("mountinfo/weird.txt")))}
    assert set(mounts) == {
        b"/",  # /home is a subvolume of the same btrfs
        b"/tank",
        b"/tank/my files\ttab\nline\\slash",
        b"/mnt/usb stick",
        b"/mnt/over",
        b"/mnt/caf\xe9",
    }
    assert mounts[b"/mnt/over"].source == b"/dev/sdg1"


def test_bind_of_the_whole_tree_loses_against_the_shorter_path() -> None:
    text = b"1 0 8:1 / /longer/path rw - ext4 /dev/a rw\n2 0 8:1 / /mnt rw - ext4 /dev/a rw\n3 0 8:1 /x /a rw - ext4 /dev/a rw\n"
    assert [mount.point for mount in choose_mounts(parse_mounts(text))] == [b"/mnt"]


@pytest.mark.parametrize(
    ("field", "text"),
    [(rb"a\040b", b"a b"), (rb"\134040", rb"\040"), (rb"\04", rb"\04"), (rb"\777", b"\xff"), (b"", b"")],
)
def test_unescape(field: bytes, text: bytes) -> None:
    assert unescape(field) == text


@given(
    st.binary()
    | st.lists(st.sampled_from([b"1 ", b"/ ", b"- ", b"ext4 ", b"8:1 ", b"\n", b"\\000", b"\0"])).map(b"".join)
)
def test_any_bytes(text: bytes) -> None:
    for mount in choose_mounts(parse_mounts(text)):
        assert mount.point.startswith(b"/")
        assert b"\0" not in mount.point
