"""The verbs of ``nagare bundle`` about what is published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nagare.cli.bundles.files import entry_of, read_document
from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import OutputFormat, invocation_of
from nagare.cli.console.output import Rows, write_document, write_rows
from nagare.errors import InputError

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.wire.rollouts import UpdatesView


def register(app: typer.Typer) -> None:
    """Add the verbs to ``app``."""
    app.command("publish")(publish)
    app.command("status")(status)


def publish(
    context: typer.Context,
    files: Annotated[list[Path] | None, typer.Argument(metavar="BUNDLE...", help="Bundles to send.")] = None,
    root: Annotated[list[Path] | None, typer.Option("--root", metavar="FILE", help="A new root, signed.")] = None,
    targets: Annotated[Path | None, typer.Option("--targets", metavar="FILE", help="The list, signed.")] = None,
    timestamp: Annotated[
        Path | None, typer.Option("--timestamp", metavar="FILE", help="Where not the server's.")
    ] = None,
) -> None:
    """Send bundles to the server and publish them. What is not signed well is refused, with the reason.

    Without documents the server's own key signs, as long as it has the roles.

    Examples:
      nagare bundle publish nagare-agent-0.2.0-linux-x86_64.pyz nagare-agent-0.2.0-linux-aarch64.pyz
      nagare bundle publish --targets targets.json nagare-agent-0.2.0-linux-x86_64.pyz
    """
    from nagare.client.updates import UpdateCalls
    from nagare.wire.rollouts import PublishRequest

    invocation = invocation_of(context)
    sent = [entry_of(file) for file in files or []]
    request = PublishRequest(
        bundles=[] if targets else [bundle for bundle, _ in sent],
        roots=[read_document(file) for file in root or []],
        targets=read_document(targets) if targets else "",
        timestamp=read_document(timestamp) if timestamp else "",
    )
    if request == PublishRequest():
        raise InputError("cannot publish nothing: name bundles or signed documents")

    async def change(client: Client) -> UpdatesView:
        calls = UpdateCalls(client)
        for bundle, content in sent:
            await calls.upload(bundle.sha256, content)
        return await calls.publish(request)

    view = call(invocation.settings, change)
    if invocation.wants_json_errors:
        write_document(_plain(view))
    elif not invocation.is_quiet:
        versions = sorted({bundle.version for bundle in view.bundles})
        note(f"nagare: published {len(view.bundles)} bundles ({', '.join(versions)}); start a rollout to install one")


def status(context: typer.Context) -> None:
    """Show what is published, who signs, and until when it is good.

    Examples:
      nagare bundle status
      nagare bundle status -o json
    """
    from nagare.client.updates import UpdateCalls

    invocation = invocation_of(context)

    async def fetch(client: Client) -> UpdatesView:
        return await UpdateCalls(client).published()

    view = call(invocation.settings, fetch)
    if invocation.format is OutputFormat.JSON:
        write_document(_plain(view))
        return
    rows = [(one.name, one.version, one.arch, one.length, one.sha256) for one in view.bundles]
    write_rows(invocation, Rows(("bundle", "version", "arch", "bytes", "sha256"), rows))
    if invocation.format is OutputFormat.TABLE and not invocation.is_quiet:
        for document in view.documents:
            whose = "the server" if document.is_own else f"{document.threshold} of {len(document.keyids)} keys"
            note(f"nagare: {document.role} {document.version}, signed by {whose}, good until {document.expires_at}")
        note(f"nagare: the server's public key is {view.public_key}")


def _plain(view: UpdatesView) -> object:
    from nagare.wire.codec import decode_any, encode

    return decode_any(encode(view))
