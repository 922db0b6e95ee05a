"""What runs first in the agent's file: refuses a machine it cannot run on, unpacks once, then runs ``nagare agent``.

It becomes ``__main__.py`` of the file, where nothing of this package can be imported yet, and any Python 3 reads it, if only to
be told that it is too old: the syntax is that of 3.6. Exit statuses are those of the command line.
"""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import stat
import struct
import sys
import tempfile
import zipfile
import zlib
from typing import IO, Any

_UNFIT = 2
_DAMAGED = 9
_NOT_ALLOWED = 6
_PIECE_BYTES = 1 << 20
_MARKER = "complete"
_FRESH = ".new-"
# All that the readers of zip and deflate raise for bytes that are no such thing.
_GARBAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
)


class Refusal(Exception):  # noqa: N818  an answer to a person
    """Why the file does not run here."""

    def __init__(self, status: int, text: str) -> None:
        """Keep the exit status and the words."""
        super().__init__(text)
        self.status = status


def run(file: str, argv: "list[str]") -> "list[str]":
    """Make what ``file`` holds importable and return the arguments of ``nagare`` that ``argv`` asks for.

    Raises Refusal.
    """
    try:
        with open(file, "rb") as stream:
            digest = _digest_of(stream)
            manifest = _read_manifest(stream)
            _check_machine(manifest)
            folder = _unpacked(stream, manifest, digest, _root(argv))
    except OSError as error:
        status = _NOT_ALLOWED if isinstance(error, PermissionError) else _DAMAGED
        raise Refusal(
            status, f"cannot use {error.filename or file}: {(error.strerror or str(error)).lower()}"
        ) from error
    own = [os.path.join(folder, "lib", _tag()), os.path.join(folder, "lib", "any")]
    sys.path[:] = own + [path for path in sys.path if os.path.abspath(path) != os.path.abspath(file)]
    return ["agent", *argv]


def _digest_of(stream: "IO[bytes]") -> str:
    digest = hashlib.sha256()
    while True:
        piece = stream.read(_PIECE_BYTES)
        if not piece:
            return digest.hexdigest()
        digest.update(piece)


def _read_manifest(stream: "IO[bytes]") -> "dict[str, Any]":
    try:
        with zipfile.ZipFile(stream) as archive:
            manifest: "dict[str, Any]" = json.loads(archive.read("manifest.json").decode())
        return {key: manifest[key] for key in ("version", "arch", "pythons", "glibc", "files")}
    except _GARBAGE as error:
        raise _damaged(error) from error


def _check_machine(manifest: "dict[str, Any]") -> None:
    here = "{}.{}".format(*sys.version_info[:2])
    if platform.python_implementation() != "CPython" or here not in manifest["pythons"]:
        wanted = ", ".join(manifest["pythons"])
        raise Refusal(
            _UNFIT,
            f"this agent needs CPython {wanted}; this is {platform.python_implementation()} {here} ({sys.executable})",
        )
    system, machine = platform.system(), platform.machine()
    if (system, machine) != ("Linux", manifest["arch"]):
        raise Refusal(_UNFIT, f"this agent is for Linux on {manifest['arch']}; this is {system} on {machine}")
    library = _glibc()
    if library is None or library < tuple(manifest["glibc"]):
        wanted = ".".join(map(str, manifest["glibc"]))
        found = "another C library" if library is None else "glibc {}.{}".format(*library)
        raise Refusal(_UNFIT, f"this agent needs glibc {wanted} or newer; this machine has {found}")


def _glibc() -> "tuple[int, ...] | None":
    try:
        name, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").split()
        return tuple(int(part) for part in version.split(".")[:2]) if name == "glibc" else None
    except (OSError, ValueError):
        return None


def _tag() -> str:
    return "cp{}{}".format(*sys.version_info[:2])


def _root(argv: "list[str]") -> str:
    """Return where folders of unpacked files stand: in the installation that is named, else the user's cache."""
    data = os.environ.get("NAGARE_DATA", "")
    for place, word in enumerate(argv):
        if word == "--data" and place + 1 < len(argv):
            data = argv[place + 1]
        elif word.startswith("--data="):
            data = word[len("--data=") :]
    if data:
        return os.path.join(os.path.abspath(os.path.expanduser(data)), "agent", "unpacked")
    if os.geteuid() == 0:
        return "/var/lib/nagare/agent/unpacked"
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "nagare", "agent")


def _unpacked(stream: "IO[bytes]", manifest: "dict[str, Any]", digest: str, root: str) -> str:
    """Return the folder with what the file holds; whoever comes first unpacks, others wait for it."""
    for directory in _missing(root):
        os.mkdir(directory, 0o700)
    _check_own(root)
    target = os.path.join(root, digest)
    if _is_complete(target):
        return target
    with open(os.path.join(root, "lock"), "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_complete(target):
            return target
        # Nobody else unpacks now: what is there was left behind half done.
        for name in os.listdir(root):
            if name.startswith(_FRESH) or name == digest:
                shutil.rmtree(os.path.join(root, name))
        fresh = tempfile.mkdtemp(prefix=_FRESH, dir=root)
        try:
            _extract(stream, manifest["files"], fresh)
            _write(os.path.join(fresh, _MARKER), digest.encode())
            os.rename(fresh, target)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
    return target


def _missing(directory: str) -> "list[str]":
    found = []
    while not os.path.lexists(directory):
        found.append(directory)
        directory = os.path.dirname(directory)
    return found[::-1]


def _check_own(directory: str) -> None:
    """Close ``directory`` to others. Raises Refusal when it is somebody else's: code is never run from there."""
    found = os.lstat(directory)
    if not stat.S_ISDIR(found.st_mode):
        raise Refusal(_NOT_ALLOWED, f"cannot unpack into {directory}: it is no directory")
    if found.st_uid != os.geteuid():
        raise Refusal(
            _NOT_ALLOWED, f"cannot unpack into {directory}: it belongs to another user (run this as that user)"
        )
    if found.st_mode & 0o077:
        os.chmod(directory, 0o700)


def _is_complete(target: str) -> bool:
    if not os.path.lexists(target):
        return False
    _check_own(target)
    return os.path.exists(os.path.join(target, _MARKER))


def _extract(stream: "IO[bytes]", files: "dict[str, str]", folder: str) -> None:
    try:
        with zipfile.ZipFile(stream) as archive:
            for name in sorted(files):
                content = archive.read(name)
                if hashlib.sha256(content).hexdigest() != files[name] or ".." in name or name.startswith("/"):
                    raise Refusal(_DAMAGED, f"this file is damaged: {name} is not what was packed")
                path = os.path.join(folder, *name.split("/"))
                os.makedirs(os.path.dirname(path), exist_ok=True)
                _write(path, content)
    except _GARBAGE as error:
        raise _damaged(error) from error


def _write(path: str, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        # A folder that is complete stays so after a power cut.
        os.fsync(file.fileno())


def _damaged(error: Exception) -> Refusal:
    return Refusal(_DAMAGED, f"this file is damaged: {type(error).__name__} while reading it; fetch it again")


if __name__ == "__main__":
    try:
        words = run(os.path.dirname(os.path.abspath(__file__)), sys.argv[1:])
    except Refusal as refusal:
        sys.stderr.write(f"nagare-agent: {refusal}\n")
        sys.exit(refusal.status)
    from nagare.cli.main import main

    sys.exit(main(words))
