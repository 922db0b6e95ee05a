"""``nagare run``: an action on hosts, watched live, with an exit status that sums up what became of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, OutputFormat, invocation_of
from nagare.cli.console.output import write_document
from nagare.cli.console.table import format_local_time
from nagare.errors import DeadlineExceededError, InputError, UnavailableError
from nagare.lib.plain_text import plain
from nagare.lib.units import parse_duration
from nagare.model.command.approval import Approval

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.client.commands import Commands
    from nagare.wire.command_jobs import ActionView, CheckView, JobRequest, JobView

_SEPARATOR = "--"
_BEHIND = "nagare.words_behind_separator"


class RunCommand(typer.core.TyperCommand):
    """Keeps what stands behind ``--`` apart: before it are hosts and options, behind it the action and its arguments."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read options and hosts; ``words_behind`` finds the rest."""
        end = args.index(_SEPARATOR) if _SEPARATOR in args else len(args)
        ctx.meta[_BEHIND] = args[end + 1 :] if end < len(args) else None
        return super().parse_args(ctx, args[:end])

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the pieces of the usage line."""
        return [*super().collect_usage_pieces(ctx), "-- ACTION [NAME=VALUE]..."]


def words_behind(context: typer.Context) -> list[str] | None:
    """Return the words behind ``--``, None where there is none."""
    found: list[str] | None = context.meta.get(_BEHIND)
    return found


def complete_word(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Offer shipped actions behind ``--``, then the parameters of the one that is named; it opens no connection."""
    from nagare.config.actions.load import shipped_actions

    words = words_behind(context)
    if words is None:
        return []
    actions = shipped_actions()
    if not words:
        return [(name, action.title) for name, action in sorted(actions.items()) if name.startswith(incomplete)]
    parameters = actions[words[0]].parameters if words[0] in actions else ()
    offered = [(f"{one.name}=", one.text) for one in parameters if not one.is_secret]
    return [(word, text) for word, text in offered if word.startswith(incomplete)]


app = typer.Typer(add_completion=False)
_Many = list[str] | None


Hosts = Annotated[
    _Many,
    typer.Argument(
        metavar="HOST", help="Names, @group or label=value, also with commas between.", autocompletion=complete_word
    ),
]
Labels = Annotated[_Many, typer.Option("--label", "-l", metavar="KEY=VALUE", help="Hosts with all these labels.")]
Query = Annotated[str, typer.Option("--query", metavar="SQL", help="Hosts that its column host names.")]
Every = Annotated[bool, typer.Option("--all", help="Every host.")]
Secrets = Annotated[
    _Many, typer.Option("--secret", metavar="NAME", help="Ask for this secret argument; nothing is shown.")
]
SecretFiles = Annotated[
    _Many, typer.Option("--secret-file", metavar="NAME=PATH", help="Read it from a file, - from stdin.")
]
Check = Annotated[bool, typer.Option("--check", help="Only show what would run, where, and who must agree.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Confirm it; do not ask.")]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="What it is for; everybody sees it.")]
BreakGlass = Annotated[
    str, typer.Option("--break-glass", metavar="REASON", help="Go without the second person; all are told.")
]
Canary = Annotated[
    int, typer.Option("--canary", min=0, max=10_000, metavar="N", help="So many hosts first; all must end well.")
]
Concurrency = Annotated[int, typer.Option("--concurrency", min=1, max=10_000, metavar="N", help="Hosts at one time.")]
StopAfter = Annotated[
    int, typer.Option("--stop-after", min=0, max=10_000, metavar="N", help="Failures until it stops; 0 is never.")
]
Expires = Annotated[
    str, typer.Option("--expires", metavar="TIME", help="A host that has not begun by then never will.")
]
Detach = Annotated[bool, typer.Option("--detach", help="Print the job's id, and do not wait.")]


@app.command(cls=RunCommand)
def run(
    context: typer.Context,
    hosts: Hosts = None,
    label: Labels = None,
    query: Query = "",
    every: Every = False,
    secret: Secrets = None,
    secret_file: SecretFiles = None,
    check: Check = False,
    yes: Yes = False,
    why: Why = "",
    break_glass: BreakGlass = "",
    canary: Canary = 0,
    concurrency: Concurrency = 20,
    stop_after: StopAfter = 1,
    expires: Expires = "5m",
    detach: Detach = False,
) -> None:
    """Run an action on hosts and watch it.

    Lines come behind the name of their host (| is stdout, ! is stderr); what hosts wrote alike is told once at the end.

    What its risk asks for comes first: nothing, your own yes, or another person's, who types `nagare commands approve ID`.
    Ctrl-C never cancels: it ends the watching, says how to go on, and the job goes on.

    The exit status is 0 when all is done, else that of the worst: 10 lost, 1 failed, 12 cancelled, 11 never began.

    Examples:
      nagare run web1,web2 -- service.status unit=nginx.service
      nagare run @web role=db --check -- service.restart unit=nginx.service
      nagare run --all --canary 2 --stop-after 3 --yes --why "new key" -- service.restart unit=sshd.service
    """
    from nagare.cli.jobs.secrets import read_secrets
    from nagare.cli.jobs.words import parse_arguments
    from nagare.client.jobs.target_words import parse_targets
    from nagare.wire.command_jobs import Batches, JobRequest, Targets

    invocation = invocation_of(context)
    targets = parse_targets(hosts or [], label or [], query, every=every)
    expires_seconds = parse_duration(expires)
    name, *words = _action_words(context)
    action = _find(invocation, name)
    make = partial(
        JobRequest,
        action.name,
        arguments=parse_arguments(action, words),
        secrets=read_secrets(action, secret or [], secret_file or []),
        batches=Batches(canary, concurrency, stop_after),
        why=why,
        break_glass=break_glass,
        expires_seconds=expires_seconds,
    )
    checked = _check(invocation, make(targets, check=True))
    if check:
        _write_check(invocation, checked)
        return
    _confirm(checked, is_agreed=yes, is_break_glass=bool(break_glass))
    # What was checked and shown is what runs: these hosts, whatever a label or a query would say by now, and this plan. A
    # host that was named and cannot be asked stays among them, so that the server refuses it as it would have.
    pinned = Targets(list(dict.fromkeys([*checked.hosts, *targets.hosts])))
    status = _start(invocation, make(pinned, confirm=checked.plan_sha256), checked, is_detached=detach)
    if status:
        raise typer.Exit(status)


