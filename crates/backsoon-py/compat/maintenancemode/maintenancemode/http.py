"""The answer of a site that is closed."""

from django.http import HttpResponse


class HttpResponseTemporaryUnavailable(HttpResponse):
    status_code = 503
