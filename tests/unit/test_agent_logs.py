"""What the worker writes to its log holds no secret, open or sealed."""

import pytest
import structlog
from pydantic import SecretStr

from agent import logs
from store.vault import Vault, generate_key


@pytest.mark.parametrize("as_json", [True, False])
def test_no_secret_is_written(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    """A SecretStr, a field named like a secret, sealed text in a field and in a traceback: nothing of them comes out."""
    word = "cal_live_very-secret"
    sealed = Vault.from_keys(generate_key()).seal(SecretStr(word), context="calendar:a")
    structlog.reset_defaults()
    logs.set_up(json=as_json)
    try:
        log = structlog.get_logger("t")
        log.info("one", key=SecretStr(word), kept=[SecretStr(word)], api_key=word, token=word, row=f"a {sealed} b")
        try:
            raise ValueError(f"row {sealed}")
        except ValueError:
            log.exception("two")
    finally:
        structlog.reset_defaults()
    written = capsys.readouterr().err
    assert "one" in written
    assert "ValueError: row [sealed]" in written
    assert "very-secret" not in written
    assert sealed not in written
    assert written.count("[secret]") == 2
