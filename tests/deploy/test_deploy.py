"""What is deployed beside the service fits it: metrics, settings, ports and addresses that exist."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # its stubs are not locked

import serving.operations.gauges  # noqa: F401 - its metrics are registered when it is imported
from serving.operations.metrics import REGISTRY
from serving.settings import ServiceSettings

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
DOCUMENTS = sorted([*DEPLOY.rglob("*.y*ml"), *DEPLOY.rglob("*.json")])
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
METRIC = re.compile(r"zhiheng_[a-z_]+")
LABELS = re.compile(r"(zhiheng_[a-z_]+)\{([^}]*)\}")
# Read by compose.yaml itself, not by the service.
OF_COMPOSE = re.compile(r"ZHIHENG_(POSTGRES|NEO4J|MLFLOW|PROMETHEUS|GRAFANA)_[A-Z]+")


def registered() -> set[str]:
    return {metric.name + suffix for metric in REGISTRY.collect() for suffix in SUFFIXES[metric.type]}


def load(path: Path) -> list[Any]:
    text = path.read_text(encoding="utf-8")
    return [json.loads(text)] if path.suffix == ".json" else list(yaml.safe_load_all(text))


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def rules() -> list[Any]:
    (alerts,) = load(DEPLOY / "prometheus" / "alerts.yml")
    return [rule for group in alerts["groups"] for rule in group["rules"]]


def expressions() -> dict[str, str]:
    (dashboard,) = load(DEPLOY / "grafana" / "zhiheng.json")
    panels = {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in dashboard["panels"]
        for target in panel["targets"]
    }
    return panels | {rule["alert"]: rule["expr"] for rule in rules()}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_parses(path: Path) -> None:
    assert all(document for document in load(path))


def test_every_metric_of_dashboard_and_alerts_is_registered() -> None:
    used = {name for text in expressions().values() for name in METRIC.findall(text)}
    assert len(used) > 15
    assert used - registered() == set()


def test_every_label_of_dashboard_and_alerts_is_one_of_its_metric() -> None:
    collectors: Mapping[Any, list[str]] = REGISTRY._collector_to_names
    labels = {
        name + suffix: set(collector._labelnames) | ({"le"} if suffix == "_bucket" else set())
        for collector, names in collectors.items()
        for name in names
        for suffix in ("", "_bucket")
    }
    for where, text in expressions().items():
        for name, chosen in LABELS.findall(text):
            asked = set(re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", chosen))
            assert asked <= labels[name], where


def test_brackets_of_every_expression_close() -> None:
    for where, text in expressions().items():
        assert [text.count(one) for one in "([{"] == [text.count(one) for one in ")]}"], where


def test_every_alert_says_what_happened_and_what_to_do_in_both_languages() -> None:
    found = rules()
    assert len({rule["alert"] for rule in found}) == len(found)
    for rule in found:
        assert rule["labels"]["severity"] in ("page", "ticket")
        for text in (rule["annotations"]["summary"], rule["annotations"]["action"]):
            chinese, _, english = text.partition(" / ")
            assert re.search(r"[一-鿿]", chinese), rule["alert"]
            assert re.search(r"[A-Za-z]{3}", english), rule["alert"]


def test_the_dangers_that_were_asked_for_each_have_an_alert() -> None:
    wanted = {
        "ModelTooOld", "LedgerUnavailable", "LedgerChainBroken", "ServerErrors", "ScoreSlow", "ShadowDrops",
        "DiskAlmostFull", "GraphTooOld", "JobsQueue", "AccessLogLost",
    }  # fmt: skip
    assert wanted <= {rule["alert"] for rule in rules()}


def test_every_setting_named_is_one_of_the_service() -> None:
    known = {f"ZHIHENG_{name.upper()}" for name in ServiceSettings.model_fields}
    for path in DOCUMENTS:
        for name in set(re.findall(r"ZHIHENG_[A-Z0-9_]*[A-Z0-9]", path.read_text(encoding="utf-8"))):
            assert name in known or OF_COMPOSE.fullmatch(name), f"{path.name} names {name}"


def test_every_port_of_compose_is_on_loopback() -> None:
    (compose,) = load(DEPLOY / "compose.yaml")
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert len(ports) >= 6
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_no_file_holds_a_password() -> None:
    for path in DOCUMENTS:
        for name, value in re.findall(
            r"(\w*(?:PASSWORD|SECRET)\w*):\s+(\S.*)", path.read_text(encoding="utf-8")
        ):
            assert re.match(r"\$\{\w+:-\}|/run/secrets/", value), f"{path.name}: {name}"


def test_every_file_that_compose_mounts_exists() -> None:
    (compose,) = load(DEPLOY / "compose.yaml")
    mounts = [
        m
        for service in compose["services"].values()
        for m in service.get("volumes", [])
        if m.startswith("./")
    ]
    assert mounts
    assert [mount for mount in mounts if not (DEPLOY / mount.split(":")[0]).exists()] == []


def test_manifests_keep_two_replicas_probed_and_limited() -> None:
    found = {
        (document["kind"], document["metadata"]["name"]): document
        for document in load(DEPLOY / "kubernetes" / "zhiheng.yaml")
    }
    assert {kind for kind, _ in found} >= {"Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"}
    deployment = found["Deployment", "zhiheng"]["spec"]
    pod = deployment["template"]
    (container,) = pod["spec"]["containers"]
    assert deployment["replicas"] == 2
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
    assert "memory" in container["resources"]["limits"]
    labels = pod["metadata"]["labels"]
    for selector in (
        deployment["selector"]["matchLabels"],
        found["Service", "zhiheng"]["spec"]["selector"],
        found["PodDisruptionBudget", "zhiheng"]["spec"]["selector"]["matchLabels"],
        found["NetworkPolicy", "zhiheng"]["spec"]["podSelector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    assert mounts == {volume["name"] for volume in pod["spec"]["volumes"]}
