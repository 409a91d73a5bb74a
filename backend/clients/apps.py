from django.apps import AppConfig


class ClientsConfig(AppConfig):
    name = "backend.clients"
    label = "clients"

    def ready(self) -> None:
        from backend import (
            checks,  # noqa: F401  (registers the system checks)
            encryption,
        )

        # Every process stops here rather than at the first patient.
        encryption.check_keys()
