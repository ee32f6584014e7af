import json
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from glasslog.commitments import decode_disclosures, verify_disclosure
from glasslog.cose import split_sequence
from glasslog.records import Record, decode_record
from glasslog.statement import SignedStatement, decode_statement
from glasslog_issuer import load_key
from glasslog_issuer.cli import drafts
from glasslog_issuer.cli import sign as sign_module
from tests.issuer.cli.running import REGISTRATION, Result, Run, names

URI = "https://vendor.example"


@pytest.fixture
def sign(run: Run, tmp_path: Path) -> Callable[..., Result]:
    """Return what runs `sign` with a key, on a record, or on several as lines."""
    run("keygen", "-o", "issuer.pem")
    (tmp_path / "out").mkdir()

    def sign(record: dict[str, Any] | list[dict[str, Any]] | str, *options: str, output: str = "out/s.cose") -> Result:
        path = tmp_path / ("records.jsonl" if isinstance(record, list) else "record.json")
        if isinstance(record, list):
            record = "\n".join(map(json.dumps, record))
        path.write_text(record if isinstance(record, str) else json.dumps(record))
        return run("sign", "--key", "issuer.pem", "--issuer", URI, path.name, "-o", output, *options)

    return sign


Sign = Callable[..., Result]


def signed(path: str = "out/s.cose") -> list[tuple[SignedStatement, Record]]:
    statements = list(map(decode_statement, split_sequence(Path(path).read_bytes(), 1_000_000)))
    for statement in statements:
        statement.verify(load_key("issuer.pem").public_key)
    return [(statement, decode_record(statement.payload)) for statement in statements]


def test_a_record_is_signed_and_what_was_left_out_is_filled_in(sign: Sign) -> None:
    before_ms = time.time_ns() // 1_000_000
    result = sign(REGISTRATION)
    assert result.code == 0
    [(statement, record)] = signed()
    assert statement.issuer == URI
    assert record.body == REGISTRATION["body"]
    assert (record.fields["v"], record.env, record.system) == (1, "test", "urn:example:triage")
    assert before_ms <= record.time <= time.time_ns() // 1_000_000
    assert (record.stream.seq, record.stream.prev) == (0, None)
    assert result.out.splitlines() == [
        f"entry id   {statement.leaf_hash.hex()}",
        f"record id  {record.id.hex()}",
        "subject    urn:example:triage",
        f"stream     {record.stream.id} number 0",
    ]


def test_options_fill_in_what_the_record_does_not_say_and_do_not_change_what_it_says(sign: Sign) -> None:
    bare = {name: value for name, value in REGISTRATION.items() if name != "system"}
    options = ["--system", "urn:example:other", "--env", "shadow"]
    sign([bare, {**REGISTRATION, "env": "production"}], *options)
    assert [(r.system, r.env) for _, r in signed()] == [
        ("urn:example:other", "shadow"),
        ("urn:example:triage", "production"),
    ]


def test_a_record_says_what_it_is_about(sign: Sign) -> None:
    sign({**REGISTRATION, "subject": "urn:uuid:00000000-0000-4000-8000-000000000001"})
    assert signed()[0][0].subject == "urn:uuid:00000000-0000-4000-8000-000000000001"


def test_content_is_committed_to_and_the_disclosures_open_it(sign: Sign, tmp_path: Path) -> None:
    (tmp_path / "scan.png").write_bytes(b"\x89PNG")
    result = sign(
        {**REGISTRATION, "commit": {"input": {"age": 62}, "output": "urgent"}},
        *("--commit", "note=chest pain=yes", "--commit", "image=@scan.png", "--disclosures", "out/d.cbor"),
    )
    assert result.code == 0
    assert stat.S_IMODE(Path("out/d.cbor").stat().st_mode) == 0o600
    [(statement, record)] = signed()
    opened = decode_disclosures(Path("out/d.cbor").read_bytes())
    for disclosure in opened:
        verify_disclosure(disclosure, record.commitments)
    assert {disclosure.name: disclosure.value for disclosure in opened} == {
        "input": {"age": 62},
        "output": "urgent",
        "note": "chest pain=yes",
        "image": b"\x89PNG",
    }
    assert b"urgent" not in statement.entry
    assert "urgent" not in result.out


def test_content_is_not_committed_to_where_what_opens_it_would_be_lost(sign: Sign) -> None:
    result = sign({**REGISTRATION, "commit": {"input": "x"}})
    assert result.code == 2
    assert "--disclosures" in result.err
    assert names(Path("out")) == []


@pytest.mark.parametrize("there_already", ["out/s.cose", "out/d.cbor"])
def test_nothing_is_overwritten(sign: Sign, there_already: str) -> None:
    Path(there_already).write_text("precious")
    result = sign({**REGISTRATION, "commit": {"input": "x"}}, "--disclosures", "out/d.cbor")
    assert result.code == 2
    assert f"{there_already} is there already" in result.err
    assert names(Path("out")) == [there_already.removeprefix("out/")]
    assert Path(there_already).read_text() == "precious"


