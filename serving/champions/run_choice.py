"""Which published run answers: the newest, one that was ordered in its place, or none."""

from dataclasses import dataclass

from serving.champions.families import Alias, Level
from serving.champions.stand_in import run_note
from serving.champions.switches import SwitchBoard
from serving.schemas import Note

__all__ = ["RunChoice", "choose_run"]


@dataclass(frozen=True)
class RunChoice:
    """The run that is to answer, None where nothing was published or the family is stopped."""

    level: Level
    run_id: str | None
    reason: str | None = None

    @property
    def note(self) -> Note | None:
        """Return the remark that another than the newest run answers."""
        return None if self.run_id is None else run_note(self.level, self.run_id)


def choose_run(board: SwitchBoard | None, family: str, newest: str | None) -> RunChoice:
    """Return which run of a family is to answer, `newest` being what was published last."""
    if board is None:
        return RunChoice(Level.CHAMPION, newest)
    switch = board.of(family)
    if switch.level is Level.CHAMPION:
        return RunChoice(Level.CHAMPION, board.alias_version(family, Alias.CHAMPION, newest))
    return RunChoice(switch.level, switch.version, switch.reason)
