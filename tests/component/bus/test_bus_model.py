"""Every bus against the model of tests.support.bus_model."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

from nagare.lib.clock import ManualClock
from tests.support.bus_model import BusModel
from tests.support.buses import Store, embedded_store, jetstream_store
from tests.support.nats_server import NatsServer


class EmbeddedModel(BusModel):
    """The embedded bus, by a clock that the machine turns."""

    def make_store(self) -> Store:
        self.clock = ManualClock()
        self.folder = tempfile.TemporaryDirectory()
        return embedded_store(Path(self.folder.name), self.clock)

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "folder"):
            self.folder.cleanup()


EmbeddedModel.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
test_embedded_against_the_model = EmbeddedModel.TestCase


class JetStreamModel(BusModel):
    """JetStream, by its own clock, which passes no deadline meanwhile."""

    url = ""

    def make_store(self) -> Store:
        return jetstream_store(self.url)


@pytest.fixture(scope="module", autouse=True)
def _served(nats: NatsServer) -> None:
    JetStreamModel.url = nats.url


JetStreamModel.TestCase.settings = settings(max_examples=25, stateful_step_count=30)
test_jetstream_against_the_model = JetStreamModel.TestCase
