"""The page about HTTP must not lag behind the routes."""

import re
from pathlib import Path

from nagare.server.routes.table import ROUTES

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "http.md"


def test_the_page_lists_every_route_and_its_permission() -> None:
    listed = {
        (method, path): permission
        for method, path, permission in re.findall(
            r"^\| `([A-Z]+) ([^`]+)` \| `?([a-z.]+)", PAGE.read_text(), re.MULTILINE
        )
    }
    assert listed == {
        (route.method, route.path): "public" if route.permission is None else route.permission.value for route in ROUTES
    }
