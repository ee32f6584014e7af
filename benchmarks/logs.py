"""Make a log with the issuers of the corpus, and serve it as an operator would: `init`, `issuer add`, `serve`."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import serving, tree_cpu_seconds
from glasslog import pem
from glasslog.keys import SigningKey

ISSUERS = 4


@dataclass(frozen=True, slots=True)
class Served:
    """A log that is being served, and the process that everything belongs to."""

    url: str
    pid: int

    def cpu_seconds(self) -> dict[int, float]:
        """Return what each process of the log has used."""
        return tree_cpu_seconds(self.pid)


def issuer_keys() -> dict[str, SigningKey]:
    """Return new keys of the corpus's issuers."""
    return {f"https://issuer-{number}.example": SigningKey(os.urandom(32)) for number in range(ISSUERS)}


@dataclass(frozen=True, slots=True)
class CreatedLog:
    """A log that nobody serves yet, and the URL that it will be served at."""

    config: Path
    url: str

    @property
    def folder(self) -> Path:
        """Return the folder with everything that the log keeps."""
        return self.config.parent

    @contextmanager
    def served(self, workers: int | None = None) -> Iterator[Served]:
        """Serve the log until the block ends, with the default number of workers unless another is given."""
        arguments = ["glasslog_server", "serve", "--config", str(self.config)]
        if workers is not None:
            arguments += ["--workers", str(workers)]
        with serving(arguments, self.url, self.folder.parent / "errors.log") as pid:
            yield Served(self.url, pid)


def create_log(folder: Path, keys: Mapping[str, SigningKey]) -> CreatedLog:
    """Create a log that admits the issuers, below a folder that is made for it."""
    folder.mkdir()
    data, config = folder / "log", folder / "log" / "config.toml"
    address = f"127.0.0.1:{_free_port()}"
    _run(
        "init",
        "--dir",
        str(data),
        "--origin",
        "bench.example/log",
        "--listen",
        address,
        "--admin-listen",
        "127.0.0.1:0",
    )
    for number, (issuer, key) in enumerate(keys.items()):
        public = folder / f"issuer-{number}.pem"
        public.write_bytes(pem.encode_public_key(key.public_key))
        _run("issuer", "add", "--config", str(config), "--issuer", issuer, "--key", str(public))
    return CreatedLog(config, f"http://{address}")


def _run(*arguments: str) -> None:
    command = [sys.executable, "-m", "glasslog_server", *arguments]
    process = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if process.returncode:
        msg = f"glasslog-server {arguments[0]} failed: {process.stderr}"
        raise RuntimeError(msg)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
