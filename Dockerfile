# Two images, which share no layer of packages: `server`, the keyless server (no key, no face model, no
# client's packages), is the one that is built where no target is named; `desk` is the owner's desk.
#
# Where packages come from is a matter of the machine that builds; a mirror is named with
# --secret id=pip.conf,src=... and leaves no trace in the image; an authority of its own has to be in
# the base. To fix the base image to the byte:
# --build-arg BASE=python@sha256:...
ARG BASE=python:3.12-slim-bookworm

FROM ${BASE} AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore

# In layers of their own: they change less often than the code.
COPY requirements/server.lock requirements/
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    python -m venv --without-pip /opt/gallery \
    && python -m pip --python /opt/gallery/bin/python install \
        --no-deps --only-binary=:all: --require-hashes -r requirements/server.lock

# What builds the project's wheel, with the versions and hashes that developers have.
COPY requirements/dev.lock requirements/
ARG BUILDERS="hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers"
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    awk "/^[a-z]/ { wanted = /^($BUILDERS)==/ } wanted" \
        requirements/dev.lock > requirements/build.lock \
    && python -m pip install \
        --no-deps --only-binary=:all: --require-hashes -r requirements/build.lock

COPY pyproject.toml README.md LICENSE ./
COPY tools/package_readme.py tools/
COPY migrations migrations
COPY gallery gallery
RUN python -m pip wheel --no-deps --no-build-isolation --no-index --wheel-dir dist . \
    && python -m pip --python /opt/gallery/bin/python install --no-deps --no-index dist/*.whl


# The owner's desk: it holds the opened key, and stands where no operator of the server gets at it.
FROM build AS desk-build
COPY requirements/desk.lock requirements/
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    python -m venv --without-pip /opt/desk \
    && python -m pip --python /opt/desk/bin/python install \
        --no-deps --only-binary=:all: --require-hashes -r requirements/desk.lock \
    && python -m pip --python /opt/desk/bin/python install --no-deps --no-index dist/*.whl


FROM ${BASE} AS desk
RUN groupadd --gid 10002 desk \
    && useradd --uid 10002 --gid desk --home-dir /var/lib/desk --shell /usr/sbin/nologin desk \
    && install --directory --owner desk --group desk --mode 0700 /var/lib/desk
COPY --from=desk-build /opt/desk /opt/desk
COPY --chmod=0644 deploy/check_health.py /opt/

# The one folder that must be writable: the key file with what lies beside it (tokens, states seen),
# weights of face models, compiled code, and backups on their way to a browser.
ENV PATH=/opt/desk/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/var/lib/desk \
    NUMBA_CACHE_DIR=/var/lib/desk/numba \
    TMPDIR=/var/lib/desk \
    GALLERY_KEY=/var/lib/desk/owner.key
WORKDIR /var/lib/desk
USER 10002:10002

EXPOSE 8480
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "/opt/check_health.py", "8480"]

# It does not start without --tls-cert and --tls-key. What it prints is kept in a log, so no address
# signs in.
ENTRYPOINT ["gallery"]
CMD ["desk", "--host", "0.0.0.0", "--tokens-only"]


FROM ${BASE} AS server
RUN groupadd --gid 10001 gallery \
    && useradd --uid 10001 --gid gallery --home-dir /var/lib/gallery --shell /usr/sbin/nologin gallery \
    && install --directory --owner gallery --group gallery --mode 0700 /var/lib/gallery
COPY --from=build /opt/gallery /opt/gallery
COPY --chmod=0644 deploy/check_health.py /opt/

# The one folder that must be writable, so that everything else may be read-only. It takes the
# kernel's compiled code, which depends on the processor and so is not made here, the bodies of
# restores while they arrive, and the database if it is an SQLite file.
ENV PATH=/opt/gallery/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/var/lib/gallery/numba \
    TMPDIR=/var/lib/gallery \
    GALLERY_DATABASE=sqlite:////var/lib/gallery/gallery.db
WORKDIR /var/lib/gallery
USER 10001:10001

EXPOSE 8470
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "/opt/check_health.py", "8470"]

# It does not start before somebody says who speaks TLS: --tls-cert and --tls-key, or --plain-http
# for a proxy in front, as compose.yaml does.
ENTRYPOINT ["gallery"]
CMD ["serve", "--host", "0.0.0.0"]
