"""The rules that came by the API, of an installation whose server runs: of one that is down nobody knows which hold."""

from __future__ import annotations

from nagare.cli.console.calls import call
from nagare.client.alerts import RuleCalls
from nagare.client.client import Client
from nagare.config.settings import Settings
from nagare.errors import ConnectFailedError, PermissionDeniedError
from nagare.model.alert.definition import parse_rule
from nagare.model.alert.rule import Rule, RuleOrigin


def kept_rules(settings: Settings) -> dict[str, Rule]:
    """Return them by name, none while no server runs or the caller may not see them. Raises what asking it raises."""

    async def work(client: Client) -> list[Rule]:
        calls = RuleCalls(client)
        names = [one.name for one in (await calls.rules()).rules if one.origin_kind == RuleOrigin.API]
        return [parse_rule((await calls.rule(name)).definition, RuleOrigin.API) for name in names]

    try:
        return {rule.name: rule for rule in call(settings, work)}
    except ConnectFailedError:
        if settings.client.server:
            raise
        return {}
    except PermissionDeniedError:
        # Who may ask SQL and see no rules replays those of the files here.
        return {}
