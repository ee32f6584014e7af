import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.records.schema import uuid7 as check_uuid7
from glasslog_issuer.identifiers import decision_urn, record_id


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_a_record_id_is_a_uuid_of_version_7_that_begins_with_its_time(time_ms: int, chance: bytes) -> None:
    octets = record_id(time_ms, lambda _: chance)
    check_uuid7(octets)
    assert uuid.UUID(bytes=octets).variant == uuid.RFC_4122
    assert int.from_bytes(octets[:6], "big") == time_ms


@given(st.integers(0, 2**48 - 2), st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_record_ids_sort_by_time(time_ms: int, first: bytes, second: bytes) -> None:
    assert record_id(time_ms, lambda _: first) < record_id(time_ms + 1, lambda _: second)


@pytest.mark.parametrize("time_ms", [-1, 2**48])
def test_a_time_that_does_not_fit_is_refused(time_ms: int) -> None:
    with pytest.raises(ValueError, match="48 bits"):
        record_id(time_ms, bytes)


@given(st.binary(min_size=16, max_size=16))
def test_a_decision_has_a_random_urn(chance: bytes) -> None:
    urn = decision_urn(lambda _: chance)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", urn)
