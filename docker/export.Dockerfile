# The exporter with TensorRT, whose version must be that of the Triton which serves the plans: both
# tags are 26.07 (TensorRT 11.1). Build from the repository's root:
#   docker build -f docker/export.Dockerfile -t ocrnet-export .
ARG TENSORRT_IMAGE=nvcr.io/nvidia/tensorrt:26.07-py3
FROM ${TENSORRT_IMAGE}
WORKDIR /src
COPY requirements/server.txt requirements/server.txt
COPY pyproject.toml README.md LICENSE ./
COPY benchmarks benchmarks
COPY export export
COPY ocrnet ocrnet
COPY server server
# --system-site-packages: TensorRT's Python bindings are the image's own. Editable: the demo's weights
# lie in the source folder. /cache is for whoever the container runs as.
RUN python3 -m venv --system-site-packages /opt/ocrnet \
    && /opt/ocrnet/bin/pip install --no-cache-dir --editable ".[export]" \
    && install --directory --mode=1777 /cache
ENV PATH=/opt/ocrnet/bin:$PATH \
    XDG_CACHE_HOME=/cache
USER 10001:10001
ENTRYPOINT ["ocrnet", "export"]
CMD ["--help"]
