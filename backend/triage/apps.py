from django.apps import AppConfig


class TriageConfig(AppConfig):
    name = "backend.triage"
    label = "triage"