@pytest.mark.parametrize(
    "record,complaint",
    [
        ({"type": "x"}, "Error: expected the body as a JSON object"),
        ({**REGISTRATION, "id": "?"}, "Error: record id: expected bytes in hex"),
        ({**REGISTRATION, "env": "prod"}, "Error: record env: expected one of production, shadow, test"),
        ({**REGISTRATION, "body": {}}, "Error: record body: expected the fields"),
        ({**REGISTRATION, "system": 1}, "Error: record system: expected a URI"),
        (
            {"type": "model-registration", "body": {}},
            "Error: record system: expected the URN of the AI system, got none",
        ),
        ("not json", "Error: expected JSON: Expecting value"),
    ],
    ids=str,
)
def test_a_record_that_is_wrong_is_not_signed_and_the_field_is_named(sign: Sign, record: Any, complaint: str) -> None:  # noqa: ANN401
    result = sign(record)
    assert result.code == 1
    assert result.err.startswith(complaint)
    assert result.out == ""
    assert names(Path("out")) == []


@pytest.mark.parametrize(
    "option,complaint",
    [
        ("input", "NAME=VALUE"),
        ("=x", "NAME=VALUE"),
        ("input=@missing", "missing"),
        ("input=x", "the record commits to 'input' itself"),
    ],
)
def test_a_commitment_that_cannot_be_made_is_wrong_usage(sign: Sign, option: str, complaint: str) -> None:
    result = sign({**REGISTRATION, "commit": {"input": "y"}}, "--commit", option, "--disclosures", "out/d.cbor")
    assert result.code == 2
    assert complaint in result.err


def test_a_file_to_commit_to_is_bounded(sign: Sign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "image").write_bytes(b"12345")
    monkeypatch.setattr(sign_module, "INPUT_BYTES_MAX", 4)
    result = sign(REGISTRATION, "--commit", "input=@image", "--disclosures", "out/d.cbor")
    assert result.code == 2
    assert "at most 4 bytes" in result.err


def test_a_key_that_others_can_read_signs_nothing(sign: Sign, tmp_path: Path) -> None:
    (tmp_path / "issuer.pem").chmod(0o644)
    result = sign(REGISTRATION)
    assert result.code == 2
    assert "run chmod 600" in result.err


# ------------------------------------------------------------------------------------------------------- many records


def test_many_records_become_a_sequence_in_one_stream_with_a_disclosure_file_each(sign: Sign) -> None:
    records = [{**REGISTRATION, "commit": {"input": number}} if number else REGISTRATION for number in range(3)]
    result = sign(records, "--disclosures", "out/disclosures")
    assert result.code == 0
    statements = signed()
    assert result.out.splitlines() == [
        "signed 3 records",
        f"first      {statements[0][0].leaf_hash.hex()}",
        f"last       {statements[2][0].leaf_hash.hex()}",
    ]
    assert [record.stream.seq for _, record in statements] == [0, 1, 2]
    assert statements[2][1].stream.prev == statements[1][0].leaf_hash
    assert len({record.stream.id for _, record in statements}) == 1
    assert names(Path("out/disclosures")) == sorted(f"{s.leaf_hash.hex()}.disclosures.cbor" for s, _ in statements[1:])
    for statement, record in statements[1:]:
        [opened] = decode_disclosures(
            Path(f"out/disclosures/{statement.leaf_hash.hex()}.disclosures.cbor").read_bytes()
        )
        verify_disclosure(opened, record.commitments)
        assert opened.value == record.stream.seq


def test_empty_lines_are_skipped_and_lines_are_taken_by_option_too(sign: Sign) -> None:
    assert sign(f"\n{json.dumps(REGISTRATION)}\n\n  \n{json.dumps(REGISTRATION)}\n", "--lines").code == 0
    assert len(signed()) == 2


def test_all_that_is_wrong_is_told_by_line_and_nothing_is_signed(sign: Sign) -> None:
    wrong = {**REGISTRATION, "env": "prod"}
    result = sign([REGISTRATION, wrong, REGISTRATION, wrong])
    assert result.code == 1
    assert [line.partition(" env")[0] for line in result.err.splitlines()] == [
        "Error: line 2: record",
        "line 4: record",
    ]
    result = sign([REGISTRATION, {"id": "?"}, wrong])
    assert result.code == 1
    assert result.err == "Error: line 2: record type: expected the type of the record as text\n"
    assert names(Path("out")) == []


def test_of_very_many_mistakes_the_first_are_told(sign: Sign) -> None:
    result = sign([{}] * 25)
    assert len(result.err.splitlines()) == 21
    assert result.err.splitlines()[-1] == "and 5 more"


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_no_records_are_refused(sign: Sign, content: str) -> None:
    result = sign(content, "--lines")
    assert result.code == 1
    assert "expected 1 to 100000 records, got 0" in result.err


def test_a_file_of_records_is_bounded(sign: Sign, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "INPUT_BYTES_MAX", 10)
    result = sign(REGISTRATION)
    assert result.code == 1
    assert "expected at most 10 bytes" in result.err


def test_an_option_for_one_record_is_refused_for_many(sign: Sign) -> None:
    result = sign([REGISTRATION] * 2, "--commit", "input=x", "--disclosures", "out/d")
    assert result.code == 2
    assert "--commit is for one record" in result.err


