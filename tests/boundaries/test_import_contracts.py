"""The contracts of importlinter.ini hold, and each of them falls when somebody breaks it."""

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hedgerow_host.checks.boundaries import HTTP_AND_SQL, LAYERS

ROOT = Path(__file__).parents[2]
SOURCES = [ROOT / "core/src", ROOT / "host/src", *sorted(ROOT.glob("contexts/*/src"))]
PREFIX = "importlinter:contract:"

VIOLATIONS = {
    "house": ("hedgerow_core/application/greedy.py", "import hedgerow_billing.plugin\n"),
    "independence": ("hedgerow_host/nosy.py", "from hedgerow_users.domain import account\n"),
    "context-layers": ("hedgerow_billing/domain/upwards.py", "import hedgerow_billing.infrastructure.tables\n"),
    "core-layers": ("hedgerow_core/persistence/upwards.py", "import hedgerow_core.http\n"),
    "pure-domain": ("hedgerow_users/domain/modern.py", "import pydantic\n"),
    "application": ("hedgerow_users/application/direct.py", "from sqlalchemy import text\n"),
    "kit": ("hedgerow_users/interfaces/lazy.py", "from hedgerow_core.testing import FakeClock\n"),
    "door": ("hedgerow_billing/infrastructure/backdoor.py", "import hedgerow_core.plugin\n"),
}
"""For each contract: a module that breaks it."""

MORE_VIOLATIONS = [
    ("independence", "hedgerow_billing/application/curious.py", "import hedgerow_users.contracts\n"),
    ("context-layers", "hedgerow_users/interfaces/sideways.py", "import hedgerow_users.infrastructure.tables\n"),
    ("context-layers", "hedgerow_users/drawer.py", "x = 1\n"),
    ("pure-domain", "hedgerow_billing/domain/indirect.py", "import hedgerow_core.persistence\n"),
    ("application", "hedgerow_users/application/wired.py", "from google.protobuf.message import Message\n"),
]
"""Further ways in."""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for source in SOURCES:
        shutil.copytree(source, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "importlinter.ini", tmp_path)
    return tmp_path


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--config", "importlinter.ini", "--no-cache"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def contracts() -> dict[str, str]:
    """The name of each contract by its id."""
    ini = configparser.ConfigParser()
    ini.read(ROOT / "importlinter.ini")
    return {
        section.removeprefix(PREFIX): ini[section]["name"]
        for section in ini.sections()
        if section.startswith(PREFIX)
    }


def test_every_contract_has_a_violation_that_breaks_it() -> None:
    assert contracts().keys() == VIOLATIONS.keys()


def test_the_house_keeps_all_its_contracts(copy: Path) -> None:
    result = lint(copy)

    assert result.returncode == 0, result.stdout
    for name in contracts().values():
        assert f"{name} KEPT" in result.stdout


def listed(contract: str, option: str) -> list[str]:
    """The entries of an option, without the marks of what may be missing."""
    ini = configparser.ConfigParser()
    ini.read(ROOT / "importlinter.ini")
    return ini[f"{PREFIX}{contract}"][option].replace("(", "").replace(")", "").split("\n")[1:]


def test_hedgerow_check_holds_the_contexts_of_others_to_the_same_rules() -> None:
    assert listed("context-layers", "layers") == ["plugin", *LAYERS]
    assert set(listed("application", "forbidden_modules")) - {"stripe"} == set(HTTP_AND_SQL)


@pytest.mark.parametrize(
    ("contract", "module", "code"),
    [(contract, module, code) for contract, (module, code) in VIOLATIONS.items()] + MORE_VIOLATIONS,
)
def test_a_violation_breaks_its_contract(copy: Path, contract: str, module: str, code: str) -> None:
    (copy / module).write_text(code)

    result = lint(copy)

    assert result.returncode == 1
    assert f"{contracts()[contract]} BROKEN" in result.stdout
