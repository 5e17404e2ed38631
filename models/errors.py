"""Errors of the models: what could not be learnt, loaded or explained, and what to do."""

from collections.abc import Mapping, Sequence

from graph.errors import UserError

__all__ = [
    "AdditivityError",
    "BundleError",
    "CalibrationError",
    "CapacityRunError",
    "CapacityRunExistsError",
    "CapacityScenarioError",
    "FeatureMismatchError",
    "ForecastAdditivityError",
    "ForecastRunError",
    "ForecastRunExistsError",
    "GradeTestError",
    "HierarchyError",
    "LossTableError",
    "MinimumHoursError",
    "ModelError",
    "NotTrainableError",
    "NowcastInputError",
    "PlanError",
    "PlanInfeasibleError",
    "PlanReferenceError",
    "PlanShapeError",
    "PlanUnitError",
    "PlanValueError",
    "PlanWithoutDemandError",
    "PointScaleError",
    "PolicyError",
    "PooledModelError",
    "ProductWithoutRouteError",
    "ProfileFileError",
    "ProfileUnitError",
    "ReasonsError",
    "ReconciliationError",
    "RegistryError",
    "RouteError",
    "RuleFactsError",
    "ScenarioError",
    "ScorecardError",
    "ShortfallError",
    "SolverTimeoutError",
    "StockBandError",
    "UnboundedPlanError",
    "UnknownMemberError",
    "UnknownProfileError",
    "UtilisationError",
    "WhatIfError",
]


class ModelError(UserError):
    """An error of a model."""


class NotTrainableError(ModelError):
    """The training data cannot teach a model anything."""


class CalibrationError(ModelError):
    """A calibration cannot be read, moved or bounded with the values given."""


class PolicyError(ModelError):
    """A policy file has no entry that answers on the date."""


class RegistryError(ModelError):
    """The model registry cannot be reached or holds no such model."""


class BundleError(ModelError):
    """A model folder is incomplete, changed or not a model folder."""

    def __init__(self, folder: str, *, problem_zh: str, problem_en: str) -> None:
        self.folder = folder
        super().__init__(
            zh=f"模型目录“{folder}”{problem_zh}。请重新训练，或从登记库重新取回该版本。",
            en=f"Model folder '{folder}': {problem_en}. Train again or fetch the version from the registry.",
        )


class FeatureMismatchError(ModelError):
    """The frame's features are not those the model was trained on."""

    def __init__(self, version: str, *, missing: Sequence[str] = (), unexpected: Sequence[str] = ()) -> None:
        self.version, self.missing, self.unexpected = version, tuple(missing), tuple(unexpected)
        lacks, extra = ", ".join(missing) or "-", ", ".join(unexpected) or "-"
        super().__init__(
            zh=f"模型 {version} 的训练特征与输入不一致：缺少 {lacks}；多出 {extra}。请按模型的特征重建输入，或用现有特征重新训练。",
            en=f"Model {version} was trained on other features: missing {lacks}; unexpected {extra}. "
            "Rebuild the input with the model's features or train again.",
        )


class AdditivityError(ModelError):
    """Base and contributions do not sum to the log-odds, so the explanation would be false."""

    def __init__(self, version: str, gap: float) -> None:
        self.version, self.gap = version, gap
        super().__init__(
            zh=f"模型 {version} 的解释与得分不一致（最大差 {gap:.3g}），本次不出具结果。请联系数据科学家核查模型文件。",
            en=f"Model {version}: contributions and log-odds differ by {gap:.3g}; no answer is given. "
            "Ask a data scientist to check the model files.",
        )


class PointScaleError(ModelError):
    """A scale of points cannot be read, is not in force, or what it is given does not add up."""


class GradeTestError(ModelError):
    """What grades are to be tested on, or learnt from, cannot say anything."""


class ReasonsError(ModelError):
    """Values and contributions do not belong to the features they are given for."""


class WhatIfError(ModelError):
    """A question about other inputs names what the model does not have or what cannot be."""

    def __init__(self, *, zh: str, en: str, features: Sequence[str] = ()) -> None:
        self.features = tuple(features)
        super().__init__(zh=zh, en=en)


class RuleFactsError(ModelError):
    """The facts that rules are held against cannot be used."""

    def __init__(self, field: str, problem_zh: str, problem_en: str) -> None:
        self.field = field
        super().__init__(
            zh=f"规则事实的字段“{field}”无法使用：{problem_zh}。可用 `zhiheng features build` 重新计算。",
            en=f"Facts for the rules, field '{field}': {problem_en}. `zhiheng features build` computes them anew.",
        )


