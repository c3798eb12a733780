"""Microsoft Graph resources as administrators have them: the types, and the reader of their exports."""

from __future__ import annotations

from .base import Assignment, Notice
from .builder import Builder
from .data import TenantData
from .reading import read_file, read_folder, read_inline
from .source import Source

__all__ = ["Assignment", "Builder", "Notice", "Source", "TenantData", "read_file", "read_folder", "read_inline"]
