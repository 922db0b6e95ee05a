"""Which HTTP statuses a route may answer with, so that the OpenAPI document names every one and leaves no other open.

Derived from what a route is; what only its own verbs know stands in its row of the table (``Route.refuses``).
"""

from __future__ import annotations

from collections.abc import Mapping

from nagare.model.principal import Permission
from nagare.server.route import Route

TEXTS: Mapping[int, str] = {
    400: "What was sent cannot be read or is not lawful; nothing was changed",
    401: "No credentials, or none that hold",
    403: "The caller may not do this, or the host or origin is none of this server's",
    404: "There is none of that name or id",
    408: "The body did not come in time",
    409: "What is there already stands against it",
    412: "It was changed by somebody else since it was read",
    413: "More than is taken at once",
    415: "The content type or encoding is not spoken here",
    417: "Expect asks for something else than 100-continue",
    422: "The answer or what was sent is beyond a limit",
    429: "Too many at this time; Retry-After says when to come again",
    500: "A fault of the server, whose log has more under the request's id",
    503: "Not now; Retry-After says when to come again",
    504: "It took longer than is allowed",
    507: "The disk is full or may not be written",
}
# Whatever a request is: the checks of Host and Origin, a fault, a part of the server that is away.
_ALWAYS = (403, 500, 503)
_OF_BODIES = (400, 408, 413, 415, 417)


def refusals_of(route: Route) -> list[int]:
    """Return the statuses of 400 and more that ``route`` may answer with, in order."""
    found = {*_ALWAYS, *route.refuses}
    if not route.is_public:
        found.add(401)
    if route.params or "{" in route.path or route.is_live:
        found.add(400)
    if "{" in route.path:
        found.add(404)
    if route.request is not None or route.is_raw:
        found.update(_OF_BODIES)
    if route.form is not None:
        # Their senders know few statuses: what may pass by itself is 503 (server/foreign/fault.py).
        return sorted(found)
    # More requests than a user or an address may send (server/rates), guesses that failed, values of hosts.
    found.add(429)
    if route.is_guess:
        # A guess is refused as one that has no credentials.
        found.add(401)
    if route.action or route.finishes or route.permission is Permission.METRICS_WRITE:
        found.add(507)
    return sorted(found)
