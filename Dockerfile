# The log's server. The first stage builds an environment from the lock, by hash; the second has that environment, the
# interpreter, and nothing to build with.
#
#   docker build --tag glasslog-server .
#   docker run --volume glasslog:/var/lib/glasslog glasslog-server \
#       init --dir /var/lib/glasslog --origin log.example --listen 0.0.0.0:8080
#   docker run --volume glasslog:/var/lib/glasslog --publish 8080:8080 glasslog-server

FROM python:3.13-slim-bookworm AS build

WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1

# The dependencies change seldom: a layer of their own.
COPY requirements/build.lock requirements/server.lock requirements/
RUN python -m venv /build/tools \
    && /build/tools/bin/python -m pip install --require-hashes --only-binary :all: --requirement requirements/build.lock \
    && python -m venv /opt/glasslog \
    && /opt/glasslog/bin/python -m pip install --require-hashes --only-binary :all: --requirement requirements/server.lock

COPY LICENSE README.md pyproject.toml ./
COPY verifier verifier
COPY server server
COPY issuer issuer
RUN /build/tools/bin/python -m pip wheel --no-deps --no-index --no-build-isolation --wheel-dir wheels . \
    && /opt/glasslog/bin/python -m pip install --no-deps --no-index wheels/*.whl \
    && /opt/glasslog/bin/python -m pip uninstall --yes pip


FROM python:3.13-slim-bookworm

# A fixed user, so that the owner of the volume's files stays the same from image to image.
RUN groupadd --gid 10001 glasslog \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/glasslog --shell /usr/sbin/nologin glasslog \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/glasslog

COPY --from=build /opt/glasslog /opt/glasslog

ENV PATH=/opt/glasslog/bin:$PATH \
    GLASSLOG_CONFIG=/var/lib/glasslog/config.toml \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/lib/glasslog
VOLUME /var/lib/glasslog
EXPOSE 8080

# SIGTERM ends the server in order: what it took is answered or refused, then the store is closed.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["glasslog-server", "status"]

ENTRYPOINT ["glasslog-server"]
CMD ["serve"]
