"""One task per row."""

import time
from functools import cache

from celery import shared_task
from django.utils import timezone

from benchmarks.naive.models import Log, Request
from benchmarks.naive.pipeline import Served, load

model: "cache[Served]" = cache(load)


@shared_task(name="naive.predict")
def predict(request_id: str) -> None:
    request = Request.objects.get(pk=request_id)
    started = time.perf_counter()
    found = model().answer(
        {
            "symptoms_data": request.symptoms_data,
            "urgency": request.urgency,
            "patient_age": request.patient_age,
            "patient_sex": request.patient_sex,
            "severity_score": request.severity_score,
            "vital_signs": request.vital_signs,
            "medical_history": request.medical_history,
            "pregnant": request.pregnant,
        }
    )
    latency_us = int((time.perf_counter() - started) * 1e6)
    request.status = "answered"
    request.prediction = found.level
    request.confidence = found.confidence
    request.probabilities = found.probabilities
    request.model_version = found.version
    request.answered_at = timezone.now()
    request.save()
    Log.objects.create(
        request=request,
        model_version=found.version,
        prediction=found.level,
        confidence=found.confidence,
        probabilities=found.probabilities,
        latency_us=latency_us,
    )
