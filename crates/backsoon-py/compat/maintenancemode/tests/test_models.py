"""D-01 to D-05: the models, their tables and their migrations."""

import io
import json

import pytest
from django.contrib.sites.models import Site
from django.core.management import call_command
from django.db import IntegrityError, connection, models
from maintenancemode.models import IgnoredURL, Maintenance, populate


def test_d01_a_row_for_each_site():
    site, closed = Maintenance._meta.get_field("site"), Maintenance._meta.get_field("is_being_performed")
    assert isinstance(site, models.OneToOneField) and site.related_model is Site and site.remote_field.on_delete is models.CASCADE
    assert closed.default is False and closed.verbose_name == "In Maintenance Mode"
    assert Maintenance._meta.verbose_name == Maintenance._meta.verbose_name_plural == "Maintenance Mode"
    assert str(Maintenance(site=Site(domain="two.example.com"))) == "two.example.com"
    assert Maintenance._meta.db_table == "maintenancemode_maintenance"


def test_d02_patterns_of_a_row():
    of, pattern, said = (IgnoredURL._meta.get_field(name) for name in ("maintenance", "pattern", "description"))
    assert isinstance(of, models.ForeignKey) and of.related_model is Maintenance and of.remote_field.on_delete is models.CASCADE
    assert (pattern.max_length, said.max_length, said.blank, said.help_text) == (255, 75, False, "What this URL pattern covers.")
    assert str(IgnoredURL(pattern="^x/$")) == "^x/$" and IgnoredURL._meta.db_table == "maintenancemode_ignoredurl"


def test_d03_the_patterns_as_a_list(closed, open_urls):
    open_urls("^a/", "^b/")
    assert closed.ignored_url_patterns() == ["^a/", "^b/"]


def test_d04_a_row_for_each_site_is_made():
    Maintenance.objects.all().delete()
    Site.objects.create(domain="two.example.com")
    populate()
    populate()
    assert sorted(map(str, Maintenance.objects.all())) == ["example.com", "two.example.com"]
    assert not Maintenance.objects.filter(is_being_performed=True)


def test_d05_three_migrations():
    from django.db.migrations.loader import MigrationLoader

    loader = MigrationLoader(connection)
    ours = sorted(name for app, name in loader.disk_migrations if app == "maintenancemode")
    assert ours == ["0001_initial", "0002_auto_20170920_1455", "0003_auto_20180227_0331"]
    assert ("sites", "0001_initial") in loader.disk_migrations["maintenancemode", "0001_initial"].dependencies


def test_d05_the_tables_are_those_of_the_original():
    with connection.cursor() as cursor:
        columns = {
            table: {(column.name, column.null_ok) for column in connection.introspection.get_table_description(cursor, table)}
            for table in ("maintenancemode_maintenance", "maintenancemode_ignoredurl")
        }
    assert columns == {
        "maintenancemode_maintenance": {("id", False), ("is_being_performed", False), ("site_id", False)},
        "maintenancemode_ignoredurl": {("id", False), ("pattern", False), ("description", False), ("maintenance_id", False)},
    }


def test_w83_nothing_is_left_to_migrate():
    out = io.StringIO()
    call_command("makemigrations", "maintenancemode", check=True, dry_run=True, stdout=out)
    assert "No changes" in out.getvalue()
    assert isinstance(Maintenance._meta.pk, models.AutoField) and not isinstance(Maintenance._meta.pk, models.BigAutoField)
    call_command("check", fail_level="WARNING", stdout=out, stderr=out)


def test_w84_the_rows_of_new_sites_are_made_by_migrate():
    Site.objects.create(domain="two.example.com")
    Maintenance.objects.all().delete()
    call_command("migrate", verbosity=0)
    assert Maintenance.objects.count() == 2


def rows():
    return list(Maintenance.objects.order_by("pk").values_list("pk", "site_id", "is_being_performed"))


def loaded(tmp_path, *told, **more):
    """Loads rows as `dumpdata` writes them."""
    dumped = [{"model": "maintenancemode.maintenance", "pk": pk, "fields": {"site": site, "is_being_performed": on}} for pk, site, on in told]
    patterns = [{"model": "maintenancemode.ignoredurl", "pk": 7, "fields": {"maintenance": pk, "pattern": "^docs", "description": "x"}} for pk in more.values()]
    (tmp_path / "dump.json").write_text(json.dumps(dumped + patterns))
    call_command("loaddata", str(tmp_path / "dump.json"), verbosity=0)


def test_w84_a_dump_of_the_original_loads_over_rows_that_nobody_has_touched(tmp_path, client):
    two = Site.objects.create(domain="two.example.com").pk
    Maintenance.objects.all().delete()
    populate()
    (first, _, _), (second, _, _) = rows()
    # Each key is the other site's here; and a key that no row has.
    loaded(tmp_path, (first, two, False), (second, 1, True), pattern=second)
    assert rows() == [(first, two, False), (second, 1, True)]
    assert client.get("/").status_code == 503 and client.get("/docs").status_code == 200
    loaded(tmp_path, (second + 9, two, True))
    assert rows() == [(second, 1, True), (second + 9, two, True)]


def test_w84_a_dump_without_keys_loads_as_well(tmp_path):
    before = rows()
    loaded(tmp_path, (None, 1, True))
    assert rows() == [(before[0][0], 1, True)]


def test_w84_what_somebody_has_touched_is_not_taken_over(tmp_path, closed):
    key = closed.pk
    with pytest.raises(IntegrityError):
        loaded(tmp_path, (key + 1, 1, False))
    with pytest.raises(IntegrityError):
        Maintenance.objects.create(site_id=1)
    closed.is_being_performed = False
    closed.save()
    closed.ignoredurl_set.create(pattern="^docs", description="x")
    with pytest.raises(IntegrityError):
        Maintenance.objects.create(site_id=1, pk=key + 1)
    assert rows() == [(key, 1, False)] and closed.ignored_url_patterns() == ["^docs"]


@pytest.mark.parametrize("key", [None, 9], ids=["no key", "a key"])
def test_w84_a_row_of_a_fixture_takes_over_that_of_migrate(key, client):
    made = Maintenance.objects.create(site=Site.objects.get(pk=1), is_being_performed=True, **({"pk": key} if key else {}))
    assert rows() == [(made.pk, 1, True)] and made.pk == (key or made.pk)
    assert client.get("/").status_code == 503
    made.is_being_performed = False
    made.save()
    again = Maintenance(site_id=1)
    again.save()
    assert rows() == [(made.pk, 1, False)] and again.pk == made.pk and client.get("/").status_code == 200


def test_w64_a_pattern_that_does_not_compile_is_refused_when_it_is_saved(closed):
    from django.core.exceptions import ValidationError

    for pattern in ("(", "[a"):
        with pytest.raises(ValidationError, match="does not compile"):
            IgnoredURL(maintenance=closed, pattern=pattern, description="x").full_clean()
    IgnoredURL(maintenance=closed, pattern=r"^a(?!b)", description="x").full_clean()


@pytest.mark.parametrize("pattern", ["^/ignored-page/$", "/x"])
def test_w72_a_pattern_that_never_matches_is_refused_when_it_is_saved(pattern, closed):
    from django.core.exceptions import ValidationError

    with pytest.raises(ValidationError, match="leading slash"):
        IgnoredURL(maintenance=closed, pattern=pattern, description="x").full_clean()
