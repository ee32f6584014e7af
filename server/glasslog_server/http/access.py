"""Decide who may read what is in entries: everybody, or who holds a bearer token, as the log's policy says.

Checkpoints, hash tiles, proofs, and receipts by entry id are for everybody always: they hold hashes alone. Statements,
decisions and streams say who did what, and an entry bundle holds the statements of all issuers.
"""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Final

from aiohttp import hdrs, web

from glasslog_server.errors import AccessError, CredentialsError
from glasslog_server.http.settings import AccessToken

_SCHEME: Final = "bearer "
_TOKEN_CHARACTERS_MAX: Final = 1_024


class Grant:
    """What one request may read: the entries of some issuers, or of all."""

    def __init__(self, issuers: frozenset[str] | None) -> None:
        """Take the issuers, or None for all of them."""
        self.issuers = issuers

    @property
    def everything(self) -> bool:
        """Return whether entries of every issuer may be read."""
        return self.issuers is None

    def opens(self, issuer: str) -> bool:
        """Return whether the entries of `issuer` may be read."""
        return self.issuers is None or issuer in self.issuers

    def check(self, issuer: str) -> None:
        """Raise AccessError unless the entries of `issuer` may be read."""
        if not self.opens(issuer):
            msg = "expected a token that opens the entries of this issuer, got one for others"
            raise AccessError(msg)

    def check_everything(self) -> None:
        """Raise AccessError unless entries of every issuer may be read."""
        if not self.everything:
            msg = "expected a token that opens the entries of all issuers, got one for some"
            raise AccessError(msg)


_EVERYTHING: Final = Grant(None)


class Access:
    """Turn requests into grants by the tokens that the operator has set up."""

    def __init__(self, entries_access: Callable[[], str], tokens: Sequence[AccessToken]) -> None:
        """Take how to learn whether entries are "public" or need a "token" now, and the tokens."""
        self._entries_access = entries_access
        self._tokens = tuple(tokens)

    @property
    def restricted(self) -> bool:
        """Return whether a token is needed at all: what is answered then is not for shared caches."""
        return self._entries_access() != "public"

    def grant(self, request: web.Request) -> Grant:
        """Return what a request may read of entries. Raises CredentialsError without a token that is known.

        Every token is compared, each in constant time, so that the answer's time says nothing about any of them.
        """
        if not self.restricted:
            return _EVERYTHING
        header = request.headers.get(hdrs.AUTHORIZATION, "")
        token = header[len(_SCHEME) :].strip()
        if not header.lower().startswith(_SCHEME) or not 0 < len(token) <= _TOKEN_CHARACTERS_MAX:
            msg = "expected a bearer token: the entries of this log are not public"
            raise CredentialsError(msg)
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        found: AccessToken | None = None
        for known in self._tokens:
            if hmac.compare_digest(known.sha256, digest):
                found = known
        if found is None:
            msg = "expected a bearer token that this log knows, got another"
            raise CredentialsError(msg)
        return _EVERYTHING if found.issuers == "*" else Grant(frozenset(found.issuers))
