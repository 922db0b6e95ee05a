"""Why something is shown as off, in words that say what would change it."""

from nagare.tui.permissions import why_not_allowed
from nagare.wire.auth import Me


def test_the_reason_names_what_is_missing_where_one_is() -> None:
    assert why_not_allowed("alert.ack", None) == ""
    assert why_not_allowed("alert.ack", Me("ada", "user", ["alerts.write"])) == ""
    assert why_not_allowed("alert.ack", Me("ada", "user", [])).endswith("no role of theirs has alerts.write")
    in_browser = Me("ada", "browser", ["alerts.read"])
    assert why_not_allowed("alert.ack", in_browser).endswith("in a browser: that takes ui.act and alerts.write")
    assert "ui.shells in the settings" in why_not_allowed("shell.open", in_browser)
