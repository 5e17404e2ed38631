"""The query texts of the store over Bolt, in the part of Cypher that Neo4j and other openCypher servers share."""

from collections.abc import Sequence
from typing import Final

from graph.edges import EDGE_SCHEMA
from graph.ontology import RELATIONS
from graph.parties import PARTY_KEY, PARTY_SCHEMA, SCORE_KEY, SCORE_SCHEMA

__all__ = [
    "BEGUN",
    "CLEAR",
    "COUNT_PARTIES",
    "COUNT_STATEMENTS",
    "CREATE_PARTIES",
    "CROWDED",
    "CURRENT_RECORDS",
    "EDGES_AROUND",
    "FENCE",
    "LANES",
    "LOADS",
    "LOCK_LOADS",
    "MERGE_PARTIES",
    "NEWEST_DAYS",
    "NEWEST_SCORE",
    "PROPERTIES",
    "RECORDS",
    "RECORDS_OF",
    "SCHEMA",
    "SCORES",
    "SCORES_OF",
    "SET_LOADS",
    "STAMP",
    "STATEMENTS",
    "UNDO",
    "VISIBLE_COUNT",
    "WRITE_RECORDS",
    "WRITE_SCORES",
    "close_statements",
    "create_statements",
    "edge_index",
    "relation_type",
    "statements_of",
]

LANES: Final = 2
"""How many sessions write at the same time; each holds a `Load` node of its own."""

# What a relationship keeps; its ends and its type hold the rest.
PROPERTIES: Final = tuple(column for column in EDGE_SCHEMA if column not in {"src", "dst", "kind"})
_DATES: Final = frozenset({"valid_from", "valid_to", "known_at", "retracted_at", "as_of"})


def relation_type(kind: str) -> str:
    """Return the relationship type of a kind: the kind in upper case (kinds of the ontology are plain words)."""
    return kind.upper()


_TYPES: Final = "|".join(relation_type(kind) for kind in RELATIONS)
# Dates travel as text and become dates in one step for a whole column, not one object a cell.
_READ: Final = ", ".join(f"toString(r.{name})" if name in _DATES else f"r.{name}" for name in PROPERTIES)
_BELIEVED: Final = (
    "r.known_at <= $as_of AND (r.retracted_at IS NULL OR r.retracted_at > $as_of) AND r.valid_from <= $day"
)
_EVERY_ROW: Final = "UNWIND range(0, $rows - 1) AS i "


def _unique(name: str, label: str, properties: Sequence[str]) -> str:
    listed = ", ".join(f"n.{item}" for item in properties)
    return f"CREATE CONSTRAINT {name} IF NOT EXISTS FOR (n:{label}) REQUIRE ({listed}) IS UNIQUE"


SCHEMA: Final = (
    _unique("party", "Party", ["party_id"]),
    _unique("load", "Load", ["lane"]),
    _unique("party_record", "PartyRecord", PARTY_KEY),
    _unique("score", "Score", SCORE_KEY),
    "CREATE INDEX party_record_of IF NOT EXISTS FOR (n:PartyRecord) ON (n.party_id)",
    "CREATE INDEX score_of IF NOT EXISTS FOR (n:Score) ON (n.party_id)",
    f"UNWIND range(0, {LANES - 1}) AS lane MERGE (l:Load {{lane: lane}}) "
    "ON CREATE SET l.number = 0, l.open = false, l.digest = '', l.owner = '', l.beat = 0",
)
"""What must be there before the first load: uniqueness, range indexes and the loads' own records."""


def edge_index(kind: str) -> str:
    """Return the statement that finds the statements of an edge by its id."""
    return f"CREATE INDEX edge_{kind} IF NOT EXISTS FOR ()-[r:{relation_type(kind)}]-() ON (r.edge_id)"


# Loads. `open` stands while statements of a load may be there in part; `owner` is the writer at work, if any.

