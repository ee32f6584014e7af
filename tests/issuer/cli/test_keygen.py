import json
import stat
from pathlib import Path

from glasslog_issuer import load_key, load_public_key
from tests.issuer.cli.running import Run, names


def test_a_key_is_made_and_told_by_its_kid(run: Run, tmp_path: Path) -> None:
    result = run("keygen", "-o", "issuer.pem")
    key = load_key(tmp_path / "issuer.pem")
    assert result.code == 0
    assert result.out == f"kid         {key.public_key.kid.hex()}\npublic key  issuer.pub.pem\n"
    assert stat.S_IMODE((tmp_path / "issuer.pem").stat().st_mode) == 0o600
    assert load_public_key("issuer.pub.pem") == key.public_key
    assert key.seed.hex() not in result.out + result.err


def test_a_key_is_overwritten_by_force_alone(run: Run, tmp_path: Path) -> None:
    run("keygen", "-o", "issuer.pem")
    first = load_key(tmp_path / "issuer.pem").seed
    result = run("keygen", "-o", "issuer.pem")
    assert result.code == 2
    assert "not overwritten by accident" in result.err
    assert load_key(tmp_path / "issuer.pem").seed == first
    assert run("keygen", "-o", "issuer.pem", "--force").code == 0
    assert load_key(tmp_path / "issuer.pem").seed != first
    assert names(tmp_path) == ["issuer.pem", "issuer.pub.pem"]


def test_a_machine_reads_where_the_key_is(run: Run) -> None:
    told = json.loads(run("keygen", "-o", "issuer.pem", "--json").out)
    kid = load_key(Path("issuer.pem")).public_key.kid.hex()
    assert told == {"kid": kid, "key": "issuer.pem", "public_key": "issuer.pub.pem"}
