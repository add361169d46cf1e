"""Runtime floor: devices, seeds, threads, presets, progress, atomic files, fused kernels."""
