"""The pages of ``/ui``: the landing page, which works without scripts, and the one with the terminal. All text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from aiohttp import web

from nagare.server.foreign.fault import Fault
from nagare.server.foreign.forms import with_headers
from nagare.server.services import SERVICES

_HEAD = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex,nofollow">'
    '<link rel="icon" href="/ui/static/icon.svg"><link rel="stylesheet" href="/ui/static/ui.css">{more}</head>\n'
)
_STATIC = "/ui/static"
# Nothing of another origin, nothing inline, no frame of anybody, and no form that leads elsewhere.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src {styles}; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# The terminal gives single cells their colours by attributes, and makes style elements that carry the page's mark.
_TERMINAL_STYLES = "'self' 'nonce-{nonce}'; style-src-attr 'unsafe-inline'"
HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
    # With none at all a browser would not say where a form stands, and would be refused for that.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


@dataclass(frozen=True, slots=True)
class Landing:
    """What the landing page tells: of the server, of its user if there is one, and of how to log in."""

    version: str
    status: str
    user: str = ""
    may_open: bool = False
    facts: Sequence[tuple[str, str]] = ()
    by_password: bool = True
    provider: str = ""
    # (name, address) of what may be fetched.
    downloads: Sequence[tuple[str, str]] = ()
    fault: str = ""


def html(text: str, status: int = 200, styles: str = "'self'") -> web.Response:
    """Return an answer with a page that nobody keeps, lists or frames."""
    headers = {**HEADERS, "Content-Security-Policy": _POLICY.format(styles=styles)}
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)


def landing_page(told: Landing) -> str:
    """Return the landing page."""
    fault = f'<section class="fault" role="alert"><p>{escape(told.fault)}</p></section>' if told.fault else ""
    marks = f'data-user="{escape(told.user)}"' + (' data-fault=""' if told.fault else "")
    body = f"{fault}{_user(told) if told.user else _login(told)}{_health(told)}{_downloads(told)}"
    return (
        _HEAD.format(title="Nagare", more=f'<script src="{_STATIC}/landing.js" defer></script>')
        + f"<body {marks}><main><h1>Nagare <small>{escape(told.version)}</small></h1>{body}</main></body></html>\n"
    )


def room_page(nonce: str) -> web.Response:
    """Return the page with the terminal; ``nonce`` marks the style elements that its scripts may make."""
    more = f'<link rel="stylesheet" href="{_STATIC}/xterm.css">' + "".join(
        f'<script src="{_STATIC}/{name}" defer></script>' for name in ("xterm.js", "addon-fit.js", "room.js")
    )
    bar = '<div id="bar" role="status"><span id="bar-text"></span> <button id="bar-button" hidden></button></div>'
    needs = '<noscript><p>The dashboard needs JavaScript. <a href="/ui">Back</a></p></noscript>'
    text = (
        _HEAD.format(title="Nagare", more=more)
        + f'<body class="room" data-nonce="{escape(nonce)}">{bar}{needs}<div id="terminal"></div></body></html>\n'
    )
    return html(text, styles=_TERMINAL_STYLES.format(nonce=nonce))


def ui_form(request: web.Request, fault: Fault) -> web.Response:
    """Return a refusal as a page for a person: the landing page, with the reason."""
    services = request.app[SERVICES]
    told = Landing(
        version=services.version,
        status="",
        by_password=services.settings.oidc.password_login,
        provider=services.oidc.name if services.settings.oidc.is_set else "",
        fault=fault.text[:1].upper() + fault.text[1:],
    )
    return with_headers(html(landing_page(told), fault.status), fault)


def _login(told: Landing) -> str:
    parts = []
    if told.by_password:
        parts.append(
            '<form method="post" action="/ui/login">'
            '<label>User<input name="user" autocomplete="username" required maxlength="256" autofocus></label>'
            '<label>Password<input name="password" type="password" autocomplete="current-password" required'
            ' maxlength="4096"></label><button type="submit">Log in</button></form>'
        )
    if told.provider:
        parts.append(
            f'<p><a class="button" href="/api/v1/auth/oidc/login?return_to=/ui">Log in with {escape(told.provider)}</a></p>'
        )
    hint = '<p class="dim">Users are made on the server: <code>nagare users add NAME --role viewer</code></p>'
    return f"<section><h2>Log in</h2>{''.join(parts)}{hint}</section>"


def _user(told: Landing) -> str:
    way = '<a class="button" href="/ui/room">Open the dashboard</a>'
    if not told.may_open:
        way = "<p>No role of yours lets you open the dashboard here (<code>ui.open</code>).</p>"
    leave = '<form class="beside" method="post" action="/ui/logout"><button class="plain">Log out</button></form>'
    return f"<section><h2>Welcome, {escape(told.user)}</h2>{way} {leave}</section>"


def _health(told: Landing) -> str:
    if not told.status:
        return '<p><a href="/ui">Back to the start</a></p>'
    facts = "".join(f"<p>{escape(name)}: {escape(value)}</p>" for name, value in told.facts)
    return f'<section><h2>Server</h2><p>Health: <span class="state">{escape(told.status)}</span></p>{facts}</section>'


def _downloads(told: Landing) -> str:
    if not told.downloads:
        return ""
    rows = "".join(
        f'<p><a href="{escape(address)}" download>{escape(name)}</a></p>' for name, address in told.downloads
    )
    hint = '<p class="dim">A host joins with the line that <code>nagare tokens mint</code> prints.</p>'
    return f"<section><h2>Downloads</h2>{rows}{hint}</section>"
