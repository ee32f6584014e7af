import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.authority import Authority, operator_issuer
from glasslog.cbor import Value
from glasslog.errors import AuthorityError, MalformedError, SignatureError, UnknownKeyError
from glasslog.keys import PublicKey, SigningKey
from glasslog.merkle import LeafIndex
from glasslog.records import Record, decode_record, encode_record
from glasslog.statement import SignedStatement, sign_statement
from tests.verifier.evidence import (
    ISSUER,
    ISSUER_KEY,
    LOG_KEY,
    OPERATOR_KEY,
    ORIGIN,
    STRANGER_KEY,
    Ledger,
    inference,
    inference_body,
    record_fields,
    signing_key,
    small_log,
)

KEY = ISSUER_KEY.public_key
OPERATOR = operator_issuer(ORIGIN)


def record_of(statement: SignedStatement) -> Record:
    return decode_record(statement.payload)


def replay(ledger: Ledger, end: int | None = None) -> Authority:
    """Return the state after the operator's entries of a ledger, as the server and an auditor compute it."""
    authority = Authority.establish(ledger.entries[0])
    for number, statement in enumerate(ledger.entries[1:end], start=1):
        if statement.issuer == authority.operator_issuer:
            statement.verify(authority.policy.operator_key)
            authority = authority.apply(statement, record_of(statement), LeafIndex(number))
    return authority


def new_ledger() -> Ledger:
    ledger = Ledger()
    ledger.state_policy()
    return ledger


def test_entry_0_establishes_the_operator_and_no_issuer() -> None:
    authority = Authority.establish(new_ledger().entries[0])
    assert authority.policy.operator_key == OPERATOR_KEY.public_key
    assert authority.policy.log_keys == (LOG_KEY.public_key,)
    assert authority.keys == {}
    with pytest.raises(UnknownKeyError):
        authority.key_for(ISSUER, KEY.kid, 0)


def test_a_registered_key_signs_for_its_issuer_alone() -> None:
    authority = replay(small_log())
    assert authority.key_for(ISSUER, KEY.kid, 0) == KEY
    for issuer, kid in ((f"{ISSUER}/x", KEY.kid), (ISSUER, STRANGER_KEY.public_key.kid), (OPERATOR, KEY.kid)):
        with pytest.raises(UnknownKeyError):
            authority.key_for(issuer, kid, 0)


def test_the_operators_key_signs_for_the_operator_alone() -> None:
    authority = replay(small_log())
    kid = OPERATOR_KEY.public_key.kid
    assert authority.key_for(OPERATOR, kid, 0) == OPERATOR_KEY.public_key
    with pytest.raises(UnknownKeyError):
        authority.key_for(ISSUER, kid, 0)


@given(st.integers(0, 100), st.integers(1, 100), st.integers(0, 200))
def test_a_key_is_valid_in_its_half_open_interval(start: int, length: int, time: int) -> None:
    ledger = new_ledger()
    ledger.register(KEY, valid_from=start, valid_until=start + length)
    authority = replay(ledger)
    if start <= time < start + length:
        assert authority.key_for(ISSUER, KEY.kid, time) == KEY
    else:
        with pytest.raises(AuthorityError, match="valid at"):
            authority.key_for(ISSUER, KEY.kid, time)


def test_a_key_without_an_end_is_valid_until_further_notice() -> None:
    ledger = new_ledger()
    ledger.register(KEY, valid_from=10)
    authority = replay(ledger)
    assert authority.key_for(ISSUER, KEY.kid, 2**60) == KEY
    with pytest.raises(AuthorityError, match="further notice"):
        authority.key_for(ISSUER, KEY.kid, 9)


def test_a_revoked_key_signs_no_more_until_it_is_registered_again() -> None:
    ledger = new_ledger()
    ledger.register(KEY)
    ledger.revoke(KEY)
    with pytest.raises(AuthorityError, match="revoked by entry 2"):
        replay(ledger).key_for(ISSUER, KEY.kid, 0)
    assert replay(ledger, 2).key_for(ISSUER, KEY.kid, 0) == KEY
    ledger.register(KEY)
    assert replay(ledger).key_for(ISSUER, KEY.kid, 0) == KEY


def test_only_a_valid_registration_can_be_revoked() -> None:
    ledger = new_ledger()
    ledger.revoke(KEY)
    with pytest.raises(AuthorityError, match="to revoke"):
        replay(ledger)
    ledger = new_ledger()
    ledger.register(KEY)
    ledger.revoke(KEY)
    ledger.revoke(KEY)
    with pytest.raises(AuthorityError, match="to revoke"):
        replay(ledger)


def test_a_key_stays_with_its_issuer() -> None:
    taken_over, revoked_by_another = new_ledger(), new_ledger()
    for ledger in (taken_over, revoked_by_another):
        ledger.register(KEY)
    taken_over.register(KEY, "https://other.example")
    revoked_by_another.revoke(KEY, "https://other.example")
    for ledger in (taken_over, revoked_by_another):
        with pytest.raises(AuthorityError, match="stay with"):
            replay(ledger)


@pytest.mark.parametrize("key", [OPERATOR_KEY, LOG_KEY])
def test_the_logs_own_keys_are_no_issuers(key: SigningKey) -> None:
    ledger = new_ledger()
    ledger.register(key.public_key)
    with pytest.raises(AuthorityError, match="own key"):
        replay(ledger)


