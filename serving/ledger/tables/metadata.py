"""Where every table of the service's database is entered."""

from typing import Final

from sqlalchemy import MetaData

__all__ = ["METADATA"]

METADATA: Final = MetaData()
