"""Tell a client what is wrong: one table from error classes to statuses and titles, and the documents made from it.

By default a problem is a Concise Problem Details map `{-1: title, -2: detail}` (RFC 9290), with the titles of SCRAPI
where it has one; a client that asks for JSON gets RFC 9457. The error's constant code is in the header
`Glasslog-Problem`, in the JSON member `code`, and is the label of the metric. The detail is the error's message, which
says what was expected and what was found and holds no content; of what is the log's own fault only the kind is told.
"""

import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import cbor2
import structlog
from aiohttp import hdrs, web

from glasslog import errors as formats
from glasslog_server import errors as server
from glasslog_server.http.negotiation import PROBLEM_JSON, prefers_json
from glasslog_server.http.settings import RETRY_AFTER_S

CONCISE_PROBLEM: Final = "application/concise-problem-details+cbor"
CODE_HEADER: Final = "Glasslog-Problem"
UNEXPECTED_CODE: Final = "unexpected"

_KEY_TITLE: Final = -1
_KEY_DETAIL: Final = -2

logger: structlog.stdlib.BoundLogger = structlog.get_logger("glasslog.http")


@dataclass(frozen=True, slots=True)
class Problem:
    """How errors of one class are told: status and title. `retry_after_s` asks to come back."""

    status: int
    title: str
    retry_after_s: int | None = None


_REJECTED: Final = Problem(400, "Rejected")
_MALFORMED: Final = Problem(400, "Malformed request")
_NOT_NOW: Final = Problem(503, "Service Unavailable", RETRY_AFTER_S)
_STORE: Final = Problem(503, "Store Unavailable", RETRY_AFTER_S)
_FAULT: Final = Problem(500, "Internal Error")

PROBLEMS: Final[Mapping[type[Exception], Problem]] = {
    # What a statement says (glasslog.errors). Not the client's fault: that a check of our own could not be made.
    formats.GlasslogError: _MALFORMED,
    formats.MalformedError: _MALFORMED,
    formats.AlgorithmError: Problem(400, "Bad Signature Algorithm"),
    formats.PayloadMissingError: Problem(400, "Payload Missing"),
    formats.VerificationError: _REJECTED,
    formats.SignatureError: _REJECTED,
    formats.UnknownKeyError: _REJECTED,
    formats.ProofError: _REJECTED,
    formats.QuorumError: _REJECTED,
    formats.CommitmentError: _REJECTED,
    formats.AuthorityError: _REJECTED,
    formats.MismatchError: _REJECTED,
    formats.RollbackError: _REJECTED,
    formats.UncheckableError: _FAULT,
    formats.AbsentError: _FAULT,
    # What a request says.
    server.RequestError: _MALFORMED,
    server.HttpSyntaxError: _MALFORMED,
    server.ParameterError: _MALFORMED,
    server.TreeRangeError: Problem(400, "Out of Range"),
    server.CredentialsError: Problem(401, "Unauthorized"),
    server.AccessError: Problem(403, "Forbidden"),
    server.NotFoundError: Problem(404, "Not Found"),
    server.MethodError: Problem(405, "Method Not Allowed"),
    server.NotAcceptableError: Problem(406, "Not Acceptable"),
    server.SlowBodyError: Problem(408, "Request Timeout"),
    server.BrokenBodyError: _MALFORMED,
    server.TooLargeError: Problem(413, "Content Too Large"),
    server.MediaTypeError: Problem(415, "Unsupported Media Type"),
    # What another time would be served.
    server.QuotaError: Problem(429, "Too Many Requests", RETRY_AFTER_S),
    server.UnavailableError: _NOT_NOW,
    server.OverloadedError: _NOT_NOW,
    server.StoppingError: _NOT_NOW,
    server.InterruptedWriteError: _NOT_NOW,
    server.SlowRoundError: _NOT_NOW,
    server.ReceiptPendingError: _NOT_NOW,
    # What is wrong with the log. Reads fail while the store is opened anew, and that may pass.
    server.ServerError: _FAULT,
    server.FaultError: _FAULT,
    server.TreeCorruptError: _FAULT,
    server.StoreError: _STORE,
    server.StoreClosedError: _STORE,
    server.StoreConflictError: _FAULT,
    server.StoreCorruptError: _FAULT,
    server.StoreLockedError: _FAULT,
    server.StoreMissingError: _FAULT,
    server.StoreExistsError: _FAULT,
    server.StoreFormatError: _FAULT,
    server.GuardError: _FAULT,
    server.GuardConflictError: _FAULT,
    server.GuardAheadError: _FAULT,
    server.GuardBehindError: _FAULT,
    server.GuardCorruptError: _FAULT,
    server.GuardCopiedError: _FAULT,
    server.GuardForeignError: _FAULT,
    server.GuardLockedError: _FAULT,
    server.GuardMissingError: _FAULT,
    server.GuardExistsError: _FAULT,
    server.ProcessError: _FAULT,
    server.LinkError: _FAULT,
    server.SetupError: _FAULT,
    server.ConfigError: _FAULT,
    server.KeyFileError: _FAULT,
    server.SigningError: _FAULT,
    server.ListenError: _FAULT,
    server.CreationError: _FAULT,
}
"""Every class of both error trees, so that a new one has to find its place here."""


