"""Answers that stay the same for long: with an ETag, so that who has one already is told 304 (RFC 9110, 8.8.3 and 13.1.2)."""

import hashlib

from starlette.requests import Request
from starlette.responses import Response

__all__ = ["cached_response"]


def cached_response(request: Request, request_id: str, text: str, media_type: str) -> Response:
    """Answer with a text, or with 304 where the caller has it."""
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    headers = {
        "ETag": etag,
        "Cache-Control": "private, no-cache",  # kept by the caller alone, asked again each time
        "Vary": "Accept, Authorization",
        "X-Request-ID": request_id,
    }
    if _has(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    return Response(text, headers=headers, media_type=media_type)


def _has(given: str, etag: str) -> bool:
    """Tell whether a list of tags holds one, compared weakly; `*` is any."""
    tags = [tag.strip().removeprefix("W/") for tag in given.split(",")]
    return etag in tags or "*" in tags
