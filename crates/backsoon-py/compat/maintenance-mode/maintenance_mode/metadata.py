"""What this distribution says of itself, under the names that the original has for it."""

__author__ = "The Backsoon authors"
__copyright__ = "The Backsoon authors"
__description__ = "A drop-in for django-maintenance-mode that stands on Backsoon's core."
__license__ = "MIT OR Apache-2.0"
__title__ = "backsoon-django-maintenance-mode"
__version__ = "0.1.0"
