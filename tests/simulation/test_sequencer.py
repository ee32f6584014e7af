"""The sequencer on a disk that does what it should."""

import asyncio
from dataclasses import replace

import pytest

from glasslog.errors import AuthorityError, GlasslogError, UnknownKeyError
from glasslog_server.errors import OverloadedError, StoppingError, TreeRangeError
from glasslog_server.publication import Publication
from glasslog_server.sequencer import Sequenced, SequencerLimits
from tests.simulation.parties import FIRST_ENTRY, LOG_KEY, START, Issuer, Operator, candidate_of, key
from tests.simulation.running import Simulation, sequenced, until_taken, with_issuer


async def test_entries_get_the_next_indexes_in_the_order_of_submission() -> None:
    simulation, issuer, _ = await with_issuer()
    outcomes = sequenced(await simulation.submit([issuer.candidate() for _ in range(300)]))
    assert [outcome.index for outcome in outcomes] == list(range(2, 302))
    assert {outcome.head.size for outcome in outcomes} == {302}
    await simulation.check()
    await simulation.stop()


async def test_the_same_statement_gets_the_same_index_in_one_round_later_and_after_a_restart() -> None:
    simulation, issuer, _ = await with_issuer()
    candidate = issuer.candidate()
    first, second = sequenced(await simulation.submit([candidate, candidate]))
    assert (first.index, first.duplicate, second.index, second.duplicate) == (2, False, 2, True)
    [third] = sequenced(await simulation.submit([candidate]))
    assert (third.index, third.duplicate, third.head) == (2, True, first.head)
    await simulation.stop()
    await simulation.start()
    [fourth] = sequenced(await simulation.submit([candidate]))
    assert (fourth.index, fourth.duplicate, fourth.head) == (2, True, first.head)
    await simulation.check()
    await simulation.stop()


async def test_the_same_statement_in_flight_from_two_callers_is_logged_once() -> None:
    simulation, issuer, _ = await with_issuer()
    candidate, other = issuer.candidate(), issuer.candidate()
    answers = await asyncio.gather(*(simulation.submit([candidate, other]) for _ in range(20)))
    indexes = {tuple(outcome.index for outcome in sequenced(answer)) for answer in answers}
    assert indexes == {(2, 3)}
    assert simulation.counts.new == 3
    await simulation.check()
    await simulation.stop()


async def test_many_callers_share_rounds_and_all_are_answered() -> None:
    simulation, issuer, _ = await with_issuer(SequencerLimits(round_interval_s=0.001, round_entries_max=64))
    batches = [[issuer.candidate() for _ in range(size)] for size in (1, 5, 64, 17, 1, 1, 30) * 4]
    answers = await asyncio.gather(*(simulation.submit(batch) for batch in batches))
    indexes = [outcome.index for answer in answers for outcome in sequenced(answer)]
    assert sorted(indexes) == list(range(2, 2 + sum(map(len, batches))))
    assert simulation.counts.rounds < len(batches)
    await simulation.check()
    await simulation.stop()


async def test_a_duplicate_of_entry_0_names_a_head_that_receipts_exist_for() -> None:
    simulation, _, _ = await with_issuer()
    [outcome] = sequenced(await simulation.submit([candidate_of(FIRST_ENTRY)]))
    assert (outcome.index, outcome.duplicate, outcome.head.size) == (0, True, 2)
    await simulation.stop()


async def test_a_key_revoked_in_the_same_round_signs_nothing_after_its_revocation() -> None:
    simulation, issuer, operator = await with_issuer()
    before, after = issuer.candidate(), issuer.candidate()
    revocation = operator.register(issuer.name, issuer.key, action="revoke")
    outcomes = await simulation.submit([before, revocation, after])
    assert isinstance(outcomes, list)
    assert [type(outcome) for outcome in outcomes] == [Sequenced, Sequenced, AuthorityError]
    refused = await simulation.submit([after])
    assert isinstance(refused, list)
    assert isinstance(refused[0], AuthorityError)
    [again] = sequenced(await simulation.submit([before]))
    assert again.duplicate
    await simulation.check()
    await simulation.stop()


async def test_a_revocation_holds_after_a_restart() -> None:
    simulation, issuer, operator = await with_issuer()
    await simulation.submit([operator.register(issuer.name, issuer.key, action="revoke")])
    await simulation.stop()
    await simulation.start()
    refused = await simulation.submit([issuer.candidate()])
    assert isinstance(refused, list)
    assert isinstance(refused[0], AuthorityError)
    await simulation.stop()


@pytest.mark.parametrize(
    "change, error",
    [
        ({"name": "https://other.example"}, UnknownKeyError),
        ({"key_name": "stranger"}, UnknownKeyError),
    ],
)
async def test_a_signer_that_is_not_registered_is_refused_and_nothing_is_stored(
    change: dict[str, str], error: type[GlasslogError]
) -> None:
    simulation, issuer, _ = await with_issuer()
    outcomes = await simulation.submit([replace(issuer, **change).candidate()])  # type: ignore[arg-type]
    assert isinstance(outcomes, list)
    assert isinstance(outcomes[0], error)
    assert simulation.running.head.size == 2
    await simulation.stop()


async def test_a_key_is_valid_by_the_time_of_the_log_alone() -> None:
    simulation = await Simulation().create()
    issuer, operator = Issuer(), Operator()
    registration = operator.register(issuer.name, issuer.key, valid_from=START + 60)
    await simulation.submit([registration])
    early = await simulation.submit([issuer.candidate()])
    assert isinstance(early, list)
    assert isinstance(early[0], AuthorityError)
    simulation.clock = START + 60
    sequenced(await simulation.submit([issuer.candidate()]))
    await simulation.check()
    await simulation.stop()


