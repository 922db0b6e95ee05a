"""The page docs/reference/roles.md, made from the permissions and built-in roles; `make docs` writes it."""

from nagare.identity.users.roles import BUILT_IN
from nagare.model.principal import HOST_BOUND, TEXTS
from nagare.server.routes.table import ROUTES

_TOP = """# Roles and permissions

Written by `make docs` from the code. `nagare users roles` shows the same of a live installation, with the roles of your own.

A permission reads `<room>.<verb>`. Those that concern hosts can be limited to groups of hosts when a role is granted; a role granted
with such a limit gives none of the others.
"""


def roles_page() -> str:
    """Return the page."""
    names = list(BUILT_IN)
    lines = [
        _TOP,
        f"| permission | allows | concerns | {' | '.join(names)} |",
        f"| --- | --- | --- |{' --- |' * len(names)}",
    ]
    for permission, text in TEXTS.items():
        has = ["yes" if permission in BUILT_IN[name].permissions else "" for name in names]
        concerns = "hosts" if permission in HOST_BOUND else "the installation"
        lines.append(f"| `{permission.value}` | {text} | {concerns} | {' | '.join(has)} |")
    lines += ["", "## What each lets one ask", "", "| permission | routes |", "| --- | --- |"]
    for permission in TEXTS:
        routes = [f"`{route.method} {route.path}`" for route in ROUTES if route.permission is permission]
        lines.append(f"| `{permission.value}` | {', '.join(routes) or 'none yet'} |")
    return "\n".join([*lines, ""])
