from pathlib import Path

BASE_DIR = Path(__file__).parent.parent
SECRET_KEY = "only for this example"
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
INSTALLED_APPS = ["backsoon.django"]
MIDDLEWARE = ["backsoon.django.middleware.MaintenanceMiddleware"]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "DIRS": [BASE_DIR / "shop" / "templates"],
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]

# One store for every server of the site. Several machines share one: redis://…, postgres://…
BACKSOON = {
    "STORE": f"file:{BASE_DIR}/state",
    "RULES": [{"name": "office", "then": "open", "when": {"network": "198.51.100.0/24"}}],
}
