"""The settings of the site. What differs from one server to the next is in the environment.

`SITE_SECRET` and `SITE_HOSTS` (hosts, with blanks between them) make it a site that is served:
without them it is one to look at on one's own machine. `PGDATABASE` puts it on PostgreSQL, which
`PGHOST`, `PGUSER` and the others describe as to all its programs; else it is in a file.
"""

from __future__ import annotations

import os
from pathlib import Path

from django.core.management.utils import get_random_secret_key

FILES = Path(os.environ.get("SITE_FILES", Path(__file__).resolve().parent.parent / "files"))
FILES.mkdir(exist_ok=True)

SERVED = "SITE_SECRET" in os.environ
DEBUG = not SERVED
SECRET_KEY = os.environ["SITE_SECRET"] if SERVED else get_random_secret_key()
ALLOWED_HOSTS = os.environ.get("SITE_HOSTS", "").split() or ["localhost", "127.0.0.1"]
#: What stands on papers.
ASSOCIATION = os.environ.get("SITE_NAME", "Banca del Tempo di Quarto Oggiaro")
#: What members choose from, each with the area of welfare as which the impact report counts it.
ACTIVITIES = {
    "compagnia": "family help",
    "spesa": "family help",
    "italiano": "territorial hubs",
    "compiti": "territorial hubs",
    "riparazioni": "co-housing",
    "computer": "digital platforms",
    "accompagnamento": "mobility",
    "altro": None,
}

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "timebank.contrib.django",
    "exchange",
    "exchange.members",
    "exchange.desk",
    "exchange.treasury",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "timebank.contrib.django.middleware.ReadersLanguage",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "exchange.access.SignedIn",
    "exchange.answers.Answers",
]
ROOT_URLCONF = "association.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "exchange.access.for_templates",
            ],
        },
    }
]

# The ledger is in it, too: a row and its hours are one commit, in a transaction of the view.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": FILES / "association.sqlite3",
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
    }
}
if "PGDATABASE" in os.environ:
    DATABASES["default"] = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["PGDATABASE"],
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TIMEBANK = {"PERMISSIONS": "exchange.access.may"}
SILENCED_SYSTEM_CHECKS = [
    "timebank.I001",  # views that book use atomic()
]

LANGUAGE_CODE = "it"
LANGUAGES = [("it", "Italiano"), ("en", "English")]
FORMAT_MODULE_PATH = "exchange.formats"
TIME_ZONE = "Europe/Rome"

LOGIN_URL = LOGOUT_REDIRECT_URL = "login"
LOGIN_REDIRECT_URL = "home"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator")
]

STATIC_URL = "static/"
STATIC_ROOT = FILES / "static"
DATA_UPLOAD_MAX_MEMORY_SIZE = FILE_UPLOAD_MAX_MEMORY_SIZE = 5_000_000

CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_AGE = 8 * 60 * 60  # seconds: the day of a desk
if SERVED:
    CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    LOGGING = {  # what went wrong stands in the log of the web server
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"log": {"class": "logging.StreamHandler", "level": "ERROR"}},
        "root": {"handlers": ["log"]},
    }
