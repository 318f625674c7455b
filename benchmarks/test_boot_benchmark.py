"""`make bench-boot` can be red: dear contexts miss the limit of the boot, and a verb that fails gives no figure."""

from pathlib import Path

import pytest

from benchmarks import boot, many_contexts


def test_contexts_that_are_slow_to_import_miss_the_limit_of_the_boot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many_contexts, "_PLUGIN", "import time\ntime.sleep(1.5)\n" + many_contexts._PLUGIN)
    (result,) = boot.boot(tmp_path, 1, few=1, many=4)
    assert not result.kept, result


def test_a_dear_help_text_misses_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sqlalchemy, fastapi, alembic.context, dramatiq\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (result,) = boot.help_text(tmp_path, 3)
    assert not result.kept, result


def test_a_command_that_fails_gives_no_figure(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no-such-verb"):
        boot._timed([str(boot.COMMAND), "no-such-verb"], tmp_path, boot.clean_environment())
