from maintenancemode import row

# Without `django.contrib.sites` there are no models, and nothing to migrate. An app whose migrations are no package has none.
if not row.is_there():
    del __path__
