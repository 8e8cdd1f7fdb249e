# The gateway: FastAPI and the in-process engine, no torch. Build from the repository's root:
#   docker build -f docker/gateway.Dockerfile -t ocrnet-gateway .
FROM python:3.12-slim AS build
WORKDIR /src
RUN python -m venv /opt/ocrnet
COPY requirements/server.txt requirements/server.txt
RUN /opt/ocrnet/bin/pip install --no-cache-dir --require-hashes -r requirements/server.txt
COPY pyproject.toml README.md LICENSE ./
COPY benchmarks benchmarks
COPY export export
COPY ocrnet ocrnet
COPY server server
RUN /opt/ocrnet/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12-slim
COPY --from=build /opt/ocrnet /opt/ocrnet
COPY model_repository /models
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
