"""The BentoML service: settings in, one ASGI application out; heavy imports happen in the workers alone."""

import asyncio
import contextlib
import gc
import logging
import math
import os
import signal
from collections.abc import Mapping
from types import FrameType
from typing import TYPE_CHECKING, Final

import bentoml
from bentoml._internal.log import CLI_LOGGING_CONFIG, SERVER_LOGGING_CONFIG
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.heartbeats import beat
from serving.http.patience import limit_header_time
from serving.lean import share_memory, trim_memory
from serving.operations.json_logs import log_as_json
from serving.operations.tls import tls_files
from serving.settings import read_settings
from serving.supervising import end_without_supervisor, hung_before, in_worker, supervise

if TYPE_CHECKING:
    from serving.wiring import Deployment

__all__ = ["Front", "ZhihengService", "tls_arguments"]

_LOG: Final = logging.getLogger("bentoml.zhiheng")
if in_worker():
    # Until all is loaded (`start`): it would walk through the same growing heap again and again, and find next to nothing.
    gc.disable()
_SETTINGS: Final = read_settings()
# For BentoML's own few pages alone: it keeps a timer and a context of each request until this is over. Ours never come to it
# (see Front) and have deadlines of their own, minutes for a file that is sent, which answer with problem+json.
_BENTOML_SECONDS: Final = 5
_BENTOML_PATHS: Final = ("/livez", "/static_content/")
# BentoML measures and logs by raw path, which holds ids of parties and never ends being new; serving.operations does
# both by route template. Its tracing would make a span and a context for every request, for an exporter that is not there.
_NOTHING_BY_PATH: Final = {
    "metrics": {"enabled": False, "namespace": "bentoml"},
    "logging": {"access": {"enabled": False}},
    "tracing": {"excluded_urls": ".*"},
}
_TLS: Final = tls_files(_SETTINGS.tls_cert, _SETTINGS.tls_key)
_SSL: Final = (
    {"ssl": {"enabled": True, "certfile": str(_TLS.certificate), "keyfile": str(_TLS.key)}} if _TLS else {}
)
# Read by uvicorn in the workers; without it every process of this host could say that it is somebody else.
os.environ["FORWARDED_ALLOW_IPS"] = _SETTINGS.trusted_gateways
log_as_json(CLI_LOGGING_CONFIG, SERVER_LOGGING_CONFIG)
supervise(
    math.ceil(max(_SETTINGS.deadline_seconds, _SETTINGS.forecast_deadline_seconds)) + 1,
    _SETTINGS.hung_worker_seconds,
)
_GC_THRESHOLDS: Final = (50_000, 20, 50)
# At most one: BentoML makes the application and the instance apart, and neither gets hold of the other.
_COUNT_SECONDS: Final = 1.0
_TRIM_SECONDS: Final = 5.0
_DEPLOYMENTS: Final[list["Deployment"]] = []


class Front:
    """Hands every request to our application, except the few pages that BentoML serves itself.

    BentoML puts its own /healthz, /readyz and index page before mounted applications, and a task, a timer that lasts
    after the answer, and a tracing scope around each request; this stands before all of them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._bentoml = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Choose who answers."""
        if scope["type"] != "http" or scope["path"].startswith(_BENTOML_PATHS):
            await self._bentoml(scope, receive, send)
        else:
            await _running().app(scope, receive, send)


