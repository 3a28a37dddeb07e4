"""Run the association's site in processes of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SITE = Path(__file__).parents[2] / "examples" / "association_site"
SOURCE = Path(__file__).parents[2] / "src"


def environment(files: Path, **more: str) -> dict[str, str]:
    """The environment of the site's processes; its files are in a folder."""
    left_out = {"SITE_SECRET", "SITE_HOSTS", "SITE_NAME", "PGDATABASE", "TIMEBANK_LANG"}
    return {
        **{name: value for name, value in os.environ.items() if name not in left_out},
        "SITE_FILES": str(files),
        "PYTHONPATH": os.pathsep.join((str(SOURCE), str(SITE))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "error",
        **more,
    }


def manage(files: Path, *words: str, code: int = 0, **more: str) -> str:
    """Run `manage.py`, which must end with an exit code; what it prints on both streams."""
    done = subprocess.run(
        [sys.executable, str(SITE / "manage.py"), *words],
        env=environment(files, **more),
        cwd=files,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert code == done.returncode, done.stdout + done.stderr
    return done.stdout + done.stderr
