"""The sequencer on a disk that fails: what failed, whether it is there all the same, and what the log does about it."""

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog_server.errors import (
    FaultError,
    GuardAheadError,
    GuardBehindError,
    InterruptedWriteError,
    ServerError,
    UnavailableError,
)
from tests.simulation.disk import Disk
from tests.simulation.parties import Issuer, Operator
from tests.simulation.running import Simulation, sequenced, until_taken, with_issuer


@pytest.mark.parametrize("persisted", [False, True], ids=["not persisted", "persisted"])
@pytest.mark.parametrize("place", ["store_faults", "guard_faults"])
async def test_after_a_failed_write_nobody_is_told_an_index_and_resubmission_tells_the_truth(
    place: str,
    *,
    persisted: bool,
) -> None:
    simulation, issuer, _ = await with_issuer()
    getattr(simulation.disk, place).append(persisted)
    candidates = [issuer.candidate() for _ in range(3)]
    answer = await simulation.submit(candidates)
    assert isinstance(answer, InterruptedWriteError)
    outcomes = sequenced(await until_taken(simulation, candidates))
    assert [outcome.index for outcome in outcomes] == [2, 3, 4]
    # A failed guard swap leaves the round in the store: recovery finds it, so it is a duplicate now.
    assert {outcome.duplicate for outcome in outcomes} == {persisted or place == "guard_faults"}
    await simulation.check()
    await simulation.stop()


async def test_a_failed_read_is_no_reason_to_guess_either() -> None:
    simulation, issuer, _ = await with_issuer()
    simulation.disk.read_faults = 1
    candidates = [issuer.candidate()]
    assert isinstance(await simulation.submit(candidates), InterruptedWriteError)
    sequenced(await until_taken(simulation, candidates))
    await simulation.check()
    await simulation.stop()


async def test_what_waits_in_the_queue_is_refused_when_the_store_fails() -> None:
    simulation, issuer, _ = await with_issuer()
    simulation.disk.store_faults.append(False)
    answers = await asyncio.gather(*(simulation.submit([issuer.candidate()]) for _ in range(4)))
    assert any(isinstance(answer, InterruptedWriteError) for answer in answers)
    await simulation.check()
    await simulation.stop()


async def test_a_log_that_lost_its_store_is_not_ready_and_says_why() -> None:
    simulation, issuer, _ = await with_issuer()
    simulation.disk.store_faults.append(False)
    simulation.disk.open_faults = 1_000
    simulation.running.check_ready()
    assert isinstance(await simulation.submit([issuer.candidate()]), InterruptedWriteError)
    with pytest.raises(UnavailableError, match=r"the write failed|does not answer"):
        simulation.running.check_ready()
    await simulation.crash()


async def start_on(disk: Disk) -> None:
    simulation = Simulation(disk=disk)
    await simulation.start()
    await simulation.stop()


async def grown(entries: int) -> Simulation:
    simulation, issuer, _ = await with_issuer()
    for _ in range(entries):
        sequenced(await simulation.submit([issuer.candidate()]))
    await simulation.stop()
    return simulation


async def test_an_old_store_under_a_newer_guard_is_refused() -> None:
    old, new = await grown(1), await grown(3)
    old.disk.guarded = new.disk.guarded
    with pytest.raises(GuardAheadError, match="Put back the newest store"):
        await start_on(old.disk)


async def test_a_guard_that_is_one_round_behind_is_moved() -> None:
    before, after = await grown(2), await grown(3)
    after.disk.guarded = before.disk.guarded
    await start_on(after.disk)
    assert after.disk.guarded == after.published[-1].note


async def test_a_guard_that_is_two_rounds_behind_is_refused() -> None:
    before, after = await grown(1), await grown(3)
    after.disk.guarded = before.disk.guarded
    with pytest.raises(GuardBehindError, match="one round behind"):
        await start_on(after.disk)


