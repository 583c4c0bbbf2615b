"""Django sites that follow the switch.

.. code-block:: python

    INSTALLED_APPS = [..., "backsoon.django"]
    MIDDLEWARE = ["backsoon.django.middleware.MaintenanceMiddleware", ...]
    BACKSOON = {"STORE": "redis://cache.internal/0"}
"""

from .context import maintenance
from .marks import always_closed, always_open

__all__ = ["always_closed", "always_open", "maintenance"]
