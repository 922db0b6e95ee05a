"""The pages behind links in notifications, as HTML without scripts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape

from aiohttp import web

from nagare.lib.plain_text import plain
from nagare.model.alert.alert import Alert
from nagare.server.foreign.fault import Fault

_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:44rem;padding:0 1rem}
h1{font-size:1.25rem}ul{list-style:none;padding:0}
li{border-left:.3rem solid #888;margin:.5rem 0;padding:.2rem .8rem}
li.critical,li.high{border-color:#d33}li.warning{border-color:#c80}
small{opacity:.75}button{font:inherit;padding:.6rem 1.4rem}
""".strip()
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
# The form leads nowhere else, nobody shows the page in a frame of theirs, and a browser runs and loads nothing.
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_PAGE = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex,nofollow">'
    "<style>{style}</style></head>\n<body><main><h1>{title}</h1>{body}</main></body></html>\n"
)
_SHOWN = 50
_LIMIT = 500


def html(text: str, status: int = 200) -> web.Response:
    """Return an answer with a page that nobody keeps, lists or frames."""
    headers = {
        "Content-Security-Policy": POLICY,
        "X-Robots-Tag": "noindex, nofollow",
        # With none at all a browser would not say where the form stands, and would be refused for that.
        "Referrer-Policy": "same-origin",
    }
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)


def page_form(_request: web.Request, fault: Fault) -> web.Response:
    """Return a refusal as a page for a person."""
    response = html(fault_page(fault.text, is_used=fault.status == 409), fault.status)
    if fault.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(fault.retry_after_seconds)
    return response


def ask_page(alerts: Sequence[Alert], actor: str) -> str:
    """Return the page with the button, for alerts that nobody has in hand."""
    button = '<form method="post"><button type="submit">Acknowledge</button></form>'
    text = f"<p>Nobody else is told while you have them in hand. It is noted as <b>{_safe(actor)}</b>.</p>"
    return _page(_counted(len(alerts)), f"{_list(alerts)}{text}{button}")


def done_page(alerts: Sequence[Alert]) -> str:
    """Return the page after the button was pressed."""
    if not alerts:
        return _page("Nothing to acknowledge", "<p>Nothing of this incident is active any more.</p>")
    return _page("In hand", _list(alerts))


def fault_page(text: str, *, is_used: bool = False) -> str:
    """Return the page of a link that does not work, or not any more."""
    return _page("Acknowledged already" if is_used else "This link does not work", f"<p>{_safe(text)}</p>")


def _page(title: str, body: str) -> str:
    return _PAGE.format(title=escape(title), style=_STYLE, body=body)


def _counted(count: int) -> str:
    return f"{count} {'alert' if count == 1 else 'alerts'} of this incident"


def _list(alerts: Sequence[Alert]) -> str:
    worst = sorted(alerts, key=lambda alert: -alert.severity)
    rows = "".join(map(_row, worst[:_SHOWN]))
    more = f"<p>… and {len(alerts) - _SHOWN} more</p>" if len(alerts) > _SHOWN else ""
    return f"<ul>{rows}</ul>{more}"


def _row(alert: Alert) -> str:
    level = alert.severity.name.lower()
    host = alert.labels.get("host", "")
    name = alert.labels.get("alertname", alert.rule)
    owner = f" by {_safe(alert.owner)}" if alert.owner else ""
    return (
        f'<li class="{level}"><b>{_safe(name)}</b> {_safe(host)} <small>{level}, {alert.state.value}{owner}</small>'
        f"<br>{_safe(alert.annotations.get('summary', ''))}</li>"
    )


def _safe(text: str) -> str:
    return escape(plain(text, _LIMIT))
