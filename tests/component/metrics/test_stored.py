"""What the search for stored samples sees while a flush ends beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nagare.config.settings import QuerySettings
from nagare.metrics.blocks.library import Library, Snapshot
from nagare.metrics.engine import Engine
from nagare.metrics.head import Generation
from nagare.metrics.samples.stored import Stored
from tests.support.metric_store import START_MS
from tests.support.samples import make_samples


class _Flushing(Library):
    """A flush of ``sealed`` ends as soon as somebody holds what there was before."""

    def __init__(self, sealed: Generation) -> None:
        super().__init__()
        self._sealed = sealed
        self.start(sealed, [])

    @contextmanager
    def pinned(self) -> Iterator[Snapshot]:
        with super().pinned() as snapshot:
            self.flushed(self._sealed, [], lambda: None)
            yield snapshot


def test_samples_are_found_though_a_flush_ends_meanwhile(tmp_path: Path) -> None:
    sealed = Generation(1)
    sealed.add_samples(1, make_samples([7], [START_MS], [1]))
    stored = Stored(_Flushing(sealed), Engine(tmp_path, QuerySettings()), str(tmp_path))
    assert stored.find(make_samples([7, 7], [START_MS, START_MS + 1], [1, 1])).tolist() == [True, False]
