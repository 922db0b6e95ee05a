"""The page docs/reference/access.md: every route and who may call it; ``make docs`` writes it.

A test reads the page and calls every route as every caller that stands there, so what it says is what a server does, and a
route that is new fails until the page says who may call it.
"""

from collections.abc import Mapping
from types import MappingProxyType

from nagare.errors import PermissionDeniedError
from nagare.identity.users.roles import OWN_ACCOUNT, Grant, Role, allowances
from nagare.model.principal import ADMIN_PERMISSIONS, HOST_PERMISSIONS, Allowance, Permission, Principal, combined
from nagare.server.middleware.authentication import check_allowed
from nagare.server.route import Route
from nagare.server.routes.table import ROUTES

OWN_ROLE = Role("auditor", frozenset({Permission.AUDIT_READ, Permission.SYSTEM_READ}))
# What carries the name of the host that it is of: refused when the token is another's.
SPEAKS_AS_HOST = frozenset({"/api/v1/metrics/batch", "/api/v1/events"})
# What no other token than a host's may send or ask.
HOSTS_ONLY = frozenset(
    {"/api/v1/metrics/batch", "/api/v1/standing", "/api/v1/standing/token", "/api/v1/commands/keys", "/ws/agent"}
)
YES, NO, OWN = "yes", "no", "own"

_TOP = f"""# Who may call what

Written by `make docs` from the table of routes; a test calls every route as every caller of this page, over HTTP and WebSocket. What a
permission allows, and which roles have it, stands in [roles and permissions](roles.md).

`yes`: answered. `no`: refused, with 401 for nobody and 403 for everybody else, before the body is read where the token alone tells.
`own`: answered for what concerns the hosts of the caller's groups; other hosts are as if there were none.

| caller | who that is |
| --- | --- |
| nobody | no token at all |
| local | the token in `run/token` of the data directory |
| viewer, operator, admin | a user with that built-in role, logged in |
| auditor | a user with a role of one's own, here of {" and ".join(f"`{name}`" for name in sorted(OWN_ROLE.permissions))} |
| group | a user with the role operator for one group of hosts |
| key | a personal key of an administrator, with all that a key may have |
| host | the token of the host that the request is about |
| other host | the token of another host; of what foreign senders bring, only samples that name a host that is not its own are refused |
| joining | a join token |
"""


def _user(*grants: Grant) -> Principal:
    given = [*allowances(grants, {OWN_ROLE.name: OWN_ROLE}), Allowance(OWN_ACCOUNT)]
    rights = combined(given)
    return Principal("", "", rights.permissions, scopes=rights.scopes)


CALLERS: Mapping[str, Principal] = MappingProxyType(
    {
        "nobody": Principal("", ""),
        "local": Principal("", "", ADMIN_PERMISSIONS),
        "viewer": _user(Grant("viewer")),
        "operator": _user(Grant("operator")),
        "admin": _user(Grant("admin")),
        "auditor": _user(Grant("auditor")),
        "group": _user(Grant("operator", frozenset({"db"}))),
        "key": Principal("", "", ADMIN_PERMISSIONS - {Permission.ACCOUNT_WRITE}),
        "host": Principal("", "", HOST_PERMISSIONS, host="web1"),
        "other host": Principal("", "", HOST_PERMISSIONS, host="web2"),
        "joining": Principal("", "", frozenset({Permission.HOSTS_REGISTER})),
    }
)


def access_page() -> str:
    """Return the page."""
    head = [f"| route | {' | '.join(CALLERS)} |", f"| --- |{' --- |' * len(CALLERS)}"]
    return "\n".join([_TOP, *head, *map(_row, ROUTES), ""])


def parse_page(text: str) -> dict[tuple[str, str], dict[str, str]]:
    """Return for each method and path what the page says of each caller."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for line in text.splitlines():
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        method, _, path = name.strip("`").partition(" ")
        if path.startswith("/"):
            found[method, path] = dict(zip(CALLERS, cells, strict=True))
    return found


def _row(route: Route) -> str:
    cells = (_cell(route, name, caller) for name, caller in CALLERS.items())
    return f"| `{route.method} {route.path}` | {' | '.join(cells)} |"


def _cell(route: Route, name: str, caller: Principal) -> str:
    try:
        check_allowed(route, caller)
    except PermissionDeniedError:
        return NO
    if route.path in HOSTS_ONLY and caller.host is None:
        return NO
    if route.method == "POST" and route.path in SPEAKS_AS_HOST and name == "other host":
        return NO
    is_limited = route.permission is not None and caller.scope_of(route.permission) is not None
    return OWN if is_limited else YES
