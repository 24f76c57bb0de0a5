"""Django's settings, made from ours (``DISTILLER_HOME`` names the home folder)."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from distiller.core.files import write_text
from distiller.core.settings import Settings, load_settings

_HERE = Path(__file__).parent
_SETTINGS = load_settings()


def _secret(settings: Settings) -> str:
    """Return the secret key; the first start of a home makes one and keeps it."""
    if settings.secret_key:
        return settings.secret_key
    if settings.secret_path.exists():
        return settings.secret_path.read_text(encoding="utf-8")
    made = secrets.token_urlsafe(50)
    if settings.home.is_dir():
        write_text(settings.secret_path, made, mode=0o600)
    return made


def _host(base_url: str) -> str:
    """Return the host of an address as Django compares it: IPv6 in brackets.

    >>> _host("http://[2001:db8::1]:8000"), _host("https://archive.example.org/x")
    ('[2001:db8::1]', 'archive.example.org')
    """
    name = urlsplit(base_url).hostname or "127.0.0.1"
    return f"[{name}]" if ":" in name else name


SECRET_KEY = _secret(_SETTINGS)
DEBUG = _SETTINGS.debug
ALLOWED_HOSTS = [*_SETTINGS.allowed_hosts, _host(_SETTINGS.base_url)]

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "distiller.web.accounts",
    "distiller.web.jobs",
    "distiller.web.pages",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "distiller.web.basic.BasicMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "distiller.web.middleware.PageMiddleware",
]
ROOT_URLCONF = "distiller.web.urls"
ASGI_APPLICATION = "distiller.web.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [
            _HERE / "templates",
            *sorted((_HERE / "pages").glob("*/templates")),
        ],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["distiller.web.pages.templatetags.distil"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "distiller.web.pages.context.every_page",
            ],
        },
    },
]


def _uploads(settings: Settings) -> Path | None:
    """Return the folder for files of requests, which is there if the home is."""
    if not settings.home.is_dir():
        return None
    settings.uploads_path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return settings.uploads_path


FILE_UPLOAD_TEMP_DIR = _uploads(_SETTINGS)
# Files of requests lie on the disk, where those that read them want them.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": _SETTINGS.accounts_path,
        # A file as in service: one in memory locks whole tables between threads.
        "TEST": {"NAME": Path(tempfile.gettempdir()) / f"test-{os.getpid()}.sqlite3"},
        "OPTIONS": {
            # Readers never wait for a writer, and a writer takes its lock at once.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# Without this, Django tells nobody of an error unless DEBUG is on.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        "django": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
        "distiller": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        # A client that left is no news.
        "asyncio": {"level": "ERROR"},
    },
}
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
STATIC_URL = "/static/"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "distiller.web.pages.errors.forged"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
if _SETTINGS.base_url.startswith("https://"):
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    CSRF_TRUSTED_ORIGINS = [_SETTINGS.base_url]
