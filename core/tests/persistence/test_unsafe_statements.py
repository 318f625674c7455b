"""What a running host would feel of a migration is found beforehand, and what it would not feel is let pass."""

from __future__ import annotations

import pytest

from core.tests.histories import WriteHistory
from hedgerow_core.messaging import LEDGER
from hedgerow_core.persistence.migrations.linting import RULES, unsafe_statements
from hedgerow_core.persistence.migrations.linting.judge import Judge
from hedgerow_core.persistence.migrations.sql import RevisionSql, Statement

UNSAFE = [
    ("blocks_writes", "CREATE INDEX ix ON notes (owner)"),
    ("blocks_writes", "CREATE UNIQUE INDEX ix ON shop.notes (lower(owner)) WHERE owner <> ''"),
    ("rewrites", "ALTER TABLE notes ADD COLUMN at timestamptz DEFAULT clock_timestamp()"),
    ("rewrites", "ALTER TABLE notes ADD key uuid NOT NULL DEFAULT gen_random_uuid()"),
    ("rewrites", "ALTER TABLE notes ADD key text DEFAULT 'n-' || nextval('keys')"),
    ("rewrites", "ALTER TABLE notes ADD place bigint GENERATED ALWAYS AS IDENTITY"),
    ("rewrites", "ALTER TABLE notes ADD place bigserial"),
    ("rewrites", "ALTER TABLE notes ADD size int GENERATED ALWAYS AS (length(text)) STORED"),
    ("rewrites", "ALTER TABLE notes ALTER COLUMN place TYPE bigint"),
    ("rewrites", "ALTER TABLE notes SET UNLOGGED"),
    ("rewrites", "CLUSTER notes USING ix"),
    ("rewrites", "VACUUM (FULL) notes"),
    ("scans", "ALTER TABLE notes ALTER owner SET NOT NULL"),
    ("scans", "ALTER TABLE notes ADD CONSTRAINT ck CHECK (place > 0)"),
    ("scans", "ALTER TABLE notes ADD CONSTRAINT fk FOREIGN KEY (owner) REFERENCES owners (id)"),
    ("scans", "ALTER TABLE notes ADD CONSTRAINT uq UNIQUE (owner)"),
    ("scans", "ALTER TABLE notes ADD PRIMARY KEY (id)"),
    ("scans", "ALTER TABLE notes ADD size int DEFAULT 0 CHECK (size >= 0)"),
    ("scans", "ALTER TABLE notes ATTACH PARTITION notes_old FOR VALUES FROM (0) TO (9)"),
    ("breaks_running_code", "ALTER TABLE notes DROP COLUMN owner"),
    ("breaks_running_code", "ALTER TABLE notes RENAME COLUMN owner TO author"),
    ("breaks_running_code", "ALTER TABLE notes RENAME TO papers"),
    ("breaks_running_code", "ALTER TABLE notes ADD owner uuid NOT NULL"),
    ("breaks_running_code", "DROP TABLE IF EXISTS notes"),
    ("breaks_running_code", "DROP VIEW notes_of_all"),
    ("breaks_running_code", "DO $$ BEGIN IF true THEN ALTER TABLE notes DROP owner; END IF; END $$"),
    ("many_rows", "UPDATE notes SET owner = author"),
    ("many_rows", "UPDATE notes SET owner = o.id FROM owners o WHERE o.name = notes.author"),
    ("many_rows", "DELETE FROM notes"),
    ("many_rows", "TRUNCATE notes"),
    ("locks", "LOCK TABLE notes IN ACCESS EXCLUSIVE MODE"),
    ("locks", "REINDEX TABLE notes"),
    ("locks", "REFRESH MATERIALIZED VIEW notes_of_all"),
    ("hides", "DO $$ BEGIN EXECUTE 'DROP ' || 'TABLE notes'; END $$"),
    ("hides", "ALTER TABEL notes DROP owner"),
]
SAFE = [
    "CREATE TABLE papers (id uuid PRIMARY KEY, note uuid REFERENCES notes (id))",
    "ALTER TABLE notes ADD COLUMN owner uuid",
    "ALTER TABLE notes ADD COLUMN owner uuid REFERENCES owners (id)",
    "ALTER TABLE notes ADD state text NOT NULL DEFAULT 'new', ADD at timestamptz NOT NULL DEFAULT now()",
    "ALTER TABLE notes ADD tags text[] DEFAULT '{}'::text[], ADD since date DEFAULT CURRENT_DATE",
    "ALTER TABLE notes ADD CONSTRAINT ck CHECK (place > 0) NOT VALID",
    "ALTER TABLE notes ADD CONSTRAINT fk FOREIGN KEY (owner) REFERENCES owners (id) NOT VALID",
    "ALTER TABLE notes ADD CONSTRAINT uq UNIQUE USING INDEX ix",
    "ALTER TABLE notes VALIDATE CONSTRAINT ck",
    "ALTER TABLE notes ALTER owner DROP NOT NULL, DROP CONSTRAINT ck, ALTER place SET DEFAULT 1",
    "ALTER INDEX ix RENAME TO ix_notes",
    "DROP INDEX ix",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY notes_of_all",
    "INSERT INTO papers SELECT id FROM notes",
    "UPDATE notes SET state = 'old' WHERE state = 'ancient'",
    "GRANT SELECT ON notes TO somebody",
]


