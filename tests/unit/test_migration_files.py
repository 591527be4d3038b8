"""A migration's statements, as they are recorded; the files themselves."""

import re
from pathlib import Path

import pytest

from store.migrations import MIGRATIONS, MigrationFailed, find_migrations, statements

FILES = sorted(MIGRATIONS.glob("*.sql"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("select 1; select 2;", ["select 1", "select 2"]),
        ("select 1;\n\n", ["select 1"]),
        ("select 1", ["select 1"]),
        ("", []),
        (" ; ;; ", []),
        ("-- why; really\nselect 1; -- after\nselect 2;", ["-- why; really\nselect 1", "-- after\nselect 2"]),
        ("select ';', 'it''s;'; select 2;", ["select ';', 'it''s;'", "select 2"]),
        ('select 1 as ";"";"; select 2;', ['select 1 as ";"";"', "select 2"]),
        ("do $$ begin; end $$; select 2;", ["do $$ begin; end $$", "select 2"]),
        ("select $a$ $$;$$ ; $a$; select 2;", ["select $a$ $$;$$ ; $a$", "select 2"]),
        ("/* a; /* b; */ c; */ select 1; select 2;", ["/* a; /* b; */ c; */ select 1", "select 2"]),
        ("create rule r as on insert to t do (select 1; select 2); select 3;",
         ["create rule r as on insert to t do (select 1; select 2)", "select 3"]),
        ("select 1 - 2 / 3 -- end", ["select 1 - 2 / 3 -- end"]),
        ("select 'open; select 2;", ["select 'open", "select 2"]),
    ],
)  # fmt: skip
def test_a_text_is_split_where_statements_end(text: str, found: list[str]) -> None:
    """Semicolons in strings, names, bodies, comments and parentheses end nothing."""
    assert statements(text) == found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_our_files_are_split_into_whole_statements(path: Path) -> None:
    """Nothing of a file is lost, each part begins as a statement does, and no function's body is torn."""
    text = path.read_text(encoding="utf-8")
    found = statements(text)
    assert re.sub(r"[;\s]", "", "".join(found)) == re.sub(r"[;\s]", "", text)
    for statement in found:
        bare = re.sub(r"--[^\n]*", "", statement).strip()
        assert re.match(r"(create|alter|revoke|grant|drop|comment|update|insert|do)\b", bare), bare[:80]
        assert bare.count("$$") in (0, 2)


def test_files_are_in_order_and_of_different_versions(tmp_path: Path) -> None:
    """Two files of one version, and a name that says no version, are told before anything is applied."""
    found = find_migrations()
    assert [migration.version for migration in found] == sorted({migration.version for migration in found})
    (tmp_path / "20260101000000_create_first.sql").touch()
    (tmp_path / "20260101000000_create_second.sql").touch()
    with pytest.raises(MigrationFailed, match="share a version"):
        find_migrations(tmp_path)
    (tmp_path / "create_third.sql").touch()
    with pytest.raises(MigrationFailed, match=r"create_third\.sql: a migration is called"):
        find_migrations(tmp_path)
