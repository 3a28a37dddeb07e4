"""The settings of the site, with passwords that are hashed quickly: tests make many people."""

from association.settings import *  # noqa: F403 - a settings file is all that it names

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
