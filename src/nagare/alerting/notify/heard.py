"""Which channels heard of an incident, as the records have it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select, tuple_

from nagare.alerting.notify.schema import deliveries
from nagare.model.notify.notice import Delivery, DeliveryState

_HEARD = (DeliveryState.SENT.value, DeliveryState.WAITING.value)


def those_that_heard(connection: Connection, candidates: Sequence[Delivery]) -> list[Delivery]:
    """Return those of ``candidates`` whose channel was sent something of their incident, or is about to be."""
    if not candidates:
        return []
    pairs = {(one.notice.incident, one.channel) for one in candidates}
    place = (deliveries.c.incident, deliveries.c.channel)
    query = select(*place).distinct().where(tuple_(*place).in_(pairs), deliveries.c.state.in_(_HEARD))
    heard = {(row.incident, row.channel) for row in connection.execute(query)}
    return [one for one in candidates if (one.notice.incident, one.channel) in heard]
