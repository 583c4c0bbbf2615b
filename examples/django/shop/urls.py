from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path

from backsoon.django import always_open


def home(request):
    return render(request, "home.html")


@always_open
def paid(request):
    """The bank tells us of a payment, closed or not."""
    return HttpResponse("thank you\n", content_type="text/plain")


urlpatterns = [path("", home), path("hooks/paid/", paid)]
