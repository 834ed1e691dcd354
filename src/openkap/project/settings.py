"""Django's settings. What differs between deployments comes from `environment.py` and from nowhere else."""

from __future__ import annotations

import os
import secrets
from datetime import timedelta
from typing import Any

from openkap.project import sqlite
from openkap.project.environment import Environment

sqlite.swap()

ENVIRONMENT = Environment.read(os.environ)
PRODUCTION = ENVIRONMENT.production
TLS = ENVIRONMENT.tls != "off"

DEBUG = ENVIRONMENT.debug
SECRET_KEY = ENVIRONMENT.secret or secrets.token_urlsafe(64)  # without a data folder, sessions end with the process
ALLOWED_HOSTS = list(ENVIRONMENT.hosts)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "openkap.people.apps.PeopleConfig",
    "openkap.chart.apps.ChartConfig",
    "openkap.assess.apps.AssessConfig",
    "openkap.screen.apps.ScreenConfig",
    "openkap.plan.apps.PlanConfig",
    "openkap.schedule.apps.ScheduleConfig",
    "openkap.dose.apps.DoseConfig",
    "openkap.web.apps.WebConfig",
    "django.contrib.staticfiles",
    "django.contrib.humanize",  # allauth writes ages with it
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
]

MIDDLEWARE = [
    "openkap.project.middleware.log_request",
    "django.middleware.security.SecurityMiddleware",
    "openkap.project.middleware.add_headers",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "openkap.project.middleware.refuse_other_sites",
    "openkap.people.middleware.KeptSession",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "openkap.people.middleware.SessionLimits",
    "openkap.people.middleware.Gate",  # last: what it lets through reaches the view
]

ROOT_URLCONF = "openkap.project.urls"
WSGI_APPLICATION = "openkap.project.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["openkap.web.templatetags.moments"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "openkap.project.context.deployment",
            ],
        },
    }
]


def _database() -> dict[str, Any]:
    database = ENVIRONMENT.database
    if database.engine == "sqlite":
        return {"ENGINE": "openkap.project.sqlite", "NAME": database.name, "OPTIONS": sqlite.OPTIONS}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": database.name,
        "USER": database.user,
        "PASSWORD": database.password,
        "HOST": database.host,
        "PORT": database.port,
        "OPTIONS": {"pool": {"min_size": 1, "max_size": 8}},
    }


DATABASES = {"default": _database()}
if ENVIRONMENT.database.engine == "sqlite":
    DATABASES["default"]["CONN_MAX_AGE"] = None
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Counters of tries to sign in: shared by all processes, so that more processes do not mean more tries.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "shared_cache"}}

# ---------------------------------------------------------------- language and time

LANGUAGE_CODE = "en"
# Only what was translated as a whole and reviewed: half a warning, or a decimal comma, would be read wrongly.
LANGUAGES = [("en", "English")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = ENVIRONMENT.zone

# ---------------------------------------------------------------- static files

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # a site starts from an installed package without a build step
WHITENOISE_AUTOREFRESH = False

# ---------------------------------------------------------------- who is who

AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]  # 100 MiB, t=2, p=8
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
PASSWORD_RESET_TIMEOUT = int(timedelta(days=1).total_seconds())  # an invitation is a reset of no password
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"

ACCOUNT_ADAPTER = "openkap.people.sign_in.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # an administrator makes accounts; nobody signs up
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_USER_DISPLAY = "openkap.people.sign_in.display_name"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = int(timedelta(minutes=5).total_seconds())
MFA_ADAPTER = "openkap.people.sign_in.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PRODUCTION
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "OpenKAP"

STAFF_MFA = ENVIRONMENT.staff_mfa

# ---------------------------------------------------------------- sessions, cookies, transport

SESSION_COOKIE_NAME = "__Host-session" if TLS else "session"
SESSION_COOKIE_SECURE = TLS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_IDLE = timedelta(minutes=15)
SESSION_IDLE_SHARED = timedelta(minutes=5)
SHARED_DEVICE_COOKIE_NAME = "__Host-shared" if TLS else "shared"
SEALED_COOKIE_NAME = "__Host-sealed" if TLS else "sealed"
SESSION_LONGEST_STAFF = timedelta(hours=12)
SESSION_LONGEST_PATIENT = timedelta(hours=24)
CSRF_COOKIE_NAME = "__Host-csrf" if TLS else "csrf"
CSRF_COOKIE_SECURE = TLS
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "openkap.project.views.stale_page"
SECURE_SSL_REDIRECT = TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENVIRONMENT.tls == "proxy" else None
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if TLS else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
# Nothing goes to another origin. Under no-referrer browsers send "Origin: null" with our own forms, and CSRF fails.
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 2**20
FILE_UPLOAD_MAX_MEMORY_SIZE = 12 * 2**20

EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

AUDIT_SPOOL = ENVIRONMENT.data / "reads-that-wait"  # of the audit trail, while the database takes no write

# ---------------------------------------------------------------- logs

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"lines": {"()": "openkap.project.logs.OneLine"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    # Django brings handlers of its own, which would write what our formatter leaves out.
    "loggers": {
        "openkap": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "django": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "django.request": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
        "django.server": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
    },
}