STAMP: Final = "MATCH (l:Load) RETURN [max(l.number), count(CASE WHEN l.open THEN 1 END)] AS rows"
LOADS: Final = (
    "MATCH (l:Load) RETURN l.number, l.open, l.digest, l.owner, timestamp() - l.beat ORDER BY l.lane"
)
LOCK_LOADS: Final = "MATCH (l:Load) SET l.asked_by = $owner RETURN count(l)"
SET_LOADS: Final = "MATCH (l:Load) SET l.number = $number, l.open = $open, l.digest = $digest, l.owner = $owner, l.beat = timestamp()"
FENCE: Final = "MATCH (l:Load {lane: $lane}) SET l.beat = timestamp() RETURN l.owner"

# Writing.

COUNT_PARTIES: Final = "MATCH (p:Party) RETURN count(p)"
CREATE_PARTIES: Final = _EVERY_ROW + "CREATE (:Party {party_id: $party_id[i]})"
MERGE_PARTIES: Final = _EVERY_ROW + "MERGE (:Party {party_id: $party_id[i]})"


def _given(columns: Sequence[str]) -> str:
    return ", ".join(
        f"{name}: ${name}_days[${name}[i]]" if name in _DATES else f"{name}: ${name}[i]" for name in columns
    )


def create_statements(kind: str, columns: Sequence[str]) -> str:
    """Return the query that writes statements of a kind, given as one list for each of the columns."""
    return (
        _EVERY_ROW + "MATCH (a:Party {party_id: $src[i]}) MATCH (b:Party {party_id: $dst[i]}) "
        f"CREATE (a)-[:{relation_type(kind)} {{{_given(columns)}, load: $load}}]->(b)"
    )


def close_statements(kind: str) -> str:
    """Return the query that gives stored statements of a kind their `retracted_at`."""
    return (
        _EVERY_ROW + "MATCH (a:Party {party_id: $src[i]}) MATCH (b:Party {party_id: $dst[i]}) "
        f"MATCH (a)-[r:{relation_type(kind)}]->(b) "
        "WHERE r.edge_id = $edge_id[i] AND r.known_at = $known_at_days[$known_at[i]] "
        "SET r.retracted_at = $retracted_at_days[$retracted_at[i]], r.closed_by = $load"
    )


WRITE_RECORDS: Final = _EVERY_ROW + f"CREATE (:PartyRecord {{{_given(tuple(PARTY_SCHEMA))}, load: $load}})"
CURRENT_RECORDS: Final = (
    _EVERY_ROW + "MERGE (p:Party {party_id: $party_id[i]}) "
    "SET p.kind = $kind[i], p.name = $name[i], p.credit_code = $credit_code[i]"
)
"""Party nodes show the latest record to people who look at the graph; nothing here reads it from there."""
WRITE_SCORES: Final = (
    _EVERY_ROW + f"MERGE (s:Score {{{_given(SCORE_KEY)}}}) "
    "SET s.before = CASE WHEN s.load = $load THEN s.before ELSE s.value END "
    "SET s.value = $value[i], s.load = $load"
)

_SOME: Final = "LIMIT 10000"
UNDO: Final = (
    *(
        text.format(relation_type(kind))
        for kind in RELATIONS
        for text in (
            f"MATCH ()-[r:{{}}]->() WHERE r.load = $load WITH r {_SOME} DELETE r RETURN count(*)",
            f"MATCH ()-[r:{{}}]->() WHERE r.closed_by = $load WITH r {_SOME} "
            "REMOVE r.retracted_at, r.closed_by RETURN count(*)",
        )
    ),
    f"MATCH (n:PartyRecord) WHERE n.load = $load WITH n {_SOME} DELETE n RETURN count(*)",
    f"MATCH (n:Score) WHERE n.load = $load AND n.before IS NULL WITH n {_SOME} DELETE n RETURN count(*)",
    f"MATCH (n:Score) WHERE n.load = $load WITH n {_SOME} SET n.value = n.before REMOVE n.load RETURN count(*)",
)
"""What takes back a load, each repeated until it counts 0."""
CLEAR: Final = (
    *(
        f"MATCH ()-[r:{relation_type(kind)}]->() WITH r {_SOME} DELETE r RETURN count(*)"
        for kind in RELATIONS
    ),
    *(f"MATCH (n:{label}) WITH n {_SOME} DELETE n RETURN count(*)" for label in ("PartyRecord", "Score")),
    f"MATCH (n:Party) WITH n {_SOME} DETACH DELETE n RETURN count(*)",
)
"""What empties the graph, each repeated until it counts 0."""

