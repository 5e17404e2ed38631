"""A graph server that is away, silent, broken or refuses: the local copy answers, and says so; scores never notice."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.chaos.graph_listener import GraphListener
from tests.chaos.house import House
from tests.chaos.parts_house import PARTY, codes


@pytest.mark.parametrize("how", ["refuses", "closes", "is silent", "babbles", "refuses the password"])
def test_portrait_comes_from_the_local_copy_with_its_date(
    parts: House, graph_server: GraphListener, how: str
) -> None:
    with graph_server.behaving(how), ThreadPoolExecutor(1) as beside:
        asked = beside.submit(parts.ask, f"credit/portrait/{PARTY}", "officer")
        if how != "refuses":
            assert graph_server.asked.wait(20), "the server was not asked"
        assert parts.score(PARTY).json["quality"]["level"] == "full"
        answer = asked.result()
    assert answer.status == 200, answer.text
    assert (answer.json["store"], answer.json["graph_as_of"]) == ("parquet", "2026-10-31")
    assert answer.json["quality"]["level"] == "fallback"
    (note,) = [one for one in answer.json["quality"]["notes"] if one["code"] == "graph_server_away"]
    assert "2026-10-31" in note["text_en"]
    if how == "refuses the password":
        assert "password" in note["text_en"].lower()
    assert answer.json["edges"]
    assert "graph_server_away" not in codes(parts.score(PARTY).json)
    assert parts.ready() == 200
