"""D-28 to D-32: the rows in Django's admin."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.contrib.sites.models import Site
from django.test import Client
from maintenancemode.admin import IgnoredURLInline, MaintenanceAdmin
from maintenancemode.models import Maintenance

LIST = "/admin/maintenancemode/maintenance/"


@pytest.fixture
def root(as_user):
    return as_user("root")


def form(**patterns):
    filled = {"ignoredurl_set-TOTAL_FORMS": "1", "ignoredurl_set-INITIAL_FORMS": "0", "ignoredurl_set-MIN_NUM_FORMS": "0", "ignoredurl_set-MAX_NUM_FORMS": "1000"}
    return {**filled, **{f"ignoredurl_set-0-{name}": value for name, value in patterns.items()}}


def test_d28_what_the_admin_shows(root):
    ours = admin.site._registry[Maintenance]
    assert type(ours) is MaintenanceAdmin and ours.list_display == ["__str__", "is_being_performed"]
    assert ours.readonly_fields == ("site",) and ours.inlines == [IgnoredURLInline] and IgnoredURLInline.extra == 3
    assert issubclass(IgnoredURLInline, admin.TabularInline)
    shown = root.get(LIST).content.decode()
    assert "example.com" in shown and "In Maintenance Mode" in shown.replace("In maintenance mode", "In Maintenance Mode")


def test_d29_rows_are_neither_added_nor_deleted(root):
    row = Maintenance.objects.get()
    assert root.get(f"{LIST}add/").status_code == 403
    assert root.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert MaintenanceAdmin.actions is None and b'name="action"' not in root.get(LIST).content


def test_d30_the_list_makes_rows_that_are_missing(root):
    Site.objects.create(domain="two.example.com")
    assert Maintenance.objects.count() == 1
    assert b"two.example.com" in root.get(LIST).content and Maintenance.objects.count() == 2


def test_d31_the_page_to_sign_in_stays_open(closed, client):
    assert client.get("/admin/login/").status_code == 200


def test_d32_the_permission_to_switch(client):
    User.objects.all().delete()
    clerk = User.objects.create_user("clerk", is_staff=True)
    row, browser = Maintenance.objects.get(), Client()
    browser.force_login(clerk)
    assert browser.post(f"{LIST}{row.pk}/change/", {**form(), "is_being_performed": "on"}).status_code == 403
    clerk.user_permissions.add(Permission.objects.get(codename="change_maintenance", content_type__app_label="maintenancemode"))
    assert browser.post(f"{LIST}{row.pk}/change/", {**form(), "is_being_performed": "on"}).status_code == 302
    assert client.get("/").status_code == 503
    assert browser.post(f"{LIST}{row.pk}/change/", form()).status_code == 302
    assert client.get("/").status_code == 200


def test_w64_the_admin_refuses_a_pattern_that_does_not_compile(root, client, closed):
    answer = root.post(f"{LIST}{closed.pk}/change/", {**form(pattern="(", description="x"), "is_being_performed": "on"})
    assert answer.status_code == 200 and b"does not compile" in answer.content
    answer = root.post(f"{LIST}{closed.pk}/change/", {**form(pattern="^docs", description="x"), "is_being_performed": "on"})
    assert answer.status_code == 302 and client.get("/docs").status_code == 200
