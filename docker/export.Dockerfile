# The exporter with TensorRT, whose version must be that of the Triton which serves the plans: both
# tags are 26.07 (TensorRT 11.1). Build from the repository's root:
#   docker build -f docker/export.Dockerfile -t ocrnet-export .
ARG TENSORRT_IMAGE=nvcr.io/nvidia/tensorrt:26.07-py3
FROM ${TENSORRT_IMAGE}
WORKDIR /src
COPY requirements/server.txt requirements/server.txt
COPY pyproject.toml README.md LICENSE ./
COPY docker/export docker/export
COPY benchmarks benchmarks
COPY export export
COPY ocrnet ocrnet
COPY server server
# --system-site-packages: TensorRT's Python bindings are the image's own. --without-pip, and the
# image's pip for the environment: Ubuntu's python3 cannot make one with pip in it unless the package
# python3-venv is there. Editable: the demo's weights lie in the source folder. /cache is for
# whichever user the container runs as, and that one must be able to read the source.
RUN python3 -m venv --system-site-packages --without-pip /opt/ocrnet \
    && python3 -m pip --python /opt/ocrnet/bin/python install --no-cache-dir --editable ".[export]" \
    && install --directory --mode=1777 /cache \
    && chmod -R a+rX /src
ENV PATH=/opt/ocrnet/bin:$PATH \
    HOME=/cache \
    XDG_CACHE_HOME=/cache
# By default nobody's files; docker-compose.yml starts it so that it becomes the folder's owner.
USER 10001:10001
ENTRYPOINT ["python3", "/src/docker/export/run_as_owner.py", "/src/model_repository", "ocrnet", "export"]
CMD ["--help"]
