"""A real MLflow server on loopback: SQLite behind it, models' files served by itself."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from models.bundle import write_bundle
from models.credit.model import FAMILY, CreditModel
from serving.champions.mlflow_rest import MlflowRest

__all__ = ["MlflowServer", "bundle_files", "start_mlflow"]

_UPLOAD = "/api/2.0/mlflow-artifacts/artifacts/"


@dataclass
class MlflowServer:
    """The server, and what a trainer does with it over its REST API."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes]"

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def rest(self) -> MlflowRest:
        return MlflowRest(self.uri, timeout_seconds=10)

    def call(self, method: str, path: str, body: object = None) -> dict[str, object]:
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - loopback
            self.uri + path, data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            found: dict[str, object] = json.loads(answer.read() or b"{}")
        return found

    def register(self, name: str, files: dict[str, bytes], version: str, *, user: str = "chen") -> str:
        """Store a model folder with a run of its own and register it; return MLflow's number."""
        at = int(time.time() * 1000)
        run = self.call(
            "POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0", "user_id": user, "start_time": at}
        )
        info = run["run"]["info"]  # type: ignore[index]
        root = str(info["artifact_uri"]).removeprefix("mlflow-artifacts:/").lstrip("/")
        for file, content in files.items():
            self.call("PUT", f"{_UPLOAD}{root}/model/{file}", content)
        if self.rest.by_bundle_version(name, version) is None and not self._known(name):
            self.call("POST", "/api/2.0/mlflow/registered-models/create", {"name": name})
        made = self.call(
            "POST",
            "/api/2.0/mlflow/model-versions/create",
            {
                "name": name,
                "source": f"runs:/{info['run_id']}/model",
                "run_id": info["run_id"],
                "tags": [{"key": "bundle_version", "value": version}],
            },
        )
        return str(made["model_version"]["version"])  # type: ignore[index]

    def _known(self, name: str) -> bool:
        found = self.call("GET", "/api/2.0/mlflow/registered-models/search")
        listed = found.get("registered_models")
        return isinstance(listed, list) and any(one["name"] == name for one in listed)

    def stored(self, file: str, version_folder_of: str) -> Path:
        """Return where the server keeps a file of the run whose manifest names a version."""
        for manifest in self.folder.glob("artifacts/**/manifest.json"):
            if json.loads(manifest.read_text())["version"] == version_folder_of:
                return manifest.parent / file
        raise AssertionError(version_folder_of)

    def stop(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(20)


def start_mlflow(folder: Path, port: int | None = None) -> MlflowServer:
    """Start a server on its folder and wait until it answers."""
    if port is None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        *(
            sys.executable,
            "-m",
            "mlflow",
            "server",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--workers",
            "1",
        ),
        *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
        *("--artifacts-destination", str(folder / "artifacts"), "--serve-artifacts"),
    ]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True, cwd=folder
        )
    server = MlflowServer(folder, port, process)
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.uri}/health", timeout=2):  # noqa: S310
                return server
        except OSError:
            time.sleep(0.3)
    server.stop()
    raise AssertionError(f"MLflow did not start:\n{(folder / 'server.log').read_text()[-3000:]}")


def bundle_files(folder: Path, model: CreditModel, seed: int) -> tuple[str, dict[str, bytes]]:
    """Return a model's version and the files of its folder, manifest included."""
    bundle = write_bundle(
        folder,
        model.files(),
        family=FAMILY,
        features=model.features,
        seed=seed,
        data_hash="0",
        code_version="test",
    )
    return bundle.manifest.version, {path.name: path.read_bytes() for path in folder.iterdir()}
