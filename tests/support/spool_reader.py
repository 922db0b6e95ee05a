"""What a server makes of an agent's batches, as a few sets: a name once, and what stands for others only when it brings news."""

from collections import Counter
from dataclasses import dataclass, field

from nagare.agent.batches import Packed, unpack_body
from nagare.wire.batch import Batch
from nagare.wire.binary_batch import decode_batch


@dataclass
class SpoolReader:
    """Takes batches as the real one does: a name once, one that stands for others unless all of them are known."""

    known: set[tuple[str, int]] = field(default_factory=set)
    events: Counter[str] = field(default_factory=Counter)
    rows: Counter[tuple[str, str, int]] = field(default_factory=Counter)

    def take(self, packed: Packed) -> None:
        batch = opened(packed)
        names = {(batch.boot, seq) for seq in batch.replaces}
        if (batch.boot, batch.seq) in self.known or (names and names <= self.known):
            return
        self.known |= {(batch.boot, batch.seq), *names}
        for name, columns in batch.tables.items():
            if name == "events":
                self.events.update(str(key) for key in columns["id"] if str(key) not in self.events)
            else:
                self.rows.update((batch.boot, name, int(str(at))) for at in columns["ts"])


def opened(packed: Packed) -> Batch:
    return decode_batch(unpack_body(packed))
