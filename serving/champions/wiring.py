"""Put models at run time together from the settings: orders, lists, challengers, the follower."""

from datetime import timedelta
from typing import TYPE_CHECKING

from serving.champions.acts import Acts, NoRegistry, RegistryPort
from serving.champions.api import ModelsApi
from serving.champions.follow_thread import FollowThread
from serving.champions.follower import Follower
from serving.champions.lanes import Lanes
from serving.champions.listing import Listing
from serving.champions.mlflow_rest import MlflowRest, is_server
from serving.champions.old_copies import OldCopies
from serving.champions.shadow import Shadow, ShadowLimits
from serving.champions.switches import SwitchBoard
from serving.clock import utc_now
from serving.ledger.chain import Ledger
from serving.ledger.database import Database
from serving.operations.metrics import observed_shadow, shadow_dropped
from serving.random_bytes import new_id
from serving.settings import ServiceSettings

if TYPE_CHECKING:
    from serving.http.api import Api

__all__ = ["follow_thread", "make_acts", "make_follower", "make_shadow", "models_api"]


def make_acts(
    settings: ServiceSettings, database: Database, ledger: Ledger, board: SwitchBoard | None = None
) -> Acts:
    """Return who carries orders out; the command line uses it without a service."""
    lanes = Lanes(settings.home, board or SwitchBoard(database))
    return Acts(lanes, ledger, registry=_registry(settings), clock=utc_now, new_id=new_id)


def models_api(api: "Api", settings: ServiceSettings, database: Database, board: SwitchBoard) -> ModelsApi:
    """Return the handlers of models."""
    acts = make_acts(settings, database, api.parts.ledger, board)
    return ModelsApi(api, acts, Listing(Lanes(settings.home, board), api.parts, database))


def make_shadow(settings: ServiceSettings, database: Database) -> Shadow:
    """Return the queue of challengers."""
    limits = ShadowLimits(
        waiting=settings.shadow_waiting,
        figures=settings.shadow_figures,
        kept=settings.shadow_kept,
        load=settings.shadow_load,
    )
    return Shadow(database, limits, clock=utc_now, on_compared=observed_shadow, on_dropped=shadow_dropped)


def make_follower(settings: ServiceSettings, board: SwitchBoard) -> Follower | None:
    """Return who follows MLflow, None where the address is no server's."""
    if not is_server(settings.mlflow_uri):
        return None
    models = settings.home / "models"
    return Follower(
        models,
        _rest(settings),
        clock=utc_now,
        poll=timedelta(seconds=settings.mlflow_poll_seconds),
        copies=OldCopies(models, board, settings.models_kept),
    )


def follow_thread(settings: ServiceSettings, board: SwitchBoard) -> FollowThread | None:
    """Return the thread that follows, None where nothing is to be followed."""
    follower = make_follower(settings, board)
    return None if follower is None else FollowThread(follower)


def _registry(settings: ServiceSettings) -> RegistryPort:
    return _rest(settings) if is_server(settings.mlflow_uri) else NoRegistry()


def _rest(settings: ServiceSettings) -> MlflowRest:
    return MlflowRest(
        settings.mlflow_uri,
        settings.mlflow_token,
        timeout_seconds=settings.mlflow_timeout_seconds,
        limit_bytes=settings.model_limit_bytes,
    )
