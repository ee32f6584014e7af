import base64
import hashlib
from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.checkpoint import TrustedCheckpoint, open_checkpoint
from glasslog.errors import MalformedError, QuorumError, UncheckableError, UnknownKeyError
from glasslog.limits import POLICY_BYTES_MAX, POLICY_ITEMS_MAX, POLICY_WITNESSES_MIN_ACCEPTED
from glasslog.note import NoteSignature, decode_note
from glasslog.policy import Group, Policy, Rule, Witness, decode_policy, describe_rule
from glasslog.vkey import TYPE_COSIGNATURE_ED25519, TYPE_ED25519, VerifierKey
from tests.verifier import evidence
from tests.verifier.evidence import LOG_KEY, VKEY, signing_key, small_log
from tests.verifier.fuzzing import accepted, damaged

LEDGER = small_log()
NAMES = ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
WITNESSES = {name: evidence.Witness(name) for name in NAMES}
WITNESS_LINES = "".join(f"witness {name} {witness.vkey}\n" for name, witness in WITNESSES.items())

# The policy of the specification's example: two of three by one organisation, and one of three by another.
EXAMPLE = f"""log {VKEY}

witness X1 {WITNESSES["X1"].vkey}
witness X2 {WITNESSES["X2"].vkey}
witness X3 {WITNESSES["X3"].vkey}
group X-witnesses 2 X1 X2 X3

witness Y1 {WITNESSES["Y1"].vkey}
witness Y2 {WITNESSES["Y2"].vkey}
witness Y3 {WITNESSES["Y3"].vkey}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def ml_dsa_vkey(name: str) -> str:
    material = b"\x06" + hashlib.shake_256(name.encode()).digest(1_312)
    key_id = hashlib.sha256(name.encode() + b"\n" + material).hexdigest()[:8]
    return f"{name}+{key_id}+{base64.b64encode(material).decode()}"


def policy_of(text: str) -> Policy:
    return decode_policy(text.encode())


def cosigned_by(names: Sequence[str], policy: Policy, *more: NoteSignature) -> TrustedCheckpoint:
    note = decode_note(LEDGER.checkpoint(witnesses=[WITNESSES[name] for name in names]))
    data = type(note)(note.text, (*note.signatures, *more)).encode()
    return open_checkpoint(data, [VKEY], policy.witness_keys)


def test_the_example_of_the_specification_is_read() -> None:
    policy = policy_of(EXAMPLE)
    assert [witness.name.decode() for witness in policy.witnesses] == NAMES
    assert policy.log_keys == (VKEY,)
    assert policy.quorum is not None
    assert describe_rule(policy.quorum) == "2 of (2 of (X1, X2, X3), 1 of (Y1, Y2, Y3))"


def test_the_example_is_met_by_the_right_sets_alone() -> None:
    policy = policy_of(EXAMPLE)
    for count in range(len(NAMES) + 1):
        for names in combinations(NAMES, count):
            checkpoint = cosigned_by(names, policy)
            if sum(name[0] == "X" for name in names) >= 2 and sum(name[0] == "Y" for name in names) >= 1:
                assert [witness.name.decode() for witness in policy.verify(checkpoint)] == list(names)
            else:
                with pytest.raises(QuorumError, match="X1"):
                    policy.verify(checkpoint)


RULES = st.recursive(
    st.sampled_from(NAMES),
    lambda inner: st.tuples(st.integers(1, 4), st.lists(inner, min_size=1, max_size=4)),
    max_leaves=6,
)


@given(RULES, st.sets(st.sampled_from(NAMES)))
def test_groups_count_their_members(rule: object, names: set[str]) -> None:
    """Compare with a direct reading of the definition, for trees of groups of any shape."""
    used: set[str] = set()
    lines: list[str] = []

    def write(node: object) -> tuple[str, bool] | None:
        if isinstance(node, str):
            if node in used:
                return None
            used.add(node)
            return node, node in names
        assert isinstance(node, tuple)
        threshold, inner = node
        members = [member for member in map(write, inner) if member is not None]
        if not members:
            return None
        needed = min(threshold, len(members))
        word = {1: "any", len(members): "all"}.get(needed, str(needed))
        name = f"g{len(lines)}"
        lines.append(f"group {name} {word} {' '.join(member for member, _ in members)}\n")
        return name, sum(met for _, met in members) >= needed

    outcome = write(rule)
    assert outcome is not None
    name, met = outcome
    policy = policy_of(f"{WITNESS_LINES}{''.join(lines)}quorum {name}\n")
    checkpoint = cosigned_by(sorted(names), policy)
    if met:
        assert {witness.name.decode() for witness in policy.verify(checkpoint)} == names
    else:
        with pytest.raises(QuorumError):
            policy.verify(checkpoint)


def test_a_single_witness_can_be_the_quorum() -> None:
    policy = policy_of(f"{WITNESS_LINES}quorum X2\n")
    assert isinstance(policy.quorum, Witness)
    assert policy.verify(cosigned_by(["X2"], policy))
    with pytest.raises(QuorumError, match="X2, got cosignatures by X1"):
        policy.verify(cosigned_by(["X1"], policy))


def test_a_policy_may_ask_for_nobody() -> None:
    policy = policy_of("quorum none\n")
    assert policy == Policy((), (), None)
    assert policy.verify(cosigned_by([], policy)) == ()


def test_one_witness_counts_once_however_often_it_signs() -> None:
    policy = policy_of(f"{WITNESS_LINES}group two 2 X1 X2\nquorum two\n")
    with pytest.raises(QuorumError):
        policy.verify(cosigned_by(["X1", "X1"], policy))


def test_the_logs_own_key_does_not_count() -> None:
    own = VerifierKey("self.example", TYPE_COSIGNATURE_ED25519, LOG_KEY.public_key)
    signer = evidence.Witness("self")
    signer.key = LOG_KEY
    policy = policy_of(f"witness self {own}\nquorum self\n")
    note = decode_note(LEDGER.checkpoint(witnesses=[signer]))
    with pytest.raises(QuorumError, match="nobody"):
        policy.verify(open_checkpoint(note.encode(), [VKEY], policy.witness_keys))


def test_a_policy_that_names_logs_means_these() -> None:
    other = VerifierKey("other.example", TYPE_ED25519, signing_key("other log").public_key)
    policy = policy_of(f"log {other}\nquorum none\n")
    with pytest.raises(UnknownKeyError, match="a log of the policy"):
        policy.verify(cosigned_by([], policy))
    both = policy_of(f"log {other}\nlog {VKEY} https://log.example/2025\nquorum none\n")
    assert both.verify(cosigned_by([], both)) == ()


def test_keys_of_a_type_that_cannot_be_verified_leave_it_open() -> None:
    vkey = ml_dsa_vkey("pq.example")
    policy = policy_of(f"{WITNESS_LINES}witness pq {vkey}\ngroup two 2 X1 X2 pq\nquorum two\n")
    assert policy.witness_keys == tuple(witness.vkey for witness in WITNESSES.values())
    line = NoteSignature("pq.example", bytes.fromhex(vkey.split("+")[1]), bytes(2_420))
    assert policy.verify(cosigned_by(["X1", "X2"], policy, line))
    with pytest.raises(UncheckableError, match="complete the quorum"):
        policy.verify(cosigned_by(["X1"], policy, line))
    with pytest.raises(QuorumError):
        policy.verify(cosigned_by(["X1"], policy))
    with pytest.raises(QuorumError):
        policy.verify(cosigned_by([], policy, line))


def test_logs_that_cannot_be_verified_are_kept_by_name() -> None:
    policy = policy_of(f"log {ml_dsa_vkey('pq.example')}\nquorum none\n")
    assert (len(policy.logs), policy.log_keys) == (1, ())
    with pytest.raises(UnknownKeyError):
        policy.verify(cosigned_by([], policy))


def test_blanks_comments_urls_and_opaque_names_are_read() -> None:
    text = (
        b"# a comment\n  \t # another\n\n \t\n"
        b"  log\t" + str(VKEY).encode() + b" \t https://log.example/ \n"
        b"witness K\xe2\x84\xaa " + str(WITNESSES["X1"].vkey).encode() + b" https://w.example/\xff\n"
        b"witness all " + str(WITNESSES["X2"].vkey).encode() + b"\n"
        b"group any any \xff" + b"x all\n"
    )
    with pytest.raises(MalformedError, match=r"line 8: .*xffx"):
        decode_policy(text + b"quorum any\n")
    policy = decode_policy(text.replace(b"\xffx all", b"K\xe2\x84\xaa all") + b"quorum any\n")
    assert [witness.name for witness in policy.witnesses] == [b"K\xe2\x84\xaa", b"all"]
    assert (policy.logs[0].url, policy.witnesses[0].url) == (b"https://log.example/", b"https://w.example/\xff")
    assert isinstance(policy.quorum, Group)


def test_names_are_compared_by_their_bytes() -> None:
    text = f"witness K {WITNESSES['X1'].vkey}\nwitness \u212a {WITNESSES['X2'].vkey}\nquorum K\n"
    assert [witness.name for witness in policy_of(text).witnesses] == [b"K", "\u212a".encode()]


X1 = f"witness X1 {WITNESSES['X1'].vkey}\n"
X1_AGAIN = VerifierKey("another.name", TYPE_COSIGNATURE_ED25519, WITNESSES["X1"].key.public_key)
LOG_AGAIN = VerifierKey("another.name", TYPE_ED25519, VKEY.public_key)
REFUSED = {
    "nothing": "",
    "no quorum": X1,
    "two quorums": f"{X1}quorum X1\nquorum none\n",
    "the same quorum twice": "quorum none\nquorum none\n",
    "a quorum of two": f"{WITNESS_LINES}quorum X1 X2\n",
    "a quorum of nothing": "quorum\n",
    "a quorum that is defined later": f"quorum X1\n{X1}",
    "a quorum that is not defined": "quorum X1\n",
    "a quorum in other letters": f"{X1}quorum x1\n",
    "an unknown word": "quorum none\nallow X1\n",
    "a word in capitals": "Quorum none\n",
    "no newline at the end": "quorum none",
    "a carriage return": "quorum none\r\n",
    "a zero byte": "quorum none\n\0\n",
    "an escape in a comment": "quorum none\n# \x1b[2J\n",
    "a form feed": "quorum\fnone\n",
    "a delete character": "quorum none\n#\x7f\n",
    "a log without key": "log\nquorum none\n",
    "a log with too much": f"log {VKEY} url more\nquorum none\n",
    "a log with a witness key": f"log {WITNESSES['X1'].vkey}\nquorum none\n",
    "a log with a broken key": f"log {str(VKEY)[:-4]}\nquorum none\n",
    "a log twice": f"log {VKEY}\nlog {VKEY}\nquorum none\n",
    "a log twice under other names": f"log {VKEY}\nlog {LOG_AGAIN}\nquorum none\n",
    "a witness without key": "witness X1\nquorum none\n",
    "a witness with too much": X1[:-1] + " url more\nquorum none\n",
    "a witness with a log key": f"witness X1 {VKEY}\nquorum none\n",
    "a witness name twice": f"{X1}witness X1 {WITNESSES['X2'].vkey}\nquorum none\n",
    "a witness key twice": f"{X1}witness X9 {X1_AGAIN}\nquorum none\n",
    "a witness called none": f"witness none {WITNESSES['X1'].vkey}\nquorum none\n",
    "a group called none": f"{X1}group none any X1\nquorum none\n",
    "a group called as a witness": f"{WITNESS_LINES}group X1 any X2\nquorum X1\n",
    "a group twice": f"{WITNESS_LINES}group g any X1\ngroup g any X2\nquorum g\n",
    "a group without members": f"{X1}group g any\nquorum g\n",
    "a group of itself": f"{X1}group g any g\nquorum g\n",
    "a group of what comes later": f"group g any X1\n{X1}quorum g\n",
    "a group of none": f"{X1}group g any none\nquorum g\n",
    "a member twice in one group": f"{X1}group g any X1 X1\nquorum g\n",
    "a member of two groups": f"{WITNESS_LINES}group g any X1 X2\ngroup h any X1 X3\nquorum g\n",
    "a threshold of 0": f"{X1}group g 0 X1\nquorum g\n",
    "a threshold above the members": f"{WITNESS_LINES}group g 3 X1 X2\nquorum g\n",
    "a threshold with a leading zero": f"{WITNESS_LINES}group g 01 X1 X2\nquorum g\n",
    "a negative threshold": f"{WITNESS_LINES}group g -1 X1 X2\nquorum g\n",
    "a threshold in words": f"{WITNESS_LINES}group g most X1 X2\nquorum g\n",
    "a threshold of another script": f"{WITNESS_LINES}group g \u0662 X1 X2\nquorum g\n",
    "a huge threshold": f"{WITNESS_LINES}group g {'9' * 5_000} X1 X2\nquorum g\n",
    "a post-quantum key that is too short": "log pq.example+00000000+" + base64.b64encode(b"\x06abc").decode() + "\n",
    "a post-quantum key with another id": f"log pq.example+00000000+{ml_dsa_vkey('pq.example').split('+', 2)[2]}\n",
}


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in REFUSED.items()])
def test_other_policies_are_refused(text: str) -> None:
    assert not accepted(decode_policy, text.encode())


def test_a_key_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(MalformedError, match=r"line 1: .*UTF-8"):
        decode_policy(b"log \xff\xfe\nquorum none\n")


def test_errors_name_the_line() -> None:
    with pytest.raises(MalformedError, match="line 3: expected each log once"):
        policy_of(f"log {VKEY}\n# comment\nlog {VKEY}\nquorum none\n")


@given(st.one_of(st.binary(max_size=200), damaged(EXAMPLE.encode())))
def test_any_bytes_are_a_policy_or_malformed(data: bytes) -> None:
    accepted(decode_policy, data)


def witnesses(count: int) -> list[evidence.Witness]:
    return [evidence.Witness(f"w{number}") for number in range(count)]


def test_what_the_specification_wants_supported_is_supported() -> None:
    many = witnesses(POLICY_WITNESSES_MIN_ACCEPTED)
    logs = [VKEY, *(VerifierKey(f"l{n}.example", TYPE_ED25519, signing_key(f"l{n}").public_key) for n in range(31))]
    lines = [*(f"log {key}" for key in logs), *(f"witness {witness.name} {witness.vkey}" for witness in many)]
    lines.append(f"group g0 all {' '.join(witness.name for witness in many)}")
    lines.extend(f"group g{number} any g{number - 1}" for number in range(1, 32))
    policy = policy_of("\n".join([*lines, "quorum g31", ""]))
    checkpoint = open_checkpoint(LEDGER.checkpoint(witnesses=many), [VKEY], policy.witness_keys)
    assert len(policy.verify(checkpoint)) == POLICY_WITNESSES_MIN_ACCEPTED


def test_a_policy_is_bounded() -> None:
    with pytest.raises(MalformedError, match="at most"):
        decode_policy(b"#" * POLICY_BYTES_MAX + b"\nquorum none\n")
    chain = "".join(f"group g{n} any {'X1' if n == 0 else f'g{n - 1}'}\n" for n in range(POLICY_ITEMS_MAX))
    rule = policy_of(f"{X1}{chain}quorum g255\n").quorum
    depth = 0
    while isinstance(rule, Group):
        inner: Rule = rule.members[0]
        rule, depth = inner, depth + 1
    assert depth == POLICY_ITEMS_MAX
    with pytest.raises(MalformedError, match="groups"):
        policy_of(f"{X1}{chain}group one-more any g255\nquorum none\n")
    lines = [f"witness w{n} {VerifierKey('w.example', 4, signing_key(f'w{n}').public_key)}\n" for n in range(257)]
    with pytest.raises(MalformedError, match="witnesses"):
        policy_of("".join(lines) + "quorum none\n")
    lines = [f"log {VerifierKey('l.example', 1, signing_key(f'w{n}').public_key)}\n" for n in range(257)]
    with pytest.raises(MalformedError, match="logs"):
        policy_of("".join(lines) + "quorum none\n")
