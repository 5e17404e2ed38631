"""Which relations anybody can look up in public registers, and which are the business of those who have them."""

from typing import Final

__all__ = ["PUBLIC_KINDS"]

PUBLIC_KINDS: Final = ("owns", "controls", "holds_position", "acts_in_concert", "succeeds", "same_as")
"""Relations that stand in public registers: who holds them is no company's business secret.

Edges carry no company of the group that told of them. What tells is an end: a relation of another kind that one of the
group's companies is an end of is known from that company's own books.
"""