class _Worker:
    """智衡：信用风险评分，附理由与台账。 / Credit scores with reasons, written down before they are given."""

    @bentoml.on_startup
    async def start(self) -> None:
        """Open the ledger, load model and features, and look for newer ones from time to time."""
        share_memory()
        self._beating = asyncio.create_task(beat())
        gc.disable()
        gc.freeze()  # what is there by now stays: the collection at the end need not walk through it
        from serving.wiring import Deployment  # noqa: PLC0415 - the supervising process must not load all this

        deployment = Deployment(_SETTINGS)
        await asyncio.to_thread(deployment.start)
        if _TLS is not None:
            deployment.gauges.certificate_ends(_TLS.expires_at())
        deployment.gauges.workers_hung(hung_before())
        _DEPLOYMENTS.append(deployment)
        # What is loaded now stays: a full collection over it would stop answers for 150 ms each time.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)
        gc.enable()
        _hold_jobs_when_ending(deployment)
        self._watching = asyncio.create_task(_watch(deployment))
        self._counting = asyncio.create_task(_count_waiting(deployment))
        self._trimming = asyncio.create_task(_trim_now_and_then())
        self._supervised = asyncio.create_task(_end_with_the_supervisor())

    @bentoml.on_shutdown
    async def stop(self) -> None:
        """Stop watching and give the database back."""
        self._supervised.cancel()
        self._trimming.cancel()
        self._counting.cancel()
        self._watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._watching
        _DEPLOYMENTS.pop().stop()


class _Fronted(bentoml.Service[_Worker]):
    """BentoML's service with our door before all that BentoML itself puts around a request."""

    def to_asgi(self, is_main: bool = True) -> ASGIApp:  # noqa: FBT001, FBT002 - BentoML's own signature
        """Return the application that a worker runs, which is the last thing before its uvicorn begins."""
        limit_header_time(_SETTINGS.header_seconds, _slow_headers)
        return Front(super().to_asgi(is_main=is_main))


ZhihengService: Final = bentoml.service(
    name="zhiheng",
    service_class=_Fronted,
    workers=_SETTINGS.workers,
    traffic={"timeout": _BENTOML_SECONDS},
    http={"host": _SETTINGS.host, "port": _SETTINGS.port},  # BentoML's own default is every address
    **_NOTHING_BY_PATH,
    **_SSL,
)(_Worker)


def tls_arguments() -> Mapping[str, str]:
    """Return what BentoML's own starter has to be told of the certificate, nothing without one."""
    return {"ssl_certfile": str(_TLS.certificate), "ssl_keyfile": str(_TLS.key)} if _TLS else {}


def _slow_headers() -> None:
    from serving.operations.metrics import observed_slow_headers  # noqa: PLC0415 - BentoML says first where metrics lie

    observed_slow_headers()


def _running() -> "Deployment":
    return _DEPLOYMENTS[-1]


def _hold_jobs_when_ending(deployment: "Deployment") -> None:
    """Take no more jobs from the signal on: one that begins while answers are finished would be cut off."""
    before = signal.getsignal(signal.SIGTERM)

    def told(number: int, frame: FrameType | None) -> None:
        deployment.jobs.worker.hold()
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGTERM, told)


async def _end_with_the_supervisor() -> None:
    while not end_without_supervisor():
        await asyncio.sleep(_SETTINGS.refresh_seconds)
    _LOG.error("the supervisor is gone: this worker ends")


async def _trim_now_and_then() -> None:
    """Keep memory flat: what one thread allocates and another frees leaves holes, 7 % more after ten minutes of load."""
    while True:
        await asyncio.sleep(_TRIM_SECONDS)
        await asyncio.to_thread(trim_memory)


async def _count_waiting(deployment: "Deployment") -> None:
    """Count what waits for the ledger once a second, apart from what waits for the database itself."""
    while True:
        deployment.gauges.look_at_queue()
        await asyncio.sleep(_COUNT_SECONDS)


async def _watch(deployment: "Deployment") -> None:
    while True:
        await asyncio.sleep(_SETTINGS.refresh_seconds)
        try:
            await asyncio.to_thread(deployment.parts.refresh)
            await asyncio.to_thread(deployment.gauges.look_at_process)
            await asyncio.to_thread(deployment.intake_cleaning.look)
            broken = await asyncio.to_thread(deployment.chain_watch.look)
            if broken is not None:
                _LOG.error("the chain of the ledger does not hold at row %d: %s", broken.seq, broken.en)
        except Exception as error:  # noqa: BLE001 - the last good parts go on answering; the next look may succeed
            _LOG.error("looking for new parts failed: %s", type(error).__name__)
