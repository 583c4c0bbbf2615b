from django.contrib import admin
from django.http import HttpResponse
from django.urls import path, re_path


def here(request, *args, **kwargs):
    return HttpResponse("Rendered response page")


async def ahere(request):
    return HttpResponse("Rendered response page")


urlpatterns = [
    path("", here),
    path("admin/", admin.site.urls),
    path("async/", ahere),
    re_path("^(?:pages|ignored|ignored-page|docs|contact)", here),
]
