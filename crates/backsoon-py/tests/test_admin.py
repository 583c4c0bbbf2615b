"""The switch in the Django admin."""

import json

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings
from django.urls import clear_script_prefix

PAGE = "/backstage/backsoon/switch/"


@pytest.fixture
def people(store):
    """A database with three people: one may use the switch, one may not, one is not even staff."""
    clear_script_prefix()  # Django leaves a thread with that of its last request.
    with override_settings(BACKSOON={"STORE": store, "POLL": 0.05}):
        call_command("migrate", verbosity=0)
        may = Permission.objects.get(codename="use_switch")
        made = {}
        for name, staff, allowed in (("ann", True, True), ("bob", True, False), ("cat", False, True)):
            made[name] = User.objects.create_user(name, is_staff=staff)
            if allowed:
                made[name].user_permissions.add(may)
        yield made
        call_command("flush", "--no-input", verbosity=0)
        connection.close()


def client(user, **options):
    made = Client(**options)
    made.force_login(user)
    return made


def windows(backsoon):
    return json.loads(backsoon("status", "--json"))["sites"]


def test_a_site_is_closed_and_reopened(people, backsoon):
    ann = client(people["ann"])
    first = ann.get(PAGE)
    assert first.status_code == 200 and b"Close or reopen" in first.content
    closed = ann.post(PAGE, {"do": "close", "mode": "read-only", "site": "a.example", "message": "<b>Soon</b>"}, follow=True)
    # The request that closes it is not one that the closing waits for.
    assert b"receipt   confirmed" in closed.content
    assert b"reopen    manage.py maintenance off --site a.example" in closed.content
    assert b"revision 1" in closed.content and b"&lt;b&gt;Soon" in closed.content and b"<b>Soon" not in closed.content
    window = windows(backsoon)["a.example"]["windows"][0]
    assert window["mode"] == "read-only" and window["by"].startswith("ann@")
    ended = ann.post(PAGE, {"do": "end", "window": window["id"]}, follow=True)
    assert b"revision 2" in ended.content
    ann.post(PAGE, {"do": "close", "mode": "on", "for": "2h"})
    assert "until" in backsoon("status")
    # Closed for everybody, and yet whoever has closed it gets in, and a stranger to the sign-in.
    assert ann.get("/cart/").status_code == 503 and ann.get("/backstage/auth/user/").status_code == 503
    assert Client().get("/backstage/login/").status_code == 200
    ann.post(PAGE, {"do": "reopen"})
    assert windows(backsoon)["*"]["windows"] == []


def test_nothing_is_done_without_the_permission_or_by_looking(people, backsoon):
    wanted = {"do": "close", "mode": "on"}
    assert client(people["bob"]).post(PAGE, wanted).status_code == 403
    assert client(people["cat"]).post(PAGE, wanted).status_code == 302  # To the sign-in.
    assert Client().post(PAGE, wanted).status_code == 302
    assert client(people["ann"]).get(PAGE, wanted).status_code == 200
    assert client(people["ann"], enforce_csrf_checks=True).post(PAGE, wanted).status_code == 403
    assert "nothing was ever closed here" in backsoon("status")


def test_whoever_signs_in_while_it_is_closed_finds_the_switch(people, backsoon):
    people["ann"].set_password("not a secret")
    people["ann"].save()
    door = Client()
    assert door.get("/cart/").status_code == 200
    backsoon("on", "--wait")
    assert door.get("/backstage/").headers["Location"] == "/backstage/login/?next=/backstage/"
    signed_in = door.post("/backstage/login/?next=/backstage/", {"username": "ann", "password": "not a secret"}, follow=True)
    assert signed_in.redirect_chain == [("/backstage/", 302)] and signed_in.status_code == 200
    assert f'href="{PAGE}"'.encode() in signed_in.content
    assert door.get(PAGE).status_code == 200 and door.get("/cart/").status_code == 503


@pytest.mark.parametrize("rest", ["1/", "1/change/", "1/history/", "1/delete/", "add/"])
def test_there_is_one_page_and_no_row(people, rest):
    assert client(people["ann"]).get(PAGE + rest).status_code == 404


@pytest.mark.parametrize(
    "wanted, says",
    [
        ({"do": "close", "mode": "shut"}, b"not one of ours"),
        ({"do": "close", "mode": "on", "for": "soon"}, b"soon"),
        ({"do": "close", "mode": "on", "site": "--store=file:/tmp/other"}, b"error"),
        ({"do": "end", "window": "w-nothing"}, b"error"),
    ],
)
def test_bad_input_is_an_answer(people, wanted, says):
    answer = client(people["ann"]).post(PAGE, wanted, follow=True)
    assert answer.status_code == 200 and says in answer.content, answer.content
