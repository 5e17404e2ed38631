"""The group that contract tests ask."""

from collections.abc import Iterator

import pytest

from models.credit.model import CreditModel
from tests.contract.contract_app import ContractApp, open_app
from tests.serving.conftest import train

__all__ = ["app", "model"]


@pytest.fixture(scope="session")
def model() -> CreditModel:
    """Return a small model."""
    return train()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, model: CreditModel) -> Iterator[ContractApp]:
    """The application over a group of two companies; what a test leaves behind, the next of its module finds."""
    with open_app(tmp_path_factory.mktemp("group"), model) as opened:
        yield opened
