"""A site of the shape of django-maintenancemode: no django.contrib.sites."""

from orchard.settings import *  # noqa: F403
from orchard.settings import INSTALLED_APPS as ALL

INSTALLED_APPS = [name for name in ALL if name != "django.contrib.sites"]
del SITE_ID  # noqa: F821
