"""`fsck` and `status`: what people read, what programs read, and the exit codes."""

import json

from glasslog.tiles import TileId
from glasslog_server.storage.keys import tile_key
from tests.e2e.client import Client
from tests.e2e.installed import Installed
from tests.e2e.processes import run
from tests.server.cli.small_log import edit


def test_a_sound_log(log: Installed) -> None:
    result = run("fsck", "--config", log.config_path)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("sound: log.example/e2e, 2 entries, 1 tile, 2 tree heads, root ")
    told = json.loads(run("fsck", "--json", "--config", log.config_path).out)
    assert (told["sound"], told["size"], told["heads"], told["counts"], told["findings"]) == (True, 2, 2, {}, [])
    assert result.out.rstrip().endswith(told["root"])


def test_a_damaged_log(log: Installed) -> None:
    edit(log.config, lambda engine: engine.write([(tile_key(TileId(0, 0)), bytes(64))]))
    result = run("fsck", "--config", log.config_path)
    assert result.code == 1
    assert result.out.splitlines()[-1].endswith("2 entries, 1 tile, 2 tree heads: 2 tile")
    told = run("fsck", "--json", "--config", log.config_path)
    assert told.code == 1
    assert json.loads(told.out)["counts"] == {"tile": 2}
    assert {finding["kind"] for finding in json.loads(told.out)["findings"]} == {"tile"}


def test_a_log_that_runs_cannot_be_checked(log: Installed) -> None:
    with log.serve().ready() as server:
        result = run("fsck", "--config", log.config_path)
        assert (result.code, result.out) == (3, "")
        assert "its lock is held, most likely by a server that runs this log" in result.complaint
        assert server.stop() == 0


def test_the_store_of_another_log_is_not_checked(log: Installed) -> None:
    log.config_path.write_text(log.config_path.read_text().replace("log.example/e2e", "log.example/other"))
    result = run("fsck", "--config", log.config_path)
    assert (result.code, "expected the store of the log log.example/other" in result.complaint) == (2, True)


def test_a_ready_server(log: Installed) -> None:
    with log.serve().ready() as server:
        Client(server.url, log.vkey).post(log.issuer.statement())
        result = run("status", "--config", log.config_path, "--url", server.url)
        assert result.code == 0
        assert result.out.startswith(f"ready: log.example/e2e at {server.url}, 3 entries, last checkpoint ")
        told = json.loads(run("status", "--json", "--config", log.config_path, "--url", server.url).out)
        assert (told["ready"], told["reason"], told["size"], told["origin"]) == (True, "", 3, "log.example/e2e")
        assert told["checkpoint_age_s"] >= 0
        assert told["software"].startswith("glasslog-server/")
        assert server.stop() == 0


def test_no_server(log: Installed) -> None:
    result = run("status", "--config", log.config_path, "--url", "http://127.0.0.1:1")
    assert (result.code, result.out) == (3, "")
    assert "expected an answer, got none" in result.complaint


def test_the_configuration_may_be_named_by_the_environment(log: Installed) -> None:
    assert run("fsck", env={"GLASSLOG_CONFIG": str(log.config_path)}).code == 0
