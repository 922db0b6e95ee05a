"""Histories of metadata: a publisher goes on and rotates keys, an attacker replays and mixes what was ever published."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from nagare.errors import UpdateRefusedError
from nagare.keys.signing import SigningKey
from nagare.keys.update_roles.verify import trusted_root, verify
from nagare.wire.updates import Metadata, Trust
from tests.support.update_roles import DAY_MS, NOW_MS, Publisher


class Histories(RuleBasedStateMachine):
    """An agent between a publisher and an attacker who keeps every text and has no key."""

    @initialize()
    def begin(self) -> None:
        self.publisher = Publisher()
        self.now_ms = NOW_MS
        self.roots = [self.publisher.root()]
        self.timestamps: list[tuple[str, int]] = []
        self.targets: list[str] = []
        self.pairs: set[tuple[str, str]] = set()
        self.trust: Trust | None = None
        self.best = (0, 0, 0)
        self.publish()

    @rule()
    def publish(self) -> None:
        self.publisher.targets_version += 1
        self.targets.append(self.publisher.targets(expires_ms=self.now_ms + 90 * DAY_MS))
        self.stamp()

    @rule()
    def stamp(self) -> None:
        self.publisher.timestamp_version += 1
        expires_ms = self.now_ms + DAY_MS
        text = self.publisher.timestamp(self.targets[-1], expires_ms=expires_ms)
        self.timestamps.append((text, expires_ms))
        self.pairs.add((text, self.targets[-1]))

    @rule(role=st.sampled_from(["root_keys", "targets_keys", "timestamp_keys"]))
    def rotate(self, role: str) -> None:
        old_root_keys = self.publisher.root_keys
        setattr(self.publisher, role, [SigningKey.generate()])
        self.publisher.root_version += 1
        also = [] if old_root_keys is self.publisher.root_keys else old_root_keys
        self.roots.append(self.publisher.root(*also))
        self.publish()

    @rule(days=st.integers(0, 2))
    def wait(self, days: int) -> None:
        self.now_ms += days * DAY_MS

    @rule()
    def follow(self) -> None:
        """The honest way works whenever the timestamp is fresh."""
        self.stamp()
        known = 0 if self.trust is None else trusted_root(self.trust).version
        offered = Metadata(self.roots[known:], self.timestamps[-1][0], self.targets[-1])
        self.take(offered)
        assert self.trust is not None
        assert trusted_root(self.trust).version == self.publisher.root_version

    @rule(data=st.data())
    def attack(self, data: st.DataObject) -> None:
        begin = data.draw(st.integers(0, len(self.roots)))
        end = data.draw(st.integers(begin, len(self.roots)))
        timestamp, expires_ms = data.draw(st.sampled_from(self.timestamps))
        targets = data.draw(st.sampled_from(self.targets))
        offered = Metadata(self.roots[begin:end], timestamp, targets)
        is_lawful = self.now_ms < expires_ms and (timestamp, targets) in self.pairs
        if is_lawful:
            try:
                self.take(offered)
            except UpdateRefusedError:
                return
        else:
            with pytest.raises(UpdateRefusedError):
                verify(self.trust, offered, self.now_ms)

    def take(self, offered: Metadata) -> None:
        self.trust = verify(self.trust, offered, self.now_ms).trust

    @invariant()
    def nothing_goes_back(self) -> None:
        if getattr(self, "trust", None) is None:
            return
        assert self.trust is not None
        # The publisher's own numbers never go back, so neither may what is held for true.
        now = (trusted_root(self.trust).version, self.trust.timestamp_version, self.trust.targets_version)
        assert all(new >= old for new, old in zip(now, self.best, strict=True)), (self.best, now)
        self.best = now


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
