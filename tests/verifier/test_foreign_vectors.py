"""Vectors that this project did not write, where the folder that holds them stands beside the repository."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from glasslog.errors import ProofError
from glasslog.merkle import HASH_SIZE, Hash, LeafIndex, TreeSize, verify_consistency, verify_inclusion

FOLDER = Path(__file__).parents[2].parent / "shared" / "vectors"


def cases(name: str) -> list[Any]:
    path = FOLDER / name
    if not path.is_file():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"{name} is not beside the repository"))]
    return [pytest.param(case, id=case["case"]) for case in json.loads(path.read_text())]


def hashes(case: dict[str, Any], *names: str) -> tuple[Hash, ...]:
    return tuple(Hash(b64decode(case[name] or "")) for name in names)


def path_of(case: dict[str, Any]) -> list[Hash]:
    return [Hash(b64decode(element)) for element in case["proof"] or []]


@pytest.mark.parametrize("case", cases("merkle-inclusion.json"))
def test_inclusion_as_others_judge_it(case: dict[str, Any]) -> None:
    root, leaf = hashes(case, "root", "leafHash")
    arguments = (leaf, LeafIndex(case["leafIdx"]), TreeSize(case["treeSize"]), path_of(case), root)
    if case["wantErr"]:
        with pytest.raises(ProofError):
            verify_inclusion(*arguments)
    else:
        verify_inclusion(*arguments)


@pytest.mark.parametrize("case", cases("merkle-consistency.json"))
def test_consistency_as_others_judge_it(case: dict[str, Any]) -> None:
    root1, root2 = hashes(case, "root1", "root2")
    sizes = (TreeSize(case["size1"]), TreeSize(case["size2"]))
    # We refuse more: from size 0 everything is consistent, which proves nothing, and roots of 12 bytes are none.
    if case["wantErr"] or sizes[0] == 0 or len(root1) != HASH_SIZE:
        with pytest.raises(ProofError):
            verify_consistency(*sizes, root1, root2, path_of(case))
    else:
        verify_consistency(*sizes, root1, root2, path_of(case))
