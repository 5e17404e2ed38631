"""Read scenarios from TOML: the examples beside this module, or a file of the user's."""

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from models.capacity.file_problems import listed, problems_of
from models.capacity.scenarios.scenario import Scenario, Scenarios
from models.errors import CapacityScenarioError

__all__ = ["load_scenarios", "scenario_named", "scenario_of"]


def load_scenarios(path: Path | None = None) -> tuple[Scenario, ...]:
    """Return the scenarios of a file in its order; without a path the built-in examples.

    Raises CapacityScenarioError naming the file, each wrong field and what to do.
    """
    file = path or resources.files(__package__).joinpath("scenarios.toml")
    name = str(path or "scenarios.toml")
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise CapacityScenarioError(
            name,
            zh=f"读不到文件（{reason}），请核对路径。",
            en=f"the file cannot be read ({reason}); check the path.",
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CapacityScenarioError(
            name,
            zh=f"不是 UTF-8 的 TOML（{error}），请修正。",
            en=f"it is not TOML in UTF-8 ({error}); correct it.",
        ) from error
    try:
        return Scenarios.model_validate(content).scenario
    except ValidationError as error:
        raise _refused(name, error) from error


def scenario_of(content: Mapping[str, object]) -> Scenario:
    """Return one scenario of plain data (JSON, TOML). Raises CapacityScenarioError naming each wrong field."""
    try:
        return Scenario.model_validate(content)
    except ValidationError as error:
        raise _refused(str(content.get("name", "-")), error) from error


def scenario_named(name: str, scenarios: tuple[Scenario, ...]) -> Scenario:
    """Return a scenario by name. Raises CapacityScenarioError listing what there is."""
    found = next((one for one in scenarios if one.name == name), None)
    if found is None:
        known = ", ".join(one.name for one in scenarios)
        raise CapacityScenarioError(
            name, zh=f"没有这个情景。可用：{known}。", en=f"there is no such scenario. Known: {known}."
        )
    return found


def _refused(name: str, error: ValidationError) -> CapacityScenarioError:
    zh, en = listed(problems_of(error, whole="scenario"))
    return CapacityScenarioError(name, zh=f"{zh}。", en=f"{en}.")
