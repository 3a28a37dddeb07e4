"""Run a command of Django's: `python manage.py demo` shows the site with a small community."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "association.settings")
    execute_from_command_line(sys.argv)
