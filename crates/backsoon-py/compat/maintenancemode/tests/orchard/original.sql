-- What the migrations of django-maintenancemode-2 2.0 leave in SQLite under Django 4.2, with a row and a pattern.
CREATE TABLE "maintenancemode_maintenance" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "is_being_performed" bool NOT NULL, "site_id" integer NOT NULL UNIQUE REFERENCES "django_site" ("id") DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE "maintenancemode_ignoredurl" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "pattern" varchar(255) NOT NULL, "description" varchar(75) NOT NULL, "maintenance_id" integer NOT NULL REFERENCES "maintenancemode_maintenance" ("id") DEFERRABLE INITIALLY DEFERRED);
CREATE INDEX "maintenancemode_ignoredurl_maintenance_id_20f9040d" ON "maintenancemode_ignoredurl" ("maintenance_id");
INSERT INTO django_migrations (app, name, applied) VALUES ('maintenancemode', '0001_initial', '2018-02-27');
INSERT INTO django_migrations (app, name, applied) VALUES ('maintenancemode', '0002_auto_20170920_1455', '2018-02-27');
INSERT INTO django_migrations (app, name, applied) VALUES ('maintenancemode', '0003_auto_20180227_0331', '2018-02-27');
INSERT INTO maintenancemode_maintenance (id, is_being_performed, site_id) VALUES (7, 1, 1);
INSERT INTO maintenancemode_ignoredurl (pattern, description, maintenance_id) VALUES ('^docs', 'the docs', 7);
