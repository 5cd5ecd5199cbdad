"""The sample photos, where they can be had."""

from tests.support.photos import samples

__all__ = ["samples"]
