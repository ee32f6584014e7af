"""A log that was made by the program itself, its configuration, and an issuer that may submit to it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from glasslog.pem import encode_public_key
from glasslog.vkey import VerifierKey, decode_vkey
from glasslog_server.config import Config, encode_config, load_config
from tests.e2e.processes import Server, run_here
from tests.simulation.parties import Issuer

ORIGIN = "log.example/e2e"
FREE_PORTS: dict[str, Any] = {"http": {"listen": "127.0.0.1:0"}, "admin": {"listen": "127.0.0.1:0"}}
ONE_PROCESS: dict[str, Any] = {"workers": 0}  # a worker takes a second to start: whoever wants some says how many


@dataclass
class Installed:
    """A log in a folder. `configure` writes its configuration anew."""

    folder: Path
    issuer: Issuer = field(default_factory=Issuer)

    @property
    def config_path(self) -> Path:
        return self.folder / "config.toml"

    @property
    def config(self) -> Config:
        return load_config(self.config_path)

    @property
    def vkey(self) -> VerifierKey:
        return decode_vkey((self.folder / "log.vkey").read_text().strip())

    @property
    def issuer_key_path(self) -> Path:
        path = self.folder / f"{self.issuer.key_name}.pub.pem"
        path.write_bytes(encode_public_key(self.issuer.key.public_key))
        return path

    def configure(self, **tables: dict[str, Any]) -> None:
        """Write a configuration with the keys that `init` has made, on free ports, and with `tables` on top."""
        base = {"keys": {"log": ["log.key"], "operator": "operator.key"}} | FREE_PORTS
        base["http"] = ONE_PROCESS | base["http"]
        merged = {name: {**base.get(name, {}), **tables.get(name, {})} for name in {*base, *tables}}
        self.config_path.write_text(encode_config({"origin": ORIGIN, **merged}))

    def serve(self, workers: int | None = None) -> Server:
        return Server.serve(self.config_path, workers)


def install(folder: Path, *arguments: str) -> Installed:
    """Create a log as an operator does, with the test's issuer registered."""
    done = run_here("init", "--dir", folder, "--origin", ORIGIN, *arguments)
    assert done.code == 0, done.err
    log = Installed(folder)
    log.configure()
    added = run_here(
        "issuer", "add", "--config", log.config_path, "--issuer", log.issuer.name, "--key", log.issuer_key_path
    )
    assert added.code == 0, added.err
    return log
