"""The vectors under tests/vectors: up to date, and judged from the JSON alone, as another implementation would."""

import json
from base64 import b64decode
from typing import Any

import pytest

from glasslog import cbor
from glasslog.bundle import decode_bundle
from glasslog.checkpoint import decode_checkpoint
from glasslog.commitments import decode_disclosure
from glasslog.cose import decode_sign1
from glasslog.errors import ProofError
from glasslog.merkle import Hash, LeafIndex, TreeSize, hash_leaf, verify_consistency, verify_inclusion
from glasslog.note import decode_note
from glasslog.pem import decode_public_key
from glasslog.policy import decode_policy
from glasslog.receipt import decode_receipt
from glasslog.statement import decode_statement, decode_transparent_statement
from glasslog.tlog_proof import decode_tlog_proof
from glasslog.verify import Asked, Status, Trust, verify
from glasslog.vkey import decode_vkey
from tests.verifier.fuzzing import Decoder, accepted
from tests.verifier.vectors import FILES, FOLDER, rendered

DECODERS: dict[str, Decoder] = {
    "cbor-deterministic": cbor.decode,
    "cbor-foreign": cbor.decode_foreign,
    "cose-sign1": decode_sign1,
    "statement": decode_statement,
    "transparent-statement": decode_transparent_statement,
    "receipt": decode_receipt,
    "note": decode_note,
    "checkpoint-text": lambda data: decode_checkpoint(data.decode()),
    "tlog-proof": decode_tlog_proof,
    "policy": decode_policy,
    "disclosure": decode_disclosure,
    "bundle": decode_bundle,
}


def read(name: str) -> Any:  # noqa: ANN401 (whatever the file holds)
    return json.loads((FOLDER / name).read_text())


MERKLE = read("merkle.json")


def decoded(*texts: str) -> list[Hash]:
    return [Hash(b64decode(text)) for text in texts]


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_vectors_are_up_to_date(name: str) -> None:
    assert (FOLDER / name).read_text() == rendered(name), "run `python -m tests.verifier.vectors`"


def test_the_tree_has_its_leaves() -> None:
    [case] = [case for case in MERKLE["inclusion"] if (case["index"], case["size"], case["valid"]) == (3, 4, True)]
    assert b64decode(case["leaf"]) == hash_leaf(b64decode(MERKLE["entries"][3]))


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in MERKLE["inclusion"]])
def test_inclusion_proofs(case: dict[str, Any]) -> None:
    leaf, root, *path = decoded(case["leaf"], case["root"], *case["path"])
    arguments = (leaf, LeafIndex(case["index"]), TreeSize(case["size"]), path, root)
    if case["valid"]:
        verify_inclusion(*arguments)
    else:
        with pytest.raises(ProofError):
            verify_inclusion(*arguments)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in MERKLE["consistency"]])
def test_consistency_proofs(case: dict[str, Any]) -> None:
    root1, root2, *path = decoded(case["root1"], case["root2"], *case["path"])
    arguments = (TreeSize(case["size1"]), TreeSize(case["size2"]), root1, root2, path)
    if case["valid"]:
        verify_consistency(*arguments)
    else:
        with pytest.raises(ProofError):
            verify_consistency(*arguments)


def named_format(case: dict[str, Any]) -> str:
    return f"{case['format']}: {case['name']}"


@pytest.mark.parametrize("case", [pytest.param(case, id=named_format(case)) for case in read("formats.json")])
def test_formats(case: dict[str, Any]) -> None:
    assert accepted(DECODERS[case["format"]], b64decode(case["data"])) == case["accepted"]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in read("verify.json")])
def test_verdicts(case: dict[str, Any]) -> None:
    policy = decode_policy(case["policy"].encode()) if case["policy"] else None
    keys = tuple(map(decode_vkey, case["log_keys"])) or (policy.log_keys if policy else ())
    issuer_key = decode_public_key(case["issuer_key"].encode()) if case["issuer_key"] else None
    statement, disclosures = (b64decode(case[name]) if case[name] else None for name in ("statement", "disclosures"))
    entry_id = Hash(bytes.fromhex(case["entry_id"])) if case["entry_id"] else None
    report = verify(b64decode(case["file"]), Trust(keys, policy, issuer_key), Asked(statement, entry_id, disclosures))
    failed = [step.check.id for step in report.steps if step.status is Status.FAILED]
    unchecked = [step.check.id for step in report.steps if step.status is Status.COULD_NOT_CHECK]
    assert (report.verdict.value, failed, unchecked) == (case["verdict"], case["failed"], case["could_not_check"])
