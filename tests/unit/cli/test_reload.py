import logging
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from nagare.cli.console.invocation import Invocation
from nagare.cli.console.reload import reload, reload_on_hangup
from nagare.config.reloads import Reloads


@pytest.fixture(autouse=True)
def _levels() -> Iterator[None]:
    root = logging.getLogger()
    level = root.level
    # Whoever runs the tests may have asked to ignore hangups.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)
    root.setLevel(level)


def _write(file: Path, level: str, threads: int = 2) -> None:
    file.write_text(f'[log]\nlevel = "{level}"\n[query]\nthreads = {threads}\n')


def _invocation(directory: Path) -> Invocation:
    _write(directory / "nagare.toml", "info")
    return Invocation(flags={"config": str(directory / "nagare.toml"), "data": str(directory / "data")})


def test_a_hangup_takes_up_the_level_and_tells_the_rest(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    invocation = _invocation(tmp_path)
    with reload_on_hangup(invocation):
        for level, threads in (("error", 5), ("warning", 5)):
            _write(tmp_path / "nagare.toml", level, threads)
            signal.raise_signal(signal.SIGHUP)
            assert logging.getLogger().level == getattr(logging, level.upper())
    # The first one came with the level "error", under which such a line is not written.
    assert [record.getMessage() for record in caplog.records] == [
        "settings_reloaded taken_up=log.level need_a_restart=query.threads"
    ]
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL


def test_a_configuration_that_cannot_be_used_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    invocation = _invocation(tmp_path)
    settings = invocation.settings
    logging.getLogger().setLevel("INFO")
    _write(tmp_path / "nagare.toml", "loud")
    assert reload(settings, invocation.flags) is settings
    assert logging.getLogger().level == logging.INFO
    assert "reload_refused reason=cannot use setting log.level" in caplog.text


def test_who_asked_to_ignore_hangups_is_obeyed(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with reload_on_hangup(_invocation(tmp_path)):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_scrape_jobs_are_taken_up_and_told_to_who_listens(tmp_path: Path) -> None:
    invocation, reloads = _invocation(tmp_path), Reloads()
    file, heard = tmp_path / "nagare.toml", []
    with reload_on_hangup(invocation, reloads), reloads.heard_by(lambda settings: heard.append(settings.scrape)):
        for jobs in ("", '[[scrape]]\njob = "a"\nurls = ["http://a:1/m"]\n', '[[scrape]]\njob = "broken"\n'):
            _write(file, "info")
            file.write_text(file.read_text() + jobs)
            signal.raise_signal(signal.SIGHUP)
    # The last one could not be used and changed nothing.
    assert [[job.job for job in jobs] for jobs in heard] == [[], ["a"]]
    # What comes while nobody listens waits for who listens next.
    reloads.tell(invocation.settings)
    assert len(heard) == 2
    for expected in (3, 3):
        with reloads.heard_by(lambda settings: heard.append(settings.scrape)):
            assert len(heard) == expected