class LossTableError(ModelError):
    """A table of exposures cannot be used for expected loss."""

    def __init__(self, column: str, problem_zh: str, problem_en: str) -> None:
        self.column = column
        super().__init__(
            zh=f"预期损失的敞口表，列“{column}”{problem_zh}。请补齐或改正后重新计算。",
            en=f"Exposures for expected loss, column '{column}' {problem_en}. Complete or correct it and compute again.",
        )


class RouteError(ModelError):
    """No cell of the coverage matrix answers a question, or the question is none."""


class PooledModelError(ModelError):
    """The pooled model cannot be learnt, read or asked with what was given."""


class ScorecardError(ModelError):
    """A scorecard cannot be learnt, read or exported."""


class HierarchyError(ModelError):
    """A hierarchy of series contradicts itself or the table."""

    def __init__(self, nodes: Sequence[str], *, zh: str, en: str) -> None:
        self.nodes = tuple(nodes)
        shown = ", ".join(self.nodes[:5]) + (" …" if len(self.nodes) > 5 else "")  # noqa: PLR2004 - a readable few
        super().__init__(
            zh=f"层级结构：{shown} {zh}。" if nodes else f"层级结构：{zh}。",
            en=f"Hierarchy: {shown} {en}." if nodes else f"Hierarchy: {en}.",
        )


class ReconciliationError(ModelError):
    """Forecasts and hierarchy do not belong together, or their variances cannot be used."""


class ScenarioError(ModelError):
    """A scenario names what the model does not know, or what cannot be."""


class ForecastRunError(ModelError):
    """A run of forecasts cannot be published or read as it is."""

    def __init__(self, where: str, problem_zh: str, problem_en: str) -> None:
        self.where = where
        super().__init__(
            zh=f"预测批次“{where}”{problem_zh}。请改正后重新发布（`zhiheng demand run`）。",
            en=f"Forecast run '{where}': {problem_en}. Correct it and publish again (`zhiheng demand run`).",
        )


class ForecastRunExistsError(ModelError):
    """A run of that id is published already; what was published is never changed."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(
            zh=f"预测批次“{run_id}”已经发布，不可改写。请以新的编号发布新的批次。",
            en=f"Forecast run '{run_id}' is published and cannot be rewritten. Publish a new run under a new id.",
        )


class UnknownMemberError(ModelError):
    """A forecasting method has another name here, or none."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name = name
        super().__init__(
            zh=f"没有名为“{name}”的预测方法。可用：{'、'.join(known)}。",
            en=f"There is no forecasting method '{name}'. Use one of {', '.join(known)}.",
        )


class ForecastAdditivityError(ModelError):
    """The components of a forecast do not add up to it; the explanation is withheld."""

    def __init__(self, member: str, gap: float) -> None:
        self.member, self.gap = member, gap
        super().__init__(
            zh=f"预测方法“{member}”的各项之和与预测相差 {gap:.3g}，说明不予给出。请报告模型维护人员。",
            en=f"The components of '{member}' miss its forecast by {gap:.3g}, so no explanation is given. Tell the maintainers.",
        )


class LinePanelError(ModelError):
    """A panel of production lines cannot teach or be answered for."""


class LineAdditivityError(ModelError):
    """The factors of a line's capacity do not add up to its forecast; the explanation is withheld."""

    def __init__(self, line_id: str, week: str, gap: float) -> None:
        self.line_id, self.week, self.gap = line_id, week, gap
        super().__init__(
            zh=f"产线 {line_id} 在 {week} 这一周的各项之和与产能预测相差 {gap:.3g}，说明不予给出。请报告模型维护人员。",
            en=f"Line {line_id}, week of {week}: the contributions miss the forecast by {gap:.3g}, so no explanation is "
            "given. Tell the maintainers.",
        )


class NowcastInputError(ModelError):
    """Orders or published forecasts cannot be read for a nowcast."""

    def __init__(self, table: str, column: str, problem_zh: str, problem_en: str) -> None:
        self.table, self.column = table, column
        super().__init__(
            zh=f"实时预估的输入 {table} 中，{column} {problem_zh}。订单需要 unique_id、ds、y（可带 known_at），"
            "预测需要 unique_id、ds、forecast 和分位数列（如 q10、q90），频率为周、月或季。",
            en=f"Nowcast, table {table}: {column} {problem_en}. Orders need unique_id, ds, y (and known_at where there "
            "is one), forecasts unique_id, ds, forecast and quantiles such as q10 and q90, by week, month or quarter.",
        )


