"""GPUs through NVML, or through ``nvidia-smi`` where that library is missing. A machine without any pays nothing."""
