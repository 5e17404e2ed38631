"""Metrics go on being counted where their file finds no room, and are whole when there is room again."""

import os
import subprocess
import sys
from pathlib import Path

COUNT = """
import resource
from serving.operations.metric_files import back_metric_files
back_metric_files()
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
counter = Counter("asked", "Questions", ["party"])
counter.labels("first").inc()
before = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
for number in range(2000):
    counter.labels(f"party {number}").inc(2)
resource.setrlimit(resource.RLIMIT_FSIZE, before)
for number in range(2000):
    counter.labels(f"party {number}").inc()
registry = CollectorRegistry()
MultiProcessCollector(registry)
page = generate_latest(registry).decode()
print(page.count("} 3.0"), page.count('party="first"} 1.0'))
"""


def test_values_without_room_are_kept_and_written_when_there_is_room(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    command = [sys.executable, "-c", COUNT]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["2000", "1"], done.stderr
    allocated = [path.stat().st_blocks * 512 >= path.stat().st_size for path in tmp_path.glob("*.db")]
    assert allocated == [True], "every page has room on the disk"
