"""Submit statements to a log and come back with verified receipts.

    POST /entries  one statement -> its receipt          `Client.submit`
                   many of them  -> an outcome for each  `Client.submit_many`
    GET  /entries/<entry id>     -> the receipt again    `Client.receipt`
    GET  /checkpoint             -> the tree head        `Client.checkpoint`

A call returns what is certain and raises everything else (`glasslog_issuer.errors`). Sending a statement twice is
harmless, so whatever may be a passing trouble is tried again (`glasslog_issuer.retry`) before a call gives up, and
after any error but RefusedError the caller can send the same statements again. Nothing is kept between calls but
connections.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from http import HTTPStatus
from typing import Any, Final, Self

import urllib3

from glasslog import cbor
from glasslog.checkpoint import Checkpoint, decode_checkpoint, open_checkpoint
from glasslog.errors import GlasslogError, MalformedError, MismatchError
from glasslog.limits import NOTE_BYTES_MAX, RECEIPT_BYTES_MAX, TREE_SIZE_MAX
from glasslog.merkle import LeafIndex, TreeSize
from glasslog.note import decode_note
from glasslog.receipt import decode_receipt
from glasslog.statement import SignedStatement
from glasslog.vkey import TYPE_ED25519, VerifierKey, decode_vkey
from glasslog_issuer import problem
from glasslog_issuer.errors import BrokenAnswerError, RefusedError, SubmissionError, UnavailableError
from glasslog_issuer.exchange import Answer, Exchange, Request, Timeouts
from glasslog_issuer.registration import Outcome, Registered, Rejected, check_receipt, inclusion_of
from glasslog_issuer.retry import RetryPolicy

MEDIA_TYPE_COSE: Final = "application/cose"
MEDIA_TYPE_SEQUENCE: Final = "application/cbor-seq"
MEDIA_TYPE_CBOR: Final = "application/cbor"
MEDIA_TYPE_NOTE: Final = "text/plain"

BATCH_ENTRIES_MAX: Final = 512
BATCH_BYTES_MAX: Final = 512 * 1_024
"""One request of `submit_many`: large enough that a request costs little beside its statements."""

_PROBLEM_BYTES_MAX: Final = 16_384
_OUTCOME_BYTES_MAX: Final = RECEIPT_BYTES_MAX + 1_024
_LATER_TITLES: Final = frozenset({"Too Many Requests", "Service Unavailable", "Store Unavailable", "Internal Error"})


class Client:
    """The way to one log. May be shared by threads; close it, or use it as a context manager."""

    def __init__(
        self,
        url: str,
        *,
        log_keys: Iterable[VerifierKey | str] = (),
        retry: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        pool: urllib3.PoolManager | None = None,
        on_checkpoint: Callable[[Checkpoint], object] = lambda _: None,
    ) -> None:
        """Take the log's URL and its vkeys: one, or several while it changes keys.

        Without a vkey receipts are read but not verified. `pool` brings proxies, certificates and the like, and is
        closed with the client. `on_checkpoint` is given every checkpoint that was verified on the way. Raises
        ValueError for a URL or a key that is none.
        """
        self._on_checkpoint = on_checkpoint
        self.log_keys = tuple(_log_key(key) for key in log_keys)
        self._exchange = Exchange(url, retry=retry or RetryPolicy(), timeouts=timeouts or Timeouts(), pool=pool)

    def submit(self, statement: SignedStatement) -> Registered:
        """Register one statement; return where it is, with the receipt.

        Raises RefusedError, UnavailableError and BrokenAnswerError of `glasslog_issuer.errors`, VerificationError of
        `glasslog.errors` for a receipt that does not hold.
        """
        headers = {"Content-Type": MEDIA_TYPE_COSE, "Accept": f"{MEDIA_TYPE_COSE}, {problem.MEDIA_TYPE}"}
        answer = self._exchange(Request("POST", "/entries", _single_bytes_max(), headers, statement.entry))
        if answer.status == HTTPStatus.ACCEPTED:
            return self._wait_for_receipt(statement, answer)
        receipt = _body(answer, MEDIA_TYPE_COSE, HTTPStatus.CREATED, HTTPStatus.OK)
        return self._registered(statement, receipt, duplicate=answer.status == HTTPStatus.OK)

    def submit_many(self, statements: Iterable[SignedStatement]) -> Iterator[Outcome]:
        """Register statements in batches; yield one outcome for each, in order, as the batches are answered.

        What is wrong with one statement is in its outcome; what is wrong with a whole batch (the log is not to be had,
        or speaks nonsense) is raised, and the statements without an outcome may be in the log or not. Reads
        `statements` one batch ahead of the outcomes, so it may be endless.
        """
        batch: list[SignedStatement] = []
        size = 0
        for statement in statements:
            if batch and (len(batch) == BATCH_ENTRIES_MAX or size + len(statement.entry) > BATCH_BYTES_MAX):
                yield from self._submit_batch(batch)
                batch, size = [], 0
            batch.append(statement)
            size += len(statement.entry)
        if batch:
            yield from self._submit_batch(batch)

    def receipt(self, statement: SignedStatement) -> Registered:
        """Ask for the receipt of a statement that was submitted before. Raises what `submit` raises."""
        answer = self._exchange(_receipt_request(statement))
        if answer.status == HTTPStatus.NO_CONTENT:
            return self._wait_for_receipt(statement, answer)
        return self._registered(statement, _body(answer, MEDIA_TYPE_COSE, HTTPStatus.OK))

    def checkpoint(self) -> Checkpoint:
        """Ask for the log's newest checkpoint; return it, verified. Raises what `submit` raises.

        Raises ValueError for a client without a key of the log.
        """
        if not self.log_keys:
            raise ValueError("expected a key of the log to verify a checkpoint with, got none")
        answer = self._exchange(Request("GET", "/checkpoint", NOTE_BYTES_MAX, {"Accept": MEDIA_TYPE_NOTE}))
        checkpoint = self._open(_body(answer, MEDIA_TYPE_NOTE, HTTPStatus.OK))
        self._on_checkpoint(checkpoint)
        return checkpoint

    def close(self) -> None:
        """Close the connections."""
        self._exchange.close()

    def __enter__(self) -> Self:
        """Return the client, to be closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _wait_for_receipt(self, statement: SignedStatement, answer: Answer) -> Registered:
        """Ask again and again while the log has the statement but has not sequenced it (202, then 204)."""
        attempt = 1
        while self._exchange.wait(attempt, answer.retry_after):
            answer = self._exchange(_receipt_request(statement))
            if answer.status != HTTPStatus.NO_CONTENT:
                return self._registered(statement, _body(answer, MEDIA_TYPE_COSE, HTTPStatus.OK))
            attempt += 1
        msg = f"{self._exchange.url}: expected a receipt, got none yet: the log has the statement, ask again later"
        raise UnavailableError(msg, attempts=attempt)

    def _registered(
        self,
        statement: SignedStatement,
        data: bytes,
        *,
        index: int | None = None,
        duplicate: bool | None = None,
    ) -> Registered:
        """Return the registration that a receipt proves. `index` is where the log says it is, when it said so apart."""
        try:
            receipt = decode_receipt(data)
            proof = inclusion_of(receipt)
        except GlasslogError as error:
            msg = f"{self._exchange.url}: expected a receipt: {error}"
            raise BrokenAnswerError(msg) from error
        if index not in {None, proof.index}:
            msg = f"expected a receipt for index {index}, got one for {proof.index}"
            raise MismatchError(msg)
        if self.log_keys:
            check_receipt(receipt, statement, self.log_keys)
        return Registered(statement, proof.index, receipt, bool(self.log_keys), duplicate)

    def _submit_batch(self, batch: Sequence[SignedStatement]) -> Iterator[Outcome]:
        """Yield the outcomes of one batch, after sending again what the log wants later (a quota, a failed round)."""
        outcomes = self._post_batch(batch)
        attempt = 1
        while True:
            later = [place for place, outcome in enumerate(outcomes) if _is_for_later(outcome)]
            if not later or not self._exchange.wait(attempt):
                break
            again = self._post_batch([batch[place] for place in later])
            for place, outcome in zip(later, again, strict=True):
                outcomes[place] = outcome
            attempt = attempt + 1 if all(map(_is_for_later, again)) else 1
        yield from outcomes

    def _post_batch(self, batch: Sequence[SignedStatement]) -> list[Outcome]:
        headers = {"Content-Type": MEDIA_TYPE_SEQUENCE, "Accept": f"{MEDIA_TYPE_CBOR}, {problem.MEDIA_TYPE}"}
        body = b"".join(statement.entry for statement in batch)
        answer_bytes_max = NOTE_BYTES_MAX + _PROBLEM_BYTES_MAX + len(batch) * _OUTCOME_BYTES_MAX
        answer = self._exchange(Request("POST", "/entries?receipts=1", answer_bytes_max, headers, body))
        if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and len(batch) > 1:
            middle = len(batch) // 2
            return [*self._post_batch(batch[:middle]), *self._post_batch(batch[middle:])]
        try:
            size, items = self._decode_batch(_body(answer, MEDIA_TYPE_CBOR, HTTPStatus.OK), len(batch))
        except MalformedError as error:
            msg = f"{self._exchange.url}: {error}"
            raise BrokenAnswerError(msg) from error
        return [self._outcome(statement, item, size) for statement, item in zip(batch, items, strict=True)]

    def _decode_batch(self, data: bytes, count: int) -> tuple[TreeSize, list[Any]]:
        """Return the size of the tree that the answer's checkpoint covers, verified where keys are known, and outcomes.

        Raises MalformedError, VerificationError.
        """
        answer = cbor.decode_foreign(data)
        note = answer.get("checkpoint") if isinstance(answer, dict) else None
        outcomes = answer.get("outcomes") if isinstance(answer, dict) else None
        if not isinstance(note, bytes) or not isinstance(outcomes, list) or len(outcomes) != count:
            msg = f"expected an answer with a checkpoint and {count} outcomes"
            raise MalformedError(msg)
        if not self.log_keys:
            return decode_checkpoint(decode_note(note).text).size, outcomes
        checkpoint = self._open(note)
        self._on_checkpoint(checkpoint)
        return checkpoint.size, outcomes

    def _open(self, note: bytes) -> Checkpoint:
        return open_checkpoint(note, self.log_keys).checkpoint

    def _outcome(self, statement: SignedStatement, item: cbor.Value, size: TreeSize) -> Outcome:
        try:
            if isinstance(item, dict) and "problem" in item:
                return Rejected(statement, _rejection(item))
            index, receipt = _place(statement, item, size)
            return self._registered(statement, receipt, index=index, duplicate=bool(item.get("duplicate", False)))
        except MalformedError as error:
            msg = f"{self._exchange.url}: {error}"
            return Rejected(statement, BrokenAnswerError(msg))
        except (GlasslogError, SubmissionError) as error:
            return Rejected(statement, error)


