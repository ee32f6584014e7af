"""How processes share connections: each says how many it has, and leaves the next one to those that have fewer."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog_server.http.connection_table import ConnectionTable, Share

PATIENCE_S = 10.0


@pytest.fixture
def table(tmp_path: Path) -> ConnectionTable:
    return ConnectionTable.create(tmp_path / "connections", 4)


def took(share: Share, connections: int) -> Share:
    for _ in range(connections):
        share.took()
    return share


def test_a_table_is_empty_at_first_and_is_the_same_for_all_who_open_it(tmp_path: Path) -> None:
    made = ConnectionTable.create(tmp_path / "connections", 3)
    assert made.counts() == [None, None, None]
    opened = ConnectionTable.open(tmp_path / "connections")
    took(Share(opened, 1), 2)
    assert made.counts() == [None, 2, None]
    made.empty(1)
    assert opened.counts() == [None, None, None]


def test_a_table_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    ConnectionTable.create(tmp_path / "connections", 3)
    with pytest.raises(FileExistsError):
        ConnectionTable.create(tmp_path / "connections", 3)


def test_a_process_alone_takes_everything(table: ConnectionTable) -> None:
    share = took(Share(table, 0), 100)
    assert not share.is_for_others(0.0, PATIENCE_S)
    assert not share.is_for_others(100.0, PATIENCE_S)


def test_who_has_most_leaves_the_next_one_to_the_others(table: ConnectionTable) -> None:
    more, fewer = took(Share(table, 0), 2), took(Share(table, 1), 1)
    assert more.is_for_others(0.0, PATIENCE_S)
    assert not fewer.is_for_others(0.0, PATIENCE_S)
    fewer.took()
    assert not more.is_for_others(0.0, PATIENCE_S)
    more.lost()
    assert fewer.is_for_others(0.0, PATIENCE_S)


def test_who_lets_connections_wait_is_passed_over_until_it_shows_a_sign_of_life(table: ConnectionTable) -> None:
    more, hung = took(Share(table, 0), 9), took(Share(table, 1), 1)
    assert more.is_for_others(1.0, PATIENCE_S)
    assert more.is_for_others(10.9, PATIENCE_S)
    assert not more.is_for_others(11.0, PATIENCE_S)
    more.took()
    assert not more.is_for_others(11.0, PATIENCE_S)  # the next one waits for nobody
    hung.lost()
    assert more.is_for_others(11.0, PATIENCE_S)
    hung.took()
    assert more.is_for_others(1_000.0, PATIENCE_S)


def test_who_takes_connections_is_waited_for_however_long_that_goes_on(table: ConnectionTable) -> None:
    more, fewer = took(Share(table, 0), 5), Share(table, 1)
    for number in range(100):
        assert more.is_for_others(number * PATIENCE_S, PATIENCE_S)
        fewer.took()
        fewer.lost()


def test_who_only_missed_a_connection_lives(table: ConnectionTable) -> None:
    more, fewer = took(Share(table, 0), 5), Share(table, 1)
    assert more.is_for_others(0.0, PATIENCE_S)
    assert not more.is_for_others(PATIENCE_S, PATIENCE_S)
    fewer.missed()
    assert more.is_for_others(PATIENCE_S, PATIENCE_S)


def test_time_in_which_no_connection_waited_does_not_count(table: ConnectionTable) -> None:
    more, _ = took(Share(table, 0), 5), Share(table, 1)
    assert more.is_for_others(0.0, PATIENCE_S)
    assert more.is_for_others(1_000.0, PATIENCE_S)
    assert not more.is_for_others(1_000.0 + PATIENCE_S, PATIENCE_S)
    assert not more.is_for_others(2_000.0, PATIENCE_S)  # once passed over it has to give a sign


def test_one_that_hangs_does_not_hide_one_that_lives(table: ConnectionTable) -> None:
    most, lives, hung = took(Share(table, 0), 5), took(Share(table, 1), 2), Share(table, 2)
    assert most.is_for_others(0.0, PATIENCE_S)
    lives.took()
    lives.lost()
    assert most.is_for_others(PATIENCE_S, PATIENCE_S)
    assert not most.is_for_others(2 * PATIENCE_S, PATIENCE_S)
    hung.took()
    assert most.is_for_others(2 * PATIENCE_S, PATIENCE_S)


def test_who_has_left_does_not_count_and_says_nothing_more(table: ConnectionTable) -> None:
    stays, retired = took(Share(table, 0), 3), took(Share(table, 1), 1)
    retired.leave()
    assert table.counts() == [3, None, None, None]
    assert not stays.is_for_others(0.0, PATIENCE_S)
    retired.lost()
    retired.leave()
    assert table.counts() == [3, None, None, None]


def test_who_has_left_does_not_empty_the_cell_of_its_successor(table: ConnectionTable) -> None:
    retired = Share(table, 1)
    retired.leave()
    took(Share(table, 1), 2)
    retired.leave()
    assert table.counts()[1] == 2


@given(st.lists(st.sampled_from(["took", "lost"]), max_size=50))
def test_a_count_is_what_was_taken_and_not_lost(events: list[str]) -> None:
    class Cells(ConnectionTable):
        def __init__(self) -> None:
            self._cells = memoryview(bytearray(8)).cast("Q")

    table = Cells()
    share, count = Share(table, 0), 0
    for event in events:
        if event == "lost" and not count:
            continue
        getattr(share, event)()
        count += 1 if event == "took" else -1
        assert table.counts() == [count]
