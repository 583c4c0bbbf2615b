"""The maintenance mode of a Django site, by the names of django-maintenancemode and django-maintenancemode-2, decided by
Backsoon's core."""

VERSION = (0, 1, 0)
DEV_N = None


def get_version() -> str:
    return ".".join(map(str, VERSION))


__version__ = get_version()
