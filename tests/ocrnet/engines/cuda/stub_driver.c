/* Stands for NVIDIA's libcuda.so.1 on a machine without one: what it says is in the environment. */
#include <stdlib.h>
#include <string.h>

static int number(const char *name) {
    const char *text = getenv(name);
    return text ? atoi(text) : 0;
}

int cuInit(unsigned int flags) { return number("STUB_CUDA_INIT"); }

int cuDeviceGetCount(int *count) {
    *count = number("STUB_CUDA_COUNT");
    return 0;
}

int cuDriverGetVersion(int *version) {
    *version = number("STUB_CUDA_VERSION");
    return 0;
}

int cuDeviceGet(int *device, int ordinal) {
    *device = ordinal;
    return number("STUB_CUDA_GET");
}

int cuDeviceGetName(char *name, int length, int device) {
    strncpy(name, device ? "NVIDIA A100-PCIE-40GB" : "Tesla V100", length);
    return 0;
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
    *value = attribute == 75 ? (device ? 8 : 7) : 0;
    return 0;
}

int cuGetErrorString(int code, const char **text) {
    *text = code == 999 ? "unknown error" : code == 803 ? "system has unsupported display driver" : NULL;
    return 0;
}
