from django.apps import AppConfig


class BacksoonConfig(AppConfig):
    name = "backsoon.django"
    label = "backsoon"
    verbose_name = "Backsoon"

    def ready(self) -> None:
        from . import checks  # noqa: F401  (to be imported is to be registered)