def judged(*revisions: list[str], outside: bool = False) -> list[str]:
    """The names of the rules that these revisions break, one after the other."""
    judge = Judge()
    found = []
    for revision in revisions:
        statements = tuple(Statement(sql, in_transaction=not outside) for sql in revision)
        found += [rule.name for _sql, (rule, _table) in judge.judge(RevisionSql("try", statements, ""))]
        judge.forget_tables()
    return found


@pytest.mark.parametrize(("rule", "sql"), UNSAFE)
def test_what_a_running_host_would_feel_is_named(rule: str, sql: str) -> None:
    assert judged([sql]) == [rule]


@pytest.mark.parametrize("sql", SAFE)
def test_what_nobody_feels_is_let_pass(sql: str) -> None:
    assert judged([sql]) == []


def test_every_rule_has_a_statement_that_breaks_it() -> None:
    by_more_than_one = {"invalid_index", "validates_under_lock", "not_repeatable", "unknown_exemption"}
    assert {rule for rule, _sql in UNSAFE} | by_more_than_one == RULES.keys()


def test_what_a_revision_makes_itself_is_empty_and_unknown_to_everybody() -> None:
    made = ["CREATE TABLE notes (id int)", "CREATE INDEX ix ON notes (id)", "ALTER TABLE notes RENAME TO papers"]
    assert judged([*made, "DROP TABLE papers"]) == []
    assert judged(made[:1], made[1:2]) == ["blocks_writes"], "by the next revision it may have rows"


def test_not_null_is_safe_once_a_check_has_been_validated_on_its_own() -> None:
    promised = ["ALTER TABLE notes ADD CONSTRAINT nn CHECK (owner IS NOT NULL) NOT VALID"]
    proven = ["ALTER TABLE notes VALIDATE CONSTRAINT nn"]
    demanded = ["ALTER TABLE notes ALTER owner SET NOT NULL, DROP CONSTRAINT nn"]

    assert judged(promised, proven, demanded) == []
    assert judged(promised, demanded) == ["scans"], "nobody has looked yet"
    assert judged(promised + proven, demanded) == ["validates_under_lock"]


def test_an_index_that_is_built_concurrently_must_clear_away_what_an_attempt_has_left() -> None:
    build = "CREATE INDEX CONCURRENTLY {} ix ON notes (owner)"
    drop = "DROP INDEX CONCURRENTLY IF EXISTS {}"

    assert judged([drop.format("ix"), build.format("")], outside=True) == []
    assert judged([build.format("")], outside=True) == ["invalid_index"]
    assert judged([build.format("IF NOT EXISTS")], outside=True) == ["invalid_index"]
    assert judged([drop.format("another"), build.format("")], outside=True) == ["invalid_index"]


def test_what_is_committed_before_a_revision_ends_must_bear_being_run_twice(write_history: WriteHistory) -> None:
    twice = """
        op.execute("ALTER TABLE notes ADD COLUMN {} owner uuid")
        op.execute("CREATE TABLE {} papers (id int)")
        build_index("ix", "notes (owner)")
        op.execute("ALTER TABLE notes ADD COLUMN said text")
    """
    history = write_history((twice.format("", ""), "pass"))
    assert [(each.rule.name, each.table) for each in unsafe_statements(history)] == [
        ("not_repeatable", "notes"),
        ("not_repeatable", "papers"),
    ]
    again = twice.format("IF NOT EXISTS", "IF NOT EXISTS")
    assert unsafe_statements(write_history((again, "pass"))) == []


def test_a_revision_may_say_that_it_means_it_by_rule_and_with_a_reason(write_history: WriteHistory) -> None:
    drop = ("ALTER TABLE notes DROP owner", "pass")
    (told,) = unsafe_statements(write_history(drop, meant={"breaks_running_code": "nobody reads it since 0.3"}))
    (untold,) = unsafe_statements(write_history(drop))

    assert told.meant == "nobody reads it since 0.3"
    assert untold.meant is None
    assert untold.why.endswith("still counts on notes as it was")
    assert untold.path.name == "0001_step.py"


@pytest.mark.parametrize("meant", [{"made_up": "a reason"}, {"many_rows": ""}])
def test_an_exemption_names_a_rule_and_a_reason(write_history: WriteHistory, meant: dict[str, str]) -> None:
    history = write_history(("CREATE TABLE notes (id int)", "pass"), meant=meant)
    assert [each.rule.name for each in unsafe_statements(history)] == ["unknown_exemption"]


def test_what_runs_in_one_go_from_nothing_meets_no_rows(write_history: WriteHistory) -> None:
    history = write_history(
        ("CREATE TABLE notes (id int)", "pass"),
        ("CREATE INDEX ix ON notes (id)", "pass"),
        ("CREATE INDEX iy ON notes (id)", "pass"),
    )
    assert [each.revision for each in unsafe_statements(history)] == ["try_0002", "try_0003"]
    assert unsafe_statements(history, pending=["try_0001", "try_0002", "try_0003"]) == []
    assert [each.revision for each in unsafe_statements(history, pending=["try_0002", "try_0003"])] == [
        "try_0002",
        "try_0003",
    ]


def test_a_revision_that_looks_into_the_database_to_know_what_to_do_hides_it(write_history: WriteHistory) -> None:
    history = write_history(("if op.get_bind().scalar('SELECT 1'):\n    pass", "pass"))
    assert [each.rule.name for each in unsafe_statements(history)] == ["hides"]


def test_the_ledger_means_whatever_it_does() -> None:
    assert [each for each in unsafe_statements(LEDGER) if each.meant is None] == []
