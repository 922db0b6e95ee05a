"""What a worker takes of the settings of its installation."""

from dataclasses import replace
from pathlib import Path

import pytest

from nagare.automation.workers.surroundings import installation_of, query_of
from nagare.config.settings import QuerySettings, Settings


@pytest.mark.parametrize(("threads", "taken"), [(1, 1), (2, 2), (4, 4), (64, 4)])
def test_threads_are_no_more_than_its_memory_holds(tmp_path: Path, threads: int, taken: int) -> None:
    settings = Settings(data=tmp_path, query=QuerySettings(threads=threads, row_limit=7))
    query = query_of(installation_of(settings))
    assert query == replace(settings.query, threads=taken)