async def test_another_tree_of_the_same_size_is_refused() -> None:
    one = await grown(1)
    other, issuer, _ = await with_issuer()
    issuer.next_seq = 77
    sequenced(await other.submit([issuer.candidate()]))
    await other.stop()
    assert one.published[-1].size == other.published[-1].size
    one.disk.guarded = other.disk.guarded
    with pytest.raises(GuardAheadError):
        await start_on(one.disk)


async def test_a_fault_that_opening_again_cannot_mend_ends_the_sequencer() -> None:
    simulation, issuer, _ = await with_issuer()
    simulation.disk.guarded = b"another server was here"
    assert isinstance(await simulation.submit([issuer.candidate()]), InterruptedWriteError)
    assert simulation.task is not None
    with pytest.raises(FaultError):
        await simulation.task
    assert isinstance(await simulation.submit([issuer.candidate()]), ServerError)


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), st.integers(1, 6)),
        st.tuples(st.just("resubmit"), st.integers(0, 50)),
        st.tuples(st.just("store fault"), st.booleans()),
        st.tuples(st.just("guard fault"), st.booleans()),
        st.tuples(st.just("read fault"), st.just(1)),
        st.tuples(st.just("crash in flight"), st.integers(0, 12)),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("clock"), st.integers(-500, 500)),
        st.tuples(st.just("revoke"), st.just(0)),
    ),
    max_size=40,
)


@given(events=EVENTS)
def test_whatever_fails_in_whatever_order_the_log_stays_one_log(events: list[tuple[str, int]]) -> None:
    asyncio.run(asyncio.wait_for(live_through(events), 60))  # rather a failure than a hanging run


async def live_through(events: list[tuple[str, int]]) -> None:
    simulation, issuer, operator = await with_issuer()
    sent = [issuer.candidate()]
    generation = 0
    for event, argument in events:
        if event == "submit":
            fresh = [issuer.candidate() for _ in range(argument)]
            sent += fresh
            await simulation.submit(fresh)
        elif event == "resubmit":
            await simulation.submit([sent[argument % len(sent)]])
        elif event == "store fault":
            simulation.disk.store_faults = [bool(argument)]
        elif event == "guard fault":
            simulation.disk.guard_faults = [bool(argument)]
        elif event == "read fault":
            simulation.disk.read_faults = 1
        elif event == "clock":
            simulation.clock += argument
        elif event == "revoke":
            generation += 1
            await replace_key(simulation, issuer, operator, generation)
        else:
            await interrupt(simulation, issuer, argument if event == "crash in flight" else None)
        await simulation.check()
    await simulation.stop()
    await simulation.check()


async def replace_key(simulation: Simulation, issuer: Issuer, operator: Operator, generation: int) -> None:
    """Revoke the issuer's key and register a new one, as far as the log lets the operator."""
    revocation = operator.register(issuer.name, issuer.key, action="revoke")
    [outcome] = sequenced(await until_taken(simulation, [revocation]))
    operator.logged(revocation, outcome.index)
    issuer.key_name = f"clinic-{generation}"
    registration = operator.register(issuer.name, issuer.key)
    [outcome] = sequenced(await until_taken(simulation, [registration]))
    operator.logged(registration, outcome.index)


async def interrupt(simulation: Simulation, issuer: Issuer, turns: int | None) -> None:
    """Stop the log in order, or end it some turns of the loop after a submission; then start it again."""
    if turns is None:
        await simulation.stop()
    else:
        async with asyncio.TaskGroup() as callers:
            flying = callers.create_task(simulation.submit([issuer.candidate() for _ in range(3)]))
            for _ in range(turns):
                await asyncio.sleep(0)
            await simulation.crash()
            flying.cancel()  # nobody answers any more
    while simulation.disk.guard_faults:  # a start may have to move the guard, and fails with it
        with contextlib.suppress(FaultError):
            await simulation.start()
            return
    await simulation.start()
