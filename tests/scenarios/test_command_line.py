"""The `hedgerow` command as an operator meets it: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import socket
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from hedgerow_core.testing.servers import free_port
from tests.conftest import Production
from tests.garden import FAILING_LIFESPAN, GARDEN, install_garden
from tests.processes import SECRET, run, running
from tests.scenarios.test_errors import problem
from tests.story import create_invoice, expect, sign_up

FINE, CHECK_FAILED, MISCONFIGURED, UNREACHABLE = 0, 1, 2, 3


def test_the_version_is_that_of_the_host(tmp_path: Path) -> None:
    assert run("--version", folder=tmp_path, environment={}).stdout == f"hedgerow {version('hedgerow-host')}\n"


def test_contexts_are_listed_with_what_they_bring(tmp_path: Path) -> None:
    listed = run("contexts", "list", "--json", folder=tmp_path, environment={})

    rows = {row["name"]: row for row in json.loads(listed.stdout)}
    billing, users = rows["billing"], rows["users"]
    assert (billing["state"], billing["version"]) == ("enabled", version("hedgerow-billing"))
    assert {"users.user_registered", "users.user_deleted"} <= set(billing["subscribes"])
    assert "billing.charge_payment" in billing["tasks"]
    assert {"users.user_registered", "users.user_updated"} <= set(users["publishes"])
    assert users["answers"] == ["users.get_user"]
    assert {name: type(value).__name__ for name, value in users.items()} == {
        "name": "str",
        "version": "str",
        "state": "str",
        "distribution": "str",
        "module": "str",
        "routes": "int",
        "publishes": "list",
        "subscribes": "list",
        "answers": "list",
        "asks": "list",
        "tasks": "list",
        "notes": "list",
    }


def test_a_context_that_is_left_out_is_listed_as_disabled_and_its_absence_noted(tmp_path: Path) -> None:
    listed = run("contexts", "list", "--json", folder=tmp_path, environment={"HEDGEROW_CONTEXTS": "billing"})

    rows = {row["name"]: row for row in json.loads(listed.stdout)}
    assert rows["users"]["state"] == "disabled"
    assert rows["billing"]["notes"] == [
        "users is not hosted here: billing.copy_registered_user, billing.copy_updated_user, "
        "billing.note_deactivated_user, billing.note_reactivated_user, billing.forget_deleted_user hear it through "
        "this database only"
    ]


def test_every_route_is_listed_with_its_access_decision(tmp_path: Path) -> None:
    table = run("routes", folder=tmp_path, environment={}).stdout
    rows = json.loads(run("routes", "--json", folder=tmp_path, environment={}).stdout)

    access = {(row["method"], row["path"]): row["access"] for row in rows}
    assert access["POST", "/v1/users/login"] == "public"
    assert access["GET", "/v1/users/me"] == "authenticated"
    assert access["POST", "/v1/billing/invoices"] == "billing:invoice:create"
    for _method, path in access:
        assert path in table


def test_settings_are_shown_with_their_source_and_without_their_secrets(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HEDGEROW_PORT=8765\nBILLING_RECONCILE_DELAY_S=7\n")
    environment = {
        "HEDGEROW_DATABASE_URL": "postgresql://me:hush@db/shop",
        "HEDGEROW_BROKER_URL": "redis://:quiet@broker:6379/0",
    }

    shown = run("config", "show", "--json", folder=tmp_path, environment=environment).stdout

    rows = {row["setting"]: (row["value"], row["source"]) for row in json.loads(shown)}
    assert rows["HEDGEROW_DATABASE_URL"] == ("postgresql://me:***@db/shop", "environment")
    assert rows["HEDGEROW_BROKER_URL"] == ("redis://:***@broker:6379/0", "environment")
    assert rows["HEDGEROW_PORT"] == ("8765", ".env")
    assert rows["BILLING_RECONCILE_DELAY_S"] == ("7.0", ".env")
    assert rows["HEDGEROW_HOST"] == ("127.0.0.1", "default")
    assert "hush" not in shown
    assert "quiet" not in shown
    assert SECRET not in shown
    assert rows["USERS_SECRET"] == ("**********", "environment")


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"HEDGEROW_PORT": "abc"}, "HEDGEROW_PORT"),
        ({"HEDGEROW_PORT": "70000"}, "HEDGEROW_PORT"),
        ({"HEDGEROW_ENV": "staging"}, "HEDGEROW_ENV: is not acceptable"),
        (
            {"HEDGEROW_CONTEXTS": ","},
            "HEDGEROW_CONTEXTS: is not acceptable: expected names with commas between them",
        ),
        ({"HEDGEROW_DATABASE_URL": "mysql://localhost/shop"}, "HEDGEROW_DATABASE_URL"),
        ({"HEDGEROW_DATABASE_URL": "nonsense"}, "HEDGEROW_DATABASE_URL"),
        ({"HEDGEROW_BROKER_URL": "kafka://localhost"}, "HEDGEROW_BROKER_URL"),
        ({"HEDGEROW_CONTEXTS": "user"}, "HEDGEROW_CONTEXTS"),
        ({"HEDGEROW_CONTEXTS": ",,"}, "HEDGEROW_CONTEXTS"),
        ({"USERS_ACCESS_TOKEN_LIFETIME_S": "86400"}, "USERS_ACCESS_TOKEN_LIFETIME_S"),
    ],
)
def test_an_unusable_setting_is_named_with_its_fix(tmp_path: Path, environment: dict[str, str], named: str) -> None:
    refused = run("routes", folder=tmp_path, environment=environment)

    assert refused.returncode == MISCONFIGURED
    assert refused.stdout == ""
    assert named in refused.stderr
    assert "fix:" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_role_without_its_servers_says_which_setting_is_missing(tmp_path: Path) -> None:
    url = {"HEDGEROW_DATABASE_URL": "postgresql://me@127.0.0.1:1/shop"}

    no_database = run("api", "--port", "0", folder=tmp_path, environment={})
    no_broker = run("worker", folder=tmp_path, environment=url)

    assert (no_database.returncode, no_broker.returncode) == (MISCONFIGURED, MISCONFIGURED)
    assert "HEDGEROW_DATABASE_URL is not set" in no_database.stderr
    assert "HEDGEROW_BROKER_URL is not set" in no_broker.stderr


@pytest.mark.parametrize("role", ["dev", "api"])
def test_a_taken_port_is_said_in_one_line_before_anything_starts(tmp_path: Path, role: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run(
            role, "--port", str(port), folder=tmp_path, environment={"HEDGEROW_DATABASE_URL": "postgresql://x/y"}
        )

    assert refused.returncode == MISCONFIGURED
    assert f"cannot listen on 127.0.0.1:{port}" in refused.stderr
    assert "HEDGEROW_PORT" in refused.stderr
    assert not (tmp_path / ".hedgerow").exists()


@pytest.mark.parametrize(
    ("database", "why"), [("localhost:1", "Connect call failed"), ("no-such-host.invalid", "not known")]
)
def test_a_database_that_is_away_is_named_with_the_reason(tmp_path: Path, database: str, why: str) -> None:
    environment = {"HEDGEROW_ENV": "dev", "HEDGEROW_DATABASE_URL": f"postgresql://me:hunter2@{database}/shop"}

    refused = run("migrate", "--plan", folder=tmp_path, environment=environment)

    assert refused.returncode == UNREACHABLE
    assert why in refused.stderr
    assert "hunter2" not in refused.stderr


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    refused = run("dev", "--port", "0", folder=tmp_path, environment={"HEDGEROW_DATA_DIR": "file/data"})

    assert refused.returncode == UNREACHABLE
    assert "file/data cannot be written" in refused.stderr
    assert "HEDGEROW_DATA_DIR" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_context_that_fails_to_import_ends_dev_with_its_name(tmp_path: Path) -> None:
    install_garden(tmp_path, "import no_such_library\n")

    refused = run("dev", "--port", "0", folder=tmp_path, environment={"PYTHONPATH": str(tmp_path)})

    assert refused.returncode == MISCONFIGURED
    assert "garden: cannot be imported: ModuleNotFoundError: No module named 'no_such_library'" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "Ctrl-C stops everything" not in refused.stdout


@pytest.mark.parametrize("role", ["api", "worker"])
def test_a_role_that_is_asked_to_stop_ends_in_order_with_exit_code_0(
    shared_production: Production, role: str
) -> None:
    with shared_production.api() if role == "api" else shared_production.worker() as started:
        process = started[0] if isinstance(started, tuple) else started

        assert process.end() == FINE


@pytest.mark.parametrize("role", ["dev", "api"])
def test_a_context_whose_lifespan_fails_is_named_and_the_role_ends(
    tmp_path: Path, unmigrated: dict[str, str], role: str
) -> None:
    install_garden(tmp_path, GARDEN + FAILING_LIFESPAN)
    environment = {**unmigrated, "PYTHONPATH": str(tmp_path), "HEDGEROW_CONTEXTS": "garden"}
    assert run("migrate", folder=tmp_path, environment=environment).returncode == FINE

    ended = run(role, "--port", "0", folder=tmp_path, environment=environment)

    assert ended.returncode == CHECK_FAILED
    assert "lifespan_failed" in ended.stderr
    assert "garden" in ended.stderr
    assert "the application did not start" in ended.stderr


def test_users_run_alone_when_billing_is_left_out(shared_production: Production) -> None:
    with shared_production.with_settings(HEDGEROW_CONTEXTS="users").api() as (_api, client):
        shopper = sign_up(client)
        expect(shopper.get("/v1/users/me"), 200)
        problem(shopper.get("/v1/billing/invoices"), 404, "not_found")


def test_billing_starts_without_users_and_says_what_it_misses(
    shared_production: Production, client: httpx.Client
) -> None:
    shopper = sign_up(client)
    with shared_production.with_settings(HEDGEROW_CONTEXTS="billing").api() as (api, alone):
        problem(alone.get("/v1/users/me"), 404, "not_found")
        refused = alone.get("/v1/billing/invoices", headers={"Authorization": "Bearer " + "x" * 40})
        problem(refused, 401, "invalid_token")
        assert "billing.forget_deleted_user hear it through this database only" in api.output
    create_invoice(shopper)


def test_dev_hosts_what_is_there_and_notes_what_is_not(tmp_path: Path) -> None:
    environment = {"HEDGEROW_CONTEXTS": "billing"}
    with running("dev", "--port", str(free_port()), folder=tmp_path, environment=environment) as host:
        host.wait_for("Ctrl-C stops everything.")

        assert "note      users is not hosted here" in host.output


@pytest.mark.parametrize("verb", [("api", "--port", "0"), ("routes",), ("check",)])
def test_outside_dev_a_host_without_a_secret_names_the_setting_and_the_fix(
    tmp_path: Path, verb: tuple[str, ...]
) -> None:
    settings = {"HEDGEROW_DATABASE_URL": "postgresql://me@127.0.0.1:1/shop", "USERS_SECRET": ""}

    refused = run(*verb, folder=tmp_path, environment=settings)
    told = refused.stdout + refused.stderr

    assert refused.returncode == (CHECK_FAILED if verb == ("check",) else MISCONFIGURED)
    assert "USERS_SECRET: is not set, and only `dev` makes one for itself" in told
    assert "openssl rand -hex 32" in told
    assert "Traceback" not in told


def test_dev_makes_its_secret_once_and_shows_it_to_nobody_else(tmp_path: Path) -> None:
    file = tmp_path / ".hedgerow" / "users_secret"
    seen = []
    for _start in range(2):
        with running("dev", "--port", str(free_port()), folder=tmp_path, environment={}) as host:
            host.wait_for("Ctrl-C stops everything.")
            seen.append(file.read_text())
            assert seen[-1] not in host.output

    assert seen[0] == seen[1]
    assert file.stat().st_mode & 0o777 == 0o600
