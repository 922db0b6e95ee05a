"""What stands around every page: header, banner, the floor of a tiny terminal, and the footer's keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.css.query import NoMatches

from nagare.tui.footer_keys import draw_footer
from nagare.tui.widgets.banner import Banner
from nagare.tui.widgets.floor import Floor
from nagare.tui.widgets.header import Header

if TYPE_CHECKING:
    from nagare.tui.app import TopApp


def draw_frame(app: TopApp) -> None:
    """Draw header, banner and footer of the present page."""
    page, feed = app.page, app.feed
    try:
        page.set_class(feed.replay.moment_ms is not None, "-replay")
        page.query_one(Header).facts = feed.header_facts(page)
        page.query_one(Banner).notice = page.notice() or feed.notice()
        floor = page.query_one(Floor)
        if floor.display:
            floor.tell(feed.counts(), feed.worst())
    except NoMatches:
        return  # the page is being put together or taken down
    draw_footer(app)
