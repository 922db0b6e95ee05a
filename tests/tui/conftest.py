"""Every test of a screen waits as long as the screen takes."""

from tests.support.settling import settle_by_looking


def pytest_configure() -> None:
    """Look at the app itself, in place of the clock."""
    settle_by_looking()
