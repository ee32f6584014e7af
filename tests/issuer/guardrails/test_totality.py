"""Any result gives an execution that can be signed, or the one error: never another exception, never content."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog_issuer import GuardrailExecution
from glasslog_issuer.guardrails import GuardrailResultError
from tests.issuer.guardrails.products import MAPPINGS, Mapping
from tests.issuer.parties import make_issuer

SECRET = "Ms. Doe, born 1951"

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.just(SECRET) | st.just(10**400)
)
ODD = st.recursive(
    SCALARS | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9) | st.integers(), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401
    """Return the path of every value in a result."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: object) -> Any:  # noqa: ANN401
    if not path:
        return new
    changed = copy.copy(value)
    changed[path[0]] = replaced(value[path[0]], path[1:], new)
    return changed


def check(mapping: Mapping, result: object) -> None:
    """Map a result; what comes out can be signed, what is raised is the one error and shows nothing of the result."""
    try:
        execution = mapping(result)
    except GuardrailResultError as error:
        assert SECRET not in str(error)  # noqa: PT017  either outcome will do
        return
    assert isinstance(execution, GuardrailExecution)
    make_issuer().sign(execution)


@pytest.mark.parametrize("product", MAPPINGS)
@given(result=ODD)
def test_any_value_is_mapped_or_refused(product: str, result: object) -> None:
    check(MAPPINGS[product][0], result)


@pytest.mark.parametrize("product", MAPPINGS)
@given(data=st.data())
def test_a_result_with_one_odd_value_is_mapped_or_refused(product: str, data: st.DataObject) -> None:
    mapping, results = MAPPINGS[product]
    genuine = data.draw(st.sampled_from(results))
    place = data.draw(st.sampled_from(places(genuine)))
    check(mapping, replaced(genuine, place, data.draw(ODD)))


@pytest.mark.parametrize("product", MAPPINGS)
def test_a_genuine_result_can_be_signed(product: str) -> None:
    mapping, results = MAPPINGS[product]
    for result in results:
        assert make_issuer().sign(mapping(result)).record.type == "guardrail-execution"
