"""Each alias is followed whatever MLflow says of the others: only a server that is away ends the look."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from models.bundle import write_bundle
from serving.champions.families import CREDIT, FAMILIES, Alias
from serving.champions.follower import Follower, FollowStatus
from serving.champions.mlflow_rest import MlflowRest
from serving.champions.old_copies import OldCopies
from serving.champions.store import read_pointer
from serving.champions.switches import SwitchBoard
from serving.ledger.database import Database

NOW = datetime(2026, 11, 1, tzinfo=UTC)
STRANGE = {
    "no JSON": b"<html>Bad gateway</html>",
    "no object": b"[1, 2]",
    "endless": b"[" * 100_000,
    "a field of another kind": b'{"model_version": {"name": 7}}',
    "a field is missing": b'{"model_version": {"version": "1"}}',
    "nothing": b"",
}
Look = Callable[..., FollowStatus]


@pytest.fixture
def look(tmp_path: Path) -> Iterator[Look]:
    """Return a function that looks once at a server which says something strange of one alias of credit and is sound else.

    The registered models but credit lie here already, so that only aliases and runs are asked for.
    """
    version = write_bundle(
        tmp_path / "made", {"a.txt": b"a"}, family="any", features=(), seed=1, data_hash="0", code_version="t"
    ).manifest.version
    for folder in {family.folder for family in FAMILIES.values()}:
        (tmp_path / "models" / folder).mkdir(parents=True)
        (tmp_path / "models" / folder / version).symlink_to(tmp_path / "made")
    strange: dict[str, tuple[bytes, int]] = {}

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            status, body = (
                200,
                json.dumps({"run": {"info": {"artifact_uri": "mlflow-artifacts:/1"}}}).encode(),
            )
            if "alias" in query:
                tags = [{"key": "bundle_version", "value": version}]
                found = {"name": query["name"][0], "version": "1", "run_id": "r", "tags": tags}
                body = json.dumps({"model_version": found}).encode()
                if query["name"] == ["credit"]:
                    body, status = strange.get(query["alias"][0], (body, status))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    models, database = tmp_path / "models", Database(tmp_path / "ledger.db")
    follower = Follower(
        models,
        MlflowRest(f"http://127.0.0.1:{server.server_address[1]}"),
        clock=lambda: NOW,
        poll=timedelta(seconds=10),
        copies=OldCopies(models, SwitchBoard(database), 5),
    )

    def once(body: bytes, status: int, alias: str = "champion") -> FollowStatus:
        strange[alias] = (body, status)
        return follower.look()

    yield once
    server.shutdown()
    server.server_close()
    thread.join(10)
    database.close()


def followed(home: Path) -> set[Path]:
    pointers = {family.pointer(home / "models", alias) for family in FAMILIES.values() for alias in Alias}
    return {path for path in pointers if path.is_file() and read_pointer(path).registered == "1"}


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("said", STRANGE)
def test_a_strange_answer_about_one_alias_leaves_the_others_followed(
    look: Look, tmp_path: Path, said: str, status: int
) -> None:
    found = look(STRANGE[said], status)
    assert found.away_en is None
    assert [(one.family, one.alias) for one in found.troubles] == [("credit", "champion")]
    assert len(followed(tmp_path)) == 2 * len(FAMILIES) - 1


def test_an_error_that_nobody_foresaw_of_one_alias_leaves_the_others_followed(
    look: Look, tmp_path: Path
) -> None:
    FAMILIES[CREDIT].pointer(
        tmp_path / "models", Alias.CHALLENGER
    ).mkdir()  # it is to go, and no file can be removed
    found = look(b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}', 404, "challenger")
    assert [(one.family, one.alias) for one in found.troubles] == [("credit", "challenger")]
    assert "unexpected" in found.troubles[0].en
    assert len(followed(tmp_path)) == 2 * len(FAMILIES) - 1
