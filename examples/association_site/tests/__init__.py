"""The tests of the site: `python manage.py test`."""
