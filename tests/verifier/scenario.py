"""What a scenario is: a file, what the relying party brings along, and the verdict that must come out."""

from dataclasses import dataclass

from glasslog.cose import Sign1
from glasslog.pem import encode_public_key
from glasslog.statement import SignedStatement, decode_statement
from glasslog.vkey import TYPE_ED25519, VerifierKey
from tests.verifier.evidence import ISSUER_KEY, VKEY, Witness, signing_key

INDEX = 4
W1, W2, W3 = Witness("w1"), Witness("w2"), Witness("w3")
POLICY = "".join(f"witness {witness.name} {witness.vkey}\n" for witness in (W1, W2, W3))
POLICY += "group two 2 w1 w2 w3\nquorum two\n"
OTHER_LOG = VerifierKey("other.example", TYPE_ED25519, signing_key("other log").public_key)
ISSUER_PEM = encode_public_key(ISSUER_KEY.public_key)


@dataclass(frozen=True)
class Scenario:
    """A file, what the relying party brings along, and what must come out."""

    name: str
    data: bytes
    verdict: str = "verified"
    failed: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    log_keys: tuple[str, ...] = (str(VKEY),)
    policy: str | None = None
    issuer_key: bytes | None = None
    statement: bytes | None = None
    entry_id: bytes | None = None
    disclosures: bytes | None = None


def fails(name: str, data: bytes, *failed: str, **asked: object) -> Scenario:
    return Scenario(name, data, "failed", failed, **asked)  # type: ignore[arg-type]


def leaves_open(name: str, data: bytes, *unchecked: str, **asked: object) -> Scenario:
    return Scenario(name, data, "could-not-check", (), unchecked, **asked)  # type: ignore[arg-type]


def forged(statement: SignedStatement) -> SignedStatement:
    """Return a statement with a signature that its issuer did not make."""
    return decode_statement(Sign1(statement.protected, b"\xa0", statement.payload, bytes(64)).encode())
