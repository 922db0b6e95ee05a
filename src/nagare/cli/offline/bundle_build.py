"""``nagare bundle build``: the agent as one file, built from this very package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of
from nagare.cli.console.output import write_document
from nagare.errors import InputError, StorageError, UnavailableError

if TYPE_CHECKING:
    from nagare.bundles.sources import Contents


def register(app: typer.Typer) -> None:
    """Add the command to ``nagare bundle``."""
    app.command()(build)


def build(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="Where to write; named by version and arch unless given."),
    ] = None,
    arch: Annotated[
        str, typer.Option("--arch", metavar="ARCH", help="x86_64 or aarch64; this machine's if not given.")
    ] = "",
    python: Annotated[
        list[str] | None, typer.Option("--python", metavar="3.N", help="A Python of hosts; may be given again.")
    ] = None,
    wheels: Annotated[
        Path | None,
        typer.Option("--wheels", metavar="DIR", help="Take wheels from here instead of asking pip's index."),
    ] = None,
    is_installed: Annotated[
        bool, typer.Option("--installed", help="Take what is installed here: for this arch and Python only.")
    ] = False,
) -> None:
    """Build the agent for hosts as one file, nagare-agent-VERSION-linux-ARCH.pyz.

    It holds every library it needs and runs on CPython 3.11 to 3.14 without a package index. Libraries are those that the lock pins, fetched
    by pip and compared with their hashes; where nothing can be fetched, those that are installed here.

    Examples:
      nagare bundle build
      nagare bundle build --arch aarch64 --python 3.11 --python 3.12
    """
    from nagare.bundles.build import build_file, file_name
    from nagare.bundles.contents import PYTHONS, check_arch, own_arch
    from nagare.lib.atomic_file import write_atomic

    invocation = invocation_of(context)
    if strange := [name for name in python or () if name not in PYTHONS]:
        raise InputError(f"cannot build for Python {strange[0][:20]!r}: agents run on {', '.join(PYTHONS)}")
    arch = check_arch(arch) if arch else own_arch()
    contents = _contents(arch, tuple(python or ()), wheels, is_installed=is_installed)
    content = build_file(contents)
    file = file or Path(file_name(arch))
    try:
        write_atomic(file, content, mode=0o755)
    except OSError as error:
        raise StorageError(f"cannot write {file}: {(error.strerror or 'refused').lower()}") from error
    _tell(invocation, file, contents, len(content))


def _contents(arch: str, pythons: tuple[str, ...], wheels: Path | None, *, is_installed: bool) -> Contents:
    from nagare.bundles.contents import PYTHONS, own_arch, own_python
    from nagare.bundles.download import find_lock, installed_pins, read_pins
    from nagare.bundles.sources import from_installed, from_wheels

    is_own = arch == own_arch() and set(pythons) <= {own_python()}
    if is_installed:
        if not is_own:
            raise InputError("cannot build from what is installed: it is for this machine's arch and Python only")
        return from_installed()
    lock = find_lock()
    if wheels is not None:
        pins = {name: pin.version for name, pin in read_pins(lock).items()} if lock else installed_pins()
        return from_wheels(wheels, arch, pythons or PYTHONS, pins)
    try:
        return _fetched(arch, pythons or PYTHONS, lock)
    except UnavailableError as error:
        if not is_own:
            raise
        note(f"nagare: {error.message}")
        note(f"nagare: built from what is installed here: for Python {own_python()} on {arch} only")
        return from_installed()


def _fetched(arch: str, pythons: tuple[str, ...], lock: Path | None) -> Contents:
    import tempfile

    from nagare.bundles.download import download, read_pins
    from nagare.bundles.sources import from_wheels

    if lock is None:
        raise UnavailableError(
            "cannot fetch wheels: no lock came with this package", hint="name a folder with --wheels"
        )
    pins = read_pins(lock)
    with tempfile.TemporaryDirectory(prefix="nagare-wheels-") as folder:
        download(Path(folder), arch, pythons, pins)
        return from_wheels(Path(folder), arch, pythons, {name: pin.version for name, pin in pins.items()})


def _tell(invocation: Invocation, file: Path, contents: Contents, size: int) -> None:
    from nagare.lib.units import format_bytes

    if invocation.format is not OutputFormat.TABLE:
        glibc = ".".join(map(str, contents.glibc))
        write_document({"file": str(file), "bytes": size, "pythons": contents.pythons, "glibc": glibc})
    if not invocation.is_quiet:
        note(f"nagare: {file} ({format_bytes(size)}) runs on CPython {', '.join(contents.pythons)} for {contents.arch}")
