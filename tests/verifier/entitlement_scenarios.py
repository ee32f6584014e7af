"""Bundles whose operator or issuer was not entitled to sign, each with the step that must say so."""

from collections.abc import Iterator
from dataclasses import replace

from glasslog.authority import operator_issuer
from glasslog.keys import PublicKey, SigningKey
from glasslog.pem import encode_public_key
from glasslog.records import encode_record
from glasslog.statement import (
    CONTENT_TYPE_RECORD,
    SignedStatement,
    sign_statement,
)
from tests.verifier.evidence import (
    ISSUER,
    ISSUER_KEY,
    LOG_KEY,
    OPERATOR_KEY,
    ORIGIN,
    STRANGER_KEY,
    SUBJECT,
    TIME_MS,
    TIME_S,
    VKEY,
    Ledger,
    digest,
    inference,
    record_fields,
    signing_key,
    small_log,
)
from tests.verifier.scenario import INDEX, Scenario, fails, forged


def bundles_with_a_broken_authority() -> Iterator[Scenario]:
    ledger = small_log()
    bundle = ledger.bundle(INDEX)
    first, second = bundle.authority
    yield fails("authority-without-entry-0", replace(bundle, authority=(second,)).encode(), "authority")
    yield fails("authority-out-of-order", replace(bundle, authority=(second, first)).encode(), "authority")
    yield fails("authority-with-entry-0-twice", replace(bundle, authority=(first, first, second)).encode(), "authority")
    yield fails("authority-with-a-decision", ledger.bundle(INDEX, authority=[0, 2]).encode(), "authority")
    swapped = replace(second, proof=first.proof)
    yield fails("authority-proof-of-another-entry", replace(bundle, authority=(first, swapped)).encode(), "authority")
    older = ledger.authority_entry(1, 6)
    yield fails("authority-proof-in-another-tree", replace(bundle, authority=(first, older)).encode(), "authority")
    broken = replace(second, statement=b"\xd2\x84")
    yield fails("authority-malformed", replace(bundle, authority=(first, broken)).encode(), "authority")
    for name, other in (
        ("authority-policy-of-another-log", Ledger(origin="other.example")),
        ("authority-policy-without-the-log-key", Ledger(named_log_keys=[STRANGER_KEY])),
        ("authority-policy-signed-by-a-stranger", self_signed_by_a_stranger()),
    ):
        other.state_policy()
        other.register(ISSUER_KEY.public_key)
        dishonest = small_log()
        dishonest.entries[:2] = other.entries[:2]
        yield fails(name, dishonest.bundle(INDEX).encode(), "authority")
    for name, entry in (
        ("registration-signed-by-a-stranger", registration(STRANGER_KEY)),
        ("registration-under-a-forged-signature", forged(registration())),
        ("registration-out-of-the-stream", registration(prev=bytes(32))),
        ("registration-with-a-gap-and-no-predecessor", registration(seq=5, prev=None)),
        ("registration-in-another-stream", registration(id="decisions")),
        ("registration-that-is-no-record", sign_as_operator(b"{}", "application/json")),
        ("registration-malformed", sign_as_operator(b"\xa0", CONTENT_TYPE_RECORD)),
    ):
        dishonest = small_log()
        dishonest.entries[1] = entry
        yield fails(name, dishonest.bundle(INDEX).encode(), "authority")
    gap = small_log()
    gap.entries[1] = registration(seq=7, prev=digest("an entry that is left out"))
    yield Scenario("registration-after-others-that-are-left-out", gap.bundle(INDEX).encode())
    yield from rotated_keys()


def self_signed_by_a_stranger() -> Ledger:
    ledger = Ledger()
    ledger.operator_key = STRANGER_KEY
    return ledger


def registration(signer: SigningKey = OPERATOR_KEY, **stream: object) -> SignedStatement:
    """Return the operator's entry 1, which registers the issuer; `stream` changes where it says it stands."""
    ledger = Ledger()
    ledger.state_policy()
    ledger.operator_key = signer
    body = {"action": "register", "issuer": ISSUER, "key": ISSUER_KEY.public_key.raw, "valid_from": 0}
    return ledger.operator_statement("issuer-registration", body, **stream)


