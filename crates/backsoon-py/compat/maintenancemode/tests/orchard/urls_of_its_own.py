from django.http import HttpResponse

from orchard.urls import urlpatterns  # noqa: F401


def handler503(request):
    return HttpResponse("our own page", status=200, headers={"X-Own": "yes"})
