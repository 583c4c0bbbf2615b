from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import include, path, re_path
from django.utils.decorators import method_decorator
from django.views import View

from maintenance_mode.decorators import force_maintenance_mode_off, force_maintenance_mode_on


def here(request, *args, **kwargs):
    return HttpResponse("here")


async def ahere(request):
    return HttpResponse("here")


class Here(View):
    def get(self, request):
        return here(request)


class AsyncHere(View):
    async def get(self, request):
        return here(request)


@method_decorator(force_maintenance_mode_off, name="dispatch")
class Opened(Here):
    pass


@method_decorator(force_maintenance_mode_on, name="dispatch")
class Closed(Here):
    pass


@method_decorator(force_maintenance_mode_on, name="dispatch")
class AsyncClosed(AsyncHere):
    pass


urlpatterns = [
    path("", here),
    path("admin/", admin.site.urls),
    path("maintenance-mode/", include("maintenance_mode.urls")),
    path("opened/", force_maintenance_mode_off(here)),
    path("closed/", force_maintenance_mode_on(here)),
    path("aopened/", force_maintenance_mode_off(ahere)),
    path("aclosed/", force_maintenance_mode_on(ahere)),
    path("opened-class/", Opened.as_view()),
    path("opened-view/", force_maintenance_mode_off(Here.as_view())),
    path("closed-class/", Closed.as_view()),
    path("aclosed-class/", AsyncClosed.as_view()),
    path("closed-to-strangers/", login_required(force_maintenance_mode_on(here))),
    path("both/", force_maintenance_mode_on(force_maintenance_mode_off(here))),
    path("banner/", lambda request: render(request, "banner.html")),
    path("broken/", lambda request: HttpResponse("broken", status=503)),
    re_path("^pages/", here, name="pages"),
]
