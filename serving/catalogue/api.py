"""HTTP of the catalogue: every role reads it, and who has it already is told 304; nothing of a party is in it."""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from models.capacity.profiles.profile_files import load_profiles
from serving.access.roles import Role
from serving.catalogue.entries import entries
from serving.catalogue.errors import UnknownFeatureError
from serving.catalogue.schemas import FeatureEntry, FeatureList, FeatureName, FeatureQuery
from serving.catalogue.uses import uses_of
from serving.http.answering import AnswerApi, read_query
from serving.http.api import Handler
from serving.http.cached import cached_response
from serving.http.openapi import JSON, Endpoint
from serving.http.problems import request_error

__all__ = ["CatalogueApi", "catalogue_handlers"]

_EVERY: Final = frozenset(Role)

FEATURES: Final = Endpoint(
    path="/v1/features",
    method="GET",
    summary="特征目录 / Catalogue of features",
    roles=_EVERY,
    query=FeatureQuery,
    answer=FeatureList,
    statuses=(422,),
    cached=True,
)
FEATURE: Final = Endpoint(
    path="/v1/features/{name}",
    method="GET",
    summary="一个特征 / One feature",
    roles=_EVERY,
    answer=FeatureList,
    statuses=(404, 422),
    cached=True,
)


class _Named(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: FeatureName


class CatalogueApi(AnswerApi):
    """The handlers of the catalogue."""

    async def features(self, request: Request, request_id: str) -> Response:
        """List features, of one kind of models where asked."""
        self._caller(request, request_id, FEATURES)
        query = read_query(request, FeatureQuery)
        found = await self._entries()
        chosen = [one for one in found if query.domain in (None, one.domain)]
        return _given(request, request_id, chosen)

    async def feature(self, request: Request, request_id: str) -> Response:
        """Give a feature; two domains may have one of the same name."""
        self._caller(request, request_id, FEATURE)
        try:
            name = _Named.model_validate({"name": request.path_params["name"]}).name
        except ValidationError as error:
            raise request_error(error) from error
        found = [one for one in await self._entries() if one.name == name]
        if not found:
            raise UnknownFeatureError(name)
        return _given(request, request_id, found)

    async def _entries(self) -> list[FeatureEntry]:
        settings = self._api.settings

        def read() -> list[FeatureEntry]:
            return entries(load_profiles(settings.profiles), uses_of(settings.home / "models"))

        return await self._api.in_slow_thread(read)


def catalogue_handlers(catalogue: CatalogueApi) -> Mapping[Endpoint, Handler]:
    """Say who answers which endpoint."""
    return {FEATURES: catalogue.features, FEATURE: catalogue.feature}


def _given(request: Request, request_id: str, features: list[FeatureEntry]) -> Response:
    return cached_response(request, request_id, FeatureList(features=features).model_dump_json(), JSON)