def _single_bytes_max() -> int:
    return max(RECEIPT_BYTES_MAX, _PROBLEM_BYTES_MAX)


def _receipt_request(statement: SignedStatement) -> Request:
    headers = {"Accept": f"{MEDIA_TYPE_COSE}, {problem.MEDIA_TYPE}"}
    return Request("GET", f"/entries/{statement.leaf_hash.hex()}", _single_bytes_max(), headers)


def _body(answer: Answer, media_type: str, *statuses: int) -> bytes:
    """Return the body of the expected answer. Raises RefusedError for a refusal, BrokenAnswerError for any other."""
    if answer.status in statuses:
        if answer.media_type != media_type:
            msg = f"expected an answer of {media_type}, got {answer.media_type[:100]!r}: is this the URL of a log?"
            raise BrokenAnswerError(msg)
        return answer.body
    found = problem.problem_of(answer)
    if answer.status in range(400, 500):
        raise RefusedError(found.title, found.detail, found.code)
    msg = f"expected HTTP status {' or '.join(str(int(status)) for status in statuses)}, got {found.title}"
    raise BrokenAnswerError(msg)


def _is_for_later(outcome: Outcome) -> bool:
    return isinstance(outcome, Rejected) and isinstance(outcome.error, UnavailableError)


def _rejection(outcome: dict[Any, Any]) -> SubmissionError:
    """Return the error that the problem of one statement is. Raises MalformedError."""
    found = problem.problem_of_outcome(outcome)
    if found.title in _LATER_TITLES:
        return UnavailableError(str(found))
    return RefusedError(found.title, found.detail, found.code)


