"""What can stop the demo itself; what it finds out about evidence is no error but a check that holds or not."""

from typing import ClassVar

from glasslog_issuer.errors import IssuerError


class DemoError(IssuerError):
    """Report that the demo cannot go on: a program it needs does not start, answer or end."""

    code: ClassVar[str] = "demo"
