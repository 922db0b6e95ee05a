"""Memory, swap, the pressure on them, and the kernel's kills for want of memory."""
