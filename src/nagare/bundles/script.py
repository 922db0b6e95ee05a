"""``install.sh``: what one server writes into it for its hosts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from nagare.bundles.contents import ARCHES

_PLACE = re.compile(r"@([A-Z]+(?:_[a-z0-9_]+)?)@")


def write_script(url: str, authority: str, digests: Mapping[str, str]) -> str:
    """Return the script for hosts of the server at ``url``.

    ``authority`` is PEM, or empty where the system trusts the server; ``digests`` has the file's SHA-256 by processor.
    """
    values = {"URL": url, **{f"DIGEST_{arch}": digests.get(arch, "") for arch in ARCHES}}
    written = {name: shlex.quote(value) for name, value in values.items()}
    # A here-document, whose end no PEM can hold.
    written["AUTHORITY"] = authority.strip()
    return _PLACE.sub(lambda found: written[found[1]], _template())


@cache
def _template() -> str:
    return (files("nagare.bundles") / "install.sh").read_text(encoding="utf-8")
