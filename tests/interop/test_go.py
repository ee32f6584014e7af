"""Go's sumdb libraries and torchwood read the log: `go/main.go` is ours, everything that it calls is not."""

import asyncio
import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from glasslog.merkle import TreeSize, hash_leaf
from tests.interop.conftest import SIZES
from tests.server.http.running_log import RunningLog

COMPILE_S = 300  # a machine that has never compiled Go begins with its standard library
pytestmark = [pytest.mark.interop, pytest.mark.timeout(2 * COMPILE_S)]

SOURCE = Path(__file__).parent / "go"
ENVIRONMENT = {**os.environ, "GOFLAGS": "-mod=readonly -buildvcs=false", "GOTOOLCHAIN": "local"}


def go(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["go", *arguments]
    return subprocess.run(
        command, cwd=SOURCE, env=ENVIRONMENT, capture_output=True, text=True, timeout=COMPILE_S, check=False
    )


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("go") is None:
        pytest.skip("there is no go on the path")
    fetched = go("mod", "download")
    if fetched.returncode:
        pytest.skip(f"the Go modules cannot be fetched: {fetched.stderr.strip()[-300:]}")
    built = tmp_path_factory.mktemp("go") / "readlog"
    compiled = go("build", "-o", str(built), ".")
    assert compiled.returncode == 0, compiled.stderr
    return built


async def run(program: Path, *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_it_reads_the_whole_log_and_verifies_its_proofs(program: Path, log: RunningLog) -> None:
    for size in SIZES:
        head = await log.log.reader.head_of_size(TreeSize(size))
        assert head is not None
        older = f"{size},{base64.b64encode(head.root).decode()}"
        code, out, err = await run(program, "-url", log.url, "-vkey", str(log.vkey), "-older", older, "-every", "7")
        assert code == 0, err
        found = json.loads(out)
        entries = await log.log.reader.store.read_entries(0, log.size)  # type: ignore[arg-type]
        assert found == {
            "origin": log.log.origin,
            "size": 600,
            "root": log.log.head.root.hex(),
            "entry_hashes": [hash_leaf(entry).hex() for entry in entries],
            "proofs": 86,
            "consistent": size,
        }


async def test_it_refuses_a_checkpoint_of_another_log(program: Path, log: RunningLog) -> None:
    other = "log.example/other+" + str(log.vkey).partition("+")[2]
    code, _, err = await run(program, "-url", log.url, "-vkey", other)
    assert (code, "vkey" in err or "checkpoint" in err) == (1, True)


async def test_it_refuses_an_older_tree_that_never_was(program: Path, log: RunningLog) -> None:
    older = f"255,{base64.b64encode(bytes(32)).decode()}"
    code, _, err = await run(program, "-url", log.url, "-vkey", str(log.vkey), "-older", older)
    assert (code, "consistency" in err) == (1, True)
