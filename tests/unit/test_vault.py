"""Secrets at rest: they open where they belong and nowhere else, through a change of keys, and show nowhere."""

import base64
import copy
import hashlib
import io
import pickle
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import FrameType
from uuid import UUID

import pytest
from pydantic import SecretStr

from contracts.errors import DomainError
from store import vault as module
from store.vault import (
    SecretRefused,
    SecretUnreadable,
    Vault,
    VaultMisconfigured,
    calendar_context,
    generate_key,
    hide_sealed,
    preview,
)

SECRET = SecretStr("cal_live_0123456789abcdef0123456789ab3f9c")
WORD = SECRET.get_secret_value()
HERE, ELSEWHERE = "calendar:a", "calendar:b"
# The same in every process that collects these tests; keys of nothing.
OLD, NEW, OTHER = (
    base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest()).decode() for name in ("old", "new", "other")
)


@pytest.fixture
def vault() -> Vault:
    return Vault.from_keys(NEW)


@pytest.mark.parametrize(
    "text", ["x", WORD, "clé à moi 🔑", "with\0nul\0inside", '{"a": "b:c"}', "\ud800", "k" * 5_000]
)
def test_what_was_sealed_opens_unchanged(vault: Vault, text: str) -> None:
    """Any text comes back as it was, under the context it was sealed for."""
    sealed = vault.seal(SecretStr(text), context=HERE)
    assert vault.unseal(sealed, context=HERE).get_secret_value() == text
    assert sealed.startswith("v1:")
    assert sealed.isascii()


def test_sealed_text_tells_nothing_and_is_never_the_same_twice(vault: Vault) -> None:
    """Neither the secret nor its place can be read off, nor that two rows hold one secret."""
    first, second = (vault.seal(SECRET, context=HERE) for _ in range(2))
    assert first != second
    inside = base64.urlsafe_b64decode(first.removeprefix("v1:"))
    assert WORD.encode() not in inside
    assert HERE.encode() not in inside


@pytest.mark.parametrize("context", [ELSEWHERE, "calendar:", "calendar:aa", "", "carrier:a", f"{HERE}\0"])
def test_moved_text_does_not_open(vault: Vault, context: str) -> None:
    """A sealed value copied into another tenant's row, or another column, is no use there."""
    sealed = vault.seal(SECRET, context=HERE)
    with pytest.raises(SecretUnreadable, match="another place"):
        vault.unseal(sealed, context=context)


def test_a_secret_can_not_be_shaped_into_another_context(vault: Vault) -> None:
    """What a tenant types never moves the border between context and secret."""
    sealed = vault.seal(SecretStr(f"x\0{WORD}"), context=HERE)
    with pytest.raises(SecretUnreadable):
        vault.unseal(sealed, context=f"{HERE}\0x")
    for context in ("", f"{HERE}\0x"):
        with pytest.raises(ValueError, match="context"):
            vault.seal(SECRET, context=context)


def test_every_changed_character_is_noticed(vault: Vault) -> None:
    """Also those that a base64 decoder forgives."""
    sealed = vault.seal(SECRET, context=HERE)
    for place, character in enumerate(sealed):
        changed = f"{sealed[:place]}{'A' if character != 'A' else 'B'}{sealed[place + 1 :]}"
        with pytest.raises(SecretUnreadable):
            vault.unseal(changed, context=HERE)


MALFORMED: dict[str, Callable[[str], str]] = {
    "nothing": lambda sealed: "",
    "a version and nothing": lambda sealed: "v1:",
    "no version": lambda sealed: sealed[3:],
    "a later version": lambda sealed: f"v2:{sealed[3:]}",
    "torn": lambda sealed: sealed[:-4],
    "a line end": lambda sealed: f"{sealed}\n",
    "a blank": lambda sealed: f" {sealed}",
    "a sign base64 has not": lambda sealed: f"{sealed[:20]}!{sealed[20:]}",
    "too much padding": lambda sealed: f"{sealed}====",
    "no ASCII": lambda sealed: f"{sealed}é",
    "a key in the clear": lambda sealed: WORD,
}


@pytest.mark.parametrize("how", MALFORMED)
def test_malformed_text_is_unreadable_and_not_repeated(vault: Vault, how: str) -> None:
    """A plain key in the column, another format, a torn value: one error, which quotes nothing."""
    changed = MALFORMED[how](vault.seal(SECRET, context=HERE))
    for attempt in (lambda: vault.unseal(changed, context=HERE), lambda: vault.reseal(changed)):
        with pytest.raises(SecretUnreadable) as caught:
            attempt()
        assert not changed.strip() or changed.strip() not in str(caught.value)
    assert not vault.is_current(changed)


def test_it_is_a_value_error_for_whoever_knows_no_vault(vault: Vault) -> None:
    """The store's `Unseal` promises ValueError; the API's answers want a DomainError."""
    for kind in (SecretUnreadable, SecretRefused):
        assert issubclass(kind, ValueError)
        assert issubclass(kind, DomainError)
    assert issubclass(VaultMisconfigured, DomainError)


