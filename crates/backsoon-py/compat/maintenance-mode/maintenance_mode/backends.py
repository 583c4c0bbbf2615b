"""Where the state of the mode is kept. The texts in there are those of the original, so that both can share one."""

from __future__ import annotations

import json
import logging
from typing import Any, Union

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.cache import cache, caches
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from backsoon._core import content as content_of

from .io import read_file, write_file  # noqa: F401  (a name of the original)
from .live import live

logger = logging.getLogger(__name__)

State = Union[bool, "dict[str, Any]"]


class AbstractStateBackend:
    """What every backend is; a site's own one overrides the two methods at the end."""

    @staticmethod
    def from_bool_to_str_value(value: Any) -> str:
        if isinstance(value, dict):
            raise ValueError(
                "This backend cannot keep a schedule: it has to write by 'from_state_to_str_value' and to read by "
                "'from_str_to_state_value', in place of 'from_bool_to_str_value' and 'from_str_to_bool_value'."
            )
        text = str(int(value))
        if text not in ("0", "1"):
            raise ValueError("state value is not 0|1")
        return text

    @staticmethod
    def from_str_to_bool_value(value: str) -> bool:
        text = value.strip()
        if text not in ("0", "1"):
            raise ValueError("state value is not 0|1")
        return text == "1"

    @staticmethod
    def validate_schedule_state_value(value: "dict[str, Any]") -> "dict[str, Any]":
        if not set(value.keys()) <= {"start", "end"} or not (value.get("start") or value.get("end")):
            raise ValueError(f"schedule state value is invalid: {value!r}")
        return value

    @classmethod
    def from_state_to_str_value(cls, value: Any) -> str:
        if isinstance(value, dict):
            return json.dumps(cls.validate_schedule_state_value(value))
        return cls.from_bool_to_str_value(value)

    @classmethod
    def from_str_to_state_value(cls, value: str) -> State:
        if value == "0":
            return False
        text = value.strip()
        if text.startswith("{"):
            return cls.validate_schedule_state_value(json.loads(text))
        return cls.from_str_to_bool_value(text)

    def get_value(self) -> State:
        raise NotImplementedError()

    def set_value(self, value: Any) -> None:
        raise NotImplementedError()


class LocalFileBackend(AbstractStateBackend):
    """A file on this machine."""

    @staticmethod
    def _get_filepath() -> str:
        return str(live("MAINTENANCE_MODE_STATE_FILE_PATH"))

    def get_value(self) -> State:
        content = content_of(self._get_filepath())
        # Nearly every site at nearly every time; the rest of this may take longer.
        if content == b"0" or not content:
            return False
        return self.from_str_to_state_value(content.decode())

    def set_value(self, value: Any) -> None:
        write_file(self._get_filepath(), self.from_state_to_str_value(value))


class DefaultStorageBackend(AbstractStateBackend):
    """A file in the default storage."""

    _storage: Any = default_storage

    @staticmethod
    def _get_filename() -> str:
        return live("MAINTENANCE_MODE_STATE_FILE_NAME")

    def get_value(self) -> State:
        name = self._get_filename()
        if not self._storage.exists(name):
            return False
        with self._storage.open(name, "r") as file:
            content = file.read()
        return self.from_str_to_state_value(content.decode() if isinstance(content, bytes) else content)

    def set_value(self, value: Any) -> None:
        content = self.from_state_to_str_value(value)
        name = self._get_filename()
        if self._storage.exists(name):
            self._storage.delete(name)
        self._storage.save(name, ContentFile(content.encode()))


class StaticStorageBackend(DefaultStorageBackend):
    """A file in the storage of static files."""

    _storage = staticfiles_storage


class CacheBackend(AbstractStateBackend):
    """A key in a cache that all processes share."""

    KEY = "maintenance_mode"

    @staticmethod
    def get_cache() -> Any:
        named = live("MAINTENANCE_MODE_CACHE_BACKEND")
        if named:
            if named not in settings.CACHES:
                raise ImproperlyConfigured(
                    f"Cache {named!r} specified in 'MAINTENANCE_MODE_CACHE_BACKEND' is not defined in settings.CACHES."
                )
            return caches[named]
        return caches["maintenance_mode"] if "maintenance_mode" in settings.CACHES else cache

    def get_value(self) -> State:
        chosen = self.get_cache()
        try:
            content = chosen.get(self.KEY, "0")
        except Exception:
            logger.warning("the cache cannot be read; the fallback value stands in for the state", exc_info=True)
            return live("MAINTENANCE_MODE_STATE_BACKEND_FALLBACK_VALUE")
        return self.from_str_to_state_value(content)

    def set_value(self, value: Any) -> None:
        # A write that did not land is an error, so that no command says that a site is closed which is not.
        self.get_cache().set(self.KEY, self.from_state_to_str_value(value), None)
