"""What became of the committed values: opened by files and vaults, erased, or still closed."""

import pytest

from glasslog.commitments import Disclosure
from glasslog.errors import UncheckableError
from glasslog.reconstruct import Disclosed, GapKind, Holdings, Opening, OpeningState, Reconstruction
from glasslog.verify import Verdict
from tests.verifier.evidence import STRANGER_KEY, TIME_MS, uuid7
from tests.verifier.reconstruct.asking import FULL, codes, names, raising, run
from tests.verifier.reconstruct.story import CONTENT, HOSPITAL, Drawer, Story, disclosures
from tests.verifier.records.examples import DAY_MS


def states(found: Reconstruction) -> dict[str, Opening]:
    return {opening.name: opening for piece in found.pieces for opening in piece.openings}


def test_values_are_opened_closed_and_erased() -> None:
    found = run(FULL, Holdings(FULL.opened[:1]))
    openings = states(found)
    assert {name: opening.state.value for name, opening in openings.items()} == {
        "input": "opened",
        "output": "closed",
        "features": "erased",
    }
    assert openings["input"].value == CONTENT["input"]
    assert (openings["features"].value, openings["features"].at) == (None, TIME_MS + 9 * DAY_MS)
    assert found.verdict is Verdict.VERIFIED


def test_an_erasure_is_open_until_every_store_has_confirmed() -> None:
    stores = [
        {"store": "vault", "state": "confirmed", "at": TIME_MS + 9 * DAY_MS},
        {"store": "backups", "state": "requested", "at": TIME_MS + 9 * DAY_MS},
    ]
    story = Story(changes={"erasure": {"body": {"targets": stores}}})
    assert states(run(story))["features"].open_stores == ("backups",)
    assert states(run(story))["features"].state is OpeningState.ERASED
    gone = [each.digest for each in story.opened if each.name == "features"]
    confirmed = [{"store": "backups", "state": "confirmed", "at": TIME_MS + 20 * DAY_MS}]
    story._add("rest", "erasure", {"commitments": gone, "targets": confirmed}, at=20 * DAY_MS)  # noqa: SLF001
    opening = states(run(story))["features"]
    assert (opening.open_stores, opening.at) == ((), TIME_MS + 20 * DAY_MS)


def test_an_erasure_that_no_store_has_confirmed_has_no_date() -> None:
    stores = [{"store": "vault", "state": "requested", "at": TIME_MS + 9 * DAY_MS}]
    opening = states(run(Story(changes={"erasure": {"body": {"targets": stores}}})))["features"]
    assert (opening.state, opening.at, opening.open_stores) == (OpeningState.TO_BE_ERASED, None, ("vault",))


def test_an_erasure_by_somebody_else_does_not_count() -> None:
    story = Story("erasure")
    story.without = frozenset()
    gone = [each.digest for each in story.opened]
    story._add("erasure", "erasure", {"commitments": gone}, at=8 * DAY_MS, issuer=HOSPITAL)  # noqa: SLF001
    found = run(story)
    assert {opening.state for opening in states(found).values()} == {OpeningState.CLOSED}
    assert "erasure" in names(story, found), "it is evidence of what the other one said, all the same"


def test_an_erasure_that_does_not_verify_does_not_count() -> None:
    found = run(Story(changes={"erasure": {"key": STRANGER_KEY}}))
    assert states(found)["features"].state is OpeningState.CLOSED


def test_a_copy_in_other_hands_opens_what_was_erased() -> None:
    opening = states(run(FULL, Holdings(FULL.opened)))["features"]
    assert (opening.state, opening.value, opening.at) == (
        OpeningState.OPENED,
        CONTENT["features"],
        TIME_MS + 9 * DAY_MS,
    )


@pytest.mark.parametrize(
    "forged",
    [
        disclosures({"input": "another film"}),
        disclosures({"input": CONTENT["input"]}, salt="another salt of "),
        disclosures({"nothing": "there is no such commitment"}),
    ],
    ids=["value", "salt", "name"],
)
def test_a_disclosure_that_opens_nothing_fails(forged: tuple[Disclosure, ...]) -> None:
    found = run(FULL, Holdings(forged))
    assert found.verdict is Verdict.FAILED
    assert len(found.faults) == 1
    assert all(opening.value is None for opening in states(found).values())


def test_a_disclosure_for_what_could_not_be_read_is_left_open() -> None:
    story = Story()
    story.log.bundles[story.id_of("inference")] = raising(UncheckableError("status 503"))
    found = run(story, Holdings(story.opened))
    assert found.verdict is Verdict.COULD_NOT_CHECK
    assert "disclosure" in codes(found, GapKind.UNKNOWN)


def test_a_vault_opens_what_it_has() -> None:
    drawer = Drawer({uuid7("inference"): Disclosed(FULL.opened[:2])})
    found = run(FULL, Holdings(vault=drawer))
    assert [states(found)[name].state.value for name in ("input", "output", "features")] == [
        "opened",
        "opened",
        "erased",
    ]
    assert found.verdict is Verdict.VERIFIED


def test_a_vault_that_says_erased_is_quoted_where_no_record_says_so() -> None:
    drawer = Drawer({uuid7("inference"): Disclosed((), erased_at=TIME_MS + 2 * DAY_MS)})
    opening = states(run(Story("erasure"), Holdings(vault=drawer)))["input"]
    assert (opening.state, opening.at) == (OpeningState.SAID_ERASED, TIME_MS + 2 * DAY_MS)


def test_a_vault_that_opens_what_it_has_confirmed_to_be_gone_is_contradicted() -> None:
    drawer = Drawer({uuid7("inference"): Disclosed(FULL.opened)})
    found = run(FULL, Holdings(vault=drawer))
    assert (states(found)["features"].state, states(found)["features"].value) == (OpeningState.CONTRADICTED, None)
    assert found.verdict is Verdict.FAILED


def test_a_vault_with_values_that_open_nothing_fails() -> None:
    drawer = Drawer({uuid7("inference"): Disclosed(disclosures({"input": "another film"}))})
    found = run(FULL, Holdings(vault=drawer))
    assert found.verdict is Verdict.FAILED
    assert "The vault's value for 'input' does not open the inference" in found.faults[0]


def test_a_vault_that_does_not_answer_leaves_it_open() -> None:
    drawer = Drawer()
    drawer.disclosures = lambda record_id: raising(UncheckableError(record_id.hex()))()  # type: ignore[method-assign]
    found = run(FULL, Holdings(vault=drawer))
    assert codes(found, GapKind.UNKNOWN) == {"vault"}
    assert found.verdict is Verdict.COULD_NOT_CHECK