# ------------------------------------------------------------------------------------------------------------- streams


def test_a_stream_goes_on_from_run_to_run(sign: Sign) -> None:
    assert sign(REGISTRATION, "--stream-file", "stream", "--stream", "models", output="out/1.cose").code == 0
    assert sign([REGISTRATION] * 2, "--stream-file", "stream", output="out/2.cose").code == 0
    assert sign(REGISTRATION, "--stream-file", "stream", "--stream", "models", output="out/3.cose").code == 0
    statements = [*signed("out/1.cose"), *signed("out/2.cose"), *signed("out/3.cose")]
    assert [(record.stream.id, record.stream.seq) for _, record in statements] == [("models", n) for n in range(4)]
    assert [r.stream.prev for _, r in statements] == [None, *(s.leaf_hash for s, _ in statements[:-1])]


def test_a_run_that_fails_does_not_move_the_stream(sign: Sign) -> None:
    sign(REGISTRATION, "--stream-file", "stream", "--stream", "models", output="out/1.cose")
    assert sign({**REGISTRATION, "env": "prod"}, "--stream-file", "stream", output="out/2.cose").code == 1
    sign(REGISTRATION, "--stream-file", "stream", output="out/2.cose")
    assert signed("out/2.cose")[0][1].stream.seq == 1


def test_what_was_signed_is_in_the_stream_file_when_it_could_not_be_written_elsewhere(
    sign: Sign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_module, "_write_statements", _fail)
    result = sign(REGISTRATION, "--stream-file", "stream", "--stream", "models")
    assert result.code == 3
    assert "No space left on device" in result.err
    assert "The signed statements are in stream" in result.err
    assert signed("stream")[0][1].stream.seq == 0


def test_disclosures_are_on_disk_before_the_stream_moves_on(sign: Sign, monkeypatch: pytest.MonkeyPatch) -> None:
    record = {**REGISTRATION, "commit": {"input": "x"}}
    options = ["--stream-file", "stream", "--stream", "models", "--disclosures"]
    assert sign(record, *options, "nowhere/d.cbor").code == 2
    assert not Path("stream").exists()
    monkeypatch.setattr("glasslog_issuer.stream.files.replace", _fail)
    assert sign(record, *options, "out/d.cbor").code == 3
    assert names(Path("out")) == ["d.cbor"]


def _fail(*_: object) -> None:
    raise OSError(28, "No space left on device", "stream")


def test_a_name_for_a_stream_that_is_not_kept_is_wrong_usage(sign: Sign) -> None:
    result = sign(REGISTRATION, "--stream", "models")
    assert result.code == 2
    assert "--stream-file" in result.err


def test_a_stream_without_name_or_file_is_refused(sign: Sign) -> None:
    result = sign(REGISTRATION, "--stream-file", "stream")
    assert result.code == 3
    assert "name the stream that it shall begin" in result.err


def test_a_record_may_bring_its_own_place_in_another_stream(sign: Sign) -> None:
    own = {**REGISTRATION, "stream": {"id": "others", "seq": 7, "prev": "00" * 32}}
    sign([own, REGISTRATION], "--stream-file", "stream", "--stream", "models")
    assert [(r.stream.id, r.stream.seq) for _, r in signed()] == [("others", 7), ("models", 0)]


def test_a_record_may_not_bring_a_place_in_the_stream_that_is_kept(sign: Sign) -> None:
    own = {**REGISTRATION, "stream": {"id": "models", "seq": 7, "prev": "00" * 32}}
    result = sign(own, "--stream-file", "stream", "--stream", "models")
    assert result.code == 3
    assert "expected the numbers of models from its file" in result.err
    assert names(Path("out")) == []


def test_nothing_is_begun_where_nothing_can_be_written(sign: Callable[..., Result], tmp_path: Path) -> None:
    record = {**REGISTRATION, "commit": {"card": "text"}}
    result = sign(record, "--disclosures", "card.disclosures", output="missing/s.cose")
    assert result.code == 2
    assert "missing/s.cose: expected a folder missing to write into" in result.err
    assert not (tmp_path / "card.disclosures").exists()


def test_an_issuer_that_is_no_uri_is_wrong_usage(run: Run, sign: Callable[..., Result]) -> None:
    del sign
    Path("record.json").write_text(json.dumps(REGISTRATION))
    result = run("sign", "record.json", "--key", "issuer.pem", "--issuer", "Vendor Inc", "-o", "s.cose")
    assert result.code == 2
    assert "--issuer: expected the URI that the log's operator registered, got 'Vendor Inc'" in result.err


def test_a_machine_reads_what_was_signed(sign: Callable[..., Result]) -> None:
    told = [json.loads(line) for line in sign([REGISTRATION, REGISTRATION], "--json").out.splitlines()]
    signed = [decode_statement(entry) for entry in split_sequence(Path("out/s.cose").read_bytes(), 2)]
    assert [one["entry_id"] for one in told] == [statement.leaf_hash.hex() for statement in signed]
    assert [one["seq"] for one in told] == [0, 1]
