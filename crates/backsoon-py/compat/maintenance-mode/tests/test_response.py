"""The answer: M-53 to M-62."""

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.template import TemplateDoesNotExist
from django.test.utils import setup_test_environment, teardown_test_environment
from django.utils.functional import SimpleLazyObject
from django.utils.http import parse_http_date
from django.views import View

NOT_CALLABLE = "os.path"


def context(request):
    return ["no", "dictionary"]


def wrong(request):
    return "xml"


def counted(request):
    counted.calls += 1
    return {"reason": counted.calls}


def test_m53_a_redirect_wins_over_the_type(given, client, on):
    given(REDIRECT_URL="/down/?a=b", RESPONSE_TYPE="json")
    answer = client.get("/")
    assert answer.status_code == 302 and answer["Location"] == "/down/?a=b"
    assert "Retry-After" not in answer and "Cache-Control" not in answer


def test_m54_context_processors_run(given, client, on):
    given(TEMPLATE="banner.html")
    answer = client.get("/")
    assert answer.status_code == 503 and answer.content == b"True\n" and answer.charset == "utf-8"


def broken(request):
    raise RuntimeError("this context processor is broken")


def test_w47_a_page_without_tags_needs_no_context(given, client, on):
    (engine,) = settings.TEMPLATES
    processors = ["test_response.broken"]
    given(TEMPLATES=[{**engine, "OPTIONS": {"context_processors": processors}}])
    assert client.get("/").content == b"django-maintenance-mode\n"
    given(TEMPLATE="own.html")
    with pytest.raises(RuntimeError):
        client.get("/")


def away(request):
    raise OperationalError("the server has gone away")


def test_m54_a_database_that_is_down_leaves_the_context_processors_out(given, client, on):
    (engine,) = settings.TEMPLATES
    given(TEMPLATE="own.html", TEMPLATES=[{**engine, "OPTIONS": {"context_processors": ["test_response.away"]}}])
    answer = client.get("/")
    assert answer.status_code == 503 and b"own" in answer.content


def far(request):
    """What is away is asked for by the template alone, as with `user`."""
    return {"far": SimpleLazyObject(lambda: away(request)), "beside": "lost as well"}


def near(request):
    return {"near": "near"}


def test_m54_a_database_that_is_down_leaves_out_what_needs_it_and_nothing_else(given, client, on, caplog, tmp_path, monkeypatch):
    monkeypatch.setattr("backsoon.dropin.page.trouble._last", "")
    (engine,) = settings.TEMPLATES
    (tmp_path / "page.html").write_text("{{ near }},{{ far }},{{ beside }},{{ request.path }},{{ own }}")
    processors = ["test_response.away", "test_response.far", "test_response.near", "django.template.context_processors.request"]
    given(TEMPLATE="page.html", TEMPLATES=[{**engine, "DIRS": [tmp_path], "OPTIONS": {"context_processors": processors}}])
    given(GET_CONTEXT="test_response.own")
    for _ in range(4):
        assert client.get("/pages/").content == b"near,,,/pages/,own"
    assert [record.levelname for record in caplog.records if "needs a database" in record.message] == ["ERROR"]


def own(request):
    return {"own": "own"}


def test_m54_tests_of_a_site_see_which_page_was_rendered(client, on):
    setup_test_environment()
    try:
        assert [template.name for template in client.get("/").templates] == ["503.html"]
    finally:
        teardown_test_environment()


def test_m55_json(given, client, on):
    given(RESPONSE_TYPE="json")
    assert client.get("/").content == b"{}"
    given(GET_CONTEXT="test_response.context")
    with pytest.raises(TypeError):
        client.get("/")


@pytest.mark.parametrize("kind, content_type", [("html", "text/html; charset=utf-8"), ("json", "application/json")])
def test_m56_headers(kind, content_type, given, client, on):
    given(RESPONSE_TYPE=kind)
    headers = client.get("/").headers
    assert headers["Content-Type"] == content_type and headers["Retry-After"] == "3600"
    assert headers["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"
    assert parse_http_date(headers["Expires"]) > 0


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"])
@pytest.mark.parametrize("path", ["/", "/nowhere/"])
def test_m57_all_methods_and_paths(method, path, client, on):
    assert client.generic(method, path).status_code == 503


def test_m57_head_has_no_body(client, on, given):
    from django.conf import settings

    given(MIDDLEWARE=["django.middleware.common.CommonMiddleware", *settings.MIDDLEWARE])
    answer = client.head("/")
    assert answer.status_code == 503 and answer.content == b"" and answer["Content-Length"] == "24"


def test_m58_the_built_in_page_and_one_of_the_site(given, client, on, tmp_path):
    assert client.get("/").content == b"django-maintenance-mode\n"
    from django.conf import settings

    (tmp_path / "503.html").write_text("ours")
    given(TEMPLATES=[{**settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}])
    assert client.get("/").content == b"ours"


def test_m59_a_missing_template_is_an_error(given, client, on):
    given(TEMPLATE="nowhere.html")
    with pytest.raises(TemplateDoesNotExist):
        client.get("/")


@pytest.mark.parametrize("named, says", [
    ("nowhere.type", "^settings.MAINTENANCE_MODE_RESPONSE_TYPE is not a valid function path.$"),
    ("xml", "is not a valid function path.$"),
    (NOT_CALLABLE, "^settings.MAINTENANCE_MODE_RESPONSE_TYPE is not a function.$"),
    ("test_response.wrong", "^settings.MAINTENANCE_MODE_RESPONSE_TYPE function return value must be 'html' or 'json'.$"),
])
def test_m60_what_is_no_type(named, says, given, client, on):
    given(RESPONSE_TYPE=named)
    with pytest.raises(ImproperlyConfigured, match=says):
        client.get("/")


@pytest.mark.parametrize("setting, more", [
    ("GET_CONTEXT", {}), ("GET_CLIENT_IP_ADDRESS", {"IGNORE_IP_ADDRESSES": ["192.0.2.1"]}), ("GET_AUTHENTICATED_USER", {"IGNORE_STAFF": True}),
])
def test_m61_functions_are_looked_up_when_they_are_needed(setting, more, given, client):
    from maintenance_mode.core import set_maintenance_mode

    for named, says in (("nowhere.f", "is not a valid function path.$"), (NOT_CALLABLE, "is not a function.$")):
        set_maintenance_mode(False)
        given(**{setting: named}, **more)
        assert client.get("/").status_code == 200
        set_maintenance_mode(True)
        with pytest.raises(ImproperlyConfigured, match=f"^settings.MAINTENANCE_MODE_{setting} {says}"):
            client.get("/")


def test_m62_the_context_is_asked_for_with_each_refusal(given, client, on):
    counted.calls = 0
    given(GET_CONTEXT="test_response.counted", RESPONSE_TYPE="json", IGNORE_URLS=["/pages/"])
    assert [client.get("/").json()["reason"] for _ in range(3)] == [1, 2, 3]
    client.get("/pages/")
    assert counted.calls == 3
