"""All settings in one file; every variable is read through a typed reader of `env`."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from backend import env

BASE_DIR = Path(__file__).resolve().parent.parent
STATE_DIR = Path(env.text("STATE_DIR", str(BASE_DIR / "var")))
SECRETS_DIR = Path(env.text("SECRETS_DIR", str(STATE_DIR / "secrets")))

DEBUG = False
SECRET_KEY = env.secret(SECRETS_DIR, "django_secret_key")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS", "")
BEHIND_TLS = env.flag("BEHIND_TLS", False)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "backend.clients",
    "backend.triage",
    "backend.monitoring",
    "backend.console",
    "workers",
]
# What every answer carries, whatever it is an answer to.
HEADER_MIDDLEWARE = [
    "backend.middleware.SecureHeaders",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
]
MIDDLEWARE = [
    "backend.access.AccessMiddleware",
    *HEADER_MIDDLEWARE,
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "backend.urls"
WSGI_APPLICATION = "backend.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
# A redirect would turn a POST into a GET.
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "backend.console.context.console",
            ]
        },
    }
]

DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "backend.postgres",
        **env.database("DATABASE_URL"),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 2,
            # Only `planned_cursor` prepares statements. By itself PostgreSQL planned the read of a
            # poll each time, which takes four times as long as to run it: it takes the plan that
            # does not know how many ids are asked for to be dearer.
            "options": "-c timezone=UTC -c idle_in_transaction_session_timeout=10000"
            " -c plan_cache_mode=force_generic_plan",
            "keepalives_idle": 2,
            "keepalives_interval": 1,
            "keepalives_count": 2,
            "tcp_user_timeout": 2500,
        },
    }
}
# Bounds, so that a stopped or piled-up server means 503 within 3 s and no hung thread: the
# server's own, and the client's beside them, for a server that stands still. Schema changes may
# take longer than a patient should wait: `manage.py migrate` switches them off.
if env.flag("DATABASE_BOUNDED", True):
    DATABASES["default"]["OPTIONS"]["options"] += " -c statement_timeout=2000 -c lock_timeout=1000"
    DATABASES["default"]["OPTIONS"]["client_seconds"] = 2.5

# --- Times (seconds). `backend.checks` asserts that they fit into each other. ---------------
BATCH_SECONDS = 0.5
DRAIN_SECONDS = 1.0
TASK_HARD_LIMIT_SECONDS = 3
LEASE_SECONDS = 4
SWEEP_SECONDS = 2
DEADLINE_SECONDS = env.integer("TRIAGE_DEADLINE_SECONDS", 20, 19, 300)
PREDICT_WAIT_SECONDS = 2
MAX_ATTEMPTS = 3
BATCH_ROWS = 256
MAX_WAIT_SECONDS = 10
# A synthetic request goes the whole way this often, for `/statusz`; 0: never.
CANARY_SECONDS = env.integer("CANARY_SECONDS", 30, 0, 3_600)
# A machine of which no process has spoken for so long is gone: its processes are forgotten, and
# `/statusz` is green again if what is left is enough. Long enough for a restart of a machine.
VANISHED_SECONDS = env.integer("VANISHED_SECONDS", 300, 60, 86_400)
# Open requests from which less than urgent ones are answered at once by rules, and from which
# nothing more is accepted.
OPEN_SOFT_LIMIT = env.integer("OPEN_SOFT_LIMIT", 5_000, 1, 10_000_000)
OPEN_HARD_LIMIT = env.integer("OPEN_HARD_LIMIT", 20_000, 1, 10_000_000)
# Threads of one web process in which requests run, each with its database connection; and how many
# callers may wait for an answer in it, which costs no thread.
WEB_THREADS = env.integer("WEB_THREADS", 8, 1, 100)
MAX_WAITERS = env.integer("MAX_WAITERS", 5_000, 0, 100_000)
# Connections of one web process, those that wait among them (fewer where the machine allows fewer
# open files); and seconds in which a request must have come whole, a long body at 64 KiB/s.
MAX_CONNECTIONS = env.integer("MAX_CONNECTIONS", 6_000, 10, 200_000)
REQUEST_SECONDS = env.integer("REQUEST_SECONDS", 10, 1, 300)

# --- Broker ----------------------------------------------------------------------------------
REDIS_URL = env.text("REDIS_URL", "")

# --- Experiment: rules against model, one patient one arm ---------------------------------
EXPERIMENT_NAME = env.text("EXPERIMENT_NAME", "ml-vs-rules")
EXPERIMENT_PHASE = env.integer("EXPERIMENT_PHASE", 1, 1, 1_000)
EXPERIMENT_ML_SHARE = env.fraction("EXPERIMENT_ML_SHARE", 0.5)
EXPERIMENT_SALT = env.secret(SECRETS_DIR, "experiment_salt")

# --- Patient data ------------------------------------------------------------------------------
PSEUDONYM_KEY = env.secret(SECRETS_DIR, "pseudonym_key")
PAYLOAD_KEYS = env.secret(SECRETS_DIR, "payload_keys")
# Days after which answered requests are deleted, where a client says nothing else; 0: never.
RETENTION_DAYS = env.integer("RETENTION_DAYS", 0, 0, 36_500)
# JSON bodies; a batch of 1,000 typical requests fits into the larger one.
MAX_BODY_BYTES = 64 * 1024
MAX_BATCH_BODY_BYTES = 4 * 1024 * 1024
MAX_BATCH_ITEMS = 1_000
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BATCH_BODY_BYTES

# --- Accuracy check ------------------------------------------------------------------------------
ACCURACY_FLOOR = env.fraction("ACCURACY_FLOOR", 0.75)
ACCURACY_MINIMUM_LABELS = env.integer("ACCURACY_MINIMUM_LABELS", 20, 1, 100_000)
ACCURACY_CATCH_UP_DAYS = 7
# What is asked of the answers given in the model's arm, of true emergencies only.
EMERGENCY_RECALL_FLOOR = env.fraction("EMERGENCY_RECALL_FLOOR", 0.75)
# --- Review queue: shares of the answered requests that a clinician is asked to judge ---------
REVIEW_SHARES = {
    # Of all of them, whatever they are; judged blind.
    "random": env.fraction("REVIEW_RANDOM_SHARE", 0.02),
    # Of those where an error would be costly or is likely; see `backend.triage.review`.
    "risky": env.fraction("REVIEW_RISKY_SHARE", 0.25),
    "low_confidence": env.fraction("REVIEW_LOW_CONFIDENCE_SHARE", 0.1),
    "disagreement": env.fraction("REVIEW_DISAGREEMENT_SHARE", 0.1),
    "uncertain": env.fraction("REVIEW_UNCERTAIN_SHARE", 0.1),
}
# --- Retraining: when a new model is wanted, and what it may do by itself ---------------------
RETRAIN_AUTOMATICALLY = env.flag("RETRAIN_AUTOMATICALLY", True)
RETRAIN_AFTER_DAYS = env.integer("RETRAIN_AFTER_DAYS", 90, 1, 3_650)
RETRAIN_ENOUGH_LABELS = env.integer("RETRAIN_ENOUGH_LABELS", 1_000, 1, 10_000_000)
# With fewer new labels a new model would be the old one again.
RETRAIN_MINIMUM_LABELS = env.integer("RETRAIN_MINIMUM_LABELS", 200, 1, 10_000_000)
RETRAIN_PAUSE_DAYS = env.integer("RETRAIN_PAUSE_DAYS", 7, 0, 3_650)
# Labelled records to train on beside the clinicians' labels; empty: the synthetic cohort.
RETRAIN_DATA = env.text("RETRAIN_DATA", "")
AUTO_PROMOTE = env.flag("AUTO_PROMOTE", False)
AUTO_PROMOTE_SHADOW_DAYS = env.integer("AUTO_PROMOTE_SHADOW_DAYS", 14, 1, 365)
AUTO_PROMOTE_MINIMUM_LABELS = env.integer("AUTO_PROMOTE_MINIMUM_LABELS", 500, 30, 10_000_000)
# --- Alarms ------------------------------------------------------------------------------------
# Any URL of apprise; they hold tokens, so a file of SECRETS_DIR is their place.
ALERT_URLS = env.lines("ALERT_URLS", SECRETS_DIR, "alert_urls")
ALERT_URLS_CRITICAL = env.lines("ALERT_URLS_CRITICAL", SECRETS_DIR, "alert_urls_critical")
# An alarm that comes back within this time of its last notice is not announced again.
ALERT_COOLDOWN_MINUTES = env.integer("ALERT_COOLDOWN_MINUTES", 60, 0, 10_080)
# What to do about an alarm: this page, and the alarm's kind as its anchor.
RUNBOOK_URL = env.text("RUNBOOK_URL", "docs/runbooks.md")
ALERT_EMAILS = env.words("ALERT_EMAILS", "triage-alerts@localhost")
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", "triage@localhost")
EMAIL_HOST = env.text("EMAIL_HOST", "")
EMAIL_PORT = env.integer("EMAIL_PORT", 25, 1, 65_535)
EMAIL_HOST_USER = env.text("EMAIL_USER", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_PASSWORD", "")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", False)
EMAIL_TIMEOUT = 5
EMAIL_FILE_PATH = str(STATE_DIR / "mail")
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend"
    if EMAIL_HOST
    # Without a mail server an alarm is still written where an operator can read it.
    else "django.core.mail.backends.filebased.EmailBackend"
)

# --- Metrics ------------------------------------------------------------------------------------
# Whoever reads /metrics sends it as a bearer token; a worker or keeper shows its own numbers on
# METRICS_PORT (0: only through the web's /metrics, where they share a machine).
METRICS_TOKEN = env.secret(SECRETS_DIR, "metrics_token")
METRICS_PORT = env.integer("METRICS_PORT", 0, 0, 65_535)

# --- Limits: each holds for all processes together -------------------------------------------
# The client's own `requests_per_minute` comes first.
CLIENT_REQUESTS_PER_MINUTE = env.integer("CLIENT_REQUESTS_PER_MINUTE", 120_000, 1, 100_000_000)
# Quotas: requests that a client may submit a UTC day, and that may be open at once; 0: any number.
# The client's own come first.
CLIENT_REQUESTS_PER_DAY = env.integer("CLIENT_REQUESTS_PER_DAY", 0, 0, 1_000_000_000)
CLIENT_OPEN_REQUESTS = env.integer("CLIENT_OPEN_REQUESTS", 0, 0, 10_000_000)
WRONG_KEYS_PER_MINUTE = env.integer("WRONG_KEYS_PER_MINUTE", 30, 1, 1_000_000)
# How many proxies of our own stand before the web: so many entries of X-Forwarded-For, from its
# end, are believed. 0: none, the header is ignored.
TRUSTED_PROXIES = env.integer("TRUSTED_PROXIES", 0, 0, 10)
# Web processes that share a limit until they have heard of each other.
WEB_CONCURRENCY = env.integer("WEB_CONCURRENCY", 2, 1, 1_000)

# --- Webhooks: networks of one's own (CIDR) to which they may go, by plain http too; by default
# only public addresses by https.
WEBHOOK_ALLOWED_NETWORKS = env.networks("WEBHOOK_ALLOWED_NETWORKS")

# --- HTTP ---------------------------------------------------------------------------
REST_FRAMEWORK = {
    # Deny by default: a view says explicitly who may call it.
    "DEFAULT_AUTHENTICATION_CLASSES": ["backend.clients.authentication.KeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["backend.clients.permissions.DenyAll"],
    "DEFAULT_THROTTLE_CLASSES": ["backend.clients.throttling.ClientThrottle"],
    "DEFAULT_PARSER_CLASSES": ["backend.parsing.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    # OPTIONS describes nothing: the schema does.
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "backend.errors.problem_handler",
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Clinical triage",
    "DESCRIPTION": (
        "Asynchronous triage prediction: submit a patient's complaint, poll the answer. "
        "Decision support for clinicians; it decides nothing alone and is not a medical device."
    ),
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "POSTPROCESSING_HOOKS": [
        "backend.triage.openapi.add_components",
        "backend.documents.name_problems",
    ],
}
# The console: where it signs in, and Flower for its operators to follow (empty: no link).
LOGIN_URL = "console:login"
CSRF_FAILURE_VIEW = "backend.console.access.csrf_failed"
FLOWER_URL = env.text("FLOWER_URL", "")
STATIC_URL = "static/"
# Served out of the installed packages: no copy to collect, none to forget.
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
AUTHENTICATION_BACKENDS = ["backend.clients.lockout.LockingBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = int(timedelta(hours=8).total_seconds())
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = BEHIND_TLS
SECURE_SSL_REDIRECT = BEHIND_TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS else None
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^metrics$"]
SILENCED_SYSTEM_CHECKS: list[str] = []

LOGGING_CONFIG = "backend.logs.configure"
LOGGING = {"level": env.text("LOG_LEVEL", "INFO")}
