"""What the kernel is measured against, each on one thread of Python and as its authors mean it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tenseal as ts
import tenseal.sealapi as seal

from benchmarks.owner import Floats, Residues
from gallery.evaluator.reference import load_ciphertexts, seal_setup
from gallery.parameters import ParameterSet


def seal_search(columns: Residues, probe: Residues, parameters: ParameterSet) -> Callable[[], None]:
    """Prepare SEAL's evaluator on the same columns; loading them is not part of what is timed."""
    context = seal_setup(parameters).context
    evaluator = seal.Evaluator(context)
    stored = load_ciphertexts(columns, parameters, parameters.column_scale)
    constants = load_ciphertexts(probe, parameters, parameters.probe_scale)
    products = [seal.Ciphertext(context) for _ in stored]
    total = seal.Ciphertext(context)

    def search() -> None:
        for column, constant, product in zip(stored, constants, products, strict=True):
            evaluator.multiply(column, constant, product)
        evaluator.add_many(products, total)

    return search


def notebook_loop(faces: Floats, probe: Floats) -> Callable[[], list[Any]]:
    """Prepare one ciphertext per face, as notebooks on this subject have it."""
    context = ts.context(ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[60, 40, 40, 60])
    context.global_scale = 2**40
    context.generate_galois_keys()
    enrolled = [ts.ckks_vector(context, face.tolist()) for face in faces]
    sought = ts.ckks_vector(context, probe.tolist())

    def search() -> list[Any]:
        found = []
        for face in enrolled:
            difference = sought - face
            found.append(difference.dot(difference))
        return found

    expected = ((faces - probe) ** 2).sum(axis=1)
    decrypted = [distance.decrypt()[0] for distance in search()]
    np.testing.assert_allclose(decrypted, expected, atol=1e-3)
    return search


def plain_search(templates: Floats, probe: Floats) -> Callable[[], object] | None:
    """Prepare FAISS on templates in clear, the floor for all of this; None if not installed."""
    try:
        import faiss
    except ImportError:
        return None
    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatL2(templates.shape[1])
    index.add(templates.astype(np.float32))
    query = probe.astype(np.float32)[None]
    return lambda: index.search(query, 1)