def _place(statement: SignedStatement, item: cbor.Value, size: TreeSize) -> tuple[LeafIndex, bytes]:
    """Return index and receipt of an accepted statement. Raises MalformedError, MismatchError."""
    if not isinstance(item, dict):
        raise MalformedError("expected an outcome that is a map")
    index, entry_id, receipt = item.get("index"), item.get("entry_id"), item.get("receipt")
    if type(index) is not int or not 0 <= index <= TREE_SIZE_MAX or not isinstance(receipt, bytes):
        raise MalformedError("expected an outcome with an index and a receipt")
    if entry_id != statement.leaf_hash:
        msg = f"expected the outcome of {statement.leaf_hash.hex()}, got that of another entry"
        raise MismatchError(msg)
    if index >= size:
        msg = f"expected an index below the size of the answer's checkpoint, {size}, got {index}"
        raise MismatchError(msg)
    return LeafIndex(index), receipt


def _log_key(key: VerifierKey | str) -> VerifierKey:
    try:
        decoded = decode_vkey(key.strip()) if isinstance(key, str) else key
    except GlasslogError as error:
        raise ValueError(str(error)) from error
    if decoded.signature_type != TYPE_ED25519:
        msg = f"expected the vkey of a log (type 0x01), got one of a witness (type 0x{decoded.signature_type:02x})"
        raise ValueError(msg)
    return decoded
