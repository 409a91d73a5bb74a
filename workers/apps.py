from django.apps import AppConfig


class WorkersConfig(AppConfig):
    """An app only for its commands; the web process must be able to import this package."""

    name = "workers"
