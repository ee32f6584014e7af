"""Create a log: entry 0, its first signed tree head, and the guard.

This is an explicit act of the operator and never a side effect of starting. Entry 0 is the log's own policy, signed by
the operator's key, so that everything about who may submit is in the log from its first entry on.
"""

from glasslog.authority import POLICY_STREAM, Authority, operator_issuer
from glasslog.cbor import Value
from glasslog.keys import Signer
from glasslog.merkle import LeafIndex, TreeSize
from glasslog.records import SCHEMA_VERSION, LogPolicy, Stream, decode_record, encode_record
from glasslog.statement import SignedStatement, sign_statement
from glasslog_server.core.round import Candidate, grow
from glasslog_server.core.tree import Tree
from glasslog_server.storage.store import RoundWrite, Store, TreeHead
from glasslog_server.tree_heads import HeadSigner


def sign_policy_record(
    operator: Signer,
    origin: str,
    stream: Stream,
    record_type: str,
    body: dict[str, Value],
    *,
    record_id: bytes,
    time_ms: int,
) -> SignedStatement:
    """Return the operator's statement at its place in the policy stream; `record_id` is a new UUIDv7.

    Raises MalformedError for a body that is not of its type.
    """
    place: dict[str, Value] = {"id": stream.id, "seq": stream.seq}
    if stream.prev is not None:
        place["prev"] = stream.prev
    issuer = operator_issuer(origin)
    fields = {
        "v": SCHEMA_VERSION,
        "type": record_type,
        "id": record_id,
        "time": time_ms,
        "system": issuer,
        "env": "production",
        "stream": place,
        "body": body,
    }
    return sign_statement(operator, issuer=issuer, subject=issuer, payload=encode_record(fields))


def sign_policy(operator: Signer, policy: LogPolicy, *, record_id: bytes, time_ms: int) -> SignedStatement:
    """Return entry 0 of a log with `policy`, signed by the operator whose key the policy names."""
    stream = Stream(POLICY_STREAM, 0)
    body = policy.body()
    return sign_policy_record(operator, policy.origin, stream, "log-policy", body, record_id=record_id, time_ms=time_ms)


async def write_first_entry(store: Store, signer: HeadSigner, statement: SignedStatement, time: int) -> TreeHead:
    """Write entry 0 to an empty store and return the signed head of size 1, for the guard to be created with.

    `time` is in POSIX seconds. A crash before the guard exists leaves a log that refuses to start and says so.
    Raises MalformedError, AuthorityError, SignatureError for a statement that establishes no policy; StoreError.
    """
    Authority.establish(statement)
    candidate = Candidate.of_statement(statement, decode_record(statement.payload))
    tree = Tree()
    tiles, inner_nodes, root = grow(tree, [candidate], {})
    head = await signer.sign(TreeSize(1), root, time)
    await store.append(RoundWrite(LeafIndex(0), [candidate], tiles, inner_nodes, head))
    return head
