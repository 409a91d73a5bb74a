"""The contracts are checked on the same stores and by the same people as the integration tests."""

from tests.integration.conftest import (
    anonymous,
    database,
    models_dir,
    owner,
    owner_id,
    owner_key,
    processes,
    sql,
    stranger,
)

__all__ = [
    "anonymous",
    "database",
    "models_dir",
    "owner",
    "owner_id",
    "owner_key",
    "processes",
    "sql",
    "stranger",
]
