"""Put the parts of a worker together from its settings."""

import contextlib
import threading
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from starlette.applications import Starlette

from models.credit.coverage import read_coverage
from models.credit.points import load_point_scales
from models.credit.policy import load_policies
from models.credit.rules.policy import read_rules
from models.demand.scenarios.scenario import load_scenarios
from serving.access.access import make_access
from serving.access.api import AccessApi, access_handlers
from serving.capacity.api import CapacityApi, capacity_handlers
from serving.capacity.wiring import capacity_parts
from serving.catalogue.api import CatalogueApi, catalogue_handlers
from serving.champions.api import models_handlers
from serving.champions.switches import SwitchBoard
from serving.champions.wiring import follow_thread, make_shadow, models_api
from serving.clock import utc_now
from serving.credit.books.api import books_handlers
from serving.credit.books.wiring import make_books
from serving.credit.parts import CreditParts
from serving.credit.questions.api import questions_handlers
from serving.credit.questions.wiring import questions_api
from serving.credit.score.api import CreditApi, credit_handlers
from serving.credit.score.basis import Bounds
from serving.credit.sources.dated_policies import DatedPolicies
from serving.credit.sources.home import CreditSources
from serving.credit.sources.model_loading import load_model_compiled
from serving.credit.terms import Model
from serving.credit.texts import feature_texts
from serving.decisions.api import DecisionsApi, decisions_handlers
from serving.decisions.book_row import BookRowDesk
from serving.decisions.replay_jobs import ReplayJobs
from serving.decisions.replayers import replayers
from serving.demand.accuracy import AccuracyDesk
from serving.demand.api import DemandApi, demand_handlers
from serving.demand.desk import DemandDesk, DemandLimits
from serving.demand.forecast_store import ForecastStore
from serving.demand.override_store import OverrideStore
from serving.demand.payload import PayloadDesk, PayloadLimits, forecast_now
from serving.demand.scenario import ScenarioDesk, load_model
from serving.http.api import Api, Handler
from serving.http.application import create_app
from serving.http.openapi import Endpoint
from serving.intake.api import intake_handlers
from serving.intake.wiring import intake_api, intake_cleaning
from serving.jobs.api import JobsApi, jobs_handlers
from serving.jobs.wiring import Jobs, make_jobs
from serving.lean import import_lightgbm_alone
from serving.ledger.chain import Ledger
from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError
from serving.operations.access_log import AccessLog
from serving.operations.api import OperationsApi, operations_handlers
from serving.operations.chain_watch import ChainWatch
from serving.operations.gauges import Gauges
from serving.operations.metrics import access_log_failed, observed_request
from serving.operations.observing import Observing, Seen
from serving.operations.whole_health import WholeHealth
from serving.parts import Parts, Planning
from serving.random_bytes import new_bytes, new_id
from serving.review.active_overrides import ActiveOverrides
from serving.review.api import review_handlers
from serving.review.parts import ReviewParts, review_parts
from serving.review.review_store import ReviewStore
from serving.settings import ServiceSettings

__all__ = ["Deployment"]

_PREPARE_AFTER_SECONDS: Final = 1.0


