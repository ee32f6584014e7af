"""What was erased: shown by records of the issuer that verify as the file does, and by nothing else."""

from pathlib import Path
from typing import Any

import pytest

from glasslog.cbor import Value
from glasslog.limits import ERASURES_MAX
from glasslog.records import encode_record
from glasslog.statement import SignedStatement, sign_statement
from glasslog.verify import Asked, Report, Status, Trust, Verdict, said_of, verify
from tests.verifier.desk import Desk
from tests.verifier.evidence import (
    ADMITTED_TYPES,
    ISSUER,
    ISSUER_KEY,
    STRANGER_KEY,
    SYSTEM,
    TIME_MS,
    VKEY,
    Ledger,
    disclosures,
    inference,
    record_fields,
)

TRUST = Trust((VKEY,))
DECISION = 2
ERASED_AT = "2025-01-01T00:00:01.000Z"


def erasure(
    *names: str,
    backups: str = "requested",
    at: int = TIME_MS + 1_000,
    request_id: str = "dsr-17",
    issuer: str = ISSUER,
    seq: int = 1,
) -> SignedStatement:
    named: list[Value] = [disclosure.digest for disclosure in disclosures() if disclosure.name in names]
    targets: list[Value] = [
        {"at": at, "state": "confirmed", "store": "vault"},
        {"at": at, "state": backups, "store": "backups"},
    ]
    body = {"basis": "gdpr-17-1-b", "targets": targets, "request_id": request_id, "commitments": named}
    payload = encode_record(record_fields("erasure", body, seq=seq))
    key = ISSUER_KEY if issuer == ISSUER else STRANGER_KEY
    return sign_statement(key, issuer=issuer, subject=SYSTEM, payload=payload)


def log_with(*erasures: SignedStatement) -> Ledger:
    """Return a log with a decision at index 2, and erasures from index 3 on."""
    ledger = Ledger()
    ledger.state_policy(record_types=ADMITTED_TYPES | {"erasure"})
    ledger.register(ISSUER_KEY.public_key)
    ledger.append(inference())
    for statement in erasures:
        ledger.append(statement)
    return ledger


def report_on(ledger: Ledger, *erasures: bytes, disclosed: int = 0) -> Report:
    data = ledger.bundle(DECISION, disclosed=disclosures()[:disclosed]).encode()
    return verify(data, TRUST, Asked(erasures=erasures))


def last_step(report: Report) -> Any:  # noqa: ANN401
    assert report.steps[-1].check.id == "erasures"
    return report.steps[-1]


def test_what_the_issuer_has_erased_is_shown_with_its_date() -> None:
    ledger = log_with(erasure("input", "output"))
    report = report_on(ledger, ledger.bundle(3).encode())
    assert report.verdict is Verdict.VERIFIED
    assert report.shown is not None
    assert [(each.name, each.at, each.request_id) for each in report.shown.erased] == [
        ("input", TIME_MS + 1_000, "dsr-17"),
        ("output", TIME_MS + 1_000, "dsr-17"),
    ]
    assert said_of(report.shown.erased[0]) == f"erased on {ERASED_AT} (request dsr-17; not confirmed yet: backups)"
    assert last_step(report).found.startswith(f"input erased on {ERASED_AT}")
    assert sorted(report.shown.closed) == ["features", "input", "output"]


def test_without_erasures_there_is_no_step_for_them() -> None:
    assert "erasures" not in [step.check.id for step in report_on(log_with()).steps]


def test_the_later_record_of_a_request_says_how_far_its_stores_are() -> None:
    ledger = log_with(erasure("input"), erasure("input", backups="confirmed", at=TIME_MS + 9_000, seq=2))
    both = [ledger.bundle(3).encode(), ledger.bundle(4).encode()]
    for order in (both, both[::-1]):
        report = report_on(ledger, *order)
        assert report.shown is not None
        [erased] = report.shown.erased
        assert said_of(erased) == "erased on 2025-01-01T00:00:09.000Z (request dsr-17)"


def test_an_erasure_that_nobody_confirmed_is_no_erasure_yet() -> None:
    body_at = TIME_MS
    targets: list[Value] = [{"at": body_at, "state": "requested", "store": "vault"}]
    named: list[Value] = [disclosures()[0].digest]
    body = {"basis": "b", "targets": targets, "request_id": "r", "commitments": named}
    statement = sign_statement(
        ISSUER_KEY, issuer=ISSUER, subject=SYSTEM, payload=encode_record(record_fields("erasure", body))
    )
    ledger = log_with(statement)
    report = report_on(ledger, ledger.bundle(3).encode())
    assert report.shown is not None
    assert said_of(report.shown.erased[0]) == "to be erased (request r; not confirmed yet: vault)"


