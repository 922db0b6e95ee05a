"""``nagare kb``: what people wrote down, and what of it fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, invocation_of
from nagare.cli.exit_codes import BAD
from nagare.cli.kb.shown import write_passages, write_sources
from nagare.errors import InputError, LimitExceededError, NotFoundError, PermissionDeniedError

if TYPE_CHECKING:
    from nagare.wire.kb import SyncReply

app = typer.Typer(add_completion=False, invoke_without_command=True)
_SKIPPED_SHOWN = 5
_SHIPPED = "shipped"

Directory = Annotated[
    str, typer.Argument(metavar="DIR", help="Its Markdown files are pages; a checkout of git, or none.")
]
GivenName = Annotated[str, typer.Option("--name", metavar="NAME", help="What to call it; its own name unless given.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The source; `nagare kb list` names them.")]
OptionalName = Annotated[str | None, typer.Argument(metavar="[NAME]", help="The source; all of them if none.")]
Text = Annotated[list[str], typer.Argument(metavar="TEXT", help="The text of an alert, or words.")]
Count = Annotated[int, typer.Option("-k", "--limit", min=1, max=50, metavar="COUNT", help="Pages at the most.")]
OneSource = Annotated[str, typer.Option("--source", metavar="NAME", help="Only of this source.")]


@app.callback()
def kb(context: typer.Context) -> None:
    """Search what people wrote down, and say where it is read from.

    Runbooks, past incidents and notes are Markdown files in directories, checkouts of git or not. The pages of the shipped
    rules are there from the start. It works on this installation's files too while no server runs.

    Without a verb it lists the sources.

    Examples:
      nagare kb add ~/runbooks
      nagare kb search "db3: replica is 900 s behind"
    """
    if context.invoked_subcommand is None:
        list_sources(context)


@app.command("list")
def list_sources(context: typer.Context) -> None:
    """List the sources: pages, commit, when they were read, and what is no page there.

    Example:
      nagare kb list -o json
    """
    from nagare.cli.offline import knowledge

    invocation = invocation_of(context)
    write_sources(invocation, knowledge.list_sources(invocation.settings))


@app.command()
def search(context: typer.Context, text: Text, limit: Count = 10, source: OneSource = "") -> None:
    """Find the passages that fit, the best of each page, and nothing where none does.

    Examples:
      nagare kb search "/var on web1 is 97 % full"
      nagare kb search NodeClockSkewDetected -k 3 -o json
    """
    from nagare.cli.offline import knowledge

    invocation = invocation_of(context)
    found = knowledge.search(invocation.settings, " ".join(text), limit, source)
    write_passages(invocation, found)
    if not found and not invocation.is_quiet:
        note("nagare: no page fits")


@app.command()
def add(context: typer.Context, directory: Directory, name: GivenName = "") -> None:
    """Read the pages of a directory, from now on.

    Whoever is not the owner of the installation may name directories of the setting kb.directories only. A server elsewhere
    needs the path as that machine has it.

    Examples:
      nagare kb add ~/runbooks
      nagare kb add /srv/ops/docs --name ops
    """
    from nagare.cli.offline import knowledge

    invocation = invocation_of(context)
    _tell(invocation, knowledge.add_source(invocation.settings, directory, name))


@app.command()
def sync(context: typer.Context, name: OptionalName = None) -> None:
    """Read sources again: what changed is taken up, what is gone vanishes.

    The server does so by itself every kb.sync_seconds. Ends with 1 when one of several cannot be read.

    Example:
      nagare kb sync
    """
    from nagare.cli.offline import knowledge

    invocation = invocation_of(context)
    if name:
        _tell(invocation, knowledge.sync_source(invocation.settings, name))
        return
    names = [one.name for one in knowledge.list_sources(invocation.settings) if one.name != _SHIPPED]
    failed = [one for one in names if not _synced(invocation, one)]
    if not names and not invocation.is_quiet:
        note("nagare: there is no source but the shipped one; add one: nagare kb add DIR")
    if failed:
        raise typer.Exit(BAD)


@app.command()
def remove(context: typer.Context, name: Name) -> None:
    """Forget a source with its pages; its directory stays as it is.

    Example:
      nagare kb remove runbooks
    """
    from nagare.cli.offline import knowledge

    invocation = invocation_of(context)
    knowledge.remove_source(invocation.settings, name)
    if not invocation.is_quiet:
        note(f"nagare: source {name} is removed")


def _synced(invocation: Invocation, name: str) -> bool:
    from nagare.cli.offline import knowledge

    try:
        _tell(invocation, knowledge.sync_source(invocation.settings, name))
    except (InputError, LimitExceededError, NotFoundError, PermissionDeniedError) as error:
        note(f"nagare: source {name}: {error.message}")
        return False
    return True


def _tell(invocation: Invocation, reply: SyncReply) -> None:
    if invocation.wants_json_errors:
        from nagare.cli.alerts.shown import write_documents

        write_documents(invocation, [reply])
        return
    if invocation.is_quiet:
        return
    source = reply.source
    version = f" @ {source.version[:12]}" if source.version else ""
    note(
        f"nagare: source {source.name}{version}: {source.pages} pages "
        f"({reply.added} new, {reply.changed} changed, {reply.removed} gone, {reply.unchanged} as they were)"
    )
    for one in source.skipped[:_SKIPPED_SHOWN]:
        note(f"  no page: {one.path}: {one.why}")
    if len(source.skipped) > _SKIPPED_SHOWN:
        note(f"  no page: {len(source.skipped) - _SKIPPED_SHOWN} more; `nagare kb list -o json` names them")
