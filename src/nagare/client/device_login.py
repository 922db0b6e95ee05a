"""Waiting for a person who confirms a login elsewhere: asks on at the pace that the server tells, until it is done."""

from __future__ import annotations

from nagare.client.accounts import Accounts
from nagare.errors import DeadlineExceededError, RateLimitedError, UnavailableError
from nagare.lib.clock import Clock
from nagare.wire.auth import TokenReply
from nagare.wire.oidc import DeviceReply

# RFC 8628, 3.5: who cannot reach the other side asks less often.
_BACKOFF = 2.0
_LONGEST_SECONDS = 60.0


async def wait_for_login(accounts: Accounts, begun: DeviceReply, clock: Clock) -> TokenReply:
    """Return the tokens once the person has confirmed.

    Raises UnauthenticatedError when that was refused, DeadlineExceededError when its time is over.
    """
    ends = clock.monotonic() + begun.expires_seconds
    pause = begun.interval_seconds
    while True:
        if clock.monotonic() + pause > ends:
            raise DeadlineExceededError(
                f"cannot log in: nobody confirmed within {begun.expires_seconds:.0f} s", hint="begin again"
            )
        await clock.sleep(pause)
        try:
            state = await accounts.poll_device(begun.handle)
        except RateLimitedError as error:
            pause = min(max(pause, error.retry_after_seconds), _LONGEST_SECONDS)
            continue
        except (UnavailableError, DeadlineExceededError):
            # The server or its provider is away for a moment; the login that has begun may outlive that.
            pause = min(pause * _BACKOFF, _LONGEST_SECONDS)
            continue
        if state.login is not None:
            return state.login
        pause = state.interval_seconds