def test_a_copy_that_was_given_before_still_opens_what_is_erased() -> None:
    ledger = log_with(erasure("input"))
    report = report_on(ledger, ledger.bundle(3).encode(), disclosed=1)
    assert report.shown is not None
    assert [disclosure.value for disclosure in report.shown.disclosures] == ["42 years, smoker"]
    assert [each.name for each in report.shown.erased] == ["input"]


def test_an_erasure_of_other_commitments_changes_nothing() -> None:
    ledger = log_with(erasure("no such name", "features"))
    report = report_on(ledger, ledger.bundle(3).encode())
    assert report.shown is not None
    assert [each.name for each in report.shown.erased] == ["features"]


def test_nobody_can_declare_the_content_of_another_issuer_erased() -> None:
    stranger = "https://stranger.example"
    ledger = log_with()
    ledger.register(STRANGER_KEY.public_key, stranger)
    ledger.append(erasure("input", issuer=stranger))
    report = report_on(ledger, ledger.bundle(4, authority=(0, 1, 3)).encode())
    assert report.verdict is Verdict.FAILED
    assert last_step(report).found == f"one by {stranger}"


def test_an_erasure_in_another_log_does_not_count() -> None:
    elsewhere = Ledger(origin="other.example/log")
    elsewhere.state_policy(record_types=ADMITTED_TYPES | {"erasure"})
    elsewhere.register(ISSUER_KEY.public_key)
    elsewhere.append(erasure("input"))
    data = log_with().bundle(DECISION).encode()
    report = verify(data, Trust((VKEY, elsewhere.vkey)), Asked(erasures=(elsewhere.bundle(2).encode(),)))
    assert report.verdict is Verdict.FAILED
    assert last_step(report).found == "one in other.example/log"


def test_an_erasure_that_fails_or_is_none_fails_the_step() -> None:
    ledger = log_with(erasure("input"))
    bundle = bytearray(ledger.bundle(3).encode())
    bundle[-1] ^= 1
    for data in (bytes(bundle), b"garbage", ledger.bundle(DECISION).encode(), ledger.checkpoint()):
        report = report_on(ledger, data)
        assert report.verdict is Verdict.FAILED
        assert last_step(report).status is Status.FAILED


def test_an_erasure_that_nothing_shows_in_a_log_could_not_be_checked() -> None:
    statement = erasure("input")
    report = report_on(log_with(), statement.entry)
    assert report.verdict is Verdict.COULD_NOT_CHECK
    assert last_step(report).status is Status.COULD_NOT_CHECK


def test_the_number_of_erasures_is_bounded() -> None:
    ledger = log_with(erasure("input"))
    bundle = ledger.bundle(3).encode()
    report = report_on(ledger, *[bundle] * (ERASURES_MAX + 1))
    assert last_step(report).status is Status.COULD_NOT_CHECK


# -------------------------------------------------------------------------------------------------------- command line


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    made = Desk(tmp_path, capsys)
    ledger = log_with(erasure("input", backups="confirmed"))
    made.put("log.vkey", str(VKEY))
    made.put("decision.glasslog", ledger.bundle(DECISION).encode())
    (tmp_path / "bundles").mkdir()
    made.put("bundles/decision.glasslog", ledger.bundle(DECISION).encode())
    made.put("bundles/erasure.glasslog", ledger.bundle(3).encode())
    made.put("bundles/broken.glasslog", b"garbage")
    return made


@pytest.mark.parametrize("place", ["bundles", "bundles/erasure.glasslog"])
def test_the_screen_says_erased_where_the_value_would_be(desk: Desk, place: str) -> None:
    outcome = desk.run("verify", "decision.glasslog", "--log-key", "@log.vkey", "--erasure", place)
    assert outcome.code == 0
    assert f"Erased        input: erased on {ERASED_AT} (request dsr-17)\n" in outcome.out
    [closed] = [line for line in outcome.out.splitlines() if line.startswith("Not disclosed")]
    assert "input" not in closed
    assert "features" in closed


def test_the_document_says_what_was_erased(desk: Desk) -> None:
    arguments = ("verify", "decision.glasslog", "--log-key", "@log.vkey", "--erasure", "bundles", "--json")
    shown = desk.run(*arguments).document["shown"]
    assert shown["erased"] == {
        "input": {
            "request_id": "dsr-17",
            "at": ERASED_AT,
            "stores": [
                {"store": "vault", "state": "confirmed", "at": ERASED_AT},
                {"store": "backups", "state": "confirmed", "at": ERASED_AT},
            ],
        }
    }


def test_a_broken_erasure_fails_the_verification(desk: Desk) -> None:
    arguments = ("verify", "decision.glasslog", "--log-key", "@log.vkey", "--erasure", "bundles/broken.glasslog")
    outcome = desk.run(*arguments)
    assert outcome.code == 1
    assert "FAILED: step 12" in outcome.out
