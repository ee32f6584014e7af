import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.filetype import FileType
from glasslog.merkle import Hash
from glasslog.pem import decode_public_key
from glasslog.policy import decode_policy
from glasslog.verify import Asked, Report, Status, Trust, Verdict, verify
from glasslog.verify.plans import ONE_TREE, REVOCATION
from glasslog.verify.report import verdict_of
from glasslog.vkey import decode_vkey
from tests.verifier.evidence import VKEY, disclosures, small_log
from tests.verifier.fuzzing import bit_flips, damaged, truncations
from tests.verifier.scenario import INDEX, POLICY, W1, W2, Scenario
from tests.verifier.scenarios import scenarios

SCENARIOS = scenarios()
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
TRUST = Trust((VKEY,))
BUNDLE = BY_NAME["disclosures-in-the-bundle"].data


def report_on(scenario: Scenario) -> Report:
    policy = decode_policy(scenario.policy.encode()) if scenario.policy is not None else None
    keys = tuple(map(decode_vkey, scenario.log_keys)) or (policy.log_keys if policy is not None else ())
    issuer_key = decode_public_key(scenario.issuer_key) if scenario.issuer_key is not None else None
    entry_id = Hash(scenario.entry_id) if scenario.entry_id is not None else None
    asked = Asked(scenario.statement, entry_id, scenario.disclosures)
    return verify(scenario.data, Trust(keys, policy, issuer_key), asked)


def ids(report: Report, status: Status) -> tuple[str, ...]:
    return tuple(step.check.id for step in report.steps if step.status is status)


def test_scenarios_have_names_of_their_own() -> None:
    assert len(BY_NAME) == len(SCENARIOS)


@pytest.mark.parametrize("scenario", [pytest.param(scenario, id=scenario.name) for scenario in SCENARIOS])
def test_every_scenario_gets_its_verdict_for_its_reason(scenario: Scenario) -> None:
    report = report_on(scenario)
    assert report.verdict.value == scenario.verdict
    assert ids(report, Status.FAILED) == scenario.failed
    assert ids(report, Status.COULD_NOT_CHECK) == scenario.unchecked
    assert (report.shown is not None) == (scenario.verdict == "verified")
    assert [step.number for step in report.steps] == list(range(1, len(report.steps) + 1))
    for step in report.steps:
        assert (step.status is Status.FAILED) == (step.expected is not None)
        assert (step.status in {Status.FAILED, Status.COULD_NOT_CHECK}) == (step.error is not None)
        assert (step.status in {Status.PASSED, Status.FAILED}) or step.reason


def test_the_steps_for_a_bundle_are_eleven_in_order() -> None:
    report = verify(BUNDLE, TRUST)
    assert [step.check.id for step in report.steps] == [
        "format",
        "statement",
        "entry-id",
        "checkpoint",
        "quorum",
        "inclusion",
        "receipt",
        "authority",
        "issuer-key",
        "signature",
        "disclosures",
    ]
    assert ids(report, Status.SKIPPED) == ("quorum",)


def test_a_verified_bundle_shows_what_it_holds() -> None:
    ledger = small_log()
    report = verify(ledger.bundle(INDEX, receipt_size=5, disclosed=disclosures()[:2]).encode(), TRUST)
    shown = report.shown
    assert shown is not None
    assert (shown.index, shown.entry_id) == (INDEX, ledger.entries[INDEX].leaf_hash)
    assert shown.statement == ledger.entries[INDEX]
    assert shown.record is not None
    assert shown.record.body["decision"]["label"] == "refer"
    assert [disclosure.name for disclosure in shown.disclosures] == ["input", "output"]
    assert shown.closed == ("features",)
    assert shown.checkpoint is not None
    assert shown.checkpoint.size == 7


def test_every_commitment_stays_closed_without_disclosures() -> None:
    shown = verify(small_log().bundle(INDEX).encode(), TRUST).shown
    assert shown is not None
    assert sorted(shown.closed) == ["features", "input", "output"]


