"""What the host and Lumina's processes use: CPU, memory, disk, network, GPU."""

from lumina_telemetry.resources.sampler import Resources

__all__ = ["Resources"]
