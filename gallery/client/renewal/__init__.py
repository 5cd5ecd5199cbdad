"""The renewal of a gallery: to a new key or another parameter set, without enrolling again.

A copy is made block by block beside the gallery, under the new key: templates encrypted anew and in
a random order, labels sealed anew, identifiers, pseudonyms and content tags that have nothing in
common with the old ones. The gallery stays as it is and in use until the whole copy is verified;
then the copy takes its place in one step.
"""

from gallery.client.renewal.copying import Renewal
from gallery.client.renewal.renewal import discard_renewal, renew_gallery

__all__ = ["Renewal", "discard_renewal", "renew_gallery"]
