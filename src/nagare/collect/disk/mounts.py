"""Which mounts are file systems that can fill up: pure functions from ``mountinfo`` to mounts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

# Kernel interfaces that store nothing, and images that are full by nature.
_PSEUDO = frozenset(
    b"autofs bdev binder binfmt_misc bpf cgroup cgroup2 configfs cpuset debugfs devfs devpts devtmpfs ecryptfs efivarfs"
    b" fuse.gvfsd-fuse fuse.lxcfs fuse.portal fuse.snapfuse fuse.squashfuse fusectl hugetlbfs mqueue none nsfs pipefs"
    b" proc pstore ramfs resctrl rootfs rpc_pipefs securityfs selinuxfs smackfs sockfs sysfs tracefs usbfs vboxsf"
    b" squashfs erofs cramfs romfs iso9660 udf".split()
)
# Asking these can block for ever when the other side is gone.
_NETWORK = frozenset(
    b"9p afs beegfs ceph cifs coda davfs fuse fuse.ceph gfs2 glusterfs gpfs lustre ncpfs nfs nfs4 ocfs2 orangefs pvfs2"
    b" smb3 smbfs".split()
)
# Mounts at or below these belong to the system, below the runtimes' own to containers, which have a table.
_INTERNAL = tuple(
    place.encode()
    for place in (
        "/dev/", "/proc/", "/sys/", "/run/", "/snap/", "/var/snap/", "/var/lib/snapd/", "/var/lib/lxcfs/",
        "/var/lib/docker/overlay2/", "/var/lib/docker/containers/", "/var/lib/docker/zfs/", "/var/lib/docker/btrfs/",
        "/var/lib/containers/storage/", "/var/lib/containerd/io.", "/var/lib/kubelet/pods/", "/var/lib/kubelet/plugins/",
    )
)  # fmt: skip
# Where desktops mount what a person plugs in.
_REMOVABLE = b"/run/media/"
# Files that a container runtime binds into every container from the host's disk.
_BOUND_FILES = frozenset((b"/etc/hosts", b"/etc/hostname", b"/etc/resolv.conf"))
_ESCAPE = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One mounted file system. Paths are bytes as the kernel has them, unescaped."""

    point: bytes
    source: bytes
    fstype: bytes
    device: bytes
    root: bytes
    is_read_only: bool

    @property
    def is_network(self) -> bool:
        """Whether asking it may block."""
        return self.fstype in _NETWORK or self.fstype.startswith(b"fuse.")

    @property
    def identity(self) -> bytes:
        """What two mounts of one file system share: btrfs gives each subvolume a device number of its own."""
        return self.source if self.fstype == b"btrfs" else self.device


def parse_mounts(text: bytes) -> list[Mount]:
    """Return every mount of a ``mountinfo``; lines that do not parse are left out."""
    mounts = (_parse_line(line) for line in text.split(b"\n"))
    return [mount for mount in mounts if mount is not None]


def _parse_line(line: bytes) -> Mount | None:
    before, dash, after = line.partition(b" - ")
    head, tail = before.split(b" "), after.split(b" ")
    if not dash or len(head) < 6 or len(tail) < 2 or not head[4].startswith(b"/") or b"\0" in head[4]:
        return None
    options = b",".join((head[5], *tail[2:3])).split(b",")
    point, root, source = (unescape(field) for field in (head[4], head[3], tail[1]))
    return None if b"\0" in point else Mount(point, source, tail[0], head[2], root, b"ro" in options)


def unescape(field: bytes) -> bytes:
    r"""Return a field with the kernel's octal escapes (``\040`` is a space) undone."""
    return _ESCAPE.sub(lambda match: bytes((int(match[1], 8) & 0xFF,)), field)


def choose_mounts(mounts: Iterable[Mount]) -> list[Mount]:
    """Return one mount for each file system that a person watches, by mount point.

    A later mount on the same point hides the earlier. Of several mounts of one file system the one of its whole tree
    stands, else the one with the shortest path: the others are binds.
    """
    visible = {mount.point: mount for mount in mounts}
    chosen: dict[bytes, Mount] = {}
    for mount in visible.values():
        if not _is_watched(mount):
            continue
        known = chosen.get(mount.identity)
        if known is None or _rank(mount) < _rank(known):
            chosen[mount.identity] = mount
    return sorted(chosen.values(), key=lambda mount: mount.point)


def _is_watched(mount: Mount) -> bool:
    if mount.fstype in _PSEUDO or mount.point in _BOUND_FILES:
        return False
    if mount.fstype == b"overlay":
        return mount.point == b"/"
    return not (mount.point + b"/").startswith(_INTERNAL) or mount.point.startswith(_REMOVABLE)


def _rank(mount: Mount) -> tuple[bool, int, bytes]:
    return mount.root != b"/", len(mount.point), mount.point
