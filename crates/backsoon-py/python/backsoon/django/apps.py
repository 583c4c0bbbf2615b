from django.apps import AppConfig


class BacksoonConfig(AppConfig):
    name = "backsoon.django"
    label = "backsoon"
    verbose_name = "Backsoon"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks  # noqa: F401  (to be imported is to be registered)
