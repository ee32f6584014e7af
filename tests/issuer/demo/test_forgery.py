from collections.abc import Callable
from dataclasses import dataclass

import pytest

from glasslog.bundle import Bundle, decode_bundle
from glasslog.keys import SigningKey
from glasslog.verify import Status, Trust, Verdict, verify
from glasslog.vkey import TYPE_ED25519, VerifierKey
from glasslog_issuer.demo.forgery import with_altered_proof, with_altered_record, with_forged_checkpoint
from tests.verifier.evidence import ORIGIN, VKEY, small_log

FORGER = SigningKey(bytes(range(32)))
TRUST = Trust((VKEY,))


@dataclass(frozen=True)
class Verified:
    verdict: Verdict
    failed: list[str]


def _verified(bundle: Bundle, trust: Trust = TRUST) -> Verified:
    report = verify(bundle.encode(), trust)
    return Verified(report.verdict, [step.check.id for step in report.steps if step.status is Status.FAILED])


def _genuine() -> Bundle:
    return small_log(decisions=5).bundle(4)


def test_the_genuine_bundle_verifies() -> None:
    assert _verified(_genuine()).verdict is Verdict.VERIFIED


@pytest.mark.parametrize(
    "forge, failed",
    [
        (with_altered_record, ["inclusion", "receipt"]),
        (with_altered_proof, ["inclusion"]),
        (lambda bundle: with_forged_checkpoint(bundle, FORGER), ["checkpoint", "receipt"]),
    ],
    ids=["record", "proof", "checkpoint"],
)
def test_each_forgery_is_caught_where_it_was_made(forge: Callable[[Bundle], Bundle], failed: list[str]) -> None:
    forged = _verified(forge(_genuine()))
    assert forged.verdict is Verdict.FAILED
    assert forged.failed == failed


def test_each_forgery_is_well_formed() -> None:
    genuine = _genuine()
    for forged in (with_altered_record(genuine), with_altered_proof(genuine), with_forged_checkpoint(genuine, FORGER)):
        assert forged != genuine
        assert decode_bundle(forged.encode()) == forged


def test_a_forged_checkpoint_lacks_nothing_but_the_log_s_key() -> None:
    forged = with_forged_checkpoint(_genuine(), FORGER)
    believed = Trust((VerifierKey(ORIGIN, TYPE_ED25519, FORGER.public_key),))
    assert _verified(forged, believed).failed == ["authority"]  # the operator's policy names the genuine key


@pytest.mark.parametrize("decisions", range(1, 9))
def test_the_forger_s_tree_is_right_whatever_its_size(decisions: int) -> None:
    ledger = small_log(decisions)
    authority = tuple(range(min(ledger.size - 1, 2)))
    forged = with_forged_checkpoint(ledger.bundle(ledger.size - 1, authority=authority), FORGER)
    believed = Trust((VerifierKey(ORIGIN, TYPE_ED25519, FORGER.public_key),))
    assert set(_verified(forged, believed).failed) == {"authority"}
