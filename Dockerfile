# Lumina in one image: `docker build -t lumina .`, then see compose.yaml.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python3 -m venv /opt/lumina
COPY requirements.lock ./
# A mirror's address and certificate come in as secrets where there are any: no layer holds them.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=certificates \
    /opt/lumina/bin/python -m pip install --quiet --require-hashes -r requirements.lock
COPY apps ./apps
COPY libs ./libs
RUN set --; for file in libs/shared/*/pyproject.toml apps/*/pyproject.toml; do set -- "$@" "./${file%/*}"; done; \
    /opt/lumina/bin/python -m pip install --quiet --no-deps --no-build-isolation "$@"
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=certificates \
    LUMINA_INFERENCE_MODELS_DIR=/opt/lumina/models /opt/lumina/bin/python -m lumina_inference.embedded.build
# what only the build needed
RUN /opt/lumina/bin/python -m pip uninstall --quiet --yes onnx ml_dtypes hatchling editables setuptools pip

FROM ${BASE}
# the apps whose routes it serves, by their names with commas; empty is all
ARG APPS=""
LABEL org.opencontainers.image.title="Lumina" org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 lumina \
    && useradd --uid 10001 --gid lumina --no-create-home --home-dir /var/lib/lumina --shell /usr/sbin/nologin lumina \
    && install --directory --owner=lumina --group=lumina --mode=0700 /var/lib/lumina /var/lib/lumina-key
COPY --from=build /opt/lumina /opt/lumina
ENV PATH=/opt/lumina/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    LUMINA_HOME=/var/lib/lumina \
    LUMINA_KEY_FILE=/var/lib/lumina-key/master.key \
    LUMINA_INFERENCE_MODELS_DIR=/opt/lumina/models \
    LUMINA_PLATFORM_APPS=${APPS}
USER lumina
# the state, and the key that opens it: two volumes, so that a copy of one alone is worth nothing
VOLUME ["/var/lib/lumina", "/var/lib/lumina-key"]
EXPOSE 4080 4000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python3", "-c", "import urllib.request as r; [r.urlopen(f'http://127.0.0.1:{port}/health', timeout=4) for port in (4080, 4000)]"]
ENTRYPOINT ["lumina"]
CMD ["up", "--host", "0.0.0.0", "--insecure"]