class Deployment:
    """What one worker holds: the application and the parts behind it."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._database = Database(
            settings.ledger_path, url=settings.database_url, wait_seconds=settings.ledger_wait_seconds
        )
        ledger, board = Ledger(self._database), SwitchBoard(self._database)
        overrides = ActiveOverrides(
            ReviewStore(self._database, ledger, "override"), ZoneInfo(settings.work_zone)
        )
        self.jobs = make_jobs(settings, self._database, ledger)
        self.shadow = make_shadow(settings, self._database)
        self.parts = self._parts(settings, ledger, board, overrides)
        self._following = follow_thread(settings, board)
        self._access = make_access(settings, self._database, ledger)
        # A tenth of a second of work that neither a start nor the first answers have to wait for.
        self._preparing = threading.Timer(_PREPARE_AFTER_SECONDS, self._access.watch.prepare)
        self._preparing.name, self._preparing.daemon = "working-hours", True
        self.access_log = AccessLog(
            settings.logs,
            keep_days=settings.access_log_days,
            clock=utc_now,
            on_failure=access_log_failed,
        )
        self.chain_watch = ChainWatch(self._database)
        self.health = WholeHealth(self.parts.health, self.access_log, self._access.door.health)
        self.gauges = Gauges(
            self.health.look, self._database, home=settings.home, clock=utc_now, waiting=ledger.waiting
        )
        self.review = review_parts(
            settings, self._database, ledger, replayers=lambda: replayers(self.parts), active=overrides
        )
        self.intake_cleaning = intake_cleaning(settings, self._database)
        app = self._application(Api(self.parts, self._access, settings), board)
        self.app = Observing(app, self._told, new_bytes=new_bytes)

    def start(self) -> None:
        """Open the ledger and load what is there; what is missing makes the service unready, not dead."""
        with contextlib.suppress(LedgerUnavailableError):  # /readyz says so, and the next request tries again
            self._database.open()
        self.parts.refresh()
        self._preparing.start()
        self.intake_cleaning.look()
        self.jobs.worker.start()
        self.shadow.start()
        if self._following is not None:
            self._following.start()

    def stop(self) -> None:
        """Take no more jobs and give the database back."""
        self._preparing.cancel()
        self.jobs.worker.stop()
        if self._following is not None:
            self._following.stop()
        self.shadow.stop()
        self.close()

    def close(self) -> None:
        """Give back what is held where nothing was started."""
        self._database.close()
        self.access_log.close()

    def _parts(
        self, settings: ServiceSettings, ledger: Ledger, board: SwitchBoard, overrides: ActiveOverrides
    ) -> Parts:
        """Put together those who answer about credit, demand and capacity."""
        planning = _planning(settings, self._database, ledger, board)
        turn = planning.payloads.turn
        return Parts(
            CreditParts(_sources(settings, overrides), board),
            ledger,
            planning,
            capacity_parts(settings, self._database, ledger, self.jobs, turn=turn, board=board),
            board=board,
            shadow=self.shadow,
            overrides=overrides,
            clock_tolerance_seconds=settings.clock_tolerance_seconds,
        )

    def _application(self, api: Api, board: SwitchBoard) -> Starlette:
        """Give every endpoint its handler; their order is that of the OpenAPI text."""
        operations = OperationsApi(api, self.health, self.gauges)
        handlers: Mapping[Endpoint, Handler] = {
            **_handlers(api),
            **jobs_handlers(JobsApi(api, self.jobs.desk)),
            **books_handlers(make_books(api, self.jobs)),
            **decisions_handlers(_decisions(api, self.review, self.jobs)),
            **review_handlers(api, self.review),
            **models_handlers(models_api(api, api.settings, self._database, board)),
            **intake_handlers(intake_api(api, self._database, clock=utc_now, new_id=new_id)),
            **operations_handlers(operations),
        }
        app = create_app(api, handlers)
        app.add_route("/metrics", operations.metrics)
        return app

    def _told(self, seen: Seen) -> None:
        observed_request(seen)
        self.access_log.write(seen)


def _handlers(api: Api) -> Mapping[Endpoint, Handler]:
    """Say who answers what, family by family."""
    return {
        **credit_handlers(CreditApi(api)),
        **questions_handlers(questions_api(api, clock=utc_now, new_id=new_id)),
        **catalogue_handlers(CatalogueApi(api)),
        **demand_handlers(DemandApi(api)),
        **capacity_handlers(CapacityApi(api)),
        **access_handlers(AccessApi(api)),
    }


def _decisions(api: Api, review: ReviewParts, jobs: Jobs) -> DecisionsApi:
    desk = review.decisions
    rows = BookRowDesk(desk.acting, api.settings.books, lambda: api.parts.credit.book)
    return DecisionsApi(api, desk, jobs=ReplayJobs(jobs, desk), rows=rows)


def _sources(settings: ServiceSettings, overrides: ActiveOverrides) -> CreditSources:
    return CreditSources(
        home=settings.home,
        load_model=partial(load_model_compiled, cache=settings.home / "run" / "numba"),
        load_scorecard=_load_scorecard,
        load_texts=feature_texts,
        policies=DatedPolicies(load_policies(), read_rules(), load_point_scales(), read_coverage()),
        bounds=Bounds(
            settings.least_known_share,
            settings.stale_after_days,
            settings.stale_graph_days,
            settings.stale_model_days,
            settings.stale_policy_credit,
            settings.work_zone,
        ),
        hash_again_after=timedelta(seconds=settings.model_hash_seconds),
        clock=utc_now,
        new_id=new_id,
        override_of=overrides.active_override,
    )


def _planning(settings: ServiceSettings, database: Database, ledger: Ledger, board: SwitchBoard) -> Planning:
    desk = DemandDesk(
        ForecastStore(settings.forecasts, board),
        OverrideStore(database, ledger),
        limits=DemandLimits(
            settings.answer_series_limit, settings.stale_run_days, settings.stale_policy_demand
        ),
        clock=utc_now,
        new_id=new_id,
    )
    limits = PayloadLimits(
        series=settings.payload_series_limit,
        points=settings.payload_points_limit,
        horizon=settings.payload_horizon_limit,
        wait_seconds=settings.forecast_wait_seconds,
    )
    payloads = PayloadDesk(desk, forecast_now, limits)
    return Planning(
        desk,
        payloads,
        AccuracyDesk(desk, most_runs=settings.accuracy_runs),
        ScenarioDesk(desk, payloads, home=settings.home, load=load_model, scenarios=load_scenarios()),
    )


def _load_scorecard(folder: Path) -> Model:
    import_lightgbm_alone()
    from models.credit.scorecard.credit_answers import load_scorecard_model  # noqa: PLC0415 - as above

    return load_scorecard_model(folder)
