"""Photos and face embeddings, on the key owner's machine: the SECRET SIDE.

Importing this package imports neither DeepFace nor its runtime: they are optional (extra
``photos``) and slow to load, and commands that only need the table of models must not pay for them.
"""
