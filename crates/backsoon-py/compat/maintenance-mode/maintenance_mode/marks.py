"""Whether any view is marked. A module of its own, so that it survives when the others are loaded again."""

OPENED, CLOSED = "force_maintenance_mode_off", "force_maintenance_mode_on"

#: The marks that were put on views so far; where there is none, nobody has to look for one.
used: "set[str]" = set()