def _action_words(context: typer.Context) -> list[str]:
    words = words_behind(context)
    if words:
        return words
    raise InputError("cannot run: which action?", hint="it stands behind --, such as `nagare run web1 -- host.uptime`")


def _find(invocation: Invocation, name: str) -> ActionView:
    from nagare.cli.jobs.words import find_action
    from nagare.client.commands import Commands

    async def fetch(client: Client) -> list[ActionView]:
        return await Commands(client).actions()

    return find_action(call(invocation.settings, fetch), name)


def _check(invocation: Invocation, request: JobRequest) -> CheckView:
    from nagare.client.commands import Commands

    async def fetch(client: Client) -> CheckView:
        return await Commands(client).check(request)

    return call(invocation.settings, fetch)


def _write_check(invocation: Invocation, checked: CheckView) -> None:
    from nagare.cli.jobs.plans import check_lines
    from nagare.wire.codec import decode_any, encode

    if invocation.format is OutputFormat.TABLE:
        for line in check_lines(checked):
            typer.echo(line)
    else:
        write_document(decode_any(encode(checked)))


def _confirm(checked: CheckView, *, is_agreed: bool, is_break_glass: bool) -> None:
    """Let the person agree where the risk asks for it. Raises InputError, UnavailableError for no host at all."""
    from nagare.cli.jobs.plans import check_lines, confirm

    if not checked.hosts:
        unable = "; ".join(f"{host}: {why}" for host, why in checked.unable.items()) or "none fits"
        raise UnavailableError(f"cannot run {checked.action}: no host can be asked ({unable[:300]})")
    is_asked_elsewhere = checked.needs == Approval.SECOND_PERSON and not is_break_glass
    if not (is_agreed or checked.needs == Approval.NONE or is_asked_elsewhere):
        way = "read what --check shows, then add --yes"
        question = "Run this without the second person?" if is_break_glass else "Run this?"
        confirm(check_lines(checked), question, refusal=f"cannot run {checked.action}", hint=way)


def _start(invocation: Invocation, request: JobRequest, checked: CheckView, *, is_detached: bool) -> int:
    """Make the job and watch it; return the exit status."""
    from nagare.cli.jobs.watching import Watch, telling_way_on
    from nagare.client.commands import Commands

    made: JobView | None = None

    async def work(client: Client) -> Watch | None:
        nonlocal made
        made = await _made(Commands(client), request)
        _tell_start(invocation, made, checked, is_detached=is_detached)
        if is_detached:
            return None
        watch = Watch(invocation, made)
        await watch.until_end(client)
        return watch

    with telling_way_on(lambda: made.id if made else ""):
        watched = call(invocation.settings, work)
    return 0 if watched is None else watched.tell_end(checked.unable)


async def _made(calls: Commands, request: JobRequest) -> JobView:
    from nagare.cli.jobs.watching import UNKNOWN

    try:
        return await calls.start(request)
    except (UnavailableError, DeadlineExceededError) as error:
        # The answer may be what was lost; running it again by itself could run it twice.
        error.hint = error.hint or UNKNOWN
        raise


def _tell_start(invocation: Invocation, job: JobView, checked: CheckView, *, is_detached: bool) -> None:
    from nagare.cli.jobs.watching import write_job
    from nagare.client.jobs.plans import is_pending

    if is_detached and invocation.wants_json_errors:
        write_job(job)
    elif is_detached:
        typer.echo(plain(job.id))
    if invocation.is_quiet:
        return
    asked = {command.host for command in job.commands} or set(checked.hosts)
    if not is_detached:
        count = len(job.commands) or len(checked.hosts)
        note(f"nagare: job {job.id} on {count} {'host' if count == 1 else 'hosts'}")
    # What was true at the check may be so no more.
    for host, why in {**checked.unable, **job.unable}.items():
        is_away = host in asked
        note(f"nagare: host {host} {'is away' if is_away else 'is left out'}: {why}")
    if is_pending(job):
        until = format_local_time(job.expires_at)
        note(f"nagare: it waits for another person until {until}, who types:\n\n  nagare commands approve {job.id}\n")
