"""The shape of the package: M-94 to M-103."""

import importlib
import re
import subprocess
import sys

import pytest
from django.apps import apps
from django.conf import settings
from django.http import HttpResponse
from maintenance_mode.middleware import MaintenanceModeMiddleware


def test_m94_the_middleware(request_to, on):
    assert MaintenanceModeMiddleware().process_request(request_to("/")).status_code == 503
    assert MaintenanceModeMiddleware()(request_to("/")).status_code == 503
    assert MaintenanceModeMiddleware().process_request(request_to("/opened/")) is None
    assert MaintenanceModeMiddleware(lambda request: HttpResponse("here"))(request_to("/opened/")).content == b"here"
    assert MaintenanceModeMiddleware()(request_to("/opened/")) is None


@pytest.mark.parametrize("place", [0, 3])
def test_m95_first_or_last(place, given, client, as_user, on):
    others = [name for name in settings.MIDDLEWARE if not name.startswith("maintenance_mode")]
    others.insert(place, "maintenance_mode.middleware.MaintenanceModeMiddleware")
    given(MIDDLEWARE=others, IGNORE_URLS=["/pages/"], IGNORE_STAFF=True)
    assert client.get("/").status_code == 503 and client.get("/pages/").status_code == 200
    assert as_user("staff").get("/").status_code == (503 if place == 0 else 200)


def test_m96_importing_sets_the_defaults():
    code = (
        "import {}; from django.conf import settings; settings.configure(MAINTENANCE_MODE_STATE_FILE_PATH='x', "
        "MAINTENANCE_MODE_RETRY_AFTER=7); import maintenance_mode.core; print(settings.MAINTENANCE_MODE, "
        "settings.MAINTENANCE_MODE_TEMPLATE, settings.MAINTENANCE_MODE_RETRY_AFTER)"
    )
    import os

    bare = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run([sys.executable, "-c", code.format("os")], capture_output=True, text=True, env=bare)
    assert done.stdout == "None 503.html 7\n", done.stderr
    done = subprocess.run([sys.executable, "-c", "import maintenance_mode"], capture_output=True, text=True, env=bare)
    assert done.returncode == 0, done.stderr


def test_m97_import_function():
    from django.core.exceptions import ImproperlyConfigured
    from maintenance_mode.utils import import_function

    assert import_function("os.path.join", "X") is importlib.import_module("os").path.join
    for path, says in (("a.b", "^settings.X is not a valid function path.$"), ("os.path", "^settings.X is not a function.$"), ("", "valid")):
        with pytest.raises(ImproperlyConfigured, match=says):
            import_function(path, "X")


def test_m98_the_address_of_the_server(request_to, given, on):
    from maintenance_mode.http import need_maintenance_response
    from maintenance_mode.utils import get_client_ip_address

    request = request_to("/", REMOTE_ADDR="192.0.2.7", HTTP_X_FORWARDED_FOR="127.0.0.1")
    assert get_client_ip_address(request) == "192.0.2.7"
    given(IGNORE_IP_ADDRESSES=["127.0.0.1"])
    assert need_maintenance_response(request) is True
    del request.META["REMOTE_ADDR"]
    with pytest.raises(KeyError):
        need_maintenance_response(request)


def test_m99_metadata():
    import maintenance_mode

    for name in ("author", "copyright", "description", "license", "title", "version"):
        assert getattr(maintenance_mode, f"__{name}__")
    assert re.match(r"^[0-9]+(\.[0-9]+){1,2}$", maintenance_mode.__version__)


def test_m100_a_job_may_close_for_a_while(state):
    from django.core.management import call_command
    from maintenance_mode.core import get_maintenance_mode

    for _ in range(2):
        call_command("maintenance_mode", "on", end="2099-01-01T00:00Z")
        assert get_maintenance_mode() is True


def test_m101_another_process_sees_the_file(state, client):
    state.write_text("1")
    assert client.get("/").status_code == 503
    state.write_text("0")
    assert client.get("/").status_code == 200


def test_m102_no_models():
    assert list(apps.get_app_config("maintenance_mode").get_models()) == []


#: What the modules of 0.23 define, and what they take from each other.
MODULES = {
    "backends": "AbstractStateBackend CacheBackend DefaultStorageBackend LocalFileBackend StaticStorageBackend read_file settings write_file",
    "context_processors": "get_maintenance_mode maintenance_mode",
    "core": "AbstractStateBackend _get_maintenance_mode_by_schedule get_maintenance_mode get_maintenance_mode_backend get_now_datetime "
    "maintenance_mode_off maintenance_mode_on override_maintenance_mode parse_aware_datetime set_maintenance_mode settings",
    "decorators": "force_maintenance_mode_off force_maintenance_mode_on get_maintenance_response",
    "http": "_get_maintenance_authenticated_user _need_maintenance_from_url _need_maintenance_from_view _need_maintenance_ignore_admin_site "
    "_need_maintenance_ignore_ip_addresses _need_maintenance_ignore_tests _need_maintenance_ignore_urls _need_maintenance_ignore_users "
    "_need_maintenance_logout_user _need_maintenance_redirects get_client_ip_address get_maintenance_html_response "
    "get_maintenance_json_response get_maintenance_mode get_maintenance_response get_maintenance_response_context "
    "get_maintenance_response_type import_function need_maintenance_response settings",
    "io": "read_file set_file_permissions write_file",
    "logging": "RequireNotMaintenanceMode503 get_maintenance_mode",
    "management.commands.maintenance_mode": "Command core settings",
    "metadata": "__author__ __copyright__ __description__ __license__ __title__ __version__",
    "middleware": "MaintenanceModeMiddleware get_maintenance_response need_maintenance_response",
    "settings": "settings",
    "urls": "maintenance_mode_off maintenance_mode_on urlpatterns",
    "utils": "get_client_ip_address get_now_datetime import_function parse_aware_datetime settings",
    "views": "maintenance_mode_off maintenance_mode_on set_maintenance_mode",
}


@pytest.mark.parametrize("module", MODULES)
def test_m103_every_public_name_is_where_it_was(module):
    found = importlib.import_module(f"maintenance_mode.{module}")
    assert [name for name in MODULES[module].split() if not hasattr(found, name)] == []