async def test_a_policy_without_the_key_that_signs_its_own_tree_head_is_refused() -> None:
    simulation, issuer, operator = await with_issuer()
    other = key("another log key").public_key
    refused = await simulation.submit([operator.restate((other,))])
    assert isinstance(refused, list)
    assert isinstance(refused[0], AuthorityError)
    sequenced(await simulation.submit([operator.restate((other, LOG_KEY.public_key))]))
    await simulation.stop()
    await simulation.start()
    sequenced(await simulation.submit([issuer.candidate()]))
    await simulation.check()
    await simulation.stop()


async def test_time_stands_still_when_the_clock_is_set_back() -> None:
    simulation, issuer, _ = await with_issuer()
    simulation.clock = START + 1_000
    [outcome] = sequenced(await simulation.submit([issuer.candidate()]))
    assert outcome.head.time == START + 1_000
    simulation.clock = START - 5_000
    [outcome] = sequenced(await simulation.submit([issuer.candidate()]))
    assert outcome.head.time == START + 1_000
    await simulation.check()
    await simulation.stop()


async def test_one_statement_after_the_other_waits_for_no_interval() -> None:
    simulation = await Simulation(limits=SequencerLimits(round_interval_s=60.0)).create()
    issuer, operator = Issuer(), Operator()
    sequenced(await simulation.submit([operator.register(issuer.name, issuer.key)]))
    for _ in range(3):
        sequenced(await simulation.submit([issuer.candidate()]))
    await simulation.check()
    await simulation.stop()


def test_the_interval_grows_with_what_a_round_has_taken() -> None:
    limits = SequencerLimits(round_interval_s=0.8)
    seconds = [limits.interval_after(entries) for entries in (0, 1, 2, 8, 9, 1_000)]
    assert seconds == pytest.approx([0, 0, 0.1, 0.7, 0.8, 0.8])


async def test_a_full_queue_refuses_the_whole_submission() -> None:
    simulation, issuer, _ = await with_issuer(SequencerLimits(round_interval_s=60.0, queue_entries_max=10))
    async with asyncio.TaskGroup() as callers:
        waiting = callers.create_task(simulation.submit([issuer.candidate() for _ in range(8)]))
        await asyncio.sleep(0)
        assert isinstance(await simulation.submit([issuer.candidate() for _ in range(3)]), OverloadedError)
        assert simulation.counts.queued == 8
        simulation.running.stop()
    assert len(sequenced(waiting.result())) == 8
    await simulation.check()
    await simulation.stop()


async def test_more_than_a_round_holds_is_refused() -> None:
    simulation, issuer, _ = await with_issuer(SequencerLimits(round_entries_max=4))
    assert isinstance(await simulation.submit([issuer.candidate() for _ in range(5)]), TreeRangeError)
    await simulation.stop()


async def test_an_empty_submission_is_answered_at_once() -> None:
    simulation, _, _ = await with_issuer()
    assert await simulation.running.submit([]) == []
    await simulation.stop()


async def test_stopping_answers_what_was_taken_and_refuses_what_comes_after() -> None:
    simulation, issuer, _ = await with_issuer(SequencerLimits(round_interval_s=60.0))
    taken = [asyncio.create_task(simulation.submit([issuer.candidate()])) for _ in range(5)]
    await asyncio.sleep(0)
    simulation.running.stop()
    assert isinstance(await simulation.submit([issuer.candidate()]), StoppingError)
    for answer in await asyncio.gather(*taken):
        sequenced(answer)
    await simulation.stop()
    await simulation.check()


async def test_a_caller_that_goes_away_does_not_hold_up_the_others() -> None:
    simulation, issuer, _ = await with_issuer(SequencerLimits(round_interval_s=60.0))
    gone = asyncio.create_task(simulation.submit([issuer.candidate()]))
    stays = asyncio.create_task(simulation.submit([issuer.candidate()]))
    await asyncio.sleep(0)
    gone.cancel()
    simulation.running.stop()
    sequenced(await stays)
    await simulation.stop()
    await simulation.check()


async def test_a_leaf_hash_that_is_not_the_entrys_stops_the_round_before_anything_is_signed() -> None:
    simulation, issuer, _ = await with_issuer()
    good, other = issuer.candidate(), issuer.candidate()
    flipped = good._replace(leaf_hash=other.leaf_hash)
    answer = await simulation.submit([flipped])
    assert not isinstance(answer, list)
    assert simulation.counts.failures == ["tree_corrupt"]
    sequenced(await until_taken(simulation, [good]))  # the log went on from its disk
    await simulation.check()
    await simulation.stop()


async def test_nobody_is_answered_before_a_subscriber_has_what_it_waits_for() -> None:
    simulation, issuer, operator = await with_issuer()
    everywhere = asyncio.Event()
    heard: list[Publication] = []

    async def spread(publication: Publication) -> None:
        heard.append(publication)
        await everywhere.wait()

    simulation.running.subscribe(spread)
    revocation = operator.register(issuer.name, issuer.key, action="revoke")
    answer = asyncio.create_task(simulation.submit([revocation, issuer.candidate()]))
    while not heard:
        await asyncio.sleep(0)
    [policy_entry] = heard[0].policy_entries
    assert (policy_entry.index, policy_entry.entry) == (2, revocation.entry)
    assert simulation.running.head == heard[0].head
    assert not answer.done()
    everywhere.set()
    outcomes = await answer
    assert isinstance(outcomes, list)
    assert isinstance(outcomes[1], AuthorityError)
    await simulation.check()
    await simulation.stop()
