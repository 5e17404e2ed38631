"""Triggers that keep rows from being changed or deleted by mistake with a database client."""

from typing import Final

from sqlalchemy import Connection

__all__ = ["allow_changes", "forbid_changes"]

_VERBS: Final = ("UPDATE", "DELETE")
_SAID: Final = "the ledger is append-only"


def forbid_changes(connection: Connection, table: str, *, pruned_by: str | None = None) -> None:
    """Refuse UPDATE and DELETE on a table; the chain would show a change, this keeps one from being made.

    `pruned_by` names a table whose `last_seq` says up to which `seq` rows may be deleted all the same.
    """
    for verb in _VERBS:
        pruned = (
            f"EXISTS (SELECT 1 FROM {pruned_by} WHERE last_seq >= OLD.seq)"  # noqa: S608 - names of our tables
            if pruned_by is not None and verb == "DELETE"
            else None
        )
        name = f"{table}_no_{verb.lower()}"
        if connection.dialect.name == "sqlite":
            _on_sqlite(connection, table, name, verb=verb, unless=pruned)
        else:
            _on_postgresql(connection, table, name, verb=verb, unless=pruned)


def allow_changes(connection: Connection, table: str) -> None:
    """Take the triggers off, for a migration that fills new columns; who calls this puts them back."""
    for verb in _VERBS:
        on = "" if connection.dialect.name == "sqlite" else f" ON {table}"
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_no_{verb.lower()}{on}")


def _on_sqlite(connection: Connection, table: str, name: str, *, verb: str, unless: str | None) -> None:
    when = f"WHEN NOT {unless} " if unless else ""
    connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
    connection.exec_driver_sql(
        f"CREATE TRIGGER {name} BEFORE {verb} ON {table} {when}BEGIN SELECT RAISE(ABORT, '{_SAID}'); END"
    )


def _on_postgresql(connection: Connection, table: str, name: str, *, verb: str, unless: str | None) -> None:
    allowed = f"IF {unless} THEN RETURN OLD; END IF; " if unless else ""
    connection.exec_driver_sql(
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {allowed}RAISE EXCEPTION '{_SAID}'; END $$"
    )
    connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name} ON {table}")
    connection.exec_driver_sql(
        f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
    )
    # A row trigger does not see TRUNCATE.
    truncate = f"{table}_no_truncate"
    connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {truncate} ON {table}")
    connection.exec_driver_sql(
        f"CREATE TRIGGER {truncate} BEFORE TRUNCATE ON {table} EXECUTE FUNCTION {table}_no_update()"
    )
