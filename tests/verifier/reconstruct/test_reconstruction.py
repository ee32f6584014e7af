"""What is gathered about a decision, what its verification says, and what is told to be missing."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.bundle import decode_bundle
from glasslog.errors import AbsentError, UncheckableError
from glasslog.merkle import Hash
from glasslog.reconstruct import Account, Bounds, GapKind, Holdings, Listing, Request, gathering, reconstruct
from glasslog.verify import Trust, Verdict
from tests.verifier.evidence import STRANGER_KEY, TIME_MS, Ledger, uuid7
from tests.verifier.reconstruct.asking import FOUND, FULL, codes, gaps, names, raising, run
from tests.verifier.reconstruct.story import DECISION, HOSPITAL, LUMEN, MODEL, OTHER_DECISION, SYSTEM, Story
from tests.verifier.records.examples import DAY_MS

NOT_OF_THE_DECISION = {"other inference", "drift"}


# ------------------------------------------------------------------------------------------------------ all is there


def test_everything_around_a_decision_is_gathered_and_verifies() -> None:
    found = FOUND
    assert names(FULL, found) == FULL.entries.keys() - NOT_OF_THE_DECISION
    assert (found.verdict, gaps(found), found.faults) == (Verdict.VERIFIED, [], ())
    assert [piece.verdict for piece in found.pieces] == [Verdict.VERIFIED] * len(found.pieces)
    indexes = [told.index for told in found.verified()]
    assert indexes == sorted(indexes)
    assert [(search.subject, search.is_whole) for search in found.searches] == [(DECISION, True), (SYSTEM, True)]


@pytest.mark.parametrize(
    "name, reason",
    [
        ("inference", "about the decision"),
        ("model", "the model of inference bc483b59-e68c-7c88-be4d-07351d985ce0"),
        ("training data", "the training data of model-registration"),
        ("test set", "the dataset of evaluation"),
        ("validation", "the validation of deployment"),
        ("deployment", "the deployment in force"),
        ("guardrail set", "the guardrails that had to run"),
        ("system", "the system's registration at the time"),
        ("bias test", "an evaluation of the model, before the decision"),
        ("terms", "the terms with Lumen Imaging at the time"),
        ("incident", "links to a record of the decision (concerns)"),
        ("erasure", "erases content of the decision"),
        ("heartbeat", "the heartbeat of image-quality for the time"),
        ("seal", "seals the window that the decision is in"),
    ],
)
def test_every_piece_says_why_it_was_gathered(name: str, reason: str) -> None:
    [piece] = [piece for piece in FOUND.pieces if piece.entry_id == FULL.id_of(name)]
    assert any(told.startswith(reason) for told in piece.reasons), piece.reasons


def test_the_decision_is_told_in_sentences() -> None:
    first, second = Account(FOUND).sentences()
    assert first.startswith(f"According to {LUMEN}, the model cxr-triage-3.2 (asked for as cxr-triage)")
    assert "decided “urgent” with a score of 0.875 against a threshold of 0.35" in first
    assert first.endswith("on 1 January 2025, 00:00:00 UTC.")
    assert second == (
        f"According to {HOSPITAL}, a person (radiologist) looked at it for 48.5 s and overrode it because of skin-fold,"
        " before it took effect."
    )


@pytest.mark.parametrize(
    "story, told",
    [
        (Story("inference", "review"), "was asked on 31 December 2024, 23:59:59.100 UTC; the log has no record of an"),
        (Story("inference", "attempt", "review"), "none that verifies says what was decided"),
        (Story(changes={"inference": {"env": "shadow"}}), "This was in shadow, not in production."),
        (Story(changes={"inference": {"body": {"status": "blocked"}}}), "The request ended as blocked."),
        (Story(changes={"inference": {"body": {"decision": None}}}), "answered a request (classify) on"),
        (Story(changes={"inference": {"body": {"response_model": None}}}), "the model cxr-triage of Lumen Imaging"),
    ],
)
def test_what_is_not_as_usual_is_told(story: Story, told: str) -> None:
    assert told in Account(run(story)).sentences()[0]


def test_models_guardrails_and_their_registrations_are_put_together() -> None:
    account = Account(FOUND)
    [use] = account.models()
    assert use.registration is not None
    assert use.configuration is not None
    assert use.deployment is not None
    assert use.registration.record.id == MODEL
    assert use.deployment.record.id == uuid7("deployment")
    states = {each.guardian: (each.state, each.required_by) for each in account.guardrails()}
    both = ("triage guardrails 5",)
    assert states == {"image-quality": ("ran", both), "burned-in-text": ("ran", both)}


# --------------------------------------------------------------------------------------------- the log says nothing


@pytest.mark.parametrize(
    "missing, code, told",
    [
        (["model"], "not-found", "the model of inference"),
        (["threshold"], "not-found", "the configuration of inference"),
        (["training data"], "not-found", "the training data of model-registration"),
        (["test set"], "not-found", "the dataset of evaluation"),
        (["validation"], "not-found", "the validation of deployment"),
        (["deployment"], "deployment", "No deployment that was in force"),
        (["guardrail set"], "guardrail-set", "which had to run, was not found"),
        (["quality gate"], "guardrail", "The guardrail image-quality is required by triage guardrails 5"),
        (["review"], "oversight", "no record says that a person looked at it"),
        (["inference"], "no-inference", "No record of an inference"),
    ],
)
def test_what_the_log_does_not_have_is_a_gap_and_no_failure(missing: Sequence[str], code: str, told: str) -> None:
    found = run(Story(*missing))
    assert code in codes(found, GapKind.ABSENT)
    assert any(told in gap.text for gap in gaps(found)), gaps(found)
    assert codes(found, GapKind.UNKNOWN) == set()
    assert found.verdict is Verdict.VERIFIED


@pytest.mark.parametrize(
    "missing", ["outcome", "incident", "erasure", "heartbeat", "seal", "system", "terms", "notice"]
)
def test_what_nobody_promised_is_no_gap(missing: str) -> None:
    found = run(Story(missing))
    assert gaps(found) == []
    assert found.verdict is Verdict.VERIFIED


def test_a_decision_of_which_the_log_knows_nothing_is_not_verified() -> None:
    found = reconstruct(FULL.log, Request("urn:uuid:00000000-0000-4000-8000-000000000000"), FULL.trust, Holdings())
    assert [gap.code for gap in gaps(found)] == ["no-entry"]
    assert gaps(found)[0].kind is GapKind.ABSENT
    assert found.verdict is Verdict.COULD_NOT_CHECK
    assert Account(found).sentences() == ("No record about this decision was found and verified.",)


def test_guardrails_without_a_set_to_ask_for_them_are_held_against_the_newest_set() -> None:
    found = run(Story("attempt"))
    [piece] = [piece for piece in found.pieces if "set of guardrails registered last" in " ".join(piece.reasons)]
    assert piece.record is not None
    assert all(guardrail.required_by for guardrail in Account(found).guardrails())


def test_no_guardrail_at_all_is_a_gap() -> None:
    nothing_ran: dict[str, dict[str, Any]] = {"inference": {"body": {"guardrails": []}}}
    found = run(Story("attempt", "quality gate", "guardrail set", changes=nothing_ran))
    assert "no-guardrail" in codes(found, GapKind.ABSENT)


@pytest.mark.parametrize(
    "decision, state",
    [
        ("skipped", "skipped"),
        ("error-fail-open", "failed open"),
        ("error-fail-closed", "failed closed"),
        ("deny", "ran"),
    ],
)
def test_a_guardrail_that_did_not_do_its_work_is_told_apart(decision: str, state: str) -> None:
    account = Account(run(Story(changes={"quality gate": {"body": {"decision": decision}}})))
    assert [each.state for each in account.guardrails() if each.guardian == "image-quality"] == [state]


def test_a_model_that_was_registered_afterwards_is_told() -> None:
    story = Story("model")
    story.without = frozenset()
    story._add("model", "model-registration", at=DAY_MS, id=MODEL)  # noqa: SLF001 (a later entry)
    assert "late-registration" in codes(run(story), GapKind.NOTED)


def test_a_deployment_of_another_model_is_told() -> None:
    story = Story(changes={"deployment": {"body": {"model": uuid7("another model")}}})
    assert "other-model" in codes(run(story), GapKind.NOTED)


def test_the_deployment_in_force_is_the_one_that_took_effect_last() -> None:
    story = Story()
    changed = {"model": MODEL, "validation": uuid7("validation")}
    story._add("rollback", "deployment", {**changed, "effective": TIME_MS - DAY_MS}, at=DAY_MS)  # noqa: SLF001
    story._add("later", "deployment", {**changed, "effective": TIME_MS + DAY_MS}, at=-DAY_MS)  # noqa: SLF001
    [use] = Account(run(story)).models()
    assert use.deployment is not None
    assert use.deployment.record.id == uuid7("rollback")


def test_further_subjects_are_searched_on_demand() -> None:
    story = Story("model")
    story.without = frozenset()
    story._add("model", "model-registration", at=-DAY_MS, id=MODEL, decision="urn:example:models")  # noqa: SLF001
    assert "not-found" in codes(run(story), GapKind.ABSENT)
    found = run(story, also=("urn:example:models",))
    assert "not-found" not in codes(found, GapKind.ABSENT)
    assert "model" in names(story, found)


def test_two_records_of_one_id_are_told() -> None:
    story = Story()
    story._add("same", "model-registration", {"name": "impostor"}, at=-DAY_MS, id=MODEL)  # noqa: SLF001
    found = run(story)
    assert "same-id" in codes(found, GapKind.NOTED)
    assert "same" in names(story, found)
    assert found.verdict is Verdict.VERIFIED
    registration = Account(found).models()[0].registration
    assert registration is not None
    assert registration.record.body["name"] == "cxr-triage", "what comes later does not displace what was there"


# ------------------------------------------------------------------------------------------------ nobody could look


def test_a_log_that_does_not_answer_is_no_log_that_says_nothing() -> None:
    story = Story()
    story.log.entries_about = lambda subject: raising(UncheckableError(subject))()  # type: ignore[method-assign]
    found = run(story)
    assert codes(found, GapKind.UNKNOWN) == {"no-answer"}
    assert codes(found, GapKind.ABSENT) == set()
    assert found.verdict is Verdict.COULD_NOT_CHECK


def test_a_system_that_cannot_be_asked_about_leaves_references_open_and_not_absent() -> None:
    story = Story()
    honest = story.log.entries_about

    def answer(subject: str) -> Listing:
        if subject == SYSTEM:
            msg = "status 503"
            raise UncheckableError(msg)
        return honest(subject)

    story.log.entries_about = answer  # type: ignore[method-assign]
    found = run(story)
    assert {gap.code: gap.kind for gap in found.gaps} == {"no-answer": GapKind.UNKNOWN, "not-found": GapKind.UNKNOWN}
    assert found.verdict is Verdict.COULD_NOT_CHECK


def test_entries_that_cannot_be_read_leave_references_open() -> None:
    story = Story()
    story.log.statements[story.id_of("model")] = raising(AbsentError("the log does not know it"))
    found = run(story)
    assert codes(found, GapKind.UNKNOWN) == {"unread", "not-found"}
    assert found.verdict is Verdict.COULD_NOT_CHECK


def test_an_entry_that_is_answered_with_another_is_not_believed() -> None:
    story = Story()
    story.log.statements[story.id_of("model")] = lambda: story.entries["threshold"].entry
    found = run(story)
    assert "model" not in names(story, found)
    assert "unread" in codes(found, GapKind.UNKNOWN)


def test_a_bundle_that_cannot_be_had_is_a_piece_that_could_not_be_checked() -> None:
    story = Story()
    story.log.bundles[story.id_of("review")] = raising(UncheckableError("status 503"))
    found = run(story)
    [piece] = [piece for piece in found.pieces if piece.entry_id == story.id_of("review")]
    assert (piece.verdict, piece.report, piece.trouble) == (Verdict.COULD_NOT_CHECK, None, "status 503")
    assert found.verdict is Verdict.COULD_NOT_CHECK


@pytest.mark.parametrize("entries_max, whole", [(1, False), (4, False), (1_000, True)])
def test_what_lies_beyond_the_bound_is_told(entries_max: int, *, whole: bool) -> None:
    found = run(Story(), bounds=Bounds(system_entries=entries_max))
    search = found.searches[1]
    assert (search.is_whole, search.read) == (whole, min(entries_max, search.listed))
    assert ("bound" in codes(found, GapKind.UNKNOWN)) is not whole
    assert (found.verdict is Verdict.VERIFIED) is whole


def test_within_the_bound_the_oldest_and_the_newest_are_read() -> None:
    story = Story()
    story.log.asked.clear()
    ids = [statement.leaf_hash for statement in story.ledger.entries if statement.subject == SYSTEM]
    read: list[Hash] = []
    honest = story.log.statement
    story.log.statement = lambda entry_id: (read.append(entry_id), honest(entry_id))[1]  # type: ignore[func-returns-value,method-assign]
    run(story, bounds=Bounds(system_entries=5))
    assert read[:5] == [*ids[:3], *ids[-2:]]


def test_answers_beyond_all_measure_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "BYTES_MAX", 30_000)
    found = run(Story())
    troubles = [piece.trouble for piece in found.pieces if piece.bundle is None]
    assert troubles
    assert set(troubles) == {"expected answers of at most 30000 bytes in all, got more"}
    assert found.verdict is Verdict.COULD_NOT_CHECK


def test_what_was_not_looked_at_is_not_said_to_be_absent() -> None:
    found = run(Story("deployment"), bounds=Bounds(system_entries=2))
    assert "deployment" in codes(found, GapKind.UNKNOWN)
    assert codes(found, GapKind.ABSENT) == set()


@pytest.mark.parametrize("name, code", [("review", "oversight"), ("deployment", "deployment")])
def test_what_is_there_and_does_not_verify_is_not_said_to_be_absent(name: str, code: str) -> None:
    found = run(Story(changes={name: {"key": STRANGER_KEY}}))
    assert code in codes(found, GapKind.UNKNOWN)
    assert codes(found, GapKind.ABSENT) == set()


def test_a_list_that_the_log_cuts_is_told() -> None:
    story = Story()
    ids = story.log.entries_about(SYSTEM).entry_ids
    story.log.listings[SYSTEM] = Listing(ids, is_whole=False)
    assert "bound" in codes(run(story), GapKind.UNKNOWN)


def test_without_the_key_of_the_log_nothing_is_verified() -> None:
    found = reconstruct(FULL.log, Request(DECISION), Trust(()), Holdings())
    assert found.verdict is Verdict.COULD_NOT_CHECK
    assert list(found.verified()) == []


# ----------------------------------------------------------------------------------------------------- what is false


@pytest.mark.parametrize("name", ["inference", "model", "review", "incident", "guardrail set", "deployment"])
def test_a_record_that_its_issuer_did_not_sign_fails(name: str) -> None:
    story = Story(changes={name: {"key": STRANGER_KEY}})
    found = run(story)
    failed = [piece for piece in found.pieces if piece.verdict is Verdict.FAILED]
    assert [piece.entry_id for piece in failed] == [story.id_of(name)]
    assert failed[0].record is None
    assert found.verdict is Verdict.FAILED
    assert all(told.record.id != uuid7(name) for told in Account(found).decision)


@pytest.mark.parametrize("part", ["statement", "proof", "receipt", "authority"])
def test_a_bundle_with_a_part_of_another_fails(part: str) -> None:
    story = Story()
    target, other = story.id_of("review"), decode_bundle(story.bundle(story.id_of("model")))
    bundle = decode_bundle(story.bundle(target))
    story.log.bundles[target] = replace(bundle, **{part: getattr(other, part)}).encode
    found = run(story)
    assert found.verdict is Verdict.FAILED
    assert {piece.entry_id for piece in found.pieces if piece.verdict is not Verdict.VERIFIED} == {target}


@given(st.binary(max_size=200))
def test_any_bytes_for_a_bundle_are_a_piece_that_fails(data: bytes) -> None:
    SMALL.log.bundles[SMALL.id_of("review")] = lambda: data
    found = run(SMALL)
    assert [piece.verdict for piece in found.pieces] == [Verdict.FAILED]
    assert found.verdict is Verdict.FAILED


SMALL = Story(*(FULL.entries.keys() - {"review"}))


def test_a_smaller_file_that_verifies_is_no_evidence_of_the_entry() -> None:
    story = Story()
    story.log.bundles[story.id_of("review")] = story.ledger.checkpoint
    found = run(story)
    [piece] = [piece for piece in found.pieces if piece.entry_id == story.id_of("review")]
    assert (piece.verdict, piece.shown) == (Verdict.FAILED, None)
    assert piece.trouble == "expected an evidence bundle, got another file: checkpoint"
    assert found.verdict is Verdict.FAILED


def test_a_log_that_files_another_decision_under_this_one_is_caught() -> None:
    story = Story()
    ids = story.log.entries_about(DECISION).entry_ids
    story.log.listings[DECISION] = Listing((*ids, story.id_of("other inference")))
    found = run(story)
    assert found.verdict is Verdict.FAILED
    named = f"The log named the entry {story.id_of('other inference').hex()} as one about the decision;"
    assert found.faults == (f"{named} it is about {OTHER_DECISION}.",)
    assert len(Account(found).inferences) == 1


def test_a_log_whose_key_is_not_the_one_given_fails() -> None:
    found = reconstruct(FULL.log, Request(DECISION), Trust((Ledger(log_key=STRANGER_KEY).vkey,)), Holdings())
    assert found.verdict is Verdict.FAILED


# --------------------------------------------------------------------------------------------------------- one tree


def test_pieces_on_several_tree_heads_are_of_one_tree() -> None:
    story = Story()
    story.log.sizes = {story.id_of("model"): story.ledger.size - 3, story.id_of("threshold"): story.ledger.size - 1}
    found = run(story)
    assert [head.size for head in found.tree.heads] == [story.ledger.size - 3, story.ledger.size - 1, story.ledger.size]
    assert (found.tree.verdict, found.verdict) == (Verdict.VERIFIED, Verdict.VERIFIED)
    assert sum(head.pieces for head in found.tree.heads) == len(found.pieces)


def test_a_path_that_cannot_be_had_leaves_it_open() -> None:
    story = Story()
    story.log.sizes = {story.id_of("model"): story.ledger.size - 3}
    story.log.paths[story.ledger.size - 3, story.ledger.size] = raising(UncheckableError("status 503"))
    found = run(story)
    assert (found.tree.verdict, found.verdict) == (Verdict.COULD_NOT_CHECK, Verdict.COULD_NOT_CHECK)


def test_a_tree_that_does_not_continue_the_other_fails() -> None:
    story = Story()
    story.log.sizes = {story.id_of("model"): story.ledger.size - 3}
    story.log.paths[story.ledger.size - 3, story.ledger.size] = lambda: (Hash(bytes(32)),)
    found = run(story)
    assert (found.tree.verdict, found.verdict) == (Verdict.FAILED, Verdict.FAILED)


def test_two_trees_of_one_size_fail() -> None:
    """The log shows the review in a tree in which the incident says something else."""
    story, other = Story(), Story(changes={"incident": {"body": {"severity": "minor"}}})
    story.log.bundles[story.id_of("review")] = lambda: other.bundle(other.id_of("review"))
    found = run(story)
    assert [piece.verdict for piece in found.pieces] == [Verdict.VERIFIED] * len(found.pieces)
    assert found.tree.found == f"The log has signed two different trees of {story.ledger.size} entries."
    assert found.verdict is Verdict.FAILED
