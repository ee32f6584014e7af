"""The configuration says what it means, and refuses what it does not know."""

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog_server.addresses import ListenAddress, parse_listen_address
from glasslog_server.config import Config, KeyCommand, decode_config, encode_config, load_config
from glasslog_server.errors import ConfigError
from glasslog_server.http.settings import AccessToken, HttpSettings
from glasslog_server.sequencer import SequencerLimits

PATH = Path("/etc/glasslog/config.toml")
SMALLEST = 'origin = "log.example/x"\n[keys]\nlog = ["log.key"]\n'

NO_ORIGIN = "expected the log's URL without scheme and without a slash at the end, such as log.example/decisions"


def decode(text: str) -> Config:
    return decode_config(text.encode(), PATH)


def mistakes(text: str | bytes) -> list[str]:
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(ConfigError) as caught:
        decode_config(data, PATH)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{PATH}: ") for line in lines)
    return [line.removeprefix(f"{PATH}: ") for line in lines]


def test_origin_and_one_key_are_enough() -> None:
    config = decode(SMALLEST)
    assert config.origin == "log.example/x"
    assert config.http.settings() == HttpSettings()
    assert config.sequencer.limits() == SequencerLimits()
    assert (str(config.http.listen), str(config.admin.listen)) == ("127.0.0.1:8080", "127.0.0.1:8081")


def test_paths_are_relative_to_the_folder_of_the_file() -> None:
    config = decode(SMALLEST + '[storage]\nguard = "/mnt/guard"\n')
    assert config.keys.log == [PATH.parent / "log.key"]
    assert config.storage.store == PATH.parent / "store"
    assert config.storage.guard == Path("/mnt/guard")


def test_a_key_may_be_a_command() -> None:
    table = '{ command = ["sign", "--slot", "1"], public_key = "log.pub.pem", timeout_s = 3 }'
    config = decode(f'origin = "log.example"\n[keys]\nlog = [{table}]\n')
    expected = KeyCommand(command=["sign", "--slot", "1"], public_key=PATH.parent / "log.pub.pem", timeout_s=3)
    assert config.keys.log == [expected]


def test_the_written_file_has_every_key_and_means_the_defaults() -> None:
    text = encode_config({"origin": "log.example/x", "keys": {"log": ["log.key"]}})
    assert decode(text) == decode(SMALLEST)
    for name, field in Config.model_fields.items():
        keys = getattr(field.annotation, "model_fields", {name: field})
        for key, declared in keys.items():
            assert f"{key} =" in text
            assert declared.description
            assert declared.description.split()[0] in text


def test_the_commented_defaults_are_the_defaults() -> None:
    """Each `# key = value` line, taken at its word, changes nothing."""
    text = encode_config({"origin": "log.example/x", "keys": {"log": ["log.key"]}})
    tables = [getattr(field.annotation, "model_fields", {}) for field in Config.model_fields.values()]
    declared = "|".join(key for table in tables for key in table)
    uncommented, count = re.subn(rf"(?m)^# (({declared}) = \S)", r"\1", text)
    assert count > 20
    assert decode(uncommented) == decode(SMALLEST)


def test_what_is_chosen_for_a_new_log_is_read_back() -> None:
    command = {"command": ["sign", 'with "quotes" \\ and \n'], "public_key": "x.pem"}
    chosen = {
        "origin": "log.example:8443/a/b",
        "keys": {"log": ["a.key", command], "operator": command},
        "http": {"listen": ListenAddress("::", 443)},
    }
    config = decode(encode_config(chosen))
    assert config.origin == "log.example:8443/a/b"
    assert config.http.listen == ListenAddress("::", 443)
    assert config.keys.operator == config.keys.log[1]
    assert isinstance(config.keys.operator, KeyCommand)
    assert config.keys.operator.command == command["command"]


def test_tokens_are_known_by_their_digest() -> None:
    digest = "ab" * 32
    config = decode(f'{SMALLEST}[http]\ntokens = [{{ sha256 = "{digest}", issuers = ["https://a.example"] }}]\n')
    assert config.http.settings().tokens == (AccessToken(bytes.fromhex(digest), frozenset({"https://a.example"})),)
    everything = decode(f'{SMALLEST}[http]\ntokens = [{{ sha256 = "{digest}", issuers = ["*"] }}]\n')
    assert everything.http.settings().tokens == (AccessToken(bytes.fromhex(digest), "*"),)


