"""Registrations are measured, and made again only when something has changed."""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.records import decode_record
from glasslog_issuer import AppliedPolicy, Guardian, Recorder
from glasslog_issuer.bodies import DeclaredControl
from glasslog_issuer.bodies.parts import Period
from glasslog_issuer.errors import ManifestError
from glasslog_issuer.registering import (
    RequiredGuardrail,
    check_model,
    decode_manifest,
    file_digest,
    folder_digest,
    guardrail_set_digest,
    measure,
)
from tests.issuer.recorder.logs import CheckpointedLog, open_recorder
from tests.verifier.evidence import TIME_MS, digest

FLUSH_S = 30.0
FILES = {"config.json": b"{}", "weights/model-1.bin": b"1" * 5_000, "weights/model-2.bin": b"2" * 10}
MODEL: dict[str, Any] = {"name": "triage", "version": "3", "kind": "weights", "publisher": "vendor"}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def log() -> Iterator[CheckpointedLog]:
    with CheckpointedLog() as log:
        yield log


@pytest.fixture
def recorder(tmp_path: Path, log: CheckpointedLog) -> Iterator[Recorder]:
    with open_recorder(tmp_path, log) as recorder:
        yield recorder


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


ROOT = sha256(b"".join(sha256(FILES[name]) for name in sorted(FILES)))


# ------------------------------------------------------------------------------------------------------------ measuring


def test_a_file_and_a_folder_are_measured(model: Path) -> None:
    assert measure(model / "config.json") == sha256(b"{}")
    assert measure(model) == folder_digest(model) == ROOT
    assert file_digest(model / "weights/model-1.bin", start=10, end=20) == sha256(b"1" * 10)


def test_what_cannot_be_measured_is_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot measure: No such file"):
        measure(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ManifestError, match="got an empty folder"):
        measure(tmp_path / "empty")
    (model / "link").symlink_to("config.json")
    with pytest.raises(ManifestError, match="got a symbolic link"):
        measure(model)


# ------------------------------------------------------------------------------------------------------------ manifests


def statement_v1(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
    resources = [{"name": name, "algorithm": "sha256", "digest": sha256(FILES[name]).hex()} for name in sorted(FILES)]
    serialization = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": ["model.sig"]}
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "triage", "digest": {"sha256": ROOT.hex()}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {"serialization": serialization, "resources": resources},
        **changes,
    }


def statement_v0() -> dict[str, Any]:
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": sha256(content).hex()}} for name, content in FILES.items()],
        "predicateType": "https://model_signing/Digests/v0.1",
        "predicate": {"unused": "Unused, just passed due to API requirements"},
    }


def statement_in_parts() -> dict[str, Any]:
    parts = [
        (name, start, min(start + 2_000, len(FILES[name])))
        for name in sorted(FILES)
        for start in range(0, len(FILES[name]), 2_000)
    ]
    digests = [sha256(FILES[name][start:end]) for name, start, end in parts]
    resources = [
        {"name": f"{name}:{start}:{end}", "algorithm": "sha256-sharded-2000", "digest": digest.hex()}
        for (name, start, end), digest in zip(parts, digests, strict=True)
    ]
    serialization = {"method": "shards", "hash_type": "sha256", "shard_size": 2_000, "allow_symlinks": False}
    return statement_v1(
        subject=[{"name": "triage", "digest": {"sha256": sha256(b"".join(digests)).hex()}}],
        predicate={"serialization": serialization, "resources": resources},
    )


def envelope(statement: dict[str, Any]) -> dict[str, Any]:
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    return {"payload": payload, "payloadType": "application/vnd.in-toto+json", "signatures": [{"sig": "MEQ="}]}


def bundle(statement: dict[str, Any]) -> dict[str, Any]:
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": "x"}},
        "dsseEnvelope": envelope(statement),
    }


def write(model: Path, document: dict[str, Any]) -> Path:
    path = model / "model.sig"
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("wrapped", [bundle, envelope, lambda statement: statement], ids=["bundle", "dsse", "bare"])
@pytest.mark.parametrize("statement", [statement_v1, statement_v0])
def test_a_model_is_held_against_the_manifest_that_was_signed(model: Path, wrapped: Any, statement: Any) -> None:  # noqa: ANN401
    signed = check_model(model, write(model, wrapped(statement())))
    assert signed.digest == ROOT
    assert len(signed.resources) == 3


