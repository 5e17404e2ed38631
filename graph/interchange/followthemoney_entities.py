"""FollowTheMoney entities as a file holds them, fragments of one id joined."""

from dataclasses import dataclass, field
from pathlib import Path

from graph.interchange.followthemoney_schemata import more_specific
from graph.interchange.imported import LeftOut, NotCarriedError
from graph.interchange.json_documents import Document, read_documents

__all__ = ["Entity", "read_entities"]


@dataclass
class Entity:
    """An entity: its first line, its schema, and every value of each property once, in the order given."""

    line: int
    id: str
    schema: str
    source: str | None = None
    properties: dict[str, list[str]] = field(default_factory=dict)

    def all(self, *names: str) -> list[str]:
        """Return the values of some properties, one property after the other."""
        return [value for name in names for value in self.properties.get(name, [])]

    def first(self, *names: str) -> str | None:
        """Return the first value of some properties, None where there is none."""
        return next(iter(self.all(*names)), None)

    def add(self, name: str, values: object) -> None:
        """Take in the values of a property; an entity given whole counts by its id."""
        kept = self.properties.setdefault(name, [])
        for value in values if isinstance(values, list) else [values]:
            inner = value.get("id") if isinstance(value, dict) else value
            text = str(inner).strip() if isinstance(inner, str | int | float) else ""
            if text and text not in kept:
                kept.append(text)


def read_entities(path: Path, left_out: LeftOut) -> dict[str, Entity]:
    """Read the entities of a file by their ids, in the order of their first lines."""
    entities: dict[str, Entity] = {}
    for line, document in read_documents(path):
        entity_id, schema = document.get("id"), document.get("schema")
        known = entities.get(str(entity_id))
        try:
            _check(document)
            entity = known or Entity(line, str(entity_id), str(schema))
            entity.schema = _joined_schema(entity, str(schema))
        except NotCarriedError as problem:
            left_out.add(line, entity_id if isinstance(entity_id, str) else None, problem)
            continue
        entities[entity.id] = entity
        _fill(entity, document)
    return entities


def _check(document: Document) -> None:
    for name, expected in (("id", str), ("schema", str), ("properties", dict)):
        value = document.get(name)
        if not isinstance(value, expected) or (expected is str and not value):
            raise NotCarriedError(
                "missing_field",
                zh=f"缺少 {name} 或其值无效，该实体未导入。请补全后重新导入。",
                en=f"{name} is missing or invalid; the entity was left out. Complete it and import again.",
            )


def _joined_schema(entity: Entity, schema: str) -> str:
    joined = more_specific(entity.schema, schema)
    if joined is None:
        raise NotCarriedError(
            "conflicting_schema",
            zh=f"编号“{entity.id}”先为 {entity.schema}、后为 {schema}，后者未导入。不同实体应使用不同编号。",
            en=f"id '{entity.id}' was a {entity.schema} before and is a {schema} here, which was left out. "
            "Give different entities different ids.",
        )
    return joined


def _fill(entity: Entity, document: Document) -> None:
    properties = document["properties"]
    assert isinstance(properties, dict)  # noqa: S101 - _check has seen to it
    for name, values in properties.items():
        entity.add(str(name), values)
    if "last_change" in document:
        entity.add("modifiedAt", document["last_change"])
    datasets = document.get("datasets", document.get("dataset"))
    first = datasets[0] if isinstance(datasets, list) and datasets else datasets
    entity.source = entity.source or (first if isinstance(first, str) else None)
