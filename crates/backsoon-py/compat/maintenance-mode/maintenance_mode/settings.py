"""The settings and their defaults, which this module puts on ``django.conf.settings`` where a site says nothing."""

from django.conf import settings

from backsoon.dropin.live import beside_settings, put

DEFAULTS = {
    "MAINTENANCE_MODE": None,
    "MAINTENANCE_MODE_CACHE_BACKEND": None,
    "MAINTENANCE_MODE_GET_AUTHENTICATED_USER": None,
    "MAINTENANCE_MODE_GET_CLIENT_IP_ADDRESS": None,
    "MAINTENANCE_MODE_GET_CONTEXT": None,
    "MAINTENANCE_MODE_IGNORE_ADMIN_SITE": None,
    "MAINTENANCE_MODE_IGNORE_ANONYMOUS_USER": False,
    "MAINTENANCE_MODE_IGNORE_AUTHENTICATED_USER": False,
    "MAINTENANCE_MODE_IGNORE_IP_ADDRESSES": None,
    "MAINTENANCE_MODE_IGNORE_STAFF": False,
    "MAINTENANCE_MODE_IGNORE_SUPERUSER": False,
    "MAINTENANCE_MODE_IGNORE_TESTS": False,
    "MAINTENANCE_MODE_IGNORE_URLS": None,
    "MAINTENANCE_MODE_LOGOUT_AUTHENTICATED_USER": False,
    "MAINTENANCE_MODE_LOGOUT_STAFF_USER": None,
    "MAINTENANCE_MODE_LOGOUT_SUPERUSER": None,
    "MAINTENANCE_MODE_REDIRECT_URL": None,
    "MAINTENANCE_MODE_RESPONSE_TYPE": "html",
    "MAINTENANCE_MODE_RETRY_AFTER": 3600,
    "MAINTENANCE_MODE_STATE_BACKEND": "maintenance_mode.backends.LocalFileBackend",
    "MAINTENANCE_MODE_STATE_BACKEND_FALLBACK_VALUE": False,
    "MAINTENANCE_MODE_STATE_FILE_NAME": "maintenance_mode_state.txt",
    "MAINTENANCE_MODE_STATUS_CODE": 503,
    "MAINTENANCE_MODE_TEMPLATE": "503.html",
    # This one is not in the original: the URL of a Backsoon store, for sites that follow one switch.
    "MAINTENANCE_MODE_STORE": None,
}

put(DEFAULTS)
if not hasattr(settings, "MAINTENANCE_MODE_STATE_FILE_PATH"):
    settings.MAINTENANCE_MODE_STATE_FILE_PATH = beside_settings(settings.MAINTENANCE_MODE_STATE_FILE_NAME)
