"""What to do about a broken context works: the commands of the page are typed, and show what is told."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.docs.markdown import DOCS, blocks
from tests.faults.laboratory.broken_contexts import ROSE, SOUND
from tests.garden import install_context
from tests.processes import clean_environment
from tests.shell import typed, with_hedgerow

PAGE = (DOCS / "how-to/survive-a-broken-context.md").read_text()
SCRIPTS = {block.title or "": block.text for block in blocks(PAGE) if block.language == "sh"}
BROKEN = 1


def try_out(title: str, farm: Path) -> subprocess.CompletedProcess[str]:
    """What the commands of a section print, on a host with `rose` and `weed`."""
    settings = {"HEDGEROW_CONTEXTS": "rose,weed", "PYTHONPATH": str(farm)}
    return typed(SCRIPTS[title], folder=farm, environment=with_hedgerow(clean_environment() | settings))


def test_the_commands_of_the_page_say_what_it_promises(tmp_path: Path) -> None:
    install_context(tmp_path, "rose", ROSE)
    source = install_context(tmp_path, "weed", "raise RuntimeError('no soil')")
    assert list(SCRIPTS) == ["look", "go on without it", "is it well again"], "a command that nobody tries"

    looked = try_out("look", tmp_path)
    assert looked.returncode == BROKEN
    assert "weed 1.0  broken, and required" in looked.stdout
    assert "cannot be imported: RuntimeError: no soil" in looked.stdout
    assert f"at:  {source}:1" in looked.stdout
    assert "fix: mend or reinstall it" in looked.stdout

    left_out = try_out("go on without it", tmp_path)
    assert left_out.returncode == 0
    assert "quarantined" in left_out.stdout

    source.write_text(SOUND)
    mended = try_out("is it well again", tmp_path)
    assert (mended.returncode, mended.stdout) == (0, "weed 1.0  enabled\n")
