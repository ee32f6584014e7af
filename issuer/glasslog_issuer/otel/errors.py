"""What a span can lack that a record needs. Raised and caught within this package: a traced service never sees it."""

from typing import ClassVar

from glasslog_issuer.errors import IssuerError


class UnmappableSpanError(IssuerError):
    """Report a span of which no record can be made; `reason` is a constant word, by which such spans are counted."""

    code: ClassVar[str] = "unmappable_span"

    def __init__(self, reason: str) -> None:
        """Take the reason."""
        super().__init__(f"expected a span of which a record can be made, got one that lacks something: {reason}")
        self.reason = reason
