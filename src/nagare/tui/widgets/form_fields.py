"""The fields of a form, which scroll to the one that has the keys and take none of them themselves."""

from __future__ import annotations

from textual.containers import VerticalScroll


class FormFields(VerticalScroll, can_focus=False, inherit_bindings=False):
    """Without the keys of its kind: where a form is higher than the screen, the arrows would scroll it and not go to the next field."""
