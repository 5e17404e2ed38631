"""What the headers say of a body: its type, that it is not compressed, and in which characters."""

from starlette.requests import Request

from serving.http.errors import EncodedBodyError, MediaTypeError

__all__ = ["check_body_headers"]


def check_body_headers(request: Request, kinds: tuple[str, ...]) -> str:
    """Return which of the media types a body has. Raises MediaTypeError and EncodedBodyError."""
    kind, *parameters = request.headers.get("content-type", "").split(";")
    kind = kind.strip().lower()
    if kind not in kinds:
        raise MediaTypeError(kinds)
    charset = next(
        (text.partition("=")[2] for text in parameters if text.strip().lower().startswith("charset=")), ""
    )
    if charset.strip(" \"'").lower() not in ("", "utf-8", "utf8"):
        raise MediaTypeError(kinds)
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise EncodedBodyError
    return kind
