"""A ModelSerializer, a create, a `delay()` on commit; and a read."""

from django.db import transaction
from rest_framework import mixins, serializers, viewsets

from benchmarks.naive.models import Request
from benchmarks.naive.tasks import predict


class RequestSerializer(serializers.ModelSerializer[Request]):
    class Meta:
        model = Request
        fields = "__all__"


class Requests(
    mixins.CreateModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Request]
):
    queryset = Request.objects.all()
    serializer_class = RequestSerializer

    @transaction.atomic
    def perform_create(self, serializer: serializers.BaseSerializer[Request]) -> None:
        request = serializer.save()
        transaction.on_commit(lambda: predict.delay(str(request.pk)))