def test_a_new_policy_may_name_new_keys() -> None:
    new_operator, new_log = signing_key("operator 2"), signing_key("log 2")
    ledger = small_log()
    ledger.state_policy(operator_key=new_operator.public_key, log_keys=(new_log.public_key,))
    ledger.operator_key = new_operator
    ledger.register(STRANGER_KEY.public_key, "https://stranger.example")
    authority = replay(ledger)
    assert authority.policy.log_keys == (new_log.public_key,)
    assert authority.key_for(ISSUER, KEY.kid, 0) == KEY
    assert authority.key_for("https://stranger.example", STRANGER_KEY.public_key.kid, 0) == STRANGER_KEY.public_key


def test_a_log_keeps_its_name() -> None:
    ledger = new_ledger()
    ledger.append_by_operator(
        ledger.operator_statement("log-policy", {**ledger.policy.body(), "origin": "other.example"})
    )
    with pytest.raises(AuthorityError, match="keeps its name"):
        replay(ledger)


def test_an_old_operator_key_says_nothing_more() -> None:
    ledger = new_ledger()
    ledger.state_policy(operator_key=signing_key("operator 2").public_key)
    statement = ledger.operator_statement("log-policy", ledger.policy.body())
    with pytest.raises(AuthorityError, match="operator's key"):
        replay(ledger).apply(statement, record_of(statement), LeafIndex(2))


@pytest.mark.parametrize(
    "stream", [{"seq": 2}, {"seq": 0, "prev": None}, {"prev": bytes(32)}, {"prev": None}, {"id": "other"}], ids=str
)
def test_the_operators_stream_has_no_gap(stream: dict[str, Value]) -> None:
    ledger = new_ledger()
    statement = ledger.operator_statement("log-policy", ledger.policy.body(), **stream)
    with pytest.raises(AuthorityError, match="number 1"):
        replay(ledger).apply(statement, record_of(statement), LeafIndex(1))


@pytest.mark.parametrize("names", [{"issuer": ISSUER}, {"subject": "urn:x"}], ids=str)
def test_the_operator_speaks_in_its_own_name(names: dict[str, str]) -> None:
    ledger = new_ledger()
    payload = ledger.operator_statement("log-policy", ledger.policy.body()).payload
    statement = sign_statement(OPERATOR_KEY, payload=payload, **{"issuer": OPERATOR, "subject": OPERATOR, **names})
    with pytest.raises(AuthorityError, match="iss and sub"):
        replay(ledger).apply(statement, record_of(statement), LeafIndex(1))


def test_entry_0_must_be_a_policy_signed_by_the_key_in_it() -> None:
    ledger = Ledger()
    registration = ledger.operator_statement(
        "issuer-registration", {"action": "register", "issuer": ISSUER, "key": KEY.raw, "valid_from": 0}
    )
    with pytest.raises(AuthorityError, match="log-policy as entry 0"):
        Authority.establish(registration)
    forged = Ledger()
    forged.operator_key = STRANGER_KEY  # signs, but the policy names the operator's key
    forged.state_policy()
    with pytest.raises(SignatureError):
        Authority.establish(forged.entries[0])
    second = new_ledger().operator_statement("log-policy", ledger.policy.body(), seq=1, prev=bytes(32))
    with pytest.raises(AuthorityError, match="number 0"):
        Authority.establish(second)


def test_entry_0_must_be_a_record() -> None:
    statement = sign_statement(
        OPERATOR_KEY, issuer=OPERATOR, subject=OPERATOR, payload=b"{}", content_type="application/json"
    )
    with pytest.raises(MalformedError, match="content type"):
        Authority.establish(statement)


def test_what_the_policy_admits_is_admitted() -> None:
    ledger = small_log()
    authority = replay(ledger)
    for number in (0, 1, 2):
        authority.check_admissible(ledger.entries[number], record_of(ledger.entries[number]))


def test_what_the_policy_does_not_admit_is_refused() -> None:
    ledger = new_ledger()
    ledger.state_policy(record_types=frozenset({"model-registration"}), entry_bytes_max=2_000)
    authority = replay(ledger)
    statement = inference()
    with pytest.raises(AuthorityError, match="record type"):
        authority.check_admissible(statement, record_of(statement))
    json = sign_statement(ISSUER_KEY, issuer=ISSUER, subject="urn:x", payload=b"{}", content_type="application/json")
    with pytest.raises(AuthorityError, match="content type"):
        authority.check_admissible(json, None)
    large = sign_statement(ISSUER_KEY, issuer=ISSUER, subject="urn:x", payload=bytes(2_000))
    with pytest.raises(AuthorityError, match="at most 2000"):
        authority.check_admissible(large, None)


def test_records_about_the_log_come_from_the_operator_alone_and_no_others_do() -> None:
    authority = replay(small_log())
    policy = small_log(0).entries[0]
    by_issuer = sign_statement(ISSUER_KEY, issuer=ISSUER, subject="urn:x", payload=policy.payload)
    payload = encode_record(record_fields("inference", inference_body()))
    by_operator = sign_statement(OPERATOR_KEY, issuer=OPERATOR, subject=OPERATOR, payload=payload)
    for statement in (by_issuer, by_operator):
        with pytest.raises(AuthorityError, match="from its operator"):
            authority.check_admissible(statement, record_of(statement))


def test_an_authority_does_not_change() -> None:
    ledger = new_ledger()
    before = replay(ledger)
    ledger.register(PublicKey(bytes(32)))
    after = replay(ledger)
    assert before.keys == {}
    assert len(after.keys) == 1
    assert (before.next_seq, after.next_seq) == (1, 2)
