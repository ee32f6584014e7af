"""The real server, in a process of its own."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

import pytest

SERVER = Path(sys.executable).with_name("glasslog-server")
ISSUER = "https://issuer.dev.example"


class RealLog:
    """A development log in a folder. May be stopped and started again: it keeps its address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self._process: subprocess.Popen[str] | None = None

    @property
    def vkey_path(self) -> Path:
        return self.folder / "log.vkey"

    @property
    def vkey(self) -> str:
        return self.vkey_path.read_text()

    @property
    def key_path(self) -> Path:
        return self.folder / "issuer.pem"

    @property
    def runs(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        listen = self.url.removeprefix("http://") or "127.0.0.1:0"
        command = [str(SERVER), "dev", "--dir", str(self.folder), "--listen", listen]
        messages = self.folder.parent / f"{self.folder.name}.messages"
        with messages.open("a") as file:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=file, text=True)
        assert self._process.stdout is not None
        ready = self._process.stdout.readline()
        if not ready.startswith("http://"):
            self.stop()
            pytest.fail(f"the server did not start:\n{messages.read_text()}")
        self.url = ready.split()[0]

    def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate()
        self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.runs:
            self.stop()