def sign_as_operator(payload: bytes, content_type: str) -> SignedStatement:
    name = operator_issuer(ORIGIN)
    return sign_statement(OPERATOR_KEY, issuer=name, subject=name, payload=payload, content_type=content_type)


def rotated_keys() -> Iterator[Scenario]:
    """Change the log's key after the entry: the receipt stays under the old one."""
    ledger = small_log()
    old_receipt = ledger.receipt(INDEX)
    new_key = signing_key("log 2")
    rotation = ledger.state_policy(log_keys=(LOG_KEY.public_key, new_key.public_key))
    ledger.log_key = new_key
    keys = (str(VKEY), str(ledger.vkey))
    told = replace(ledger.bundle(INDEX, authority=[0, 1, rotation]), receipt=old_receipt)
    yield Scenario("log-key-changed-later", told.encode(), log_keys=keys)
    untold = replace(ledger.bundle(INDEX), receipt=old_receipt).encode()
    yield fails("log-key-changed-and-no-policy-says-so", untold, "authority", log_keys=keys)
    yield fails("log-key-changed-and-the-old-one-not-trusted", told.encode(), "receipt", log_keys=keys[1:])


def bundles_with_an_issuer_who_may_not() -> Iterator[Scenario]:
    def log_with(*registered: tuple[PublicKey, str], **validity: int) -> Ledger:
        ledger = Ledger()
        ledger.state_policy()
        for key, issuer in registered:
            ledger.register(key, issuer, **validity)
        for seq in range(3):
            ledger.append(inference(seq))
        return ledger

    key, stranger = ISSUER_KEY.public_key, STRANGER_KEY.public_key
    good = log_with((key, ISSUER))
    yield fails("issuer-never-registered", good.bundle(2, authority=[0]).encode(), "issuer-key")
    yield fails("issuer-registered-with-another-key", log_with((stranger, ISSUER)).bundle(2).encode(), "issuer-key")
    other_name = log_with((key, "https://other.example"))
    yield fails("issuer-registered-under-another-name", other_name.bundle(2).encode(), "issuer-key")
    expired = log_with((key, ISSUER), valid_until=TIME_MS)
    yield fails("issuer-key-expired-at-that-second", expired.bundle(2).encode(), "issuer-key")
    yield Scenario("issuer-key-in-its-last-second", expired.bundle(2, time=TIME_S - 1).encode())
    early = log_with((key, ISSUER), valid_from=TIME_MS + 1)
    yield fails("issuer-key-not-yet-valid", early.bundle(2).encode(), "issuer-key")
    pinned = encode_public_key(stranger)
    yield fails("issuer-key-is-not-the-pinned-one", good.bundle(2).encode(), "issuer-key", issuer_key=pinned)

    late = Ledger()
    late.state_policy()
    late.append(inference())
    late.register(key)
    yield fails("issuer-registered-after-the-entry", late.bundle(1, authority=[0, 2]).encode(), "issuer-key")

    revoked = Ledger()
    revoked.state_policy()
    revoked.register(key)
    revoked.revoke(key)
    revoked.append(inference())
    yield fails("issuer-key-revoked-before", revoked.bundle(3, authority=[0, 1, 2]).encode(), "issuer-key")

    restricted = Ledger()
    restricted.policy = replace(restricted.policy, record_types=frozenset({"model-registration"}))
    restricted.state_policy()
    restricted.register(key)
    restricted.append(inference())
    yield fails("record-type-that-the-policy-does-not-admit", restricted.bundle(2).encode(), "issuer-key")

    payload = encode_record(record_fields("log-policy", restricted.policy.body()))
    usurper = log_with((key, ISSUER))
    usurper.append(sign_statement(ISSUER_KEY, issuer=ISSUER, subject=SUBJECT, payload=payload))
    yield fails("policy-record-by-an-issuer", usurper.bundle(5).encode(), "issuer-key")

    unsigned = small_log()
    unsigned.entries[INDEX] = forged(inference(2))
    yield fails("statement-under-a-forged-signature", unsigned.bundle(INDEX).encode(), "signature")

    wrong = small_log()
    wrong.entries[INDEX] = sign_statement(ISSUER_KEY, issuer=ISSUER, subject=SUBJECT, payload=b"\xa0")
    yield fails("record-of-no-schema", wrong.bundle(INDEX).encode(), "statement")
