"""The page for Django, step by step from an empty folder, as a newcomer goes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from timebank.proof import verify_receipt

PAGE = (Path(__file__).parents[2] / "docs" / "howto-django.md").read_text("utf-8")
SOURCE = Path(__file__).parents[2] / "src"
LOOK = """
from django.test import Client
from django.contrib.auth.models import User
client = Client(headers={"host": "localhost"})
client.force_login(User.objects.get(username="anna"))
print(client.get("/admin/timebank/account/m1/").content.decode())
"""
PRINT = """
from django.test import Client
from django.contrib.auth.models import User
client = Client(headers={"host": "localhost"})
client.force_login(User.objects.get(username="anna"))
print(client.get("/admin/timebank/record/3/receipt/").content.decode())
"""
#: With permissions a member does what the view is for.
FAMILY = """
from django.test import Client
from django.contrib.auth.models import User
from care.models import Visit
client = Client(headers={"host": "localhost"})
client.force_login(User.objects.create_user("f1"))
visit = Visit.objects.create(carer="m1", family="f1", minutes=30)
answer = client.post(f"/visits/{visit.pk}/done/")
print(answer.status_code, answer.content.decode())
"""


class Newcomer:
    """Somebody who does what the page says, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        programs = str(Path(sys.executable).parent)
        self.environment = {
            **os.environ,
            "PATH": os.pathsep.join((programs, os.environ["PATH"])),
            "PYTHONPATH": str(SOURCE),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.environment.pop("DJANGO_SETTINGS_MODULE", None)

    def run(self, command: str) -> str:
        """Run a command as it is typed; what it prints."""
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert 0 == done.returncode, (command, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def follow(self, text: str) -> dict[str, str]:
        """Do what a part of the page shows; what each command printed."""
        printed = {}
        for language, block in re.findall(
            r"^```(sh|py)\n(.*?)^```", text, re.DOTALL | re.MULTILINE
        ):
            if language == "py":
                self.write(block)
                continue
            for command in block.splitlines():
                if not command.endswith("runserver"):
                    printed[command] = self.run(command)
        return printed

    def write(self, block: str) -> None:
        """Write a file, or the end of one, as its first line says."""
        name, _, where = block.partition("\n")[0].removeprefix("# ").partition(", ")
        path = self.folder / name
        if where:
            assert where == "at the end"
            block = f"{path.read_text('utf-8')}\n{block}"
        path.write_text(block, "utf-8")


def test_every_check_and_every_setting_is_documented() -> None:
    """By its id, and by its key; and no other is."""
    code = "".join(
        path.read_text("utf-8") for path in (SOURCE / "timebank/contrib/django").glob("*.py")
    )
    assert set(re.findall(r'"([EWI]\d{3})"', code)) == set(re.findall(r"`timebank\.(\w+\d)`", PAGE))
    keys = re.findall(r'^    "([A-Z]+)": ', code, re.MULTILINE)
    assert keys == re.findall(r"^\| `([A-Z]+)` \|", PAGE, re.MULTILINE)


def test_the_page_leads_from_an_empty_folder_to_a_statement(tmp_path: Path) -> None:
    """Each command as it is written, then a look at the admin; then the permissions."""
    newcomer = Newcomer(tmp_path)
    start, _, rest = PAGE.partition("\n## What you can rely on")
    printed = newcomer.follow(start)
    assert "No changes" not in printed["python manage.py makemigrations care"]
    assert "OK" in printed["python manage.py test"]
    assert "All well" in printed["python manage.py timebank_audit"]
    look = newcomer.folder / "look.py"
    look.write_text(LOOK, "utf-8")
    shown = newcomer.run("python manage.py shell -v0 < look.py")
    assert "Statement of m1 Maria R." in shown
    assert "1:30" in shown
    newcomer.follow(rest)
    told = newcomer.run("python manage.py makemigrations --check && python manage.py check")
    assert "No changes detected" in told
    assert "no issues" in told
    assert "OK" in newcomer.run("python manage.py test")
    look.write_text(PRINT, "utf-8")
    printed_receipt = newcomer.run("python manage.py shell -v0 < look.py")
    verified = verify_receipt(printed_receipt, newcomer.folder / "bank.key").exchange
    assert "1:30" == str(verified.hours)
    look.write_text(FAMILY, "utf-8")
    assert "200 m1 has earned 0:30" in newcomer.run("python manage.py shell -v0 < look.py")
