"""Families, versions and cards as they are read: what lies here, who answers, what is in memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import select

from features.timeline import Frequency
from models.bundle import Manifest
from models.errors import BundleError
from serving.access.caller import Caller
from serving.champions.errors import UnknownVersionError
from serving.champions.families import CAPACITY, CREDIT, FAMILIES, Alias, demand_family
from serving.champions.follower import read_status
from serving.champions.kept_here import Kept, KeptHere
from serving.champions.lanes import Lane, Lanes
from serving.champions.schemas import (
    FamilyEntry,
    Incident,
    IncidentsAnswer,
    ModelCard,
    ModelsAnswer,
    ShadowSummary,
    VersionEntry,
)
from serving.champions.shadow import comparison
from serving.champions.store import read_manifest
from serving.ledger.database import Database
from serving.ledger.tables import incidents
from serving.listing import Page
from serving.parts import Parts

__all__ = ["Listing", "card_text"]

_CARDS: Final = ("model_card.md", "card.md")


@dataclass(frozen=True)
class Listing:
    """Reads; it orders nothing."""

    lanes: Lanes
    parts: Parts
    database: Database

    def models(self, caller: Caller) -> ModelsAnswer:
        """List every family of which something lies here."""
        loaded = _loaded(self.parts)
        families = [self._family(lane, loaded.get(lane.family, ())) for lane in self.lanes.all()]
        return ModelsAnswer(request_id=caller.call.request_id, families=families)

    def card(self, family: str, version: str, caller: Caller) -> ModelCard:
        """Return the card of a version. Raises UnknownFamilyError, UnknownVersionError."""
        lane = self.lanes.of(family)
        kept = lane.kept().named(version)
        if kept is None:
            raise UnknownVersionError(family)
        try:
            manifest = read_manifest(kept.folder)
        except BundleError as error:
            raise UnknownVersionError(family) from error
        return ModelCard(
            request_id=caller.call.request_id,
            family=family,
            version=version,
            aliases=self._aliases(lane, version),
            trained_as_of=kept.trained_as_of,
            training_window=list(manifest.training_window) if manifest.training_window else None,
            features=list(manifest.features),
            metrics=dict(kept.metrics),
            libraries=manifest.libraries,
            notes=manifest.notes,
            files=manifest.files,
            seed=manifest.seed,
            code_version=manifest.code_version,
            data_hash=manifest.data_hash,
            trained_by=lane.trained_by(version),
            gate=kept.gate,
            card=_written_card(kept, manifest),
        )

    def shadow(self, family: str, caller: Caller) -> ShadowSummary:
        """Hold the family's challenger against its champion. Raises UnknownFamilyError, LedgerUnavailableError."""
        version = self.lanes.alias(family, Alias.CHALLENGER)
        found = comparison(self.database, family, version or "")
        return ShadowSummary(
            request_id=caller.call.request_id,
            family=family,
            version=version,
            n=found.n,
            failed=found.failed,
            dropped=found.dropped,
            mean_difference=found.mean_difference,
            largest_difference=found.largest_difference,
            grade_changes=None if FAMILIES[family].of_runs else found.grade_changes,
            first_at=found.first_at,
            last_at=found.last_at,
        )

    def incidents(self, page: Page, caller: Caller) -> IncidentsAnswer:
        """List kills and rollbacks, the newest first. Raises LedgerUnavailableError."""
        wanted = select(incidents).where(*page.span.conditions(incidents.c.opened_at))
        if page.before is not None:
            wanted = wanted.where(incidents.c.seq < page.before)
        newest = wanted.order_by(incidents.c.seq.desc()).limit(page.limit + 1)
        with self.database.reading() as connection:
            rows = connection.execute(newest).mappings().all()
        shown = rows[: page.limit]
        return IncidentsAnswer(
            request_id=caller.call.request_id,
            incidents=[Incident.model_validate({n: row[n] for n in Incident.model_fields}) for row in shown],
            cursor=shown[-1]["seq"] if len(rows) > page.limit else None,
        )

    def _family(self, lane: Lane, loaded: tuple[str, ...]) -> FamilyEntry:
        level, served = self.lanes.served(lane.family)
        switch = self.lanes.board.of(lane.family)
        kept = lane.kept()
        problem_zh, problem_en = self._problem(lane.family, kept)
        return FamilyEntry(
            family=lane.family,
            level=level,
            version=served,
            loaded_version=loaded[0] if loaded else None,
            challenger=self.lanes.alias(lane.family, Alias.CHALLENGER),
            since=switch.since,
            reason=switch.reason,
            problem_zh=problem_zh,
            problem_en=problem_en,
            versions=[self._version(lane, one, served, loaded) for one in kept.versions],
        )

    def _version(
        self, lane: Lane, one: KeptHere, served: str | None, loaded: tuple[str, ...]
    ) -> VersionEntry:
        return VersionEntry(
            version=one.version,
            aliases=self._aliases(lane, one.version),
            serves=one.version == served,
            loaded=one.version in loaded,
            challenger=one.challenger,
            model_version=one.model_version,
            trained_as_of=one.trained_as_of,
            issued_at=one.issued_at,
            metrics=dict(one.metrics),
            gate=one.gate,
        )

    def _aliases(self, lane: Lane, version: str) -> list[str]:
        return [alias.value for alias in Alias if self.lanes.alias(lane.family, alias) == version]

    def _problem(self, family: str, kept: Kept) -> tuple[str | None, str | None]:
        """Return why the registry's newest is not taken and which folders cannot be read, None where all is well."""
        status = read_status(self.parts.credit.sources.home / "models")
        trouble = next((one for one in status.troubles if one.family == family), None) if status else None
        told = [one for one in (trouble, *kept.broken) if one is not None]
        return "".join(one.zh for one in told) or None, " ".join(one.en for one in told) or None