# Reading whole tables.

COUNT_STATEMENTS: Final = {
    kind: f"MATCH ()-[r:{relation_type(kind)}]->() RETURN count(r)" for kind in RELATIONS
}


def _every(where: str) -> str:
    return (
        f"MATCH (a:Party)-[r:{_TYPES}]->(b:Party) {where}"
        f"RETURN a.party_id, b.party_id, toLower(type(r)), {_READ}"
    )


STATEMENTS: Final = _every("")
"""Every statement."""
BEGUN: Final = _every(f"WHERE {_BELIEVED} ")
"""The statements believed on `$as_of` that have begun by `$day`."""
NEWEST_DAYS: Final = (
    f"MATCH (:Party)-[r:{_TYPES}]->(:Party) RETURN toString(max(r.known_at)), toString(max(r.retracted_at))"
)
NEWEST_SCORE: Final = "MATCH (n:Score) RETURN toString(max(n.known_at))"


def statements_of(kind: str) -> str:
    """Return the query for the statements of a kind whose edges are in `$edge_ids`, which the index of a kind finds."""
    return (
        f"MATCH (a:Party)-[r:{relation_type(kind)}]->(b:Party) WHERE r.edge_id IN $edge_ids "
        f"RETURN a.party_id, b.party_id, toLower(type(r)), {_READ}"
    )


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(f"toString(n.{name})" if name in _DATES else f"n.{name}" for name in columns)


RECORDS: Final = f"MATCH (n:PartyRecord) RETURN {_listed(tuple(PARTY_SCHEMA))}"
"""Every version of every party record."""
SCORES: Final = f"MATCH (n:Score) RETURN {_listed(tuple(SCORE_SCHEMA))}"
"""Every score."""

# Reading around parties: always from the bound party outwards, all rows of an answer in one, as each row costs the driver
# 0.1 ms, and several answers in one message, as each message there and back costs 2 ms.

_EACH: Final = "UNWIND $party_ids AS id MATCH (p:Party {party_id: id}) "
# Statements of all times are never fewer than visible edges, and the server has counted them already.
_DEGREE: Final = "COUNT { (p)--() }"


def stamped(*questions: str) -> str:
    """Return one query that asks several questions, each answered in one row, with the stamp before and after them."""
    return " UNION ALL ".join([STAMP, *(f"{question} AS rows" for question in questions), STAMP])


RECORDS_OF: Final = (
    f"MATCH (n:PartyRecord) WHERE n.party_id IN $party_ids RETURN collect([{_listed(tuple(PARTY_SCHEMA))}])"
)
"""The versions of the records of parties."""
SCORES_OF: Final = (
    f"MATCH (n:Score) WHERE n.party_id IN $party_ids RETURN collect([{_listed(tuple(SCORE_SCHEMA))}])"
)
"""The scores of parties."""
CROWDED: Final = _EACH + f"WITH id, {_DEGREE} AS degree WHERE degree > $most RETURN collect([id])"
"""The parties with more than `$most` statements."""
EDGES_AROUND: Final = (
    _EACH + f"WITH p, {_DEGREE} AS degree WHERE degree <= $most "
    # All properties are taken at once: each one asked for by itself makes the server walk through the others.
    f"MATCH (p)-[edge:{_TYPES}]-() WITH DISTINCT edge WITH edge, properties(edge) AS r WHERE {_BELIEVED} "
    f"RETURN collect([startNode(edge).party_id, endNode(edge).party_id, toLower(type(edge)), {_READ}])"
)
"""The statements at the other parties believed on `$as_of` that have begun by `$day`."""
VISIBLE_COUNT: Final = (
    f"MATCH (p:Party {{party_id: $party_ids[0]}})-[r:{_TYPES}]-() WHERE {_BELIEVED} "
    "WITH r.edge_id AS edge, r.valid_from AS begun, r.known_at AS known, r.valid_to AS over "
    "ORDER BY begun DESC, known DESC "
    "WITH edge, collect(coalesce(over, date('9999-12-31')))[0] AS over "
    "WHERE over > $day RETURN [[count(edge)]]"
)
"""The number of visible edges of one party: of the statements of an edge the last begun, then last known, speaks."""
