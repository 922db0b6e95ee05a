"""Our pages in a real browser."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.support.processes import RunningServer


def _dom(browser: str, url: str, profile: Path) -> str:
    # No sandbox: test machines often run as root in a container, where Chromium's own cannot start.
    argv = [
        browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={profile}",
        "--virtual-time-budget=5000", "--dump-dom", url,
    ]  # fmt: skip
    shown = subprocess.run(argv, capture_output=True, text=True, timeout=100, check=False)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


def test_the_front_page_opens_in_chromium(
    running_server: RunningServer, program: Callable[[str], str], tmp_path: Path
) -> None:
    page = _dom(program("chromium"), running_server.url + "/", tmp_path / "profile")
    assert "<title>" in page
    assert "nagare" in page.lower()
    assert running_server.token not in page


def test_a_page_that_needs_a_login_is_a_problem_and_no_secret(
    running_server: RunningServer, program: Callable[[str], str], tmp_path: Path
) -> None:
    page = _dom(program("chromium"), running_server.url + "/api/v1/hosts", tmp_path / "profile")
    assert "unauthenticated" in page