def test_sealed_text_stays_compact(vault: Vault) -> None:
    """Up to 8 KiB sealed; past it nothing is sealed, and nothing is even tried to be opened."""
    longest = 6_079 - len(HERE) - 1
    sealed = vault.seal(SecretStr("k" * longest), context=HERE)
    assert len(sealed) <= 8 * 1024
    assert len(vault.unseal(sealed, context=HERE)) == longest
    with pytest.raises(SecretRefused, match="too long"):
        vault.seal(SecretStr("k" * (longest + 1)), context=HERE)
    with pytest.raises(SecretUnreadable, match="8192"):
        vault.unseal("v1:gAAAA" + "A" * 8 * 1024, context=HERE)
    assert len(vault.seal(SECRET, context=calendar_context(UUID(int=1)))) < 256


def test_a_place_for_longer_texts_says_so() -> None:
    """Kept answers are longer than keys: both sides name the limit, and a change of keys needs to know none."""
    longer, before = SecretStr("k" * 20_000), Vault.from_keys(OLD)
    sealed = before.seal(longer, context=HERE, at_most=64 * 1024)
    with pytest.raises(SecretUnreadable, match="8192"):
        before.unseal(sealed, context=HERE)
    again = Vault.from_keys(f"{NEW},{OLD}").reseal(sealed)
    assert again is not None
    assert Vault.from_keys(NEW).unseal(again, context=HERE, at_most=64 * 1024) == longer
    with pytest.raises(SecretRefused, match="1000"):
        before.seal(longer, context=HERE, at_most=1_000)


def test_an_empty_secret_is_refused(vault: Vault) -> None:
    """Opened again it would look as if there were none, and another key would be used in its place."""
    with pytest.raises(SecretRefused, match="empty"):
        vault.seal(SecretStr(""), context=HERE)


def test_keys_are_changed_without_losing_a_secret() -> None:
    """Old ring, then new key in front, then every row sealed again, then the old key gone."""
    before = Vault.from_keys(OLD)
    sealed = before.seal(SECRET, context=HERE)
    both = Vault.from_keys(f"{NEW},{OLD}")
    assert both.unseal(sealed, context=HERE) == SECRET
    assert not both.is_current(sealed)
    again = both.reseal(sealed)
    assert again is not None
    assert both.is_current(again)
    assert both.reseal(again) is None
    after = Vault.from_keys(NEW)
    assert after.unseal(again, context=HERE) == SECRET
    with pytest.raises(SecretUnreadable, match="another place"):
        after.unseal(again, context=ELSEWHERE)
    for act in (lambda: after.unseal(sealed, context=HERE), lambda: after.reseal(sealed)):
        with pytest.raises(SecretUnreadable, match="AVA_SEALING_KEYS"):
            act()
    with pytest.raises(SecretUnreadable):
        before.unseal(both.seal(SECRET, context=HERE), context=HERE)


def test_a_process_with_the_new_key_behind_opens_what_is_sealed_with_it() -> None:
    """While a new key is rolled out, old processes may have it in second place: they open both and seal with the old."""
    rolled_out, rolling = Vault.from_keys(f"{NEW},{OLD}"), Vault.from_keys(f"{OLD},{NEW}")
    for writer, reader in ((rolled_out, rolling), (rolling, rolled_out)):
        assert reader.unseal(writer.seal(SECRET, context=HERE), context=HERE) == SECRET


