from django.apps import AppConfig


class MaintenanceModeConfig(AppConfig):
    name = "maintenance_mode"

    def ready(self) -> None:
        from . import checks  # noqa: F401  (to be imported is to be registered)
