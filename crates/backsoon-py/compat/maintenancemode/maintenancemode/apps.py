from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate, pre_migrate

from backsoon.dropin.original import beside


class MaintenanceModeConfig(AppConfig):
    name = "maintenancemode"
    # The keys of the tables are what they were made as, whatever a site prefers for its own.
    default_auto_field = "django.db.models.AutoField"

    def ready(self) -> None:
        from . import original

        try:
            from . import checks, conf  # noqa: F401  (to be imported is to be registered, and to set the defaults)
        except ImportError:
            # Its files lie over ours, as its check says.
            if not beside(original.ORIGINALS):
                raise
            return
        come_last()
        pre_migrate.connect(come_last, sender=self)


def come_last(**_: Any) -> None:
    """Django makes the first site when everything is migrated, and the row comes after its site."""
    post_migrate.disconnect(make_rows)
    post_migrate.connect(make_rows)


def make_rows(sender: AppConfig, using: str, **_: Any) -> None:
    """A row for each site, as soon as all apps are migrated."""
    from . import models, row

    told = [config for config in apps.get_app_configs() if config.models_module is not None]
    if row.is_there() and sender == told[-1] and row.has_tables(using):
        models.populate(using)
