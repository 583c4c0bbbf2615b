from django.apps import AppConfig

from backsoon.dropin.original import beside


class MaintenanceModeConfig(AppConfig):
    name = "maintenance_mode"

    def ready(self) -> None:
        from . import original

        try:
            from . import checks  # noqa: F401  (to be imported is to be registered)
        except ImportError:
            # Its files lie over ours, as its check says.
            if not beside(original.ORIGINALS):
                raise
