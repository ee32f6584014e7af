"""Write the project's own vectors, good and mutated, as JSON under tests/vectors: `python -m tests.verifier.vectors`.

They say to other implementations, and to our own later selves, what is accepted and what is not. Everything they are
made from is deterministic, so the files change when, and only when, what they say changes.

- merkle.json: inclusion and consistency proofs, and their named mutations
- formats.json: bytes of each format that are accepted and, by name, refused
- verify.json: whole files with what the relying party trusts, the verdict, and the steps that must fail
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from glasslog import cbor
from tests.verifier import (
    test_bundle,
    test_cbor,
    test_checkpoint,
    test_commitments,
    test_cose,
    test_merkle,
    test_note,
    test_policy,
    test_receipt,
    test_statement,
    test_tlog_proof,
)
from tests.verifier.evidence import disclosures
from tests.verifier.scenario import Scenario
from tests.verifier.scenarios import scenarios
from tests.verifier.trees import NaiveTree

FOLDER: Final = Path(__file__).parent.parent / "vectors"
Json = dict[str, object]


def text_of(data: bytes) -> str:
    return b64encode(data).decode()


def optional(data: bytes | None) -> str | None:
    return text_of(data) if data is not None else None


def merkle() -> Json:
    tree = NaiveTree.of_entries(test_merkle.REFERENCE_ENTRIES)
    inclusion = list(inclusion_cases(tree))
    consistency = list(consistency_cases(tree))
    return {
        "entries": [text_of(entry) for entry in test_merkle.REFERENCE_ENTRIES],
        "roots": [text_of(tree.root(size)) for size in range(9)],
        "inclusion": inclusion,
        "consistency": consistency,
    }


def inclusion_cases(tree: NaiveTree) -> Iterator[Json]:
    for size in range(1, 9):
        for index in range(size):
            path = tree.inclusion_path(index, size)
            case = {"index": index, "size": size, "leaf": text_of(tree.leaves[index]), "root": text_of(tree.root(size))}
            name = f"entry {index} of {size}"
            yield {"name": name, "valid": True, **case, "path": list(map(text_of, path))}
            if (index, size) in {(0, 1), (2, 3), (5, 8)}:
                for mutation, changed in test_merkle.mutations_of_path(path).items():
                    mutated = {**case, "path": list(map(text_of, changed))}
                    yield {"name": f"{name}: {mutation}", "valid": False, **mutated}


def consistency_cases(tree: NaiveTree) -> Iterator[Json]:
    for size2 in range(1, 9):
        for size1 in range(1, size2 + 1):
            path = tree.consistency_path(size1, size2)
            roots = {"root1": text_of(tree.root(size1)), "root2": text_of(tree.root(size2))}
            case = {"size1": size1, "size2": size2, **roots}
            name = f"{size1} in {size2}"
            yield {"name": name, "valid": True, **case, "path": list(map(text_of, path))}
            if (size1, size2) in {(1, 8), (3, 7), (4, 8), (5, 5)}:
                for mutation, changed in test_merkle.mutations_of_path(path).items():
                    mutated = {**case, "path": list(map(text_of, changed))}
                    yield {"name": f"{name}: {mutation}", "valid": False, **mutated}


def formats() -> list[Json]:
    """Return the cases of every format: `format` is the name of a decoder in `DECODERS`."""
    return [
        {"format": name, "name": case, "accepted": accepted, "data": text_of(data)}
        for name, (good, refused) in format_tables().items()
        for cases, accepted in ((good, True), (refused, False))
        for case, data in cases.items()
    ]


def format_tables() -> dict[str, tuple[dict[str, bytes], dict[str, bytes]]]:
    """Return for each format the named bytes that are accepted, and those that are refused."""
    from_hex = {name: bytes.fromhex(data) for name, data in test_cbor.REFUSED_BY_BOTH.items()}
    foreign = {name: bytes.fromhex(data) for name, (data, _) in test_cbor.FOREIGN_ONLY.items()}
    values = {f"value {number}": bytes.fromhex(data) for number, (_, data) in enumerate(test_cbor.RFC_8949_VALUES)}
    return {
        "cbor-deterministic": (values, {**from_hex, **foreign}),
        "cbor-foreign": ({**values, **foreign}, from_hex),
        "cose-sign1": ({"message": test_cose.MESSAGE.encode()}, test_cose.REFUSED),
        "statement": (
            {"record": test_statement.STATEMENT.entry, "algorithm -19": test_statement.statement_with(alg=-19)},
            {name: test_statement.statement_with(**changes) for name, changes in test_statement.REFUSED.items()},
        ),
        "transparent-statement": (
            {"two receipts": test_statement.TRANSPARENT},
            {
                name: test_statement.statement_with(unprotected=header)
                for name, header in test_statement.REFUSED_UNPROTECTED.items()
                if len(header) < 1_000
            },
        ),
        "receipt": (
            {
                "inclusion": test_receipt.DATA,
                "consistency": test_receipt.CONSISTENCY,
                **{name: test_receipt.receipt_with(headers) for name, headers in test_receipt.FOREIGN.items()},
            },
            {name: test_receipt.receipt_with(headers) for name, headers in test_receipt.REFUSED_HEADERS.items()},
        ),
        "note": ({"example": test_note.EXAMPLE, "poem": test_note.POEM}, test_note.REFUSED),
        "checkpoint-text": (
            {"five entries": test_checkpoint.lines().encode()},
            {name: text.encode() for name, text in test_checkpoint.REFUSED.items()},
        ),
        "tlog-proof": ({"entry 4": test_tlog_proof.DATA}, test_tlog_proof.REFUSED),
        "policy": (
            {"two organisations": test_policy.EXAMPLE.encode()},
            {name: text.encode() for name, text in test_policy.REFUSED.items() if len(text) < 2_000},
        ),
        "disclosure": (
            {disclosure.name: disclosure.encode() for disclosure in disclosures()},
            {name: cbor.encode(value) for name, value in test_commitments.REFUSED.items()},
        ),
        "bundle": (
            {"with a disclosure": test_bundle.DATA},
            {name: data for name, data in test_bundle.REFUSED.items() if len(data) < 10_000},
        ),
    }


def verify() -> list[Json]:
    return [verify_case(scenario) for scenario in scenarios()]


def verify_case(scenario: Scenario) -> Json:
    return {
        "name": scenario.name,
        "file": text_of(scenario.data),
        "log_keys": list(scenario.log_keys),
        "policy": scenario.policy,
        "issuer_key": scenario.issuer_key.decode() if scenario.issuer_key is not None else None,
        "statement": optional(scenario.statement),
        "entry_id": scenario.entry_id.hex() if scenario.entry_id is not None else None,
        "disclosures": optional(scenario.disclosures),
        "verdict": scenario.verdict,
        "failed": list(scenario.failed),
        "could_not_check": list(scenario.unchecked),
    }


FILES: Final[dict[str, Callable[[], object]]] = {
    "merkle.json": merkle,
    "formats.json": formats,
    "verify.json": verify,
}


def rendered(name: str) -> str:
    return json.dumps(FILES[name](), indent=1) + "\n"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in FILES:
        (FOLDER / name).write_text(rendered(name))


if __name__ == "__main__":
    main()
