"""The URLs of one tenant."""

from django.urls import path, re_path

from backsoon.django import always_open

from .urls import here

urlpatterns = [path("tenant/", always_open(here)), re_path("", here)]


class Middleware:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.urlconf = "shop.tenant"
        return self.get_response(request)
