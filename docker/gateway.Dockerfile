# The gateway: FastAPI and the in-process engine, no torch. Build from the repository's root:
#   docker build -f docker/gateway.Dockerfile -t ocrnet-gateway .
ARG PYTHON_IMAGE=python:3.12-slim
FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
# For strip, in this stage alone.
# hadolint ignore=DL3008
RUN apt-get update -q && apt-get install --yes -q --no-install-recommends binutils \
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv --without-pip /opt/ocrnet
COPY requirements/server.txt requirements/server.txt
RUN python -m pip --python /opt/ocrnet/bin/python install --no-cache-dir --require-hashes \
        -r requirements/server.txt
COPY docker/gateway docker/gateway
COPY pyproject.toml README.md LICENSE ./
COPY ocrnet ocrnet
COPY server server
# Setuptools is there to build the package alone.
RUN python docker/gateway/server_packages.py pyproject.toml \
    && python -m pip --python /opt/ocrnet/bin/python install --no-cache-dir --no-deps \
        --no-build-isolation . \
    && python -m pip --python /opt/ocrnet/bin/python uninstall --yes setuptools
COPY model_repository /models
# Readable for every user, whatever the umask of the clone was.
RUN chmod -R a+rX /models \
    && python docker/gateway/remove_unused.py /opt/ocrnet/lib/python3.*/site-packages \
    && /opt/ocrnet/bin/python docker/gateway/check_engine.py /models/demo_dynamic/1/model.onnx

FROM ${PYTHON_IMAGE}
COPY --from=build /opt/ocrnet /opt/ocrnet
COPY --from=build /models /models
ENV PATH=/opt/ocrnet/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    OCRNET_HOST=0.0.0.0 \
    OCRNET_REPOSITORY=/models \
    OCRNET_LOG_FORMAT=json
# By number: Kubernetes' runAsNonRoot cannot check a name.
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health/ready', timeout=4)"]
# SIGTERM: requests in work are finished.
ENTRYPOINT ["ocrnet"]
CMD ["serve"]
