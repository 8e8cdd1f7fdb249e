# A real Triton without a GPU: NVIDIA's server out of the nvidia-pytriton wheel, as 'ocrnet triton'
# installs it. For trying the containers out (docs/containers.md), not for production: its only back
# end is Python. Build from the repository's root, after the gateway's image:
#   docker build -f docker/triton-cpu.Dockerfile -t ocrnet-triton-cpu .
ARG GATEWAY_IMAGE=ocrnet-gateway
FROM ${GATEWAY_IMAGE}
USER 0:0
RUN ocrnet triton --install-only --environment /opt/triton
# triton-server in NVIDIA's image.
USER 1000:1000
HEALTHCHECK NONE
CMD ["triton", "--environment", "/opt/triton", "--repository", "/models"]
