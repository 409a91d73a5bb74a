from rest_framework.routers import SimpleRouter

from benchmarks.naive.views import Requests

router = SimpleRouter()
router.register("requests", Requests)
urlpatterns = router.urls