@pytest.mark.parametrize(
    "text,expected",
    [
        ("", ['missing key "origin"', 'missing key "keys"']),
        (SMALLEST + "storge = 1\n", ['unknown key "keys.storge": expected one of log, operator']),
        (SMALLEST + '[http]\nlisen = "x"\n', ['unknown key "http.lisen", did you mean "http.listen"?']),
        (
            'origin = "x"\n[keys]\nlog = [{ command = ["x"], publc_key = "x" }]\n',
            [
                'missing key "keys.log.0.public_key"',
                'unknown key "keys.log.0.publc_key", did you mean "keys.log.0.public_key"?',
            ],
        ),
        (
            'origin = "https://x"\n[keys]\nlog = ["x"]\n',
            [f"origin: {NO_ORIGIN}, got 'https://x'"],
        ),
        ('origin = "x"\n[keys]\nlog = []\n', ["keys.log: expected at least 1 element(s), got []"]),
        ('origin = "x"\n[keys]\nlog = [""]\n', ["keys.log.0: expected a path as text, got ''"]),
        (
            SMALLEST + '[http]\nlisten = "8080"\n',
            ["http.listen: expected ADDRESS:PORT such as 127.0.0.1:8080 or [::]:8080, got '8080'"],
        ),
        (
            SMALLEST + '[http]\ntls_key = "k"\n',
            ["http: expected tls_certificate and tls_key or neither of them, got one alone"],
        ),
        (
            SMALLEST + "[http]\nbodies_bytes_max = 65536\n",
            ["http: expected bodies_bytes_max to be at least batch_bytes_max, got 65536"],
        ),
        (
            SMALLEST + "[sequencer]\nround_entries_max = 0\n",
            ["sequencer.round_entries_max: expected at least 1, got 0"],
        ),
        (
            SMALLEST + "[sequencer]\nround_entries_max = 99999\n",
            ["sequencer.round_entries_max: expected at most 8192, got 99999"],
        ),
        (
            SMALLEST + "[sequencer]\nround_entries_max = true\n",
            ["sequencer.round_entries_max: expected a whole number, got True"],
        ),
        (
            SMALLEST + "[sequencer]\nqueue_entries_max = 10\n",
            ["sequencer: expected queue_entries_max to be at least round_entries_max, 8192, got 10"],
        ),
        (
            SMALLEST + "[sequencer]\nround_entries_max = 100\n",
            ["expected http.batch_entries_max of at most sequencer.round_entries_max, 100, got 4096"],
        ),
        (SMALLEST + '[logs]\nformat = "xml"\n', ["logs.format: expected 'json' or 'console', got 'xml'"]),
        (
            SMALLEST + '[storage]\nguard = "store/guard"\n',
            ["storage: expected the guard outside of the store /etc/glasslog/store, got /etc/glasslog/store/guard"],
        ),
        (
            SMALLEST + '[admin]\nlisten = "127.0.0.1:8080"\n',
            ["expected different addresses in http.listen and admin.listen, got 127.0.0.1:8080 twice"],
        ),
        (
            SMALLEST + '[http]\ntokens = [{ sha256 = "AB", issuers = [1] }]\n',
            [
                "http.tokens.0.sha256: expected text like [0-9a-f]{64}, got 'AB'",
                "http.tokens.0.issuers.0: expected text, got 1",
            ],
        ),
        ("origin = ", ["expected TOML: Invalid value (at end of document)"]),
        (b"\xff", ["expected TOML: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"]),
    ],
)
def test_each_mistake_is_told_in_one_line(text: str | bytes, expected: list[str]) -> None:
    assert mistakes(text) == expected


def test_a_long_value_is_cut_in_the_message() -> None:
    [line] = mistakes(SMALLEST + f'[http]\nlisten = "{"x" * 1_000}"\n')
    assert len(line) < 200


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the configuration: No such file"):
        load_config(tmp_path / "none.toml")


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.toml"
    path.write_text("#" * 300_000)
    with pytest.raises(ConfigError, match="expected a configuration of at most 262144 bytes"):
        load_config(path)


@given(st.text(max_size=200))
def test_any_text_is_a_configuration_or_a_config_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        assert decode_config((SMALLEST + text).encode("utf-8", "surrogatepass"), PATH).origin == "log.example/x"


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6), st.integers(0, 65_535))
def test_an_address_survives_its_text(host: object, port: int) -> None:
    address = ListenAddress(str(host), port)
    assert parse_listen_address(str(address)) == address


@pytest.mark.parametrize(
    "text", ["", "8080", ":8080", "host:", "host:65536", "host:-1", "::1:80", "[::1]", "a b:1", 8080]
)
def test_what_is_no_address_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="expected ADDRESS:PORT"):
        parse_listen_address(text)


@pytest.mark.parametrize(
    "listen,tls,url",
    [
        ("127.0.0.1:8080", False, "http://127.0.0.1:8080"),
        ("0.0.0.0:443", True, "https://127.0.0.1:443"),
        ("[::]:80", False, "http://[::1]:80"),
    ],
)
def test_an_address_is_reached_from_this_machine(listen: str, tls: bool, url: str) -> None:
    assert parse_listen_address(listen).url(tls=tls) == url
