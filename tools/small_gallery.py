"""A small gallery of ready embeddings: a key, three references, one search."""

from pathlib import Path

import numpy as np

from gallery.client import GalleryClient, GalleryKey, read_key_file, write_key_file
from gallery.server import open_service

key_file, passphrase = Path("owner.key"), "correct horse battery staple"
write_key_file(key_file, GalleryKey.generate(), passphrase)
key = read_key_file(key_file, passphrase)
embeddings = np.random.default_rng(1).normal(size=(3, 128))

with (
    open_service("sqlite:///gallery.db", create=True) as service,
    GalleryClient.create(service, key, dimension=128) as client,
):
    client.enroll(embeddings, ["Ada", "Grace", "Edith"])
    found = client.identify(embeddings[1] + 0.1, k=2, threshold=0.4)

if found.labels[0, 0] != "Grace" or not found.decisions[0]:
    raise SystemExit("the search has not found the reference that it should")
