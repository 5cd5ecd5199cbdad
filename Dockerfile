# The keyless server: no key, no face model, no client's packages.
#
# Where packages come from is a matter of the machine that builds; a mirror is named with
# --secret id=pip.conf,src=... and leaves no trace in the image. To fix the base image to the byte:
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
COPY migrations migrations
COPY gallery gallery
RUN python -m pip wheel --no-deps --no-build-isolation --no-index --wheel-dir dist . \
    && python -m pip --python /opt/gallery/bin/python install --no-deps --no-index dist/*.whl


FROM ${BASE}
RUN groupadd --gid 10001 gallery \
    && useradd --uid 10001 --gid gallery --home-dir /var/lib/gallery --shell /usr/sbin/nologin gallery \
    && install --directory --owner gallery --group gallery --mode 0700 /var/lib/gallery
COPY --from=build /opt/gallery /opt/gallery

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
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8470, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]

# It does not start before somebody says who speaks TLS: --tls-cert and --tls-key, or --plain-http
# for a proxy in front, as compose.yaml does.
ENTRYPOINT ["gallery"]
CMD ["serve", "--host", "0.0.0.0"]
