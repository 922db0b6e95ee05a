"""Every test of a screen waits as long as the screen takes, and reads no styles that another one has read."""

from tests.support.settling import settle_by_looking
from tests.support.shared_styles import share_styles


def pytest_configure() -> None:
    """Look at the app itself, in place of the clock; let apps that are alike share what they read."""
    settle_by_looking()
    share_styles()
