"""Rules of alerts: seeing them, checking, saving and deleting those that come by the API."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from nagare.alerting.rules.asking import Ask
from nagare.errors import NotFoundError, PermissionDeniedError
from nagare.model.alert.rule import RuleOrigin
from nagare.model.principal import Permission
from nagare.server.params import whole_number
from nagare.server.route import Call, Param, Route
from nagare.server.sight import sight_of
from nagare.wire.alerts import RuleCheckList, RuleCheckRequest, RuleList, RuleRequest, RuleView


async def list_rules(call: Call) -> RuleList:
    """Return rules and how they do, by name."""
    return call.services.alerts.rules.all()


async def get_rule(call: Call) -> RuleView:
    """Return a rule and how it does."""
    return call.services.alerts.rules.get(call.path("name"))


async def save_rule(call: Call) -> RuleView:
    """Make a rule, or change all of one that came by the API."""
    name, request, rules = call.path("name"), call.value, call.services.alerts.rules
    before = _definition(call, name)
    call.note.tell(name)
    saved = await rules.save(call.principal, name, request, _ask(call))
    changed = [key for key in before.keys() | saved.definition.keys() if before.get(key) != saved.definition.get(key)]
    call.note.tell(
        before={key: before[key] for key in sorted(changed) if key in before},
        after={key: saved.definition[key] for key in sorted(changed) if key in saved.definition}
        | {"revision": saved.revision},
    )
    return saved


async def remove_rule(call: Call) -> None:
    """Delete a rule that came by the API."""
    name = call.path("name")
    call.note.tell(name)
    revision = whole_number(call.query, "revision", "delete a rule", 0)
    call.note.tell(before=await call.services.alerts.rules.remove(name, revision))


async def check_rules(call: Call) -> RuleCheckList:
    """Return what is wrong with rules, and what they would have made of the past; nothing is saved."""
    return await call.services.alerts.rules.check(call.value, _ask(call))


def _definition(call: Call, name: str) -> Mapping[str, Any]:
    """Return what the API said of a rule before, empty for one that it did not have."""
    try:
        found = call.services.alerts.rules.get(name)
    except NotFoundError:
        return {}
    return found.definition if found.origin_kind == RuleOrigin.API else {}


def _ask(call: Call) -> Ask:
    """Return who answers statements with the sight of the caller. Raises PermissionDeniedError.

    A rule is judged with the sight of the server: whoever saves one must not see by its alerts what they may not ask themselves.
    """
    principal, services = call.principal, call.services
    sight = sight_of(principal, services.fleet)
    if not principal.may(Permission.METRICS_READ) or sight.hosts is not None:
        raise PermissionDeniedError(
            "cannot use rule: it is judged over the metrics of all hosts, which you may not ask",
            hint="needs metrics.read of all hosts too",
        )
    return partial(services.store.query, hosts=None, hidden=sight.hidden)


_ALL = "/api/v1/rules"
_ONE = f"{_ALL}/{{name}}"
_READ, _WRITE = Permission.ALERTS_READ, Permission.RULES_WRITE
_REVISION = Param("revision", "integer", "only as it was read: the revision that it had")
ROUTES = (
    Route("GET", _ALL, list_rules, "Rules and how they do, by name", _READ, reply=RuleList),
    Route("GET", _ONE, get_rule, "A rule and how it does", _READ, reply=RuleView),
    Route(
        "POST", f"{_ALL}/check", check_rules, "What is wrong with rules, and what they would have made of the past", _WRITE,
        request=RuleCheckRequest, reply=RuleCheckList, refuses=(422, 504),
    ),
    Route(
        "PUT", _ONE, save_rule, "Make a rule, or change all of one that came by the API", _WRITE,
        request=RuleRequest, reply=RuleView, action="rules.save", refuses=(409, 412, 422, 504),
    ),
    Route(
        "DELETE", _ONE, remove_rule, "Delete a rule that came by the API", _WRITE,
        action="rules.delete", params=(_REVISION,), refuses=(409, 412),
    ),
)  # fmt: skip
