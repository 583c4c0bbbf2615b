"""No table: the state lies in the store. The model carries the permission and the page in the admin."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Switch(models.Model):
    class Meta:
        managed = False
        default_permissions = ()
        permissions = [("use_switch", _("Can close and reopen sites"))]
        verbose_name = _("switch")
        verbose_name_plural = _("Close and reopen sites")
