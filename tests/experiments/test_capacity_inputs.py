"""What a run of capacity is made from: what was found in the tables reaches its notes."""

from datetime import timedelta
from pathlib import Path

import polars as pl

from experiments.capacity_inputs import capacity_inputs
from features.sources import read_tables
from models.capacity.profiles.profile_files import load_profiles
from tests.experiments.capacity_tables import AS_OF, write_tables


def test_what_was_found_in_the_tables_is_noted_with_its_line(tmp_path: Path) -> None:
    tables = dict(read_tables(write_tables(tmp_path)))
    plans = tables["maintenance"].collect()
    one = plans.row(0, named=True)
    start = AS_OF + timedelta(days=10)
    more = [
        {
            **one,
            "plan_id": name,
            "start_on": start,
            "end_on": start + timedelta(days=length),
            "known_at": AS_OF,
        }
        for name, length in (("MP-X", 6), ("MP-Y", 2))
    ]
    tables["maintenance"] = pl.concat([plans, pl.DataFrame(more, schema=plans.schema)]).lazy()
    lines = tables["lines"]
    tables["lines"] = lines.drop("profile") if "profile" in lines.collect_schema().names() else lines
    found = capacity_inputs(tables, load_profiles(), as_of=AS_OF, horizon_days=28)
    notes = {note.code: note for note in found.notes}
    for words in (notes["maintenance_overlaps"].zh, notes["maintenance_overlaps"].en):
        assert one["line_id"] in words
        assert "MP-X" in words
        assert "MP-Y" in words
    assert "profile_assumed" in notes
    assert set(found.panel.lines["profile"]) == {"cylindrical_cells", "carbon_fibre", "sea_salt", "well_salt"}
