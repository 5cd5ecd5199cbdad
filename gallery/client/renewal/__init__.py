"""Moving a gallery to a new key, or to another parameter set, without enrolling again."""

from gallery.client.renewal.renewal import Renewal, discard_renewal, renew_gallery

__all__ = ["Renewal", "discard_renewal", "renew_gallery"]
