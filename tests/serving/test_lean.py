"""A worker that scores has not imported what only training and plots need."""

import platform
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from serving.lean import without
from tests.serving.capacity import capacity_world

if TYPE_CHECKING:
    from tests.serving.conftest import World

SCORE_AND_LIST = """
import asyncio, sys
from pathlib import Path
from serving.access.caller import Call, Caller
from serving.credit.score.schemas import ScoreRequest
from serving.settings import ServiceSettings
from serving.wiring import Deployment
deployment = Deployment(ServiceSettings(home=Path(sys.argv[1])))
deployment.start()
scored = deployment.parts.scorer().score(ScoreRequest(party_id="P0000000"), Caller(Call("r", "k", ()), "n", ("*",)))
print(scored.answer.grade, *sorted(name for name, module in sys.modules.items() if module))
"""

# What training, plots, solvers, measures of the graph, workbooks, uploads, the graph's server, migrations and single
# sign-on need, and scores do not.
UNWANTED = {
    *("mlflow", "shap", "prophet", "statsforecast", "pandas", "sklearn", "dask", "matplotlib", "fastapi"),
    *("networkx", "neo4j", "scipy.optimize", "scipy.stats", "pyarrow", "fastexcel", "xlsxwriter", "openpyxl"),
    *("scipy.linalg", "scipy.sparse.csgraph", "scipy.sparse.linalg"),
    *("graph.measures", "features.credit.network"),
    *("alembic", "jwt", "cryptography"),
}


def test_worker_does_not_import_what_it_does_not_need(world: "World") -> None:
    command = [sys.executable, "-c", SCORE_AND_LIST, str(world.home)]
    grade, *modules = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert grade[0] in "ABCD"
    assert "lightgbm" in modules
    assert UNWANTED.isdisjoint(modules)


@pytest.mark.skipif(
    platform.machine() != "x86_64" or sys.platform != "linux", reason="libraries are made for Linux on x86-64"
)
def test_worker_scores_by_compiled_code_without_the_compiler(world: "World") -> None:
    code = SCORE_AND_LIST + "\nprint(deployment.parts.scorer().model.explainer)"
    run = subprocess.run(
        [sys.executable, "-c", code, str(world.home)], capture_output=True, text=True, check=True
    )
    listed, explainer = run.stdout.splitlines()
    assert explainer == "compiled"
    assert {"numba", "llvmlite"}.isdisjoint(listed.split())


START_AND_FORECAST = """
import sys
from pathlib import Path
from serving.capacity.schemas import CapacityForecastRequest
from serving.access.caller import Call, Caller
from serving.capacity.plan_schemas import PlanRequest
from serving.settings import ServiceSettings
from serving.wiring import Deployment
deployment = Deployment(ServiceSettings(home=Path(sys.argv[1])))
deployment.start()
planner, parts = Caller(Call("request", "key", ()), "name", ("*",)), deployment.parts.capacity
print(len(parts.desk.forecast(CapacityForecastRequest(), planner).body.lines))
print(*sys.modules)
parts.plans.plan(PlanRequest(), planner, lambda: False)
print(*sys.modules)
deployment.stop()
"""


def test_solver_is_imported_with_the_first_plan_and_boosters_not_at_all(tmp_path: Path) -> None:
    capacity_world.publish(tmp_path, capacity_world.make_run())
    command = [sys.executable, "-c", START_AND_FORECAST, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    lines, before, after = (set(line.split()) for line in run.stdout.splitlines())
    assert lines == {"2"}
    assert {"scipy.optimize", "lightgbm", "sklearn", "pandas", "matplotlib"}.isdisjoint(before)
    assert "scipy.optimize" in after
    assert {"lightgbm", "sklearn", "pandas", "matplotlib"}.isdisjoint(after)


def test_supervisor_does_not_load_the_model_libraries() -> None:
    command = [sys.executable, "-c", "import sys, serving.service; print(*sys.modules)"]
    modules = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "bentoml" in modules
    assert {"lightgbm", "polars", "sqlalchemy", "scipy"}.isdisjoint(modules)


def test_hidden_package_is_hidden_inside_only_and_imported_ones_stay() -> None:
    sys.modules.pop("this", None)
    with without("this", "json"):
        with pytest.raises(ImportError):
            __import__("this")
        assert __import__("json").dumps([]) == "[]"
    assert "this" not in sys.modules


def test_packed_service_listens_on_loopback_unless_told_otherwise(tmp_path: Path) -> None:
    code = "from serving.service import ZhihengService as s; print(s.config['http']['host'], s.config['http']['port'])"

    def listens(**told: str) -> str:
        environment = {"BENTOML_HOME": str(tmp_path), "BENTOML_DO_NOT_TRACK": "True", **told}
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
        )
        return run.stdout.strip()

    assert listens() == "127.0.0.1 8300"
    assert listens(ZHIHENG_HOST="10.1.2.3", ZHIHENG_PORT="80") == "10.1.2.3 80"


PLACES_OF_MEMORY = """
import ctypes, sys, threading
from serving.lean import share_memory
if sys.argv[1] == "shared":
    share_memory()
met = threading.Barrier(8)
def work():
    met.wait()
    taken = bytes(100_000)
    met.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
told = libc.fopen(sys.argv[2].encode(), b"w")
libc.malloc_info(0, ctypes.c_void_p(told))
libc.fclose(ctypes.c_void_p(told))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other libraries of C divide memory otherwise")
def test_threads_share_two_places_of_memory(tmp_path: Path) -> None:
    heaps = {}
    for name in ("shared", "apart"):
        told = tmp_path / f"{name}.xml"
        subprocess.run([sys.executable, "-c", PLACES_OF_MEMORY, name, str(told)], check=True)
        heaps[name] = told.read_text().count("<heap nr=")
    assert heaps["shared"] <= 2 < heaps["apart"]
