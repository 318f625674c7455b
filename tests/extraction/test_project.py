"""What `extract run --project` writes can be deployed, and gives no secret away."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from dotenv import dotenv_values

from hedgerow_host.discovery import load_contexts
from hedgerow_host.extraction.project import write_project
from hedgerow_host.settings import HostSettings, variables_of
from tests.deployment.dockerfile import stages_of
from tests.processes import SECRET

HOST_TO_HOST = ("HEDGEROW_REMOTES__", "HEDGEROW_HOST_SECRET")
"""Of hosts that know each other."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in {
        "USERS_SECRET": SECRET,
        "USERS_ISSUER": "https://id.example.com",
        "USERS_SMTP_URL": "smtp://me:hunter2@mail.example.com",
        "BILLING_GATEWAY": "stripe",
        "BILLING_STRIPE_API_KEY": "sk_live_51H8secret",
        "BILLING_STRIPE_WEBHOOK_SECRET": "whsec_51H8secret",
    }.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "project"


@pytest.mark.parametrize("context", ["users", "billing"])
def test_what_is_written_can_be_deployed_and_gives_no_secret_away(project: Path, context: str) -> None:
    written = write_project(context, HostSettings(contexts=("users", "billing")), project)

    assert [path.name for path in written] == ["Dockerfile", "compose.yaml", "requirements.txt", "env.example"]
    stages = stages_of((project / "Dockerfile").read_text())
    services = yaml.safe_load((project / "compose.yaml").read_text())["services"]
    assert {service["build"]["target"] for service in services.values() if "build" in service} <= set(stages)
    env = dotenv_values(project / "env.example")
    assert env["HEDGEROW_CONTEXTS"] == context
    known = {*variables_of(HostSettings)}
    for loaded in load_contexts([context] if context == "users" else None):
        if loaded.name == context and loaded.manifest.settings:
            known |= set(variables_of(loaded.manifest.settings))
    assert [name for name in env if name not in known and not name.startswith(HOST_TO_HOST)] == []
    everything = "".join(path.read_text() for path in written)
    assert [secret for secret in (SECRET, "hunter2", "51H8secret") if secret in everything] == []


def test_what_is_there_already_stays(project: Path) -> None:
    settings = HostSettings(contexts=("users", "billing"))
    write_project("billing", settings, project)
    (project / "env.example").write_text("mine\n")

    assert write_project("billing", settings, project) == []
    assert (project / "env.example").read_text() == "mine\n"