def problem_of(error: Exception) -> Problem:
    """Return how an error is told: as its class, or else as the nearest class above it."""
    for base in type(error).__mro__:
        if issubclass(base, Exception) and base in PROBLEMS:
            return PROBLEMS[base]
    return _FAULT


def code_of(error: Exception) -> str:
    """Return the constant code of an error of ours, "unexpected" for any other."""
    return error.code if isinstance(error, formats.GlasslogError | server.ServerError) else UNEXPECTED_CODE


def retry_after_s(error: Exception) -> int | None:
    """Return the whole seconds after which the same request may succeed, or None when it never will."""
    own = error.retry_after_s if isinstance(error, server.QuotaError) else None
    return own or problem_of(error).retry_after_s


def detail_of(error: Exception) -> str:
    """Return what is told beside the title: the message, unless it is about the log's own insides."""
    if problem_of(error) in (_FAULT, _STORE):
        return "The log could not do this. Its operator finds the reason in the server's own messages."
    return str(error)


def encode_concise(error: Exception) -> dict[int, str]:
    """Return the Concise Problem Details of an error as a map to be encoded."""
    return {_KEY_TITLE: problem_of(error).title, _KEY_DETAIL: detail_of(error)}


def respond(error: Exception, accept: str) -> web.Response:
    """Return the problem document of an error in the format that the client prefers. Logs what is the log's fault."""
    problem = problem_of(error)
    code = code_of(error)
    if problem.status == web.HTTPInternalServerError.status_code or problem is _STORE:
        log_fault(error)
    if prefers_json(accept):
        document = {"title": problem.title, "status": problem.status, "detail": detail_of(error), "code": code}
        response = web.Response(body=json.dumps(document).encode(), content_type=PROBLEM_JSON)
    else:
        response = web.Response(body=cbor2.dumps(encode_concise(error)), content_type=CONCISE_PROBLEM)
    response.set_status(problem.status)
    response.headers[CODE_HEADER] = code
    response.headers[hdrs.CACHE_CONTROL] = "no-store"
    response.headers[hdrs.VARY] = hdrs.ACCEPT
    wait_s = retry_after_s(error)
    if wait_s is not None:
        response.headers[hdrs.RETRY_AFTER] = str(wait_s)
    return response


def log_fault(error: Exception) -> None:
    """Say what went wrong with the log: of an error that is not ours only where, as its message may hold content."""
    if isinstance(error, formats.GlasslogError | server.ServerError):
        logger.error("request_failed", code=code_of(error), error=str(error))
        return
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
    logger.error("request_failed", code=UNEXPECTED_CODE, kind=type(error).__name__, where=where)