class CapacityRunError(ModelError):
    """A run of capacity or a plan cannot be published or read as it is."""

    def __init__(self, where: str, problem_zh: str, problem_en: str) -> None:
        self.where = where
        super().__init__(
            zh=f"产能批次或计划“{where}”{problem_zh}。请改正后重新发布（`zhiheng capacity forecast` 或 `zhiheng capacity plan`）。",
            en=f"Capacity run or plan '{where}': {problem_en}. Correct it and publish again (`zhiheng capacity forecast` "
            "or `zhiheng capacity plan`).",
        )


class CapacityRunExistsError(ModelError):
    """A run or plan of that id is published already; what was published is never changed."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            zh=f"产能批次或计划“{name}”已经发布，不可改写。请以新的编号发布。",
            en=f"Capacity run or plan '{name}' is published and cannot be rewritten. Publish under a new id.",
        )


class PlanError(ModelError):
    """A plan of capacity cannot be made as asked."""


class MinimumHoursError(PlanError):
    """A line must run more hours in a week than it has."""


class PlanReferenceError(PlanError):
    """A plan's input names a line, product, company or week that is not in the plan."""


class PlanShapeError(PlanError):
    """A plan's input has the wrong shape, skips a week or holds an id twice."""


class PlanUnitError(PlanError):
    """A line and a product that it makes count in different units."""


class PlanValueError(PlanError):
    """A plan's input holds a number that it cannot hold, such as negative hours."""


class PlanWithoutDemandError(PlanError):
    """Nothing is asked for, so there is nothing to plan."""


class ProductWithoutRouteError(PlanError):
    """No line can make a product that is asked for."""


class SolverTimeoutError(PlanError):
    """The solver did not find a plan within the time allowed."""


class UnboundedPlanError(PlanError):
    """The plan has no best answer: something may be earned without limit."""


class PlanInfeasibleError(PlanError):
    """No plan meets all constraints; `relaxations` are the fewest to relax, each with by how much (zh and en)."""

    def __init__(self, *, zh: str, en: str, relaxations: Sequence[Mapping[str, object]] = ()) -> None:
        self.relaxations = tuple(relaxations)
        super().__init__(zh=zh, en=en)


class ShortfallError(ModelError):
    """Demand, capacity, routes or what ties them together cannot be drawn from or do not fit each other."""


class UtilisationError(ModelError):
    """A history of utilisation, or what is asked of it, cannot be forecast."""


class StockBandError(ModelError):
    """A stock, its band or its samples cannot be, or do not fit each other."""


class ProfileFileError(ModelError):
    """A file of an industry profile cannot be used; every wrong field is named."""

    def __init__(self, file: str, fields: Sequence[str], *, zh: str, en: str) -> None:
        self.file, self.fields = file, tuple(fields)
        super().__init__(
            zh=f"行业档案文件“{file}”无法使用：{zh}。字段见 docs/capacity-profiles.md，改正后用 `zhiheng capacity profile --check` 检查。",
            en=f"Profile file '{file}' cannot be used: {en}. docs/capacity-profiles.md explains every field; correct them and "
            "check with `zhiheng capacity profile --check`.",
        )


class UnknownProfileError(ModelError):
    """A line names a profile that no file describes."""

    def __init__(self, line_id: str, profile: str, known: Sequence[str]) -> None:
        self.line_id, self.profile = line_id, profile
        listed = ", ".join(known)
        super().__init__(
            zh=f"产线“{line_id}”的行业档案“{profile}”不存在（现有：{listed}）。请改正 lines.profile，或在 profiles 目录中加入其文件。",
            en=f"Line '{line_id}' names the profile '{profile}', which does not exist (known: {listed}). "
            "Correct lines.profile or add a file for it to the folder `profiles`.",
        )


class ProfileUnitError(ModelError):
    """A line counts in another unit than its profile."""

    def __init__(self, line_id: str, unit: str, profile: str, expected: str) -> None:
        self.line_id, self.unit, self.profile, self.expected = line_id, unit, profile, expected
        super().__init__(
            zh=f"产线“{line_id}”的计量单位是 {unit}，行业档案“{profile}”用的是 {expected}。请换算该产线的数据，或改用单位一致的行业档案。",
            en=f"Line '{line_id}' counts in {unit}, its profile '{profile}' in {expected}. "
            "Convert the line's figures or choose a profile of its unit.",
        )


class CapacityScenarioError(ModelError):
    """A scenario of capacity names what the plan does not have, contradicts itself or changes nothing."""

    def __init__(self, scenario: str, *, zh: str, en: str) -> None:
        self.scenario = scenario
        super().__init__(zh=f"产能情景“{scenario}”：{zh}", en=f"Capacity scenario '{scenario}': {en}")
