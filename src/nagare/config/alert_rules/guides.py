"""The pages that say what an alert of a shipped rule means and what to do about it."""

from __future__ import annotations

from importlib.resources import files

_FOLDER, _SUFFIX = "guides", ".md"


def guide_names() -> list[str]:
    """Return the rules that have a page, by name; also where the package is a zip."""
    entries = files("nagare.config.alert_rules").joinpath(_FOLDER).iterdir()
    return sorted(entry.name.removesuffix(_SUFFIX) for entry in entries if entry.name.endswith(_SUFFIX))


def find_guide(name: str) -> str | None:
    """Return the page of the rule of that name, in Markdown, None where there is none."""
    if name not in guide_names():
        return None
    return files("nagare.config.alert_rules").joinpath(_FOLDER, name + _SUFFIX).read_text(encoding="utf-8")
