"""Settings as they are at this moment."""

from backsoon.dropin.live import reader

live = reader("maintenance_mode.settings")
