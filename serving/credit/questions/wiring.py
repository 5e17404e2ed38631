"""Put those who answer questions about a party together from the settings."""

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from graph.errors import MissingExtraError
from serving.credit.questions.api import QuestionDesks, QuestionsApi
from serving.credit.questions.desk import QuestionDesk
from serving.credit.questions.exposure import ExposureDesk
from serving.credit.questions.portrait import PortraitDesk
from serving.credit.questions.portrait_graph import GraphSource, Remote
from serving.credit.questions.reasons import ReasonsDesk
from serving.credit.questions.what_if import WhatIfDesk
from serving.credit.sources.freshness import AgeLimits
from serving.decisions.reading import sees
from serving.http.api import Api
from serving.settings import ServiceSettings

if TYPE_CHECKING:
    from graph.store import GraphStore

__all__ = ["questions_api"]

_MB: Final = 1 << 20


def questions_api(api: Api, *, clock: Callable[[], datetime], new_id: Callable[[], str]) -> QuestionsApi:
    """Return the handlers over what is loaded; the graph itself is loaded by the first portrait."""
    settings, credit = api.settings, api.parts.credit
    desk = QuestionDesk(
        credit,
        features=settings.home / "features",
        clock=clock,
        new_id=new_id,
        ages=AgeLimits(
            settings.stale_after_days, settings.stale_graph_days, policy=settings.stale_policy_credit
        ),
        zone=ZoneInfo(settings.work_zone),
    )
    source = GraphSource(
        settings.home / "graph",
        remote=_remote(settings),
        memory_bytes=settings.graph_memory_mb * _MB,
        wait_seconds=settings.graph_wait_seconds,
    )
    reasons = ReasonsDesk(
        desk, decision=api.parts.ledger.get, may_see=sees, points=credit.sources.policies.points
    )
    desks = QuestionDesks(
        WhatIfDesk(desk),
        reasons,
        PortraitDesk(desk, source, most_nodes=settings.portrait_nodes_limit),
        ExposureDesk(desk, totals_for_companies=settings.exposure_totals_for_companies),
    )
    return QuestionsApi(api, desks)


def _remote(settings: ServiceSettings) -> Remote | None:
    """Return how to reach the graph server of the settings, None where none is named."""
    server = settings.graph_server
    if server is None:
        return None

    @contextmanager
    def connect() -> "Iterator[GraphStore]":
        from graph.neo4j_store import BoltConnection, Neo4jStore, TimeLimits  # noqa: PLC0415 - the driver takes a second

        if importlib.util.find_spec("neo4j") is None:
            raise MissingExtraError("neo4j", "neo4j", "not installed")
        seconds = settings.portrait_server_seconds
        limits = TimeLimits(connect=seconds, question=seconds, bulk=seconds, retry=seconds)
        with BoltConnection(
            server,
            user=settings.neo4j_user,
            password=settings.neo4j_secret,
            database=settings.neo4j_database,
            limits=limits,
        ) as connection:
            yield Neo4jStore(connection)

    return connect
