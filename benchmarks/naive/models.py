"""One table for requests and their result, one for what the model said."""

import uuid

from django.db import models
from django.db.models.functions import Now


class Request(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient_id = models.CharField(max_length=200)
    symptoms_data = models.JSONField()
    urgency = models.CharField(max_length=10, null=True)
    patient_age = models.FloatField(null=True)
    patient_sex = models.CharField(max_length=10, null=True)
    severity_score = models.FloatField(null=True)
    vital_signs = models.JSONField(default=dict)
    medical_history = models.JSONField(default=list)
    pregnant = models.BooleanField(null=True)
    status = models.CharField(max_length=10, default="open", editable=False)
    prediction = models.CharField(max_length=10, null=True, editable=False)
    confidence = models.FloatField(null=True, editable=False)
    probabilities = models.JSONField(null=True, editable=False)
    model_version = models.CharField(max_length=100, null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    answered_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        app_label = "naive"


class Log(models.Model):
    request = models.ForeignKey(Request, on_delete=models.CASCADE)
    model_version = models.CharField(max_length=100)
    prediction = models.CharField(max_length=10)
    confidence = models.FloatField()
    probabilities = models.JSONField()
    latency_us = models.IntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "naive"
