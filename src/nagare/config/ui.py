"""``[ui]``: the dashboard in a browser, at ``/ui`` of the server."""

from __future__ import annotations

from dataclasses import dataclass

from nagare.config.setting import setting


@dataclass(frozen=True, slots=True)
class UiSettings:
    """``[ui]``: the dashboard in a browser, each a program of its own that the server starts."""

    enabled: bool = setting(True, "serve the dashboard to browsers at /ui")
    session_limit: int = setting(20, "dashboards of browsers at one time; each takes some 60 MB", low=1, high=1000)
    user_session_limit: int = setting(4, "dashboards of one user at one time", low=1, high=1000)
    idle_seconds: float = setting(
        3600.0, "time without a key or a move of the mouse after which one ends", unit="seconds", low=30, high=604_800
    )
    grace_seconds: float = setting(
        60.0, "time that one is kept for a page that lost its connection", unit="seconds", low=0, high=3600
    )
    shells: bool = setting(
        False,
        "let dashboards in browsers open shells on hosts, for users who may; the connections come from the server",
    )
