"""Which links of a host may go anywhere, and what is said of where they lead."""

import pytest

from nagare.ssh.terminal.ghostty import GhosttyCore
from nagare.tui.shells.links import place_of, safe_link, shown_links


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("https://example.org/a?b=c#d", "example.org"),
        ("HTTP://EXAMPLE.org", "example.org"),
        ("https://bank.example@evil.example/", "evil.example"),
        ("https://[::1]:8750/ui", "::1"),
        ("mailto:ops@example.org", "mail to ops@example.org"),
    ],
)
def test_what_leads_somewhere(address: str, place: str) -> None:
    assert safe_link(address) == address
    assert place_of(address) == place


@pytest.mark.parametrize(
    "address",
    [
        "", "file:///etc/passwd", "javascript:alert(1)", "ssh://host", "https://", "mailto:", "https:///a", "http://[", "example.org",
        "https://ex\u0430mple.org", "https://a b", "https://a\x1b[2J", "https://a/\u202e", "https://a/" + "b" * 1000,
    ],
)  # fmt: skip
def test_what_is_not_followed(address: str) -> None:
    assert safe_link(address) == ""


def test_links_of_a_screen_stand_once_and_in_order() -> None:
    core = GhosttyCore(40, 4)
    for address in ("https://b.example/", "file:///etc/passwd", "https://a.example/", "https://b.example/"):
        core.feed(f"\x1b]8;;{address}\x1b\\word\x1b]8;;\x1b\\ ".encode())
    assert shown_links(core) == ["https://b.example/", "https://a.example/"]
    core.close()