@pytest.mark.parametrize(
    "keys", [NEW, f"{NEW},{OLD}", f" {NEW} , {OLD}\n", f"{NEW},", f"{NEW},\n{OLD},\n", SecretStr(f"{NEW},{OLD}")]
)
def test_a_ring_is_read_from_text(keys: SecretStr | str) -> None:
    """Blanks, line ends and a comma too many are forgiven."""
    assert Vault.from_keys(keys).is_current(Vault.from_keys(NEW).seal(SECRET, context=HERE))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("", "holds no key"),
        (" , ,", "holds no key"),
        ("very-secret", "key 1 of 1"),
        (f"{NEW},very-secret", "key 2 of 2"),
        (f"{NEW[:-1]}", "key 1 of 1"),
        (f"{NEW}=", "key 1 of 1"),
        (f"{NEW[:-2]}~=,{OLD}", "key 1 of 2"),
        (base64.urlsafe_b64encode(b"k" * 31).decode(), "key 1 of 1"),
        (base64.urlsafe_b64encode(b"k" * 33).decode(), "key 1 of 1"),
        (base64.b64encode(b"\xff" * 32).decode(), "key 1 of 1"),
        (f"{NEW};{OLD}", "key 1 of 1"),
        (f'"{NEW}"', "key 1 of 1"),
        (f"{NEW},{OLD},{NEW}", "key 3 of 3 in AVA_SEALING_KEYS repeats"),
        ("clé", "key 1 of 1"),
    ],
)
def test_a_malformed_ring_is_named_and_not_shown(keys: str, said: str) -> None:
    """The message says which key, in which variable, and how to make one; no value, in no frame either."""
    with pytest.raises(VaultMisconfigured) as caught:
        Vault.from_keys(SecretStr(keys))
    message = str(caught.value)
    assert said in message
    assert "AVA_SEALING_KEYS" in message
    assert "openssl rand" in message
    for part in (p.strip() for p in keys.split(",") if p.strip()):
        assert part not in _told(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("attempt", ["moved", "tampered", "foreign", "too long", "pickled", "copied"])
def test_nothing_secret_leaves_with_an_error(vault: Vault, attempt: str) -> None:
    """Message, repr, traceback, pickled error and every variable of our frames: none of them tells."""
    sealed = vault.seal(SECRET, context=HERE)
    attempts: dict[str, Callable[[], object]] = {
        "moved": lambda: vault.unseal(sealed, context=ELSEWHERE),
        "tampered": lambda: vault.unseal(f"{sealed[:-6]}AAAAAA", context=HERE),
        "foreign": lambda: Vault.from_keys(OTHER).reseal(sealed),
        "too long": lambda: vault.seal(SecretStr(WORD * 500), context=HERE),
        "pickled": lambda: pickle.dumps(vault),
        "copied": lambda: copy.deepcopy(vault),
    }
    with pytest.raises((DomainError, TypeError)) as caught:
        attempts[attempt]()
    told = _told(caught.value)
    for secret in (WORD, NEW, OTHER):
        assert secret not in told
    assert sealed not in str(caught.value)


def test_a_vault_shows_the_number_of_its_keys_and_nothing_else() -> None:
    """In a repr, a format, a dataclass that holds it; and it has no `__dict__` to be dumped."""

    @dataclass
    class Holder:
        vault: Vault

    vault = Vault.from_keys(f"{NEW},{OLD}")
    for shown in (repr(vault), str(vault), f"{vault}", repr(Holder(vault)), repr([vault])):
        assert "Vault(2 keys)" in shown
        assert NEW not in shown
        assert OLD not in shown
    assert not hasattr(vault, "__dict__")
    assert repr(Vault.from_keys(NEW)) == "Vault(1 key)"
    assert NEW not in repr(generate_key())


def test_threads_share_one_vault(vault: Vault) -> None:
    """Sealing and opening at once mixes nothing up."""

    def round_trip(number: int) -> bool:
        sealed = vault.seal(SecretStr(f"secret {number}"), context=f"c:{number}")
        return vault.unseal(sealed, context=f"c:{number}").get_secret_value() == f"secret {number}"

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(round_trip, range(400)))


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        (WORD, "cal_live_…3f9c"),
        ("cal_0123456789abcdef0123456789ab3f9c", "cal_…3f9c"),
        ("sk_0123456789abcdef0123456789abcdef01234567", "sk_…4567"),
        ("sk-proj-0123456789abcdef0123", "sk-proj-…0123"),
        ("el_0123456789abcdef0123", "el_…0123"),
        ("AC" + "0f" * 16, "AC…0f0f"),
        ("SK" + "0f" * 16, "SK…0f0f"),
        ("ACCIDENTALLY-A-PASSPHRASE", "…RASE"),
        ("0123456789abcdef0123456789abcdef", "…cdef"),
        ("0123456789abcdef", "…cdef"),
        ("0123456789abcde", "…"),
        ("cal_live_3f9c", "…"),
        ("cal_live_0123456789a3f9c", "…"),
        ("hunter2", "…"),
        ("", "…"),
    ],
)
def test_preview(secret: str, shown: str) -> None:
    """Enough for its owner to recognise it, and too little for anybody to use it."""
    assert preview(SecretStr(secret)) == shown


def test_sealed_text_is_found_in_other_text(vault: Vault) -> None:
    """For logs: only what looks sealed goes, wherever it stands."""
    first, second = vault.seal(SECRET, context=HERE), vault.seal(SecretStr("x"), context=HERE)
    assert hide_sealed(f"row (1, {first}) and '{second}'.") == "row (1, [sealed]) and '[sealed]'."
    assert hide_sealed("v1:2 nothing v1: sealed") == "v1:2 nothing v1: sealed"


def test_generated_keys_differ_and_work() -> None:
    """A new key can be put in front of a ring as it is."""
    keys = {generate_key().get_secret_value() for _ in range(20)}
    assert len(keys) == 20
    Vault.from_keys(",".join(keys))


def _told(error: BaseException) -> str:
    """All that a thorough error reporter would send: texts, pickle, and the variables of the module's own frames."""
    written = io.StringIO()
    traceback.print_exception(error, file=written)
    variables: list[str] = []
    seen: BaseException | None = error
    while seen is not None:
        for frame, _ in traceback.walk_tb(seen.__traceback__):
            variables += _variables(frame)
        seen = seen.__context__
    return "\n".join([str(error), repr(error), repr(pickle.dumps(error)), written.getvalue(), *variables])


def _variables(frame: FrameType) -> list[str]:
    ours = frame.f_code.co_filename == module.__file__
    return [repr(value) for value in frame.f_locals.values()] if ours else []
