"""Files of controls: the one that comes with Glasslog, and how strictly others are read."""

import re
import tomllib
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasslog.errors import MalformedError
from glasslog.report import builtin_frameworks, decode_frameworks
from glasslog.report.controls import CONTROLS_FILE_BYTES_MAX, ControlsError, joined
from tests.verifier.fuzzing import accepted
from tests.verifier.report.test_coverage import controls
from tests.verifier.report.test_report import VERDICTS_ON_THE_LAW

BUILTIN = (files("glasslog.report") / "controls.toml").read_bytes()
GOOD = controls(records=["inference"], checks=["ids"])

DEMANDED = {
    "eu-ai-act": {f"Article {number}" for number in (12, 14, 19, 26, 72, 73, 86)},
    "nist-ai-rmf": {"MEASURE 2.1", "MEASURE 2.11", "MANAGE 2.4", "MANAGE 3.1", "MANAGE 4.3"},
    "iso-42001": {"A.6.2.6", "A.6.2.8"},
    "soc-2": {"CC6.1", "CC7.2", "CC8.1", "CC9.2", "A1.1", "PI1.2", "C1.1", "P4.3"},
    "hipaa": {"164.312(b)"},
    "sr-26-2": {"Validation", "Monitoring"},
    "colorado-admt": {"Notice", "Human review"},
}


def test_the_built_in_file_has_every_framework() -> None:
    found = {each.id: {control.id for control in each.controls} for each in builtin_frameworks()}
    assert found.keys() == DEMANDED.keys()
    for name, demanded in DEMANDED.items():
        assert demanded <= found[name], name


def test_the_built_in_file_gives_no_verdict_on_the_law() -> None:
    assert VERDICTS_ON_THE_LAW.search(BUILTIN.decode()) is None


def test_every_control_says_what_it_cannot_show() -> None:
    for framework in builtin_frameworks():
        for control in framework.controls:
            assert control.cannot.endswith("."), (framework.id, control.id)
            assert control.asks.endswith("."), (framework.id, control.id)


@pytest.mark.parametrize(
    "old, new, expected",
    [
        ("glasslog-controls/1", "glasslog-controls/2", "file, schema"),
        ('"Own"', "7", "title: expected text"),
        ('"Own"', '"  "', "title: expected text"),
        ('id = "own"', 'id = "Own Policy"', "lower case"),
        ('source = "Ours"', "", "source: expected text"),
        ('source = "Ours"', 'sauce = "Ours"', "no such field"),
        ('"inference"', '"inferense"', "control 1, records: expected types of records"),
        ('"inference"', '"evaluation:beauty"', "a kind of evaluation among accuracy"),
        ('"inference"', '"inference:completed"', "a kind of config-registration"),
        ('"inference"', '"notice:appeal"', "a kind of notice among"),
        ('"inference"', '"inference", "inference"', "each of them once"),
        ('"inference"', "7", "each of them once"),
        ('["inference"]', "[]", "at least one record"),
        ('["inference"]', '"inference"', "an array"),
        ('["ids"]', '["idz"]', "checks: expected checks among"),
        ('["ids"]', '["ids"]\nchecks_if_any = ["ids"]', "other checks"),
        ('["ids"]', '["ids"]\nany_of = [[]]', "any_of: expected an array of 1"),
        ('["ids"]', '["ids"]\nany_of = ["inference"]', "any_of: expected an array of 1"),
        ("[[framework.control]]", "[[framework.controls]]", "no such field"),
        ("[[framework.control]]", "[framework.control]", "one or more tables"),
        ("[[framework]]", "[framework]", "one or more tables"),
        ('cannot = "Anything else."', "", "cannot: expected text"),
        ("schema = ", "schema = = ", "expected controls in TOML"),
    ],
)
def test_a_file_that_is_not_of_the_schema_is_refused_with_its_place(old: str, new: str, expected: str) -> None:
    assert old in GOOD
    with pytest.raises(ControlsError, match=re.escape(expected)):
        decode_frameworks(GOOD.replace(old, new, 1).encode())


def test_an_id_means_one_control_and_one_framework() -> None:
    again = GOOD.partition("[[framework.control]]")[2]
    with pytest.raises(ControlsError, match="framework own, control to have an id of its own, got 1 twice"):
        decode_frameworks(f"{GOOD}[[framework.control]]{again}".encode())
    with pytest.raises(ControlsError, match="got own twice"):
        joined([decode_frameworks(GOOD.encode()), decode_frameworks(GOOD.encode())])
    assert [each.id for each in joined([builtin_frameworks(), decode_frameworks(GOOD.encode())])][-1] == "own"


def test_a_file_beyond_its_bound_is_refused() -> None:
    with pytest.raises(ControlsError, match="at most"):
        decode_frameworks(b"#" * (CONTROLS_FILE_BYTES_MAX + 1))


def test_errors_are_of_the_one_tree() -> None:
    assert issubclass(ControlsError, MalformedError)
    assert ControlsError.code == "bad_controls"


@given(st.binary(max_size=200) | st.text(alphabet='[]="framework.controlid\n, {}', max_size=120).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    accepted(decode_frameworks, data)


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(field=st.sampled_from(sorted(tomllib.loads(GOOD)["framework"][0]["control"][0])), value=JSONISH)
def test_any_value_in_any_field_is_read_or_refused(field: str, value: object) -> None:
    text = controls(**{"records": ["inference"], field: value})
    accepted(decode_frameworks, text.encode())
