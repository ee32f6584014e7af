"""Files as honest and dishonest parties would hand them in, each with the verdict it must get.

The dishonest ones play every part: a log that forks, an operator who lies, an issuer whose key was not valid, a holder
who swaps parts of a file. `failed` names the steps that must fail, `unchecked` those that could not be made.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from glasslog.bundle import Bundle
from glasslog.checkpoint import Checkpoint, sign_checkpoint
from glasslog.commitments import Disclosure, encode_disclosures
from glasslog.cose import Sign1
from glasslog.merkle import Hash, LeafIndex, TreeSize
from glasslog.note import Note, decode_note, sign_note
from glasslog.pem import encode_public_key
from glasslog.receipt import InclusionProof, encode_receipt, signed_root_bytes
from glasslog.statement import (
    SignedStatement,
    TransparentStatement,
    decode_statement,
    sign_statement,
)
from glasslog.tlog_proof import TlogProof
from tests.verifier.entitlement_scenarios import bundles_with_a_broken_authority, bundles_with_an_issuer_who_may_not
from tests.verifier.evidence import (
    ISSUER,
    ISSUER_KEY,
    LOG_KEY,
    ORIGIN,
    STRANGER_KEY,
    SUBJECT,
    VKEY,
    Ledger,
    Witness,
    digest,
    disclosures,
    inference,
    signing_key,
    small_log,
)
from tests.verifier.scenario import INDEX, ISSUER_PEM, OTHER_LOG, POLICY, W1, W2, W3, Scenario, fails, leaves_open


def scenarios() -> list[Scenario]:
    """Return every scenario; names are unique."""
    families: tuple[Callable[[], Iterator[Scenario]], ...] = (
        honest_bundles,
        bundles_by_a_dishonest_holder,
        bundles_by_a_dishonest_log,
        bundles_with_a_broken_authority,
        bundles_with_an_issuer_who_may_not,
        bundles_and_disclosures,
        bundles_and_policies,
        transparent_statements,
        receipts_and_proofs,
        checkpoints,
        other_files,
    )
    return [scenario for family in families for scenario in family()]


def honest_bundles() -> Iterator[Scenario]:
    ledger = small_log()
    bundle = ledger.bundle(INDEX)
    entry_id = ledger.entries[INDEX].leaf_hash
    yield Scenario("bundle", bundle.encode())
    yield Scenario("bundle-receipt-of-an-older-tree", ledger.bundle(INDEX, receipt_size=5).encode())
    yield Scenario("bundle-receipt-of-a-newer-tree", ledger.bundle(INDEX, size=5, receipt_size=7).encode())
    yield Scenario("bundle-of-the-entry-that-was-asked-for", bundle.encode(), entry_id=entry_id)
    yield Scenario("bundle-of-the-statement-that-was-asked-for", bundle.encode(), statement=bundle.statement)
    yield Scenario("bundle-of-entry-0", ledger.bundle(0, authority=[0]).encode())
    yield Scenario("bundle-of-a-registration", ledger.bundle(1, authority=[0]).encode())
    yield Scenario("bundle-with-the-issuer-pinned", bundle.encode(), issuer_key=ISSUER_PEM)
    yield Scenario("bundle-with-two-trusted-logs", bundle.encode(), log_keys=(str(OTHER_LOG), str(VKEY)))
    ledger.revoke(ISSUER_KEY.public_key)
    yield Scenario("bundle-revoked-later", ledger.bundle(INDEX).encode())
    yield Scenario("bundle-revoked-later-and-says-so", ledger.bundle(INDEX, authority=[0, 1, 7]).encode())


def with_proof(bundle: Bundle, proof: TlogProof) -> bytes:
    return replace(bundle, proof=proof.encode()).encode()


def bundles_by_a_dishonest_holder() -> Iterator[Scenario]:
    ledger = small_log()
    bundle, other = ledger.bundle(INDEX), ledger.bundle(5)
    proof = ledger.proof(INDEX)
    yield fails("bundle-of-another-entry", bundle.encode(), "entry-id", entry_id=ledger.entries[5].leaf_hash)
    yield fails("bundle-of-another-statement", bundle.encode(), "entry-id", statement=ledger.entries[5].entry)
    yield fails(
        "statement-of-another-entry", replace(bundle, statement=other.statement).encode(), "inclusion", "receipt"
    )
    yield fails("proof-of-another-entry", replace(bundle, proof=other.proof).encode(), "inclusion")
    yield fails("receipt-of-another-entry", replace(bundle, receipt=other.receipt).encode(), "receipt")
    yield fails("proof-at-another-index", with_proof(bundle, replace(proof, index=LeafIndex(5))), "inclusion")
    yield fails("proof-without-its-last-hash", with_proof(bundle, replace(proof, path=proof.path[:-1])), "inclusion")
    longer = replace(proof, path=(*proof.path, Hash(bytes(32))))
    yield fails("proof-with-one-hash-more", with_proof(bundle, longer), "inclusion")
    yield fails("statement-malformed", replace(bundle, statement=b"\xd2\x84").encode(), "statement")
    yield fails("proof-malformed", replace(bundle, proof=b"c2sp.org/tlog-proof@v1\n").encode(), "checkpoint")
    yield fails("receipt-malformed", replace(bundle, receipt=b"\xd2\x84").encode(), "receipt")
    yield fails("receipt-of-consistency", replace(bundle, receipt=ledger.consistency_receipt(3, 7)).encode(), "receipt")
    yield fails("bundle-cut-off", bundle.encode()[:-1], "format")
    yield fails("bundle-with-a-byte-more", bundle.encode() + b"\0", "format")
    yield fails("tampered-record", with_statement(bundle, tampered(ledger.entries[INDEX])), "inclusion", "receipt")
    unsigned = replace(proof, checkpoint=ledger.checkpoint().replace(b"\n7\n", b"\n8\n"))
    yield fails("checkpoint-of-another-size", with_proof(bundle, unsigned), "checkpoint")


def with_statement(bundle: Bundle, statement: SignedStatement) -> bytes:
    return replace(bundle, statement=statement.entry).encode()


def tampered(statement: SignedStatement) -> SignedStatement:
    """Return the statement with another decision in its record, under the old signature."""
    payload = statement.payload.replace(b"refer", b"admit")
    return decode_statement(Sign1(statement.protected, b"\xa0", payload, statement.signature).encode())


def fork(change: int) -> Ledger:
    """Return a log with the same keys and names whose entry `change` is another."""
    ledger = small_log()
    ledger.entries[change] = inference(99)
    return ledger


def bundles_by_a_dishonest_log() -> Iterator[Scenario]:
    ledger = small_log()
    bundle = ledger.bundle(INDEX)
    forked_past = replace(bundle, receipt=fork(3).receipt(INDEX, 6)).encode()
    yield fails("receipt-of-a-tree-with-another-past", forked_past, "receipt")
    same_size = replace(bundle, receipt=fork(6).receipt(INDEX)).encode()
    yield fails("receipt-of-another-tree-of-one-size", same_size, "receipt")
    renamed = replace(bundle, receipt=ledger.receipt(INDEX, issuer="https://other.example")).encode()
    yield fails("receipt-in-another-logs-name", renamed, "receipt")
    yield fails("log-that-is-not-trusted", bundle.encode(), "checkpoint", "receipt", log_keys=(str(OTHER_LOG),))
    stranger = Ledger(log_key=STRANGER_KEY)
    stranger.entries = ledger.entries
    yield fails("log-with-another-key", stranger.bundle(INDEX).encode(), "checkpoint", "receipt")
    head = Checkpoint("other.example", ledger.size, ledger.tree().root())
    note = Note(head.encode(), (sign_note(head.encode(), ORIGIN, LOG_KEY),)).encode()
    yield fails(
        "checkpoint-for-another-origin", with_proof(bundle, replace(ledger.proof(INDEX), checkpoint=note)), "checkpoint"
    )
    forged = replace(decode_note(ledger.checkpoint()).signatures[0], signature=bytes(64))
    bad_note = Note(decode_note(ledger.checkpoint()).text, (forged,)).encode()
    yield fails(
        "checkpoint-with-a-forged-signature",
        with_proof(bundle, replace(ledger.proof(INDEX), checkpoint=bad_note)),
        "checkpoint",
    )
    twice = small_log()
    twice.append(twice.entries[INDEX])
    elsewhere = replace(twice.bundle(INDEX), receipt=twice.receipt(7)).encode()
    yield fails("receipt-of-the-same-statement-at-another-index", elsewhere, "receipt")
    timeless = replace(bundle, receipt=receipt_without_time(ledger)).encode()
    yield leaves_open("receipt-without-a-time", timeless, "issuer-key")


def receipt_without_time(ledger: Ledger) -> bytes:
    protected = bytes.fromhex("a20127") + b"\x19\x01\x8b\x01"  # {1: -8, 395: 1}
    proof = InclusionProof(ledger.size, LeafIndex(INDEX), ledger.tree().inclusion_path(INDEX))
    return encode_receipt(protected, proof, LOG_KEY.sign(signed_root_bytes(protected, ledger.tree().root())))


def bundles_and_disclosures() -> Iterator[Scenario]:
    ledger = small_log()
    one, two, three = disclosures()
    other_value = Disclosure(one.salt, "another", one.name)
    yield Scenario("disclosures-in-the-bundle", ledger.bundle(INDEX, disclosed=[one, two, three]).encode())
    yield Scenario("disclosure-of-one", ledger.bundle(INDEX, disclosed=[two]).encode())
    bundle = ledger.bundle(INDEX, disclosed=[one]).encode()
    yield Scenario("disclosures-in-a-file-too", bundle, disclosures=encode_disclosures([two, three]))
    yield Scenario("disclosure-given-twice", bundle, disclosures=encode_disclosures([one]))
    bad = ledger.bundle(INDEX, disclosed=[other_value, two]).encode()
    yield fails("disclosure-of-another-value", bad, "disclosures")
    unknown = Disclosure(digest("salt")[:16], 1, "unknown")
    yield fails("disclosure-of-no-commitment", ledger.bundle(INDEX, disclosed=[unknown]).encode(), "disclosures")
    yield fails("disclosures-that-contradict", bundle, "disclosures", disclosures=encode_disclosures([other_value]))
    yield fails("disclosure-file-malformed", bundle, "disclosures", disclosures=b"\x81")
    malformed = replace(ledger.bundle(INDEX), disclosures=(b"\x80",)).encode()
    yield fails("disclosure-malformed", malformed, "disclosures")
    foreign = Ledger()
    foreign.policy = replace(foreign.policy, content_types=foreign.policy.content_types | {"application/json"})
    foreign.state_policy()
    foreign.register(ISSUER_KEY.public_key)
    statement = sign_statement(
        ISSUER_KEY, issuer=ISSUER, subject=SUBJECT, payload=b"{}", content_type="application/json"
    )
    foreign.append(statement)
    yield Scenario("content-that-is-no-record", foreign.bundle(2).encode())
    opened = foreign.bundle(2, disclosed=[one]).encode()
    yield leaves_open("disclosures-for-content-that-is-no-record", opened, "disclosures")


def bundles_and_policies() -> Iterator[Scenario]:
    ledger = small_log()

    def bundle(*witnesses: Witness) -> bytes:
        return ledger.bundle(INDEX, witnesses=witnesses).encode()

    yield Scenario("quorum-met", bundle(W1, W3), policy=POLICY)
    yield Scenario("quorum-met-by-all", bundle(W1, W2, W3), policy=POLICY)
    yield fails("quorum-missed", bundle(W2), "quorum", policy=POLICY)
    yield fails("quorum-missed-by-strangers", bundle(W2, Witness("w8"), Witness("w9")), "quorum", policy=POLICY)
    note = decode_note(ledger.checkpoint(witnesses=[W1, W2, W3]))
    spoiled = replace(note.signatures[1], signature=bytes(8) + note.signatures[1].signature[8:])
    signatures = (note.signatures[0], spoiled, *note.signatures[2:])
    data = with_proof(
        ledger.bundle(INDEX), replace(ledger.proof(INDEX), checkpoint=replace(note, signatures=signatures).encode())
    )
    yield fails("cosignature-at-another-time", data, "quorum", policy=POLICY)
    yield Scenario("cosignature-that-nobody-asked-about", data)
    yield fails("log-that-the-policy-does-not-name", bundle(W1, W2), "quorum", policy=f"log {OTHER_LOG}\n{POLICY}")
    yield Scenario("log-that-the-policy-names", bundle(W1, W2), policy=f"log {VKEY}\n{POLICY}", log_keys=())
    yield Scenario("policy-that-asks-for-nobody", bundle(), policy="quorum none\n")


def transparent_statements() -> Iterator[Scenario]:
    ledger, other = small_log(), Ledger(log_key=signing_key("other log"), origin="other.example")
    other.entries = ledger.entries
    data = ledger.transparent_statement(INDEX)
    mine, theirs = ledger.receipt(INDEX), other.receipt(INDEX)
    kidless = receipt_without_time(ledger)
    known = {"issuer_key": ISSUER_PEM}
    yield Scenario("transparent-statement", data, issuer_key=ISSUER_PEM)
    yield leaves_open("transparent-statement-of-an-unknown-issuer", data, "signature")
    yield Scenario(
        "transparent-statement-opened", data, issuer_key=ISSUER_PEM, disclosures=encode_disclosures(disclosures())
    )
    yield Scenario(
        "transparent-statement-with-two-receipts",
        ledger.transparent_statement(INDEX, theirs, mine),
        issuer_key=ISSUER_PEM,
    )
    yield Scenario(
        "transparent-statement-with-a-receipt-without-kid",
        ledger.transparent_statement(INDEX, kidless),
        issuer_key=ISSUER_PEM,
    )
    yield Scenario(
        "transparent-statement-with-a-receipt-of-another-kind",
        ledger.transparent_statement(INDEX, b"\xd2\x84", mine),
        issuer_key=ISSUER_PEM,
    )
    yield Scenario(
        "transparent-statement-with-a-kidless-receipt-of-another-log",
        ledger.transparent_statement(INDEX, receipt_without_time(fork(3)), mine),
        issuer_key=ISSUER_PEM,
    )
    foreign = ledger.transparent_statement(INDEX, theirs)
    yield fails("transparent-statement-of-another-log-alone", foreign, "receipt", **known)
    misfit = ledger.transparent_statement(INDEX, mine, ledger.receipt(5))
    yield fails("transparent-statement-with-a-receipt-of-another-entry", misfit, "receipt", **known)
    stranger = encode_public_key(STRANGER_KEY.public_key)
    yield fails("transparent-statement-of-another-issuer", data, "signature", issuer_key=stranger)
    changed = TransparentStatement(tampered(ledger.entries[INDEX]), (mine,)).encode()
    yield fails("transparent-statement-tampered", changed, "receipt", "signature", **known)
    yield fails("transparent-statement-cut-off", data[:-1], "format", **known)


def receipts_and_proofs() -> Iterator[Scenario]:
    ledger = small_log()
    statement = ledger.entries[INDEX].entry
    receipt, proof = ledger.receipt(INDEX), ledger.proof(INDEX, witnesses=[W1, W2]).encode()
    for name, data in (("receipt", receipt), ("tlog-proof", proof)):
        step = "receipt" if name == "receipt" else "inclusion"
        yield Scenario(name, data, statement=statement, issuer_key=ISSUER_PEM)
        yield Scenario(
            f"{name}-for-a-transparent-statement",
            data,
            statement=ledger.transparent_statement(INDEX),
            issuer_key=ISSUER_PEM,
        )
        yield leaves_open(f"{name}-of-an-unknown-issuer", data, "signature", statement=statement)
        yield leaves_open(f"{name}-without-statement", data, "statement", issuer_key=ISSUER_PEM)
        other = ledger.entries[5].entry
        yield fails(f"{name}-for-another-statement", data, step, statement=other, issuer_key=ISSUER_PEM)
        garbage = {"statement": b"garbage", "issuer_key": ISSUER_PEM}
        yield fails(f"{name}-for-no-statement", data, "statement", **garbage)
    yield Scenario("tlog-proof-with-a-quorum", proof, statement=statement, issuer_key=ISSUER_PEM, policy=POLICY)
    yield fails(
        "receipt-by-another-log",
        receipt,
        "receipt",
        statement=statement,
        issuer_key=ISSUER_PEM,
        log_keys=(str(OTHER_LOG),),
    )
    consistency = ledger.consistency_receipt(3, 7)
    yield fails("receipt-of-consistency-alone", consistency, "receipt", statement=statement, issuer_key=ISSUER_PEM)
    without_kid = receipt_without_time(ledger)
    keys = (str(OTHER_LOG), str(VKEY))
    yield Scenario("receipt-without-kid", without_kid, statement=statement, issuer_key=ISSUER_PEM, log_keys=keys)
    yield Scenario(
        "receipt-without-kid-by-the-first-log",
        without_kid,
        statement=statement,
        issuer_key=ISSUER_PEM,
        log_keys=keys[::-1],
    )


def checkpoints() -> Iterator[Scenario]:
    ledger = small_log()
    yield Scenario("checkpoint", ledger.checkpoint())
    yield Scenario("checkpoint-of-the-empty-tree", Ledger().checkpoint())
    yield Scenario("checkpoint-with-a-quorum", ledger.checkpoint(witnesses=[W1, W2]), policy=POLICY)
    yield fails("checkpoint-without-a-quorum", ledger.checkpoint(witnesses=[W1]), "quorum", policy=POLICY)
    yield fails("checkpoint-by-another-log", ledger.checkpoint(), "checkpoint", log_keys=(str(OTHER_LOG),))
    yield fails("checkpoint-cut-off", ledger.checkpoint()[:-1], "format")
    huge = sign_checkpoint(Checkpoint(ORIGIN, TreeSize(2**63), ledger.tree().root()), [LOG_KEY])
    yield fails("checkpoint-of-2-to-the-63", huge, "checkpoint")
    yield leaves_open("checkpoint-and-no-trusted-log", ledger.checkpoint(), "checkpoint", log_keys=())


def other_files() -> Iterator[Scenario]:
    ledger = small_log()
    statement = ledger.entries[INDEX].entry
    yield leaves_open("statement-alone", statement, "inclusion", issuer_key=ISSUER_PEM)
    changed = tampered(ledger.entries[INDEX]).entry
    yield Scenario("statement-alone-tampered", changed, "failed", ("signature",), ("inclusion",), issuer_key=ISSUER_PEM)
    yield leaves_open("key-file", str(VKEY).encode(), "format")
    yield leaves_open("pem-file", ISSUER_PEM, "format")
    yield fails("nothing", b"", "format")
    yield fails("garbage", b"garbage\n", "format")
