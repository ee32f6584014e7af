"""The vectors under tests/vectors/records: up to date, and judged from the JSON alone, as others would judge them."""

import json
from base64 import b64decode

import pytest

from glasslog import cbor
from glasslog.cbor import Value
from glasslog.errors import MalformedError
from glasslog.records import RECORD_TYPES, decode_record, encode_record
from tests.verifier.records.vectors import ENVELOPE, FILES, FOLDER, rendered, spliced


def read(file: str) -> Value:
    return json.loads((FOLDER / file).read_text())


def test_every_type_has_its_file_and_no_other_is_there() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.json" for name in (*RECORD_TYPES, ENVELOPE)}


@pytest.mark.parametrize("file", FILES)
def test_the_vectors_are_up_to_date(file: str) -> None:
    assert (FOLDER / file).read_text() == rendered(FILES[file]), "run `python -m tests.verifier.records.vectors`"


@pytest.mark.parametrize("file", FILES)
def test_what_is_to_be_accepted_is_a_record_of_its_type(file: str) -> None:
    for case in read(file)["accepted"]:
        record = decode_record(b64decode(case["data"]))
        assert record.type == FILES[file] or FILES[file] == ENVELOPE, case["name"]
        assert encode_record(record.fields) == b64decode(case["data"]), case["name"]


@pytest.mark.parametrize("file", FILES)
def test_what_is_to_be_refused_is_refused(file: str) -> None:
    vectors = read(file)
    base = b64decode(vectors["accepted"][0]["data"])
    seen = set()
    for case in vectors["refused"]:
        data = spliced(base, case)
        with pytest.raises(MalformedError):
            decode_record(data)
        seen.add(case["name"])
    assert len(seen) == len(vectors["refused"]) > 0


@pytest.mark.parametrize("file", FILES)
def test_every_field_of_the_base_is_spoiled(file: str) -> None:
    vectors = read(file)
    names = [case["name"] for case in vectors["refused"]]
    fields = cbor.decode(b64decode(vectors["accepted"][0]["data"]))
    shown, prefix = (fields, "") if FILES[file] == ENVELOPE else (fields["body"], "body.")
    for name in shown.keys() - {"body"}:
        assert any(case.startswith(f"{prefix}{name}: ") and case.endswith(" instead") for case in names), name
        assert any(case == f"{prefix}{name}.(name): a head longer than needed" for case in names), name
