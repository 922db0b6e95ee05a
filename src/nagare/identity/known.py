"""Who was recognised before: so that a request costs one look into a dictionary, and a revoked secret none at all."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

from nagare.identity.tickets import Tickets
from nagare.model.principal import Principal

_LIMIT = 4096
# The use of a secret is kept to the minute: a write for each request would cost more than the request.
_USED_COARSE_MS = 60_000


class KnownCallers:
    """Principals by the digest of what they showed. ``generation`` changes with every revocation and every change of rights.

    ``on_revoke`` hears the ids that no longer hold, so that live connections end.
    """

    def __init__(self, tickets: Tickets) -> None:
        """Begin with nobody."""
        self._tickets = tickets
        self.counters = tickets.counters
        self._callers: OrderedDict[str, tuple[Principal, int | None]] = OrderedDict()
        self._used_ms: dict[str, int] = {}
        self._unsaved: dict[str, int] = {}
        self.generation = 0
        self.on_revoke: Callable[[set[str]], None] = lambda _ids: None

    def find(self, digest: str, now_ms: int) -> Principal | None:
        """Return whom ``digest`` stands for, if that is known and has not ended."""
        known = self._callers.get(digest)
        if known is None:
            return None
        principal, until_ms = known
        if until_ms is not None and until_ms <= now_ms:
            del self._callers[digest]
            return None
        return principal

    def remember(self, digest: str, principal: Principal, until_ms: int | None, generation: int) -> None:
        """Keep that ``digest`` stands for ``principal``, unless something changed since ``generation``.

        What was read before a revocation must not be kept after it.
        """
        if generation != self.generation:
            return
        self._callers[digest] = (principal, until_ms)
        if len(self._callers) > _LIMIT:
            self._callers.popitem(last=False)

    def forget(self, ids: Iterable[str]) -> None:
        """Forget those tokens, sessions and keys: they were revoked, or what they allow has changed."""
        revoked = set(ids)
        if not revoked:
            return
        self.generation += 1
        self._callers = OrderedDict(
            (digest, known) for digest, known in self._callers.items() if known[0].id not in revoked
        )
        self._tickets.void(revoked)
        self.on_revoke(revoked)

    def drop(self, digest: str) -> None:
        """Forget one secret that is worth nothing any more, while its principal has others."""
        self.generation += 1
        self._callers.pop(digest, None)

    def note_use(self, id_: str, now_ms: int) -> None:
        """Keep that a token or key was used."""
        if now_ms - self._used_ms.get(id_, 0) >= _USED_COARSE_MS:
            self._used_ms[id_] = self._unsaved[id_] = now_ms

    def take_unsaved(self) -> dict[str, int]:
        """Return the uses that are not saved yet, id -> Unix milliseconds; they count as saved then."""
        unsaved, self._unsaved = self._unsaved, {}
        return unsaved

    def put_back(self, unsaved: dict[str, int]) -> None:
        """Keep uses that could not be saved."""
        self._unsaved = {**unsaved, **self._unsaved}
