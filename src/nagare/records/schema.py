"""The shared metadata of all records tables and the revision that the code expects.

Tables are defined where they are used (``*/store.py`` of a feature) on ``metadata``; their history stands in
``migrations/versions``. A test holds the two together.
"""

from __future__ import annotations

from sqlalchemy import MetaData

# The newest file in migrations/versions: known here so that a start without migration need not load alembic.
HEAD_REVISION = "0026"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