def test_what_a_file_does_not_show_is_said() -> None:
    ledger = small_log()
    assert REVOCATION in verify(BUNDLE, TRUST).not_shown
    assert ONE_TREE in verify(BUNDLE, TRUST).not_shown
    witnessed = ledger.bundle(INDEX, witnesses=[W1, W2]).encode()
    trust = Trust((VKEY,), decode_policy(POLICY.encode()))
    report = verify(witnessed, trust)
    assert ONE_TREE not in report.not_shown
    assert report.shown is not None
    assert report.shown.cosigners == ("w1", "w2")
    assert verify(b"garbage", TRUST).not_shown == ()


def test_a_failed_step_stops_those_alone_that_depend_on_it() -> None:
    report = report_on(BY_NAME["tampered-record"])
    assert ids(report, Status.NOT_REACHED) == ("issuer-key", "signature")
    assert ids(report, Status.PASSED) == ("format", "statement", "entry-id", "checkpoint", "authority")
    [issuer_key] = [step for step in report.steps if step.check.id == "issuer-key"]
    assert issuer_key.reason == "depends on step 6"


def test_nothing_but_the_format_is_reached_in_a_file_that_is_not_one() -> None:
    report = report_on(BY_NAME["bundle-cut-off"])
    assert ids(report, Status.FAILED) == ("format",)
    assert len(ids(report, Status.NOT_REACHED)) == 9
    assert ids(report, Status.SKIPPED) == ("quorum",)


def test_expected_and_found_are_told_apart() -> None:
    [step] = [step for step in report_on(BY_NAME["proof-of-another-entry"]).steps if step.status is Status.FAILED]
    assert step.expected is not None
    assert step.expected.startswith("the inclusion path to lead to root ")
    assert step.found is not None
    assert len(step.found) == 64
    assert step.error == "bad_proof"


def test_no_step_is_no_verdict() -> None:
    assert verdict_of(()) is Verdict.COULD_NOT_CHECK


@given(st.one_of(st.binary(max_size=200), st.sampled_from(SCENARIOS).flatmap(lambda one: damaged(one.data))))
def test_any_bytes_lead_to_a_report(data: bytes) -> None:
    ledger_statement = small_log().entries[INDEX].entry
    report = verify(data, TRUST, Asked(statement=ledger_statement))
    assert report.steps


@given(data=st.binary(max_size=100), statement=st.binary(max_size=100), disclosed=st.binary(max_size=100))
def test_anything_that_is_asked_leads_to_a_report(data: bytes, statement: bytes, disclosed: bytes) -> None:
    for file in (data, BUNDLE, BY_NAME["receipt"].data, BY_NAME["tlog-proof"].data):
        report = verify(file, TRUST, Asked(statement, None, disclosed))
        assert report.verdict is not Verdict.VERIFIED


@pytest.mark.parametrize("name", ["disclosures-in-the-bundle", "transparent-statement", "receipt", "tlog-proof"])
def test_no_changed_byte_is_verified(name: str) -> None:
    """All of a file is bound, byte for byte: one bit more or less and it is not verified."""
    scenario = BY_NAME[name]
    changed = list(bit_flips(scenario.data))
    for data in changed[:: max(1, len(changed) // 400)]:
        report = report_on(Scenario(name, data, statement=scenario.statement, issuer_key=scenario.issuer_key))
        assert report.verdict is not Verdict.VERIFIED or ignores(scenario.data, data)


def ignores(data: bytes, changed: bytes) -> bool:
    """Tell whether the changed byte is in a part that is passed over by specification: a line of an unknown key."""
    [position] = [number for number, (one, other) in enumerate(zip(data, changed, strict=True)) if one != other]
    line = data[: data.find(b"\n", position)].rpartition(b"\n")[2]
    return line.startswith(("— w1.example".encode(), "— w2.example".encode()))


def test_no_truncation_is_verified() -> None:
    cuts = list(truncations(BUNDLE))
    for data in cuts[::7]:
        assert verify(data, TRUST).verdict is not Verdict.VERIFIED


def test_the_type_is_told_even_when_the_file_is_broken() -> None:
    assert verify(BUNDLE[:-1], TRUST).file_type is FileType.BUNDLE
    assert verify(b"garbage", TRUST).file_type is None