def card_text(card: ModelCard) -> str:
    """Write a card as Markdown; what came with the model stands as it is."""
    if card.card is not None:
        return card.card
    window = " – ".join(map(str, card.training_window or ())) or "-"
    lines = [
        f"# {card.family} {card.version}",
        "",
        f"- 别名 / aliases: {', '.join(card.aliases) or '-'}",
        f"- 训练数据截至 / trained as of: {_day(card.trained_as_of)} ({window})",
        f"- 训练人 / trained by: {card.trained_by or '-'}",
        f"- 门槛 / gate: {card.gate}",
        f"- 代码 / code: {card.code_version or '-'}; 数据 / data: {card.data_hash or '-'}; seed: {card.seed}",
        *_table("指标 / metrics", {name: f"{value:.6g}" for name, value in card.metrics.items()}),
        *_table("说明 / notes", card.notes),
        *_table("库 / libraries", card.libraries),
        *_table("文件 / files (SHA-256)", card.files),
        "",
        f"## 特征 / features ({len(card.features)})",
        "",
        ", ".join(card.features) or "-",
        "",
    ]
    return "\n".join(lines)


def _table(title: str, rows: Mapping[str, str]) -> list[str]:
    if not rows:
        return []
    cells = [f"| {name} | {value.replace('|', '/')} |" for name, value in rows.items()]
    return ["", f"## {title}", "", "| | |", "|---|---|", *cells]


def _day(day: date | None) -> str:
    return "-" if day is None else day.isoformat()


def _written_card(kept: KeptHere, manifest: Manifest) -> str | None:
    name = next((one for one in _CARDS if one in manifest.files), None)
    try:
        return None if name is None else (kept.folder / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):  # a folder that was damaged since: the rest of the card stands
        return None


def _loaded(parts: Parts) -> dict[str, tuple[str, ...]]:
    """Return the versions in this worker's memory by family, the one that answers first."""
    serves, beside = parts.credit.serves, parts.credit.challenger
    found = {CREDIT: _named(serves.version if serves else None, beside.model.version if beside else None)}
    runs = parts.demand.store
    for freq in Frequency:
        held, other = runs.latest.get(freq), runs.challengers.get(freq)
        found[demand_family(freq)] = _named(
            held.info.run_id if held else None, other.info.run_id if other else None
        )
    store = parts.capacity.desk.store
    found[CAPACITY] = _named(
        store.latest.info.run_id if store.latest else None,
        store.challenger.info.run_id if store.challenger else None,
    )
    return found


def _named(served: str | None, challenger: str | None) -> tuple[str, ...]:
    if served is None and challenger is None:
        return ()
    return (served or "", *([challenger] if challenger else []))
