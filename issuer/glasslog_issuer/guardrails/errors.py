"""What a mapping raises: one error for every result that it does not understand."""

from typing import ClassVar

from glasslog_issuer.errors import IssuerError


class GuardrailResultError(IssuerError):
    """Report a result that is not of the product's documented shape, by the place in it and never by its content."""

    code: ClassVar[str] = "guardrail_result"
