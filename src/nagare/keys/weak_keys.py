"""RSA keys that a chip of Infineon made so that they can be factored (ROCA, CVE-2017-15361), told by their modulus alone.

Their primes are powers of 65537 modulo the product of the first primes, so the modulus is one too. Of other keys one in 2^83
look like that, which is never.
"""

from __future__ import annotations

from functools import cache

_GENERATOR = 65537
# Up to 353, as the chip took them for keys of 1024 to 1952 bits; for longer ones it took these and more.
_PRIMES = tuple(p for p in range(3, 354) if all(p % q for q in range(2, p)))


def is_factorable(modulus: int) -> bool:
    """Tell whether ``modulus`` is of such a key."""
    return all(modulus % prime in _powers(prime) for prime in _PRIMES)


@cache
def _powers(prime: int) -> frozenset[int]:
    power, found = 1, set[int]()
    while power not in found:
        found.add(power)
        power = power * _GENERATOR % prime
    return frozenset(found)
