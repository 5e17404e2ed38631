"""Which counterparties a key may ask about: those that its companies have or had business with."""

from serving.access.caller import Caller
from serving.access.errors import OutsideScopeError
from serving.credit.sources.book_store import BookStore
from serving.errors import NotReadyError

__all__ = ["may_ask", "require_book", "require_party"]


def require_party(caller: Caller, book: BookStore | None, party_id: str) -> None:
    """Refuse a party that none of the caller's companies has or had business with.

    An unknown party is refused in the same words, so that nobody learns who is known to the group. Raises
    OutsideScopeError, and NotReadyError where there is no book that tells.
    """
    if not caller.sees_all and not may_ask(caller, require_book(book), party_id):
        raise OutsideScopeError(caller.companies, party=True)


def may_ask(caller: Caller, book: BookStore, party_id: str) -> bool:
    """Tell whether the caller may ask about a party."""
    return caller.sees_all or not book.companies(party_id).isdisjoint(caller.companies)


def require_book(book: BookStore | None) -> BookStore:
    """Return a book that tells companies' business apart. Raises NotReadyError saying how to make one."""
    if book is None:
        raise NotReadyError(
            "book",
            zh="没有主体档案，无法判断哪些主体属于该密钥的企业。请运维运行 `zhiheng credit prepare`，或使用覆盖全集团的密钥。",
            en="without the book it is not known whose counterparties they are. Let the operators run "
            "`zhiheng credit prepare`, or use a key for the whole group.",
        )
    if not book.says_companies:
        raise NotReadyError(
            "book",
            zh="主体档案没有列 companies（由旧版本写成），无法判断哪些主体属于该密钥的企业。"
            "请运维重新运行 `zhiheng credit prepare`，或使用覆盖全集团的密钥。",
            en="the book has no column companies (an older version wrote it), so it is not known whose counterparties they "
            "are. Let the operators run `zhiheng credit prepare` again, or use a key for the whole group.",
        )
    return book