def test_a_model_that_was_signed_in_parts_is_measured_in_parts(model: Path) -> None:
    assert len(check_model(model, write(model, bundle(statement_in_parts()))).resources) == 5
    (model / "weights/model-1.bin").write_bytes(b"1" * 4_999 + b"0")
    with pytest.raises(ManifestError, match="expected the content that was signed"):
        check_model(model, model / "model.sig")


def test_a_model_of_one_file_can_be_signed(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights")
    one = [{"name": ".", "algorithm": "sha256", "digest": sha256(b"weights").hex()}]
    predicate = {"serialization": {"method": "files"}, "resources": one}
    subject = [{"name": "model.bin", "digest": {"sha256": sha256(sha256(b"weights")).hex()}}]
    path = tmp_path / "model.sig"
    path.write_text(json.dumps(bundle(statement_v1(subject=subject, predicate=predicate))))
    assert check_model(tmp_path / "model.bin", path).name == "model.bin"


def test_a_file_that_was_changed_added_or_taken_away_is_seen(model: Path) -> None:
    signature = write(model, bundle(statement_v1()))
    (model / "added").write_bytes(b"")
    with pytest.raises(ManifestError, match="expected files that were signed alone"):
        check_model(model, signature)
    (model / "added").unlink()
    (model / "config.json").write_bytes(b"[]")
    with pytest.raises(ManifestError, match="expected the content that was signed"):
        check_model(model, signature)
    (model / "config.json").unlink()
    with pytest.raises(ManifestError, match="cannot measure"):
        check_model(model, signature)


@pytest.mark.parametrize(
    "document,match",
    [
        ({}, "KeyError"),
        ([], "expected a statement that is a JSON object"),
        ({"payload": "!", "payloadType": "application/vnd.in-toto+json"}, "base64"),
        ({"payload": "e30=", "payloadType": "text/plain"}, "expected a payload of type"),
        (statement_v1(_type="other"), "expected a statement of type"),
        (statement_v1(predicateType="other"), "expected a predicate of model signing"),
        (statement_v1(subject=[{"name": "x", "digest": {"sha256": "00" * 32}}]), "that of its files' digests"),
        (statement_v1(subject=[]), "ValueError"),
        (statement_v1(predicate={"serialization": {"method": "files"}, "resources": []}), "expected"),
    ],
    ids=repr,
)
def test_what_is_no_manifest_is_refused(document: Any, match: str) -> None:  # noqa: ANN401
    with pytest.raises(ManifestError, match=match):
        decode_manifest(json.dumps(document).encode())


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "", "a/../../b"])
def test_a_manifest_that_leads_out_of_the_model_is_refused(name: str) -> None:
    one = {"name": name, "algorithm": "sha256", "digest": sha256(b"").hex()}
    predicate = {"serialization": {"method": "files"}, "resources": [one]}
    subject = [{"name": "x", "digest": {"sha256": sha256(sha256(b"")).hex()}}]
    with pytest.raises(ManifestError, match="within the model"):
        decode_manifest(json.dumps(statement_v1(subject=subject, predicate=predicate)).encode())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["_type", "subject", "predicate", "predicateType", "resources", "payload", "dsseEnvelope"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(st.binary(max_size=50) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_manifest_or_refused(data: bytes) -> None:
    try:
        decode_manifest(data)
    except ManifestError:
        pass
    else:
        pytest.fail("nothing here is a manifest")


@given(st.dictionaries(st.sampled_from(sorted(statement_v1())), JSON, min_size=1))
def test_any_change_to_a_manifest_is_read_or_refused(changes: dict[str, Any]) -> None:
    try:
        decode_manifest(json.dumps(statement_v1(**changes)).encode())
    except ManifestError:
        return


# ---------------------------------------------------------------------------------------------------------- registering


def test_a_model_is_registered_by_its_files_and_again_when_they_change(recorder: Recorder, model: Path) -> None:
    first = recorder.register_model(path=model, **MODEL)
    assert recorder.register_model(path=model, **MODEL) == first
    assert recorder.state.place.seq == 1
    (model / "config.json").write_bytes(b"[]")
    assert recorder.register_model(path=model, **MODEL) != first
    assert recorder.state.place.seq == 2


def test_a_model_with_a_signature_is_registered_by_its_manifest(
    recorder: Recorder, log: CheckpointedLog, model: Path
) -> None:
    signature = write(model, bundle(statement_v1()))
    recorder.register_model(path=model, signing_bundle=signature, **MODEL)
    recorder.flush(FLUSH_S)
    body = decode_record(log.ledger.entries[-1].payload).body
    assert (body["weights_digest"], body["assurance"]) == (ROOT, "digest-measured")
    assert body["signing_bundle_digest"] == sha256(signature.read_bytes())
    with pytest.raises(ValueError, match="expected the path of the model"):
        recorder.register_model(signing_bundle=signature, **MODEL)


def test_a_model_of_which_nothing_was_measured_is_self_asserted(recorder: Recorder) -> None:
    recorder.register_model(**{**MODEL, "kind": "hosted"})
    recorder.register_model(**{**MODEL, "kind": "hosted"}, assurance="provider-returned")
    assert recorder.state.place.seq == 2


def required(guardian: str, version: str = "1") -> RequiredGuardrail:
    return RequiredGuardrail(
        guardian=Guardian(id=guardian, name="G", version=version, provider="p"),
        policy=AppliedPolicy(id="p", version="1", digest=digest("p")),
        target="llm_input",
        position="pre",
    )


def test_a_guardrail_set_has_one_digest_whatever_its_order(recorder: Recorder) -> None:
    one, other = required("a"), required("b")
    assert guardrail_set_digest([one, other]) == guardrail_set_digest([other, one])
    assert guardrail_set_digest([one]) != guardrail_set_digest([required("a", "2")])
    first = recorder.register_guardrails([one, other], name="gates", version="1")
    assert recorder.register_guardrails([other, one], name="gates", version="1") == first
    assert recorder.register_guardrails([one], name="gates", version="2") != first


def test_a_configuration_names_the_one_whose_place_it_takes(recorder: Recorder, tmp_path: Path) -> None:
    first = recorder.register_config("threshold", b"0.5", name="triage", version="1")
    second = recorder.register_config("threshold", b"0.6", name="triage", version="2")
    assert recorder.register_config("threshold", b"0.6", name="triage", version="2") == second
    [known] = recorder.state.registrations.values()
    assert known.id == second != first
    (tmp_path / "prompt").write_text("You are")
    assert recorder.register_config("prompt-template", tmp_path / "prompt", name="triage", version="1") != second


def test_a_dataset_is_measured(recorder: Recorder, model: Path) -> None:
    fields: dict[str, Any] = {
        "name": "films",
        "version": "1",
        "rows": 10,
        "sources": ["clinic"],
        "collection_period": Period(from_=TIME_MS, to=TIME_MS),
        "lawful_basis": "consent",
        "consent": "broad",
        "labelling": "two readers",
        "preprocessing_digest": digest("code"),
        "licence": "proprietary",
    }
    first = recorder.register_dataset(model, **fields)
    assert recorder.register_dataset(model, **fields) == first


def test_a_system_is_registered_and_its_controls_are_known_after_a_restart(tmp_path: Path) -> None:
    fields: dict[str, Any] = {
        "name": "triage",
        "purpose": "p",
        "owner": "o",
        "role": "provider",
        "risk_tier": "high",
        "regimes": ["eu-ai-act"],
        "max_lateness_s": 600,
        "declared_controls": [DeclaredControl(id="drift", cadence_s=3_600, max_gap_s=7_200)],
    }
    with CheckpointedLog() as log:
        with open_recorder(tmp_path, log) as recorder:
            first = recorder.register_system(**fields)
        with open_recorder(tmp_path, log) as recorder:
            assert recorder.register_system(**fields) == first
            assert recorder.state.controls.keys() == {"drift"}
            recorder.declare_controls([DeclaredControl(id="other", cadence_s=1, max_gap_s=2)])
            recorder.declare_controls([DeclaredControl(id="other", cadence_s=1, max_gap_s=2)])
            assert recorder.state.controls.keys() == {"other"}
