"""The time series benchmark suite's cpu-only case: data of the same shape, its query kinds, and what answers them."""
