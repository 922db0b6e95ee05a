"""The verbs of ``nagare bundle`` that need no server: keys, documents to sign, and signatures."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nagare.cli.accounts.passwords import ask_password
from nagare.cli.bundles.files import entry_of, read_document, write_document_file
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import invocation_of
from nagare.errors import InputError
from nagare.lib.units import parse_duration

if TYPE_CHECKING:
    from nagare.keys.signing import SigningKey

PassphraseFile = Annotated[
    Path | None,
    typer.Option("--passphrase-file", metavar="FILE", help="File with the passphrase, instead of a prompt."),
]


def register(app: typer.Typer) -> None:
    """Add the verbs to ``app``."""
    app.command("keys")(keys)
    app.command("root")(root)
    app.command("targets")(targets)
    app.command("sign")(sign)


def keys(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the key (0600).")],
    passphrase_file: PassphraseFile = None,
    open_key: Annotated[bool, typer.Option("--no-passphrase", help="Write the key in clear.")] = False,
) -> None:
    """Make a key that signs updates, for a machine that is no server. Its public half goes to stdout.

    Example:
      nagare bundle keys root-1.key
    """
    from nagare.keys.offline_keys import make_offline_key
    from nagare.keys.update_roles.documents import public_key

    passphrase = "" if open_key else _passphrase(passphrase_file, twice=True)
    if not open_key and not passphrase:
        raise InputError("cannot make key: the passphrase is empty", hint="--no-passphrase writes it in clear")
    typer.echo(public_key(make_offline_key(file, passphrase)).public)
    if not invocation_of(context).is_quiet:
        note(f"nagare: the private key is in {file}; whoever loses it cannot sign, whoever copies it can")


def root(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the document.")],
    version: Annotated[int, typer.Option("--version-number", min=1, metavar="N", help="Its number; the last one + 1.")],
    root_key: Annotated[list[str], typer.Option("--root-key", metavar="PUBLIC", help="May be given again.")],
    targets_key: Annotated[list[str], typer.Option("--targets-key", metavar="PUBLIC", help="May be given again.")],
    timestamp_key: Annotated[
        list[str], typer.Option("--timestamp-key", metavar="PUBLIC", help="Mostly the server's own.")
    ],
    root_threshold: Annotated[int, typer.Option("--root-threshold", min=1, metavar="N", help="Signatures needed.")] = 1,
    targets_threshold: Annotated[
        int, typer.Option("--targets-threshold", min=1, metavar="N", help="Signatures needed.")
    ] = 1,
    lasts: Annotated[str, typer.Option("--for", metavar="TIME", help="How long it is good.")] = "365d",
    lowest: Annotated[
        str, typer.Option("--lowest-version", metavar="VERSION", help="Agents may go back as far as this.")
    ] = "",
) -> None:
    """Write the document that says whose keys count, to be signed by the old root keys and its own.

    Example:
      nagare bundle root root.json --version-number 2 --root-key PUB --targets-key PUB --timestamp-key SERVER
    """
    from nagare.keys.update_roles.documents import keyid_of
    from nagare.keys.update_roles.documents import sign as make_text
    from nagare.keys.update_roles.signatures import check_keys
    from nagare.wire.updates import PublicKey, RoleKeys, Root

    given = {"root": root_key, "targets": targets_key, "timestamp": timestamp_key}
    thresholds = {"root": root_threshold, "targets": targets_threshold, "timestamp": 1}
    known = {keyid_of(key): key for texts in given.values() for key in [PublicKey("ed25519", text) for text in texts]}
    roles = {
        role: RoleKeys(sorted(keyid_of(PublicKey("ed25519", text)) for text in texts), thresholds[role])
        for role, texts in given.items()
    }
    made = Root(version, _until(lasts), known, roles, lowest)
    check_keys(made)
    write_document_file(out, make_text(made))
    _say(context, f"nagare: {out} is to be signed: nagare bundle sign {out} --key FILE")


def targets(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the document.")],
    files: Annotated[list[Path], typer.Argument(metavar="BUNDLE...", help="Every bundle that may be installed.")],
    version: Annotated[int, typer.Option("--version-number", min=1, metavar="N", help="Its number; the last one + 1.")],
    lasts: Annotated[str, typer.Option("--for", metavar="TIME", help="How long it is good.")] = "90d",
) -> None:
    """Write the list of bundles that may be installed, to be signed by the keys of targets.

    Example:
      nagare bundle targets targets.json nagare-agent-0.2.0-linux-x86_64.pyz --version-number 5
    """
    from nagare.keys.update_roles.documents import sign as make_text
    from nagare.wire.updates import Targets

    made = Targets(version, _until(lasts), [entry_of(file)[0] for file in files])
    write_document_file(out, make_text(made))
    _say(context, f"nagare: {out} is to be signed: nagare bundle sign {out} --key FILE")


def sign(
    context: typer.Context,
    document: Annotated[Path, typer.Argument(metavar="FILE", help="The document.")],
    key: Annotated[list[Path], typer.Option("--key", "-k", metavar="FILE", help="A key; may be given again.")],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Add signatures to a document. Several people may do so one after the other.

    Example:
      nagare bundle sign root.json --key root-1.key
    """
    from nagare.keys.update_roles.documents import add_signature

    text = read_document(document)
    for path in key:
        text = add_signature(text, _load(path, passphrase_file))
    write_document_file(document, text)
    _say(context, f"nagare: {document} carries {len(key)} more of the signatures that it needs")


def _load(path: Path, passphrase_file: Path | None) -> SigningKey:
    from nagare.keys.offline_keys import is_encrypted, load_offline_key

    try:
        passphrase = _passphrase(passphrase_file) if is_encrypted(path) else ""
        return load_offline_key(path, passphrase)
    except OSError as error:
        raise InputError(f"cannot read key {path}: {(error.strerror or 'unreadable').lower()}") from error


def _passphrase(file: Path | None, *, twice: bool = False) -> str:
    if file is None:
        return ask_password("Passphrase", twice=twice)
    from nagare.client.target import read_token

    return read_token(file)


def _until(lasts: str) -> int:
    return time.time_ns() // 1_000_000 + round(parse_duration(lasts) * 1000)


def _say(context: typer.Context, text: str) -> None:
    if not invocation_of(context).is_quiet:
        note(text)
