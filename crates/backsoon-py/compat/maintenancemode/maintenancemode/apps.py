from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class MaintenanceModeConfig(AppConfig):
    name = "maintenancemode"
    # The keys of the tables are what they were made as, whatever a site prefers for its own.
    default_auto_field = "django.db.models.AutoField"

    def ready(self) -> None:
        from . import checks, conf  # noqa: F401  (to be imported is to be registered, and to set the defaults)

        post_migrate.connect(make_rows, dispatch_uid="maintenancemode")


def make_rows(sender: AppConfig, using: str, **_: Any) -> None:
    """A row for each site, as soon as all apps are migrated: the sites may come after this one."""
    from . import models, row

    told = [config for config in apps.get_app_configs() if config.models_module is not None]
    if row.is_there() and sender == told[-1] and row.has_tables(using):
        models.populate(using)
