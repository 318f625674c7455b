"""What to do about a broken context works: the commands of the page are typed, and show what is told."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.docs.markdown import DOCS, blocks
from tests.faults.laboratory.broken_contexts import ROSE, SOUND
from tests.garden import install_context
from tests.processes import COMMAND, clean_environment

PAGE = (DOCS / "how-to/survive-a-broken-context.md").read_text()
SCRIPTS = {block.title or "": block.text for block in blocks(PAGE) if block.language == "sh"}
BROKEN = 1


def typed(title: str, farm: Path) -> subprocess.CompletedProcess[str]:
    """What the commands of a section print, on a host with `rose` and `weed`."""
    path = f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}"
    settings = {"HEDGEROW_CONTEXTS": "rose,weed", "PYTHONPATH": str(farm), "PATH": path}
    return subprocess.run(
        ["sh", "-euc", SCRIPTS[title]],
        cwd=farm,
        env=clean_environment() | settings,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_commands_of_the_page_say_what_it_promises(tmp_path: Path) -> None:
    install_context(tmp_path, "rose", ROSE)
    source = install_context(tmp_path, "weed", "raise RuntimeError('no soil')")
    assert list(SCRIPTS) == ["look", "go on without it", "is it well again"], "a command that nobody tries"

    looked = typed("look", tmp_path)
    assert looked.returncode == BROKEN
    assert "weed 1.0  broken, and required" in looked.stdout
    assert "cannot be imported: RuntimeError: no soil" in looked.stdout
    assert f"at:  {source}:1" in looked.stdout
    assert "fix: mend or reinstall it" in looked.stdout

    left_out = typed("go on without it", tmp_path)
    assert left_out.returncode == 0
    assert "quarantined" in left_out.stdout

    source.write_text(SOUND)
    mended = typed("is it well again", tmp_path)
    assert (mended.returncode, mended.stdout) == (0, "weed 1.0  enabled\n")
