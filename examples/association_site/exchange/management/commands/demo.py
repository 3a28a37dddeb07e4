"""Show the site with a small community: `python manage.py demo`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange import community
from exchange.models import Person


class Command(BaseCommand):
    """Make the tables and the community where they are missing, and serve the site."""

    help = "Show the site with a small community, on this machine."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the address, and whether to serve."""
        parser.add_argument("address", nargs="?", default="127.0.0.1:8000")
        parser.add_argument("--no-serve", action="store_true", help="Only make the community.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it; but not where the site is one that is served, for all know the passwords."""
        if settings.SERVED:
            msg = "the people of the demo have a known password: unset SITE_SECRET"
            raise CommandError(msg)
        call_command("migrate", verbosity=0)
        if not Person.objects.exists():
            community.settle_in()
        self.stdout.write(f"Password of all: {community.PASSWORD}")
        for username, name, _, roles in community.PEOPLE:
            told = "".join(f" ({one})" for one in roles)
            self.stdout.write(f"  {username or '-':8} {name}{told}")
        if not options["no_serve"]:
            call_command("runserver", options["address"], use_reloader=False)
