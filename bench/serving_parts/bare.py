"""The bare peer: one ASGI function on uvicorn that predicts, explains and records as the service does, and nothing else.

What is physically possible: the same compiled kernel on the same row, every input and contribution in the answer and in
a record, one SQLite commit (WAL, synchronous=FULL) for all answers that gathered while the last one was written. It has no
keys, roles, rules, hash chain, reasons' texts, metrics or logs.
"""

import asyncio
import math
import sqlite3
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson

__all__ = ["main"]

Message = dict[str, Any]
_JSON: Final = [(b"content-type", b"application/json")]


class GroupCommit:
    """Writes what has gathered in one transaction and wakes all who wait for it."""

    def __init__(self, path: Path, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._changed = threading.Condition()
        threading.Thread(target=self._work, args=(path,), daemon=True).start()

    def commit(self, record: bytes) -> "asyncio.Future[None]":
        """Return what is done when the record is durable."""
        future = self._loop.create_future()
        with self._changed:
            self._waiting.append((record, future))
            self._changed.notify()
        return future

    def _work(self, path: Path) -> None:
        database = sqlite3.connect(path, isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE IF NOT EXISTS records (id INTEGER PRIMARY KEY, record TEXT)")
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                taken, self._waiting = self._waiting, []
            database.execute("BEGIN IMMEDIATE")
            database.executemany(
                "INSERT INTO records (record) VALUES (?)", [(record,) for record, _ in taken]
            )
            database.execute("COMMIT")
            self._loop.call_soon_threadsafe(_wake, [future for _, future in taken])


def _wake(futures: "list[asyncio.Future[None]]") -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)


def handler(home: Path) -> Callable[..., Awaitable[None]]:
    """Load model and rows and return the application."""
    from serving.credit.sources.feature_store import load_feature_store
    from serving.credit.sources.model_loading import load_model_compiled

    models = home / "models" / "credit"
    pointer = orjson.loads((models / "champion.json").read_bytes())
    model = load_model_compiled(models / pointer["folder"], cache=home / "run" / "numba")
    store = load_feature_store(home / "features" / "credit_latest.parquet").ordered(model.features)
    records: list[GroupCommit] = []

    async def application(
        scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        if scope["type"] != "http":
            return
        text = b"ready"
        if scope["method"] == "POST":
            if not records:
                records.append(GroupCommit(home / "bare.db", asyncio.get_running_loop()))
            body = b""
            more = True
            while more:
                message = await receive()
                body, more = body + message.get("body", b""), message.get("more_body", False)
            text = answer(orjson.loads(body)["party_id"])
            await records[0].commit(text)
        await send({"type": "http.response.start", "status": 200, "headers": _JSON})
        await send({"type": "http.response.body", "body": text})

    def answer(party: str) -> bytes:
        values = store.row(party)
        scores = model.score_matrix(values.reshape(1, -1))
        inputs = [None if math.isnan(value) else value for value in values.tolist()]
        parts = [
            {"feature": name, "value": value, "contribution": part}
            for name, value, part in zip(
                model.features, inputs, scores.contributions[0].tolist(), strict=True
            )
        ]
        said = {"party_id": party, "pd": scores.pd[0], "log_odds": scores.log_odds[0], "contributions": parts}
        return orjson.dumps(said, option=orjson.OPT_SERIALIZE_NUMPY)

    if not np.isfinite(model.score_matrix(np.full((1, len(model.features)), np.nan)).pd[0]):
        raise SystemExit("the model answers nothing finite")
    return application


def main() -> None:
    """Serve a home on a port."""
    import uvicorn

    home, port = Path(sys.argv[1]), int(sys.argv[2])
    uvicorn.run(
        handler(home), host="127.0.0.1", port=port, log_level="warning", access_log=False, lifespan="off"
    )


if __name__ == "__main__":
    main()
